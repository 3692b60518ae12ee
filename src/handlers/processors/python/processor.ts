/** Python 3. */
import { type Processor, workerFile } from "../processor.ts";

/** Debian's own interpreter: the first `python3` on a PATH may be slow and miss its packages. */
const PYTHON = "/usr/bin/python3";

export const PYTHON_3: Processor = {
  isToldMemory: false,
  isEngine: false,
  command: () => ({
    file: PYTHON,
    // Isolated from the user's settings; a crash in native code leaves a traceback.
    args: [
      ...["-I", "-X", "utf8", "-X", "faulthandler"],
      workerFile(["python_worker.py"], import.meta.url),
    ],
  }),
};
