#!/usr/bin/env node
// Old syntax on purpose: an old Node must be able to read this file to say that it is too old.
var major = Number(process.versions.node.split(".")[0]);

if (major >= 22) {
  import("../dist/bundle/jobx.js").catch((error) => {
    var unbuilt =
      error &&
      error.code === "ERR_MODULE_NOT_FOUND" &&
      /dist.bundle.jobx[.]js'/.test(error.message);
    console.error(unbuilt ? "jobx is not built yet: run npm run build." : error);
    process.exit(1);
  });
} else {
  console.error(`jobx needs Node 22 or newer; this is Node ${process.versions.node}.`);
  process.exit(1);
}
