// Starts the stateful GitHub emulator on a free loopback port and prints the port.
// The folder with node_modules comes as the first argument.
import { pathToFileURL } from "node:url";
const entry = `${process.argv[2]}/node_modules/emulate/dist/api.js`; // it exports no main for require
const { createEmulator } = await import(pathToFileURL(entry).href);
const running = await createEmulator({
  service: "github",
  port: 0,
  hostname: "127.0.0.1", // unless told, a port of its own choice listens everywhere
  seed: {
    tokens: { token: { login: "guard-bot", scopes: ["repo"] } },
    github: {
      users: [{ login: "guard-bot" }, { login: "dev" }],
      orgs: [{ login: "acme", members: [{ login: "guard-bot", role: "admin" }] }],
      repos: [{ owner: "acme", name: "shop", auto_init: true }],
    },
  },
});
console.log(new URL(running.url).port);
