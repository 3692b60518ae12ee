/** What a worker process may write to its node: frames, control messages, batches of pairs. */
import { Packr } from "msgpackr";
import { HandlerFault } from "../../../src/handlers/errors.ts";
import { pairsOf, pairsOfLists } from "../../../src/handlers/frames.ts";
import {
  encodeFrame,
  type FrameBody,
  FrameReader,
  frameOf,
  parseBody,
} from "../../../src/wire/worker-protocol.ts";
import { WorkerProtocolError } from "../../../src/wire/worker-protocol-errors.ts";
import { parseFromWorker, parseToWorker } from "../../../src/wire/worker-protocol-parse.ts";
import type { Chance } from "../../sim/chance.ts";
import { mutateBytes, pieces } from "../mutate-bytes.ts";
import { jsonLeaf, mutateValue, plainLeaf } from "../mutate-values.ts";
import type { Reach, Target } from "../target.ts";
import { cuts } from "./runs.ts";

const FROM_WORKER: readonly unknown[] = [
  { kind: "hello", version: 1, codec: "msgpack" },
  { kind: "direction", step: "words" },
  { kind: "direction", step: null },
  { kind: "session-set", key: "k", value: { a: [1, 2.5, null] } },
  { kind: "log", level: "warn", text: "careful" },
  { kind: "done", call: 3, logged: 12 },
  { kind: "failed", call: 3, code: "HANDLER_FAILED", message: "m", traceback: "t" },
  { kind: "checked", call: 3, form: "plain", source: "x" },
  { kind: "refused", call: 3, line: 2, reason: "r" },
];
const TO_WORKER: readonly unknown[] = [
  { kind: "hello", versions: [1], codecs: ["json"] },
  { kind: "input-end" },
  { kind: "cancel", call: 1 },
  { kind: "check", call: 1, file: "f.js", type: "mapper", source: "s" },
  {
    ...{ kind: "start", call: 1, source: null, directory: null, logs: "told" },
    handler: { name: "n", version: "v", type: "mapper", argumentType: null },
    session: [["k", 1]],
    names: { request: "r", invocation: "i", step: "s" },
  },
];
const BATCHES: readonly unknown[] = [
  [
    ["a", 1],
    [["b", 2], { x: [true, null] }],
  ],
  [["key", ["v", 1, [2]]]],
  [[0.5, -7, "third"]],
  [[2 ** 40, 2 ** 31, -(2 ** 31), -200, "é".repeat(40)]],
];

const packr = new Packr({ useRecords: false, variableMapSize: true, mapsAsObjects: true });

const LONG = Array.from({ length: 20 }, (_, at) => [`k${at}`, at] as const);
const PACKED: readonly Uint8Array[] = [
  // [["k", {"__proto__": 1, …}]] with the names of a long object in its longer forms.
  packr.pack([["k", Object.fromEntries(LONG)]]),
  packr.pack([["k", [2n ** 60n, -(2n ** 60n), 1.5, new Array(20).fill(0)]]]),
  Uint8Array.of(0x91, 0x92, 0xa1, 0x61, 0x81, 0xa9, ...Buffer.from("__proto__"), 0x01),
  Uint8Array.of(0xdd, 0, 0, 0, 1, 0x92, 0xdb, 0, 0, 0, 1, 0x61, 0xdf, 0, 0, 0, 1, 0xa1, 0x62, 0x02),
  Uint8Array.of(0xdc, 0, 1, 0x92, 0xd9, 1, 0x61, 0xde, 0, 1, 0xda, 0, 1, 0x62, 0xd2, 1, 2, 3, 4),
  Uint8Array.of(
    0x91,
    0x92,
    0xd0,
    0xff,
    0x95,
    0xd1,
    0x80,
    0,
    0xcc,
    1,
    0xcd,
    1,
    1,
    0xce,
    0,
    0,
    0,
    1,
    0xe0,
  ),
  Uint8Array.from({ length: 700 }, () => 0x91),
];

function makeBody(chance: Chance): Uint8Array {
  const way = chance.next();
  if (way < 0.55) {
    const control = chance.pick([...FROM_WORKER, ...TO_WORKER]);
    return Buffer.from(JSON.stringify(mutateValue(control, chance, jsonLeaf)));
  }
  const batch = mutateValue(chance.pick(BATCHES), chance, way < 0.75 ? jsonLeaf : plainLeaf);
  if (way < 0.75) return Buffer.from(JSON.stringify(batch));
  if (way > 0.95) return mutateBytes(chance.pick(PACKED), chance, PACKED);
  if (way > 0.93) return chance.pick(PACKED);
  const packed = packr.pack(batch);
  return way < 0.9 ? packed : mutateBytes(packed, chance);
}

/** Codes by which a frame may be refused. */
function refused(error: unknown): Reach {
  if (error instanceof WorkerProtocolError || error instanceof HandlerFault) return "refused";
  throw error;
}

function takeBody(body: FrameBody): void {
  if (body.kind === "control") {
    const other = tried(() => parseToWorker(body.fields));
    parseFromWorker(body.fields);
    if (other) throw new Error("one message is of both sides");
    return;
  }
  tried(() => pairsOf(body.records));
  pairsOfLists(body.records);
}

/** Hellos are of both sides and differ by their fields. */
function tried(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch (error) {
    refused(error);
    return false;
  }
}

function takeStream(bytes: Uint8Array): Reach {
  const reader = new FrameReader();
  reader.codec = "msgpack";
  let reach: Reach = "cut";
  try {
    for (const piece of pieces(bytes, cuts(bytes))) {
      reader.push(new Uint8Array());
      reader.push(piece);
      for (let body = reader.next(); body !== undefined; body = reader.next()) {
        reach = "refused";
        takeBody(parseBody(body));
        reach = "accepted";
      }
    }
    return reach;
  } catch (error) {
    refused(error);
    return reach;
  }
}

export const workerTargets: readonly Target[] = [
  {
    name: "worker-frames",
    reads: [
      "wire/worker-protocol.ts",
      "wire/worker-protocol-parse.ts",
      "wire/value-reader.ts",
      "wire/text-bytes.ts",
    ],
    make(chance: Chance): Uint8Array {
      const frame = frameOf(makeBody(chance));
      if (chance.hits(0.15)) return mutateBytes(frame, chance);
      return chance.hits(0.2) ? Buffer.concat([encodeFrame("[]"), frame]) : frame;
    },
    take: takeStream,
  },
];
