// Builds the site once for many trials; afterwards what differs between versions is replaced in what was built.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const OWN = ["VITE_VERSION", "VITE_GIT_COMMIT", "VITE_GIT_BRANCH", "VITE_BUILD_DATE"];
const [kept] = process.argv.slice(2);

function build() {
  execFileSync("npm", ["run", "build", "--", "--sourcemap", "hidden"], { stdio: "inherit" });
  const part = `${kept}.${process.pid}`;
  cpSync("dist", join(part, "dist"), { recursive: true });
  writeFileSync(join(part, "own.json"), JSON.stringify(Object.fromEntries(OWN.map((name) => [name, process.env[name]]))));
  renameSync(part, kept);
}

function replaced(text, before) {
  return OWN.reduce((found, name) => found.replaceAll(before[name], process.env[name]), text);
}

function rebuild() {
  const before = JSON.parse(readFileSync(join(kept, "own.json"), "utf8"));
  cpSync(join(kept, "dist"), "dist", { recursive: true });
  for (const name of readdirSync("dist", { recursive: true })) {
    const file = join("dist", name);
    if (statSync(file).isFile()) writeFileSync(file, replaced(readFileSync(file, "utf8"), before));
  }
}

if (existsSync(kept)) rebuild();
else build();
