/** How many records a second go to a worker and come from one, by language and codec. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pairFramesOf, pairOf } from "../src/handlers/frames.ts";
import { WorkerPool } from "../src/handlers/pool.ts";
import type { CallInput } from "../src/handlers/worker-call.ts";
import type { WorkerProcess } from "../src/handlers/worker-process.ts";
import { systemClock, systemTimers } from "../src/node/system.ts";
import { FRAME_HEADER_BYTES, type WorkerCodec } from "../src/wire/worker-protocol.ts";
import { cpuMsOf } from "./lib/cpu.ts";
import { handlerFile } from "./lib/definition.ts";
import { type Figure, loadNow, type Table } from "./lib/report.ts";
import { median } from "./lib/statistics.ts";

/** Records of a call, in batches of 256. */
const RECORDS = 200_000;
const ROUNDS = 5;
const BASELINE = "JSON.parse of the same batches";

/** Half of what bare workers without a node reached on a machine of two cores, records/s. */
const CASES = [
  { language: "JavaScript", end: "js", floors: { json: 250_000, msgpack: 250_000 } },
  { language: "Python", end: "py", floors: { json: 400_000, msgpack: 675_000 } },
] as const;

const NAMES = { json: "JSON", msgpack: "MessagePack" };

/** Values of records that come from a worker. */
const NUMBERS = [
  { what: "small numbers", below: 100 },
  { what: "larger numbers", below: 1_000_000 },
];

export async function records(): Promise<Table> {
  const before = loadNow();
  const directory = await mkdtemp(join(tmpdir(), "jobx-bench-records-"));
  const frames = pairFramesOf(Array.from({ length: RECORDS }, (_, at) => pairOf("key", at)));
  try {
    const baseline = await parsed(frames);
    const figures: Figure[] = [baseline];
    for (const codec of ["json", "msgpack"] as const) {
      figures.push(...(await workers(join(directory, codec), { codec, frames })));
    }
    return {
      name: "records",
      caption:
        `${RECORDS} records in one direction between the node's thread and one worker with a no-op mapper. ` +
        "What goes to a worker is always JSON. Durability: none, nothing is stored.",
      baseline: BASELINE,
      figures: figures.map((figure) => ({ ...figure, ratio: figure.value / baseline.value })),
      load: [before, loadNow()],
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function workers(
  directory: string,
  by: { readonly codec: WorkerCodec; readonly frames: readonly Uint8Array[] },
): Promise<readonly Figure[]> {
  const { codec, frames } = by;
  const pool = new WorkerPool({
    ...{ directory, clock: systemClock, timers: systemTimers },
    ...{ workersMax: CASES.length, codecs: [codec, "json"] },
  });
  const figures: Figure[] = [];
  try {
    for (const { language, end, floors } of CASES) {
      const { language: known } = await handlerFile(`drain.${end}`);
      const need = { language: known, name: "", version: "", memoryBytes: undefined };
      const worker = await pool.acquire(need, { user: 1 });
      const floor = { bound: floors[worker.codec], how: "least" } as const;
      const note = worker.codec === codec ? "" : `${codec} is not there`;
      if (codec === "json") {
        const figure = await called(worker, { file: `drain.${end}`, input: frames, comes: 0 });
        figures.push({ ...figure, name: `${language}, records in, JSON`, floor });
      }
      for (const { what, below } of NUMBERS) {
        const input = pairFramesOf([pairOf(below, RECORDS)]);
        const figure = await called(worker, { file: `emit.${end}`, input, comes: RECORDS });
        const name = `${language}, records with ${what} out, ${NAMES[worker.codec]}`;
        figures.push({ ...figure, name, floor, note });
      }
      pool.release(worker);
    }
  } finally {
    await pool.close();
  }
  return figures;
}

/** Calls a handler of which `comes` records are expected. */
async function called(
  worker: WorkerProcess,
  call: { readonly file: string; readonly input: CallInput; readonly comes: number },
): Promise<Figure> {
  const { name, source } = await handlerFile(call.file);
  return measured(async () => {
    let came = 0;
    const end = await worker.call({
      start: {
        handler: { name, version: call.file, type: "mapper", argumentType: argumentOf(source) },
        source: worker.loaded.has({ name, version: call.file }) ? null : source,
        directory: null,
        logs: "printed",
        session: [],
        names: { request: "r", invocation: "i", step: "s" },
      },
      input: call.input,
      onBatch: (batch) => {
        came += batch.length;
        return undefined;
      },
      onMessage: () => {},
    });
    if (end.kind !== "done" || came !== call.comes) {
      throw new Error(`${call.file}: ${came} records came, ${JSON.stringify(end)}`);
    }
  });
}

function argumentOf(source: string): string | null {
  return source.includes("type: list") ? "list" : null;
}

/** What the node's own runtime takes for the text alone, without a process on the other side. */
function parsed(frames: readonly Uint8Array[]): Promise<Figure> {
  const texts = frames.map((frame) => Buffer.from(frame).subarray(FRAME_HEADER_BYTES));
  return measured(() => {
    let count = 0;
    for (const text of texts) {
      const batch: unknown = JSON.parse(text.toString());
      if (Array.isArray(batch)) count += batch.length;
    }
    if (count !== RECORDS) throw new Error(`${count} records are in the batches`);
    return Promise.resolve();
  }).then((figure) => ({ ...figure, name: BASELINE }));
}

async function measured(run: () => Promise<void>): Promise<Figure> {
  await run();
  const times: number[] = [];
  const cpuMs = cpuMsOf([process.pid]);
  for (let round = 0; round < ROUNDS; round++) {
    const fromMs = performance.now();
    await run();
    times.push(performance.now() - fromMs);
  }
  return {
    name: "",
    value: (1000 * RECORDS) / median(times),
    unit: "records/s",
    cpuMicros: (1000 * (cpuMsOf([process.pid]) - cpuMs)) / (RECORDS * ROUNDS),
  };
}
