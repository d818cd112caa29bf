// Starts the API simulator on a free loopback port and prints the port.
// The folder with node_modules comes as the first argument.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.argv[2]}/index.js`);
const { simulation } = await import(
  pathToFileURL(require.resolve("@simulacrum/github-api-simulator")).href
);
const initialState = {
  users: [{ login: "guard-bot", organizations: ["acme"] }],
  organizations: [{ login: "acme" }],
  repositories: [{ owner: "acme", name: "shop" }],
  branches: [{ owner: "acme", repo: "shop", name: "main" }],
  blobs: [],
};
const running = await simulation({ initialState }).listen(0, "127.0.0.1");
console.log(running.port);
