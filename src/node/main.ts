/** What `bin/jobx-node.js` runs. */
import { runProgram } from "./program.ts";

runProgram({});
