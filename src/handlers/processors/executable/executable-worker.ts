/** The process that starts executables in line mode, one for each call. */
import { serveNode } from "../javascript/javascript-serve.ts";
import { checkExecutable } from "./executable-source.ts";
import { runExecutable } from "./line-call.ts";

await serveNode({ run: runExecutable, check: checkExecutable });
