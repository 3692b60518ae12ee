/** The languages that handlers run in here. A new one is a folder in `processors`, and a line. */
import type { Language } from "../wire/dataset.ts";
import { CONTAINER } from "./processors/container/processor.ts";
import { EXECUTABLE } from "./processors/executable/processor.ts";
import { JAVASCRIPT } from "./processors/javascript/processor.ts";
import type { Processor } from "./processors/processor.ts";
import { PYTHON_3 } from "./processors/python/processor.ts";

export type { WorkerCommand } from "./processors/processor.ts";

/** How the workers of each are started. */
export const PROCESSORS: Readonly<Record<Language, Processor>> = {
  javascript: JAVASCRIPT,
  python: PYTHON_3,
  executable: EXECUTABLE,
  container: CONTAINER,
};
