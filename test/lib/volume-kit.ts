/** One workflow's volume behind the real code of a node: the rows of its tree in a map, its blocks in another. */
import { createSecretKey } from "node:crypto";
import type { ClusterNode } from "../../src/actors/cluster-node.ts";
import type { Call, CallAnswer } from "../../src/actors/ports.ts";
import type { CallOptions } from "../../src/api/call-options.ts";
import { CLOCK } from "../../src/api/context.ts";
import { cidOf } from "../../src/fs/cid.ts";
import type { Chunking } from "../../src/fs/content/chunk.ts";
import { chunksOf } from "../../src/fs/content/chunking.ts";
import { formatContentId } from "../../src/fs/content/content-id.ts";
import { FileTreeBuilder } from "../../src/fs/content/file-tree.ts";
import { parityOf } from "../../src/fs/erasure/reed-solomon.ts";
import type { StripeToCode } from "../../src/fs/erasure/stripe.ts";
import { type ChunkPart, type StoredWindow, WINDOW_CHUNKS } from "../../src/fs/file-blocks.ts";
import { type SealedChunk, type SealKey, sealChunk, unseal } from "../../src/fs/seal.ts";
import { ClusterError } from "../../src/node/cluster-errors.ts";
import { FileCalls, type FilesDeps } from "../../src/node/files/file-calls.ts";
import { Files } from "../../src/node/files/files.ts";
import { Inodes } from "../../src/node/files/inodes.ts";
import { Snapshots } from "../../src/node/files/snapshots.ts";
import { Volumes } from "../../src/node/files/volumes.ts";
import type { Command } from "../../src/scheduler/commands.ts";
import type { Answer, Row } from "../../src/scheduler/rows.ts";
import type { TreeCommand } from "../../src/scheduler/tree/commands.ts";
import { Deadline } from "../../src/std/deadline.ts";
import { stored } from "./stored-blocks.ts";
import { TreeKit } from "./tree-kit.ts";

/** A call without an end. */
export const OPTIONS: CallOptions = {
  deadline: new Deadline(CLOCK, 1e9),
  signal: new AbortController().signal,
  stale: false,
};

/** With which its blocks are sealed once it is told to seal. */
const KIT_KEY: SealKey = createSecretKey(Buffer.alloc(32, 9));

interface HowStored {
  readonly chunking: Chunking;
  readonly key: SealKey | undefined;
}

export class VolumeKit {
  readonly tree = new TreeKit();
  readonly blocks = new Map<string, Uint8Array>();
  /** Called before each command. */
  before: (command: TreeCommand) => void = () => undefined;
  readonly files: Files;
  readonly inodes: Inodes;
  readonly volumes: Volumes;
  readonly snapshots: Snapshots;
  /** Rows of moments that are held, by number. */
  readonly moments = new Map<number, ReadonlyMap<string, Row>>();
  /** Called after each read of a moment. */
  afterHeld: () => void = () => undefined;

  constructor() {
    const calls = new FileCalls(this.#deps());
    this.files = new Files(calls);
    this.inodes = new Inodes(calls, () => Promise.resolve(1e12));
    this.volumes = new Volumes(calls, {
      ensure: () => Promise.resolve(),
      export: () => Promise.reject(new Error("nobody asks for it")),
      restore: () => Promise.reject(new Error("nobody has it")),
    });
    this.snapshots = new Snapshots(calls);
  }

  async put(path: string, content: Uint8Array | string, mode?: number): Promise<string> {
    const bytes = Buffer.from(content);
    const how = { expect: { kind: "any" }, mode, parents: true, sha256: undefined } as const;
    const input = { workflow: "flow", path, ...how };
    return (await this.files.put(input, slices([bytes]), OPTIONS)).cid;
  }

  async get(path: string, snapshot?: string): Promise<Buffer> {
    const file = await this.files.open({ workflow: "flow", path, snapshot }, OPTIONS);
    const { bytes } = file.view;
    return bytes === 0 ? Buffer.alloc(0) : joined(await file.read({ from: 0, to: bytes }));
  }

  /** Puts a command through. */
  command(command: Command): Promise<Exclude<Answer, { readonly kind: "refused" }>> {
    if (isOfTree(command)) this.before(command);
    const answer = this.tree.run(command);
    if (answer.kind !== "refused") return Promise.resolve(answer);
    return Promise.reject(new ClusterError({ code: answer.code }, answer.message));
  }

  /** All paths. */
  paths(): readonly string[] {
    return [...this.tree.paths().keys()].sort();
  }

  /** Moments as a leader holds them. */
  #held(call: Call): Promise<CallAnswer> {
    if (call.kind !== "held-rows") throw new Error(`nobody answers ${call.kind} here`);
    const moment = call.moment === 0 ? this.moments.size + 1 : call.moment;
    if (call.moment === 0) this.moments.set(moment, new Map(this.tree.rows));
    const rows = this.moments.get(moment) ?? new Map<string, Row>();
    const { gte = "", lt = "", limit = 0 } = call.scan ?? {};
    const within = [...rows].filter(([key]) => key >= gte && key < lt);
    const all = within.sort(([a], [b]) => (a < b ? -1 : 1));
    const scanned = all.slice(0, limit).map(([key, row]) => ({ key, row }));
    const values = call.keys.map((key) => rows.get(key));
    if (call.moment !== 0 && !call.done) this.afterHeld();
    const more = all.length > limit;
    return Promise.resolve({ kind: "held-rows", moment, values, scanned, more });
  }

  #deps(): FilesDeps {
    const { tree } = this;
    const read: ClusterNode["read"] = (_group, { keys, scan }) => {
      const values = keys.map((key) => tree.rows.get(key));
      const { gte = "", lt = "", limit = 0 } = scan ?? {};
      const within = [...tree.rows].filter(([key]) => key >= gte && key < lt);
      const all = within.sort(([a], [b]) => (a < b ? -1 : 1));
      const scanned = all.slice(0, limit).map(([key, row]) => ({ key, row }));
      const rest = { scanned, more: all.length > limit, term: 1, appliedIndex: 1 };
      return Promise.resolve({ kind: "rows", values, ...rest });
    };
    return {
      node: {
        read,
        caller: { ask: (_node, call) => Promise.resolve(stored(this.blocks, call)) },
        router: { ask: (_group, call) => this.#held(call) },
        directory: { member: () => undefined, members: () => [] },
      },
      self: () => "here",
      isUp: () => true,
      contents: {
        store: ({ bytes, chunking, key }) => this.#store(bytes, { chunking, key }),
        storeFiles: (files, how) => this.#storeFiles(files, how),
        takeFiles: () => {
          throw new Error("it has no disk");
        },
        read: (parts) => this.#read(parts),
      },
      coded: { code: (stripes) => Promise.resolve(this.#code(stripes)) },
      keys: () => Promise.resolve(KIT_KEY),
      view: { workflowNamed: () => Promise.resolve({ group: 7 }) },
      writer: {
        command: (_group, command) => this.command(command),
        told: async (_group, command, _deadline, { rows }) => ({
          answer: await this.command(command),
          rows: rows.map((key) => tree.rows.get(key)),
        }),
      },
    };
  }

  async *#store(
    bytes: AsyncIterable<Uint8Array>,
    { chunking, key }: HowStored,
  ): AsyncGenerator<StoredWindow, void, undefined> {
    const tree = new FileTreeBuilder();
    let chunks: SealedChunk[] = [];
    for await (const plain of chunksOf(bytes, chunking)) {
      const { chunk, data } = sealChunk(plain, key);
      this.blocks.set(chunk.cid, Uint8Array.from(data));
      tree.add(plain.chunk);
      chunks.push(chunk);
      if (chunks.length < WINDOW_CHUNKS) continue;
      yield { chunks, root: undefined, sha256: undefined };
      chunks = [];
    }
    yield { chunks, root: formatContentId(tree.finish().root.id), sha256: undefined };
  }

  #code(stripes: readonly StripeToCode[]): readonly (readonly string[])[] {
    return stripes.map(({ data, parity }) =>
      parityOf(
        data.map((cid) => this.blocks.get(cid) ?? new Uint8Array(0)),
        parity,
      ).map((bytes) => {
        const cid = cidOf(bytes);
        this.blocks.set(cid, bytes);
        return cid;
      }),
    );
  }

  async *#storeFiles(
    files: readonly Uint8Array[],
    how: HowStored,
  ): AsyncGenerator<StoredWindow, void, undefined> {
    for (const file of files) yield* this.#store(slices([file]), how);
  }

  async *#read(parts: readonly ChunkPart[]): AsyncGenerator<Uint8Array, void, undefined> {
    for (const { cid, from, to, plain } of parts) {
      const data = await Promise.resolve(this.blocks.get(cid));
      if (data === undefined) throw new ClusterError({ code: "FS_BLOCK_LOST" }, `no ${cid}`);
      const content = plain === undefined ? data : unseal(data, { plain, key: KIT_KEY });
      yield content.subarray(from, to);
    }
  }
}

function isOfTree(command: Command): command is TreeCommand {
  return command.kind.startsWith("fs-");
}

/** Bytes as a stream. */
export async function* slices(
  list: Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const one of list) yield await Promise.resolve(one);
}

/** All bytes of a stream. */
export async function joined(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}
