/** A volume of one node in memory: the real commands and reads on rows in a map, and blocks in another. */
import { hash } from "node:crypto";
import type { Call, CallAnswer } from "../../src/actors/ports.ts";
import { TreeWatch } from "../../src/actors/tree-watch.ts";
import { accepted } from "../../src/node/cluster-errors.ts";
import { FileCalls, type FilesDeps } from "../../src/node/files/file-calls.ts";
import { Inodes } from "../../src/node/files/inodes.ts";
import { systemClock, systemTimers } from "../../src/node/system.ts";
import type { Command } from "../../src/scheduler/commands.ts";
import type { Answer, Row } from "../../src/scheduler/rows.ts";
import { assert } from "../../src/std/assert.ts";
import { stored } from "./stored-blocks.ts";
import { TreeKit } from "./tree-kit.ts";

const CHUNK_BYTES = 1 << 20;
const FREE_BYTES = 1e12;

/** Every name of a workflow is that of this one. */
export class MemoryVolume {
  readonly inodes: Inodes;
  readonly #blocks = new Map<string, Uint8Array>();
  #kit = new TreeKit();
  #watch = watchOf(this.#kit);
  /** Of the rows that are there: pins are shared for a while, and those of other rows are gone. */
  #group = 7;

  constructor() {
    const calls = new FileCalls({
      node: {
        read: (_group, wanted) => Promise.resolve(this.#read(wanted)),
        caller: { ask: (_node, call) => Promise.resolve(stored(this.#blocks, call)) },
        directory: { members: () => [], member: () => undefined },
        router: { ask: (_group, call) => this.#ask(call) },
      },
      self: () => "n1",
      isUp: () => true,
      contents: {
        store: ({ bytes }) => store(this.#blocks, bytes),
        storeFiles: () => {
          throw new Error("folders are not put through inodes");
        },
        takeFiles: () => {
          throw new Error("it has no disk");
        },
        read: (parts) => slices(this.#blocks, parts),
      },
      coded: { code: () => Promise.reject(new Error("nothing is coded")) },
      keys: () => Promise.reject(new Error("nothing is sealed")),
      view: { workflowNamed: () => Promise.resolve({ group: this.#group }) },
      writer: {
        command: async (_group, command, _deadline, by) => {
          const mount = by !== undefined && "mount" in by ? by.mount : undefined;
          return accepted({ kind: "answered", answer: await this.#command(command, mount) });
        },
        told: async (_group, command, _deadline, { mount, rows }) => {
          const answer = accepted({
            kind: "answered",
            answer: await this.#command(command, mount),
          });
          return { answer, rows: rows.map((key) => this.#kit.rows.get(key)) };
        },
      },
    });
    this.inodes = new Inodes(calls, () => Promise.resolve(FREE_BYTES));
  }

  reset(): void {
    this.#group += 1;
    this.#watch.follows();
    this.#kit = new TreeKit();
    this.#watch = watchOf(this.#kit);
    this.#blocks.clear();
  }

  async #command(command: Command, mount: string | undefined): Promise<Answer> {
    const kit = this.#kit;
    const before = kit.effects.length;
    const answer = kit.run(command);
    const place = { firstIndex: kit.index, lastIndex: kit.index };
    this.#watch.applied(kit.effects.slice(before), place);
    const call =
      mount === undefined
        ? ({ kind: "command" } as const)
        : ({ kind: "mount-command", mount } as const);
    await this.#watch.settled(answer, call);
    return answer;
  }

  #ask(call: Call): Promise<CallAnswer> {
    assert(call.kind === "tree-changes", "only what changed is asked of the leader itself");
    return this.#watch.serve(call);
  }

  #read({ keys, scan }: Wanted): Awaited<ReturnType<FilesDeps["node"]["read"]>> {
    const { scanned, more } = scan === undefined ? NOTHING : page(this.#kit, scan);
    const values = keys.map((key) => this.#kit.rows.get(key));
    return { kind: "rows", values, scanned, more, term: 1, appliedIndex: 1 };
  }
}

/** Of the leader, which has applied all that was done. */
function watchOf(kit: TreeKit): TreeWatch {
  return new TreeWatch(
    { clock: systemClock, timers: systemTimers },
    {
      ...{ leadingTerm: 1, leaderNode: "n1", appliedIndex: kit.index },
      linearize: () => Promise.resolve(),
    },
  );
}

type Wanted = Parameters<FilesDeps["node"]["read"]>[1];

const NOTHING = { scanned: [], more: false };

function page(
  kit: TreeKit,
  scan: { readonly gte: string; readonly lt: string; readonly limit: number },
): {
  readonly scanned: readonly { readonly key: string; readonly row: Row }[];
  readonly more: boolean;
} {
  const { gte, lt, limit } = scan;
  const found = kit.scan("").filter(([key]) => key >= gte && key < lt);
  const scanned = found.slice(0, limit).map(([key, row]) => ({ key, row }));
  return { scanned, more: found.length > limit };
}

async function* store(blocks: Map<string, Uint8Array>, bytes: AsyncIterable<Uint8Array>) {
  const parts: Uint8Array[] = [];
  for await (const part of bytes) parts.push(part);
  const all = Buffer.concat(parts);
  const chunks: { readonly cid: string; readonly bytes: number }[] = [];
  for (let at = 0; at < all.length; at += CHUNK_BYTES) {
    const data = all.subarray(at, at + CHUNK_BYTES);
    const cid = hash("sha256", data, "hex");
    blocks.set(cid, data);
    chunks.push({ cid, bytes: data.length });
  }
  yield { chunks, root: hash("sha256", all, "hex"), sha256: undefined };
}

async function* slices(
  blocks: ReadonlyMap<string, Uint8Array>,
  parts: readonly { readonly cid: string; readonly from: number; readonly to: number }[],
) {
  for (const { cid, from, to } of parts) {
    const block = blocks.get(cid);
    assert(block !== undefined, "what is named is there");
    yield block.subarray(from, to);
  }
}
