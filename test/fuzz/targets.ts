/** Every decoder that is fuzzed in this process. What is missing here is not fuzzed. */
import type { Target } from "./target.ts";
import { contentTargets } from "./targets/content.ts";
import { eventTargets } from "./targets/events.ts";
import { fileTargets } from "./targets/files.ts";
import { formatTargets } from "./targets/formats.ts";
import { levelTargets } from "./targets/leveldb.ts";
import { meshTargets } from "./targets/mesh.ts";
import { packTargets } from "./targets/packs.ts";
import { recordTargets } from "./targets/records.ts";
import { runTargets } from "./targets/runs.ts";
import { tarTargets } from "./targets/tar.ts";
import { allTextTargets } from "./targets/texts.ts";
import { workerTargets } from "./targets/worker.ts";

export const TARGETS: readonly Target[] = [
  ...formatTargets,
  ...recordTargets,
  ...runTargets,
  ...meshTargets,
  ...workerTargets,
  ...fileTargets,
  ...levelTargets,
  ...contentTargets,
  ...packTargets,
  ...tarTargets,
  ...allTextTargets,
  ...eventTargets,
];
