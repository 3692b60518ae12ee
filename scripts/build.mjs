/**
 * Builds `dist` from `src`: TypeScript through tsc, then a copy of everything else that runs (Python
 * workers, web pages), then `dist/bundle`, which is what the programs run: one file for each, since a node
 * that loads a thousand small ones takes three times as long to start. Does nothing when sources, settings
 * and lock file are those of the last build.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";

const root = join(import.meta.dirname, "..");
const stampFile = join(root, "dist", ".stamp");

const isTest = (file) => /[.]test[.]ts$|[.]data[.]txt$/.test(file);
const isDocument = (file) => file.endsWith(".md");
const sources = globSync("src/**/*.*", { cwd: root }).filter(
  (file) => !isTest(file) && !isDocument(file),
);
const typescript = sources.filter((file) => file.endsWith(".ts"));
const assets = sources.filter((file) => !file.endsWith(".ts") && !/(^|\/)__pycache__\//.test(file));

/** What the output depends on, in one hash. By content: a checkout changes all times. */
function stampOfSources() {
  const hash = createHash("sha256");
  const settings = [
    "package-lock.json",
    "tsconfig.json",
    "tsconfig.build.json",
    "scripts/build.mjs",
  ];
  for (const file of [...settings, ...typescript, ...assets].sort()) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update("\0");
  }
  return hash.digest("hex");
}

/** Removes output whose source is gone, and nothing that a running node may still load. */
function removeStale() {
  const wanted = new Set(assets.map((file) => file.replace(/^src/, "dist")));
  for (const file of typescript) {
    const base = file.replace(/^src/, "dist").replace(/[.]ts$/, "");
    for (const end of [".js", ".js.map", ".d.ts"]) wanted.add(base + end);
  }
  for (const file of globSync("dist/**/*.*", { cwd: root, exclude: ["dist/bundle"] })) {
    if (!wanted.has(file) && /[.](js|map|ts|py|html|css)$/.test(file)) rmSync(join(root, file));
  }
}

/** Programs and the threads and processes that they start, by the file that they become in `dist/bundle`. */
const bundles = {
  "node.js": "node/main.js",
  "jobx.js": "cli/main.js",
  "data-plane-worker.js": "node/data-plane/data-plane-worker.js",
  "workers/javascript-worker.js": "handlers/processors/javascript/javascript-worker.js",
  "workers/executable-worker.js": "handlers/processors/executable/executable-worker.js",
  "workers/container-worker.js": "handlers/processors/container/container-worker.js",
  "mount-worker.js": "mount/mount-worker.js",
  "watchdog-worker.js": "mount/watchdog-worker.js",
  "block-worker.js": "mount/block-worker.js",
};

/** Have a native part, or load files of their own by name. */
const external = ["classic-level", "fastify", /^@fastify\//, "pino", "msgpackr-extract"];

/** Each file is written beside the old one first: a node may be starting from it. */
async function bundle() {
  const { rolldown } = await import("rolldown");
  const to = join(root, "dist", "bundle");
  for (const [name, from] of Object.entries(bundles)) {
    const made = await rolldown({
      input: join(root, "dist", from),
      platform: "node",
      external,
      logLevel: "warn",
    });
    const file = join(to, `${name}.new`);
    // Names of classes and functions are in errors and logs.
    await made.write({ file, format: "esm", codeSplitting: false, keepNames: true });
    await made.close();
    renameSync(file, join(to, name));
  }
  for (const file of assets.filter((asset) => asset.startsWith("src/handlers/processors/")))
    cpSync(join(root, file), join(to, "workers", basename(file)));
}

const stamp = stampOfSources();
if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) process.exit(0);

console.error("building ...");
rmSync(stampFile, { force: true });
const tsc = spawnSync(
  process.execPath,
  [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"],
  { cwd: root, stdio: "inherit" },
);
if (tsc.status !== 0) process.exit(tsc.status ?? 1);
for (const file of assets) {
  const target = join(root, file.replace(/^src/, "dist"));
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(root, file), target);
}
if (existsSync(join(root, "dist"))) {
  removeStale();
  await bundle();
  writeFileSync(stampFile, stamp);
}
