/** Which folder may import which. The table in docs/ARCHITECTURE.md says why. */
const MAY_IMPORT = {
  std: [],
  workflow: ["std"],
  raft: ["std"],
  scheduler: ["std", "workflow"],
  wire: ["std", "raft", "workflow", "scheduler"],
  actors: ["std", "raft", "workflow", "scheduler"],
  store: ["std", "wire", "raft", "scheduler"],
  mesh: ["std", "wire", "raft"],
  fs: ["std", "wire"],
  mount: ["std", "wire", "api"],
  containers: ["std"],
  handlers: ["std", "wire", "containers"],
  objects: ["std", "wire"],
  api: ["std", "wire", "workflow"],
  node: [
    "std",
    "wire",
    "raft",
    "workflow",
    "scheduler",
    "actors",
    "store",
    "mesh",
    "fs",
    "containers",
    "handlers",
    "objects",
    "mount",
    "api",
  ],
  ui: ["api"],
  cli: ["std", "workflow", "api", "node", "mount"],
};
const NOT_TESTS = "[.]test[.]ts$";
const layers = Object.entries(MAY_IMPORT).map(([layer, allowed]) => ({
  name: `layer-${layer}`,
  severity: "error",
  from: { path: `^src/${layer}/`, pathNot: NOT_TESTS },
  to: {
    path: "^(src|test)/",
    // A `ports.ts` is a folder's wish list: anyone may read it, as types, to fulfil it.
    pathNot: [`^src/${layer}/`, "/ports[.]ts$", ...allowed.map((name) => `^src/${name}/`)],
  },
}));

module.exports = {
  forbidden: [
    ...layers,
    {
      name: "no-io-in-the-core",
      severity: "error",
      comment: "The core reaches the world only through its ports.",
      from: { path: "^src/(std|raft|workflow|scheduler|actors)/", pathNot: NOT_TESTS },
      to: { dependencyTypes: ["core", "npm", "npm-dev"] },
    },
    {
      name: "ports-as-types-only",
      severity: "error",
      from: { path: "^src/([^/]+)/", pathNot: NOT_TESTS },
      to: { path: "/ports[.]ts$", pathNot: "^src/$1/", dependencyTypesNot: ["type-only"] },
    },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    { name: "no-orphans", severity: "error", from: { orphan: true, path: "^src/" }, to: {} },
    {
      name: "no-dev-dependency",
      severity: "error",
      from: { path: "^src/", pathNot: NOT_TESTS },
      to: { dependencyTypes: ["npm-dev"] },
    },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "types", "node", "default"],
      extensions: [".ts", ".js", ".json"],
    },
  },
};
