// The samples of Clarifai's "Manage Models" page for Node.js (gRPC), with the package clarifai-nodejs-grpc.
//
// Reads the address from CLARIFAI_GRPC_BASE and the ids from CLARIFAI_USER_ID, CLARIFAI_APP_ID and CLARIFAI_PAT. Prints a line
// of JSON for each sample: the call, the code of its answer, and what the sample shows.

const { ClarifaiStub, grpc } = require("clarifai-nodejs-grpc");

// ClarifaiStub.grpc() always speaks TLS; the emulator does not.
grpc.ChannelCredentials.createSsl = () => grpc.credentials.createInsecure();

const MODEL_ID = "petsID";
const stub = ClarifaiStub.grpc();
const metadata = new grpc.Metadata();
metadata.set("authorization", "Key " + process.env.CLARIFAI_PAT);
const user_app_id = { user_id: process.env.CLARIFAI_USER_ID, app_id: process.env.CLARIFAI_APP_ID };

function call(rpc, fields) {
  return new Promise((resolve, reject) => {
    stub[rpc]({ user_app_id, ...fields }, metadata, (err, response) => {
      if (err) {
        reject(err);
      } else if (response.status.code !== 10000) {
        reject(new Error(`${rpc} failed: ${response.status.description} ${response.status.details}`));
      } else {
        resolve(response);
      }
    });
  });
}

async function sample(rpc, fields, shown) {
  const response = await call(rpc, fields);
  console.log(JSON.stringify({ call: rpc, code: response.status.code, shown: shown(response) }));
}

const ids = (objects) => objects.map((object) => object.id);
const nothing = () => null;

async function main() {
  await sample("ListModelTypes", {}, (response) => ids(response.model_types));
  await sample("ListModels", {}, (response) => ids(response.models));
  await sample("GetModel", { model_id: MODEL_ID }, (response) => response.model.id);
  await sample("GetModelOutputInfo", { model_id: MODEL_ID }, (response) =>
    ids(response.model.model_version.output_info.data.concepts),
  );
  await sample("ListModelConcepts", { model_id: MODEL_ID }, (response) => ids(response.concepts));
  await sample("ListModelVersions", { model_id: MODEL_ID }, (response) => response.model_versions.length);
  await sample(
    "GetModelVersion",
    { model_id: MODEL_ID, version_id: "7625a111b626438bb81a34c3b84d732f" },
    (response) => response.model_version.id,
  );
  await sample(
    "PatchModels",
    { action: "overwrite", models: [{ id: MODEL_ID, name: "newname" }] },
    (response) => response.models[0].name,
  );
  // The proto loader has no notion of a Struct as a plain object.
  const params = { fields: { min_value: { numberValue: 0.95 } } };
  await sample(
    "PatchModelVersions",
    {
      action: "overwrite",
      model_id: MODEL_ID,
      model_versions: [{ id: "b0b89c973e5d4b6d9599ce13da04b894", output_info: { params } }],
    },
    (response) => response.model_versions[0].output_info.params.fields.min_value.numberValue,
  );
  await sample("PostModelsSearches", { model_query: { name: "gen*", model_type_id: "concept" } }, (response) =>
    ids(response.models),
  );
  await sample("DeleteModelVersion", { model_id: MODEL_ID, version_id: "304ae281b04349e5ae51d11be10ed95a" }, nothing);
  await sample("DeleteModel", { model_id: MODEL_ID }, nothing);
  await sample("DeleteModels", { delete_all: true }, nothing);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
