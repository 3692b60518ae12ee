/** The process that runs JavaScript handlers. */
import { runHandler } from "./javascript-call.ts";
import { checkSource } from "./javascript-load.ts";
import { serveNode } from "./javascript-serve.ts";

await serveNode({ run: runHandler, check: checkSource });
