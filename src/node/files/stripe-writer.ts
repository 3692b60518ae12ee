/**
 * Codes a file's blocks while it is put: so many data blocks as the volume says get their parity, and each block of
 * such a stripe goes to a node of its own. What is left at the end and makes no stripe has copies.
 */

import { type SealedChunk, storedBytes } from "../../fs/seal.ts";
import type { CodedCommand, TreeCommand } from "../../scheduler/tree/commands.ts";
import type { Erasure, Stripe } from "../../scheduler/tree/rows.ts";
import { membersOf, stripesOf } from "../../scheduler/tree/stripes.ts";
import type { Cid, NodeId } from "../../wire/dataset.ts";
import type { CodedCalls } from "../data-plane/coded-calls.ts";
import { copyBlocks } from "./block-copies.ts";
import { copiesLike, placeStripes, type StripePlacesDeps } from "./stripe-places.ts";
import type { FileCall, TreeReader } from "./tree-reader.ts";

/** Blocks of one file that are remembered as coded: one that comes again later has copies besides. */
const CODED_REMEMBERED_MAX = 65_536;

/** Blocks that one order to drop names: all are read before one goes. */
const DROPPED_AT_ONCE = 32;

/** How often that is ordered of blocks that stay, and how long between. */
const TIDY_TRIES_MAX = 5;
const TIDY_PAUSE_MS = 2_000;

/** Until a node has asked another one about so many blocks, and deleted its own. */
const DROP_MS = 60_000;

export interface StripeWriterDeps extends StripePlacesDeps {
  readonly reader: Pick<TreeReader, "ask">;
  readonly coded: Pick<CodedCalls, "code">;
}

/** How a file is coded. */
export interface CodingOptions {
  readonly call: FileCall;
  readonly erasure: Erasure;
  /** Of blocks that are in no stripe. */
  readonly copies: number;
  readonly signal: AbortSignal;
}

/** Chunks whose blocks are on their nodes, in order, and the stripes that they are in. */
export interface CodedChunks {
  readonly chunks: readonly SealedChunk[];
  readonly stripes: readonly Stripe[];
  /** On how many nodes each block is, or would be with as much to spare. */
  readonly copies: number;
}

/** The command, with stripes of the blocks that it names. */
export function withStripes(command: CodedCommand, stripes: readonly Stripe[]): TreeCommand {
  return stripes.length === 0 ? command : { kind: "fs-coded", command, stripes };
}

/** One file. One call at a time. */
export class StripeWriter {
  readonly #deps: StripeWriterDeps;
  readonly #options: CodingOptions;
  readonly #coded = new Set<Cid>();
  #pending: SealedChunk[] = [];
  /** Blocks that are here and are to be elsewhere, by who has them. */
  readonly #surplus = new Map<NodeId, Cid[]>();

  constructor(deps: StripeWriterDeps, options: CodingOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Takes chunks that are stored here; those that do not fill a stripe yet wait. @throws {JobxError} */
  async add(chunks: readonly SealedChunk[]): Promise<CodedChunks> {
    this.#pending.push(...chunks);
    const { data } = this.#options.erasure;
    const fresh = await this.#fresh();
    const full = fresh.slice(0, fresh.length - (fresh.length % data));
    const rest = fresh[full.length];
    const ends = rest === undefined ? this.#pending.length : this.#pending.indexOf(rest);
    const done = this.#pending.splice(0, ends);
    const stripes = Array.from({ length: full.length / data }, (_, at) =>
      full.slice(at * data, (at + 1) * data),
    );
    return { chunks: done, ...(await this.#code(stripes)) };
  }

  /** What waits, in a smaller stripe; a single block has copies. */
  async finish(): Promise<CodedChunks> {
    const fresh = await this.#fresh();
    const chunks = this.#pending;
    this.#pending = [];
    if (fresh.length > 1) return { chunks, ...(await this.#code([fresh])) };
    const copies = await this.#copy(fresh);
    return { chunks, stripes: [], copies };
  }

  /** Gives up what other nodes are to have, now that it is named. Never rejects: what stays, healing finds. */
  async tidy(): Promise<void> {
    for (const [keeper, all] of this.#surplus) {
      let left: readonly Cid[] = all;
      for (let tries = 1; left.length > 0 && tries <= TIDY_TRIES_MAX; tries++) {
        // Who reads or looks for blocks meanwhile has them stay.
        if (tries > 1) await this.#deps.sleep(TIDY_PAUSE_MS);
        left = await this.#drop(left, keeper);
      }
    }
    this.#surplus.clear();
  }

  /** Those that stay. */
  async #drop(cids: readonly Cid[], keeper: NodeId): Promise<readonly Cid[]> {
    const { caller, self } = this.#deps;
    const left: Cid[] = [];
    for (let at = 0; at < cids.length; at += DROPPED_AT_ONCE) {
      const part = cids.slice(at, at + DROPPED_AT_ONCE);
      const call = { kind: "drop-blocks", cids: part, keepers: [keeper] } as const;
      const answer = await caller.ask(self, call, DROP_MS).catch(() => undefined);
      const gone = answer?.kind === "blocks" ? answer.here : [];
      left.push(...part.filter((_, place) => gone[place] !== true));
    }
    return left;
  }

  /** Pending chunks, each block once, that are in no stripe yet. */
  async #fresh(): Promise<readonly SealedChunk[]> {
    const { reader } = this.#deps;
    const byCid = new Map(this.#pending.map((chunk) => [chunk.cid, chunk]));
    for (const chunk of this.#pending.toReversed()) byCid.set(chunk.cid, chunk);
    const chunks = [...byCid.values()].filter(({ cid }) => !this.#coded.has(cid));
    const cids = chunks.map(({ cid }) => cid);
    if (cids.length === 0) return [];
    const striped = await reader.ask(this.#options.call, (view) => stripesOf(view, cids));
    return chunks.filter(({ cid }) => !striped.has(cid));
  }

  async #code(
    groups: readonly (readonly SealedChunk[])[],
  ): Promise<Pick<CodedChunks, "stripes" | "copies">> {
    const { coded, reader } = this.#deps;
    const { erasure, call, copies: wanted } = this.#options;
    if (groups.length === 0) return { stripes: [], copies: wanted };
    const parity = await coded.code(
      groups.map((group) => ({ data: group.map(({ cid }) => cid), parity: erasure.parity })),
    );
    const made = groups.map((group, at) => ({
      data: group.map((chunk) => ({ cid: chunk.cid, bytes: storedBytes(chunk) })),
      parity: parity[at] ?? [],
    }));
    const taken = await reader.ask(call, (view) => stripesOf(view, parity.flat()));
    // Content may be made so that parity is a block that is there: such data has copies.
    const isFree = (stripe: Stripe): boolean =>
      new Set(membersOf(stripe)).size === membersOf(stripe).length &&
      stripe.parity.every((cid) => !taken.has(cid));
    const stripes = made.filter(isFree);
    const single = groups.filter(
      (_, at) => !stripes.includes(made[at] ?? { data: [], parity: [] }),
    );
    const copies = [wanted, await this.#copy(single.flat()), await this.#place(stripes)];
    return { stripes, copies: Math.min(...copies) };
  }

  async #place(stripes: readonly Stripe[]): Promise<number> {
    const { self } = this.#deps;
    const { signal, copies: wanted } = this.#options;
    if (stripes.length === 0) return wanted;
    const here = stripes.map((stripe) => ({
      members: membersOf(stripe),
      dataCount: stripe.data.length,
    }));
    const places = await placeStripes(here, this.#deps, signal);
    let copies = wanted;
    for (const [at, { members, dataCount }] of here.entries()) {
      const nodes = places[at] ?? [];
      copies = Math.min(copies, copiesLike(nodes, dataCount));
      for (const [index, cid] of members.entries()) {
        if (this.#coded.size < CODED_REMEMBERED_MAX) this.#coded.add(cid);
        const node = nodes[index] ?? self;
        if (node === self) continue;
        const list = this.#surplus.get(node) ?? [];
        list.push(cid);
        this.#surplus.set(node, list);
      }
    }
    return copies;
  }

  async #copy(chunks: readonly SealedChunk[]): Promise<number> {
    const { copies: wanted, signal } = this.#options;
    if (chunks.length === 0) return wanted;
    const cids = chunks.map(({ cid }) => cid);
    return copyBlocks(cids, this.#deps, { wanted, signal });
  }
}
