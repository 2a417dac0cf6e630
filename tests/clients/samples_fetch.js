// The samples of Clarifai's "Manage Models" page for JavaScript (REST), with the fetch of Node.js.
//
// Reads the address from CLARIFAI_API_BASE and the ids from CLARIFAI_USER_ID, CLARIFAI_APP_ID and CLARIFAI_PAT. Prints a line of
// JSON for each sample: the call, the code of its answer, and what the sample shows.

const BASE = process.env.CLARIFAI_API_BASE;
const USER_ID = process.env.CLARIFAI_USER_ID;
const APP_ID = process.env.CLARIFAI_APP_ID;
const MODEL_ID = "petsID";
const MODELS = `/v2/users/${USER_ID}/apps/${APP_ID}/models`;
const user_app_id = { user_id: USER_ID, app_id: APP_ID };

async function sample(call, method, path, body, shown) {
  const response = await fetch(BASE + path, {
    method,
    headers: { Accept: "application/json", Authorization: "Key " + process.env.CLARIFAI_PAT },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  if (response.status !== 200) {
    throw new Error(`${call} failed: ${response.status} ${JSON.stringify(answer.status)}`);
  }
  console.log(JSON.stringify({ call, code: answer.status.code, shown: shown(answer) }));
}

const ids = (objects) => objects.map((object) => object.id);
const nothing = () => null;

async function main() {
  await sample("ListModelTypes", "GET", `${MODELS}/types?per_page=20&page=1`, undefined, (answer) =>
    ids(answer.model_types),
  );
  await sample("ListModels", "GET", MODELS, undefined, (answer) => ids(answer.models));
  await sample("GetModel", "GET", `${MODELS}/${MODEL_ID}`, undefined, (answer) => answer.model.id);
  await sample("GetModelOutputInfo", "GET", `${MODELS}/${MODEL_ID}/output_info`, undefined, (answer) =>
    ids(answer.model.model_version.output_info.data.concepts),
  );
  await sample("ListModelConcepts", "GET", `${MODELS}/${MODEL_ID}/concepts`, undefined, (answer) =>
    ids(answer.concepts),
  );
  await sample("ListModelVersions", "GET", `${MODELS}/${MODEL_ID}/versions`, undefined, (answer) =>
    answer.model_versions.length,
  );
  await sample(
    "GetModelVersion",
    "GET",
    `${MODELS}/${MODEL_ID}/versions/7625a111b626438bb81a34c3b84d732f`,
    undefined,
    (answer) => answer.model_version.id,
  );
  await sample(
    "PatchModels",
    "PATCH",
    "/v2/models",
    { user_app_id, models: [{ id: MODEL_ID, name: "newname" }], action: "overwrite" },
    (answer) => answer.models[0].name,
  );
  await sample(
    "PatchModelVersions",
    "PATCH",
    `${MODELS}/${MODEL_ID}/versions`,
    {
      action: "overwrite",
      model_versions: [{ id: "b0b89c973e5d4b6d9599ce13da04b894", output_info: { params: { min_value: 0.95 } } }],
    },
    (answer) => answer.model_versions[0].output_info.params.min_value,
  );
  await sample(
    "PostModelsSearches",
    "POST",
    "/v2/models/searches",
    { user_app_id, model_query: { name: "gen*", model_type_id: "concept" } },
    (answer) => ids(answer.models),
  );
  await sample(
    "DeleteModelVersion",
    "DELETE",
    `${MODELS}/${MODEL_ID}/versions/090d937cdf11489f8c3d0b76b61a5fc5`,
    undefined,
    nothing,
  );
  await sample("DeleteModel", "DELETE", `${MODELS}/${MODEL_ID}`, undefined, nothing);
  await sample("DeleteModels", "DELETE", "/v2/models", { user_app_id, delete_all: true }, nothing);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
