// Drives the emulator with the package clarifai-nodejs, as its users do; prints what it saw as one line of JSON.
//
// CLARIFAI_API_BASE, CLARIFAI_PAT, CLARIFAI_USER_ID and CLARIFAI_APP_ID are set.

const { App, Model, User } = require("clarifai-nodejs");

const authConfig = {
  pat: process.env.CLARIFAI_PAT,
  userId: process.env.CLARIFAI_USER_ID,
  appId: process.env.CLARIFAI_APP_ID,
  base: process.env.CLARIFAI_API_BASE,
};

async function collected(pages) {
  const found = [];
  for await (const page of pages) {
    found.push(...(Array.isArray(page) ? page : [page]));
  }
  return found;
}

async function main() {
  const app = new App({ authConfig });
  const seen = {};
  seen.apps = (await collected(new User(authConfig).listApps({ pageNo: 1, perPage: 10 }))).map((found) => found.id);
  seen.models = (await collected(app.listModels({ pageNo: 1, perPage: 10 }))).map((model) => model.id);
  const breeds = new Model({ authConfig, modelId: "pet-breeds" });
  // One a page: in clarifai-nodejs 0.4.0 listVersions mistakes the two numbers for each other.
  const versions = await collected(breeds.listVersions({ pageNo: 1, perPage: 1 }));
  seen.versions = versions.map((version) => (version.modelVersion ?? version).id);
  await breeds.deleteVersion("3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e01");
  await app.deleteModel({ modelId: "pet-names" });
  console.log(JSON.stringify(seen));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
