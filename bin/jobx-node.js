#!/usr/bin/env node
// Old syntax on purpose: an old Node must be able to read this file to say that it is too old.
var major = Number(process.versions.node.split(".")[0]);

if (major >= 22) {
  // Syncs of runs must not keep the log's own sync waiting: with the default of 4 threads they would.
  if (process.env.UV_THREADPOOL_SIZE === undefined) process.env.UV_THREADPOOL_SIZE = "16";
  import("../dist/bundle/node.js").catch((error) => {
    var unbuilt =
      error &&
      error.code === "ERR_MODULE_NOT_FOUND" &&
      /dist.bundle.node[.]js'/.test(error.message);
    console.error(unbuilt ? "jobx-node is not built yet: run npm run build." : error);
    process.exit(1);
  });
} else {
  console.error(`jobx-node needs Node 22 or newer; this is Node ${process.versions.node}.`);
  process.exit(1);
}
