/** `jobx-node` as its next release would be: it supports one cluster version more, and is the same otherwise. */
import { runProgram } from "../../../src/node/program.ts";
import { SUPPORTED_VERSIONS } from "../../../src/scheduler/system/version-range.ts";

const { min, max } = SUPPORTED_VERSIONS;

runProgram({ versions: { min, max: max + 1 } });
