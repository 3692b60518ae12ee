/** Copies of blocks behind the API: any node answers for any workflow's volume. */
import type {
  CopiesView,
  CopyPort,
  HealView,
  VerifyCounts,
  VerifyFileView,
  VerifyNodeView,
  WhereView,
} from "../../api/copy-port.ts";
import type { CallOptions } from "../../api/ports.ts";
import { FsError } from "../../fs/errors.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import { volumeUse } from "../../scheduler/tree/reads.ts";
import type { FileBlock, FileRow, StripeRow } from "../../scheduler/tree/rows.ts";
import { membersOf, stripesOf } from "../../scheduler/tree/stripes.ts";
import type { Cid, NodeId } from "../../wire/dataset.ts";
import { addHealed, healBlocks, takeBlocks } from "./block-healing.ts";
import { BLOCKS_PLACED_AT_ONCE, type BlockMember, placesOf } from "./block-places.ts";
import { CopyCount } from "./copy-count.ts";
import { blockRuns } from "./download.ts";
import type { FileCalls } from "./file-calls.ts";
import type { HealedPage } from "./healer.ts";
import { healStripes, rebuildAt, stripePages } from "./stripe-healing.ts";
import { type FileCall, type NamedBlock, pathOf } from "./tree-reader.ts";

/** Copies of a file that are read for one answer: on each node some seconds of a slow disk. */
const BLOCKS_VERIFIED_AT_ONCE = 32;

/** Until a node has read what it was asked to, however slow its disk is. */
const VERIFY_MS_MAX = 120_000;

/** Nodes named as those that may have a block. */
const SOURCES_MAX = 64;

/** Reads of one step; each of them has this long. */
const PAGE_MS = 30_000;

export interface CopiesDeps {
  readonly calls: FileCalls;
  /** The node of that id or name. @throws {JobxError} `NODE_UNKNOWN`, `NODE_NAME_SHARED`. */
  readonly nodeNamed: (text: string, options: CallOptions) => Promise<NodeId>;
  readonly pace: (bytes: number) => Promise<void>;
}

export class Copies implements CopyPort {
  readonly #deps: CopiesDeps;
  readonly #calls: FileCalls;

  constructor(deps: CopiesDeps) {
    this.#deps = deps;
    this.#calls = deps.calls;
  }

  async where(at: Parameters<CopyPort["where"]>[0], options: CallOptions): Promise<WhereView> {
    const call = await this.#calls.begin(at.workflow, options);
    const { reader } = this.#calls;
    const path = pathOf(at.path);
    const { inode, row } = await reader.find(call, path);
    const { copies: wanted } = await reader.ask(call, volumeUse);
    if (row.kind !== "fs-directory") {
      const name = path.split("/").at(-1) ?? "";
      if (row.kind !== "fs-file")
        return { path: `/${path}`, type: "symlink", entries: [], next: null };
      const copies = await this.#copiesView(call, row, wanted);
      return {
        path: `/${path}`,
        type: "file",
        entries: [{ name, type: "file", copies }],
        next: null,
      };
    }
    const { limit, after } = at;
    const { names, more } = await reader.names(call, { directory: inode, limit, after });
    const entries: WhereView["entries"][number][] = [];
    for (const found of await reader.rows(call, names)) {
      const { name } = found;
      const copies =
        found.row.kind === "fs-file" ? await this.#copiesView(call, found.row, wanted) : null;
      const type = names.find((one) => one.name === name)?.type ?? "file";
      entries.push({ name, type, copies });
    }
    const next = more ? (names.at(-1)?.name ?? null) : null;
    return { path: `/${path}`, type: "directory", entries, next };
  }

  async heal(of: Parameters<CopyPort["heal"]>[0], options: CallOptions): Promise<HealView> {
    const call = await this.#calls.begin(of.workflow, options);
    const { healed, next } = await this.#healPage(call, of.after, options.signal);
    return { ...healed, next: next ?? null };
  }

  /** All members, as far as their blocks are concerned. */
  members(): readonly BlockMember[] {
    return this.#calls.blockMembers();
  }

  /** A page of a volume, for the background. */
  healPage(group: number, after: Cid | undefined, signal: AbortSignal): Promise<HealedPage> {
    return this.#healPage({ group, deadlineMs: PAGE_MS }, after, signal);
  }

  async verifyFile(
    of: Parameters<CopyPort["verifyFile"]>[0],
    options: CallOptions,
  ): Promise<VerifyFileView> {
    const call = await this.#calls.begin(of.workflow, options);
    const path = pathOf(of.path);
    const { row } = await this.#calls.reader.find(call, path);
    if (row.kind !== "fs-file") throw treeError("FS_IS_DIRECTORY", "it is a folder", { path });
    const blocks: FileBlock[] = [];
    let next: number | null = null;
    for await (const { startBytes, block } of this.#blocksFrom(call, row, of.from)) {
      next = startBytes;
      if (blocks.length === BLOCKS_VERIFIED_AT_ONCE) break;
      blocks.push(block);
      next = null;
    }
    const data = blocks.map(({ cid }) => cid);
    const stripes = await this.#calls.reader.ask(call, (view) => stripesOf(view, data));
    const parity = [...new Set(stripes.values())].flatMap((stripe) => stripe.parity);
    const cids = [...new Set([...data, ...parity])].slice(0, BLOCKS_PLACED_AT_ONCE);
    const members = this.#calls.blockMembers();
    const counts = await Promise.all(
      members.map(async ({ node, isUp }) =>
        isUp ? this.#verify(node, { cids, repair: of.repair, stripes }) : undefined,
      ),
    );
    const silent = members.filter((_, at) => counts[at] === undefined);
    const sum = (key: keyof VerifyCounts): number =>
      counts.reduce((all, count) => all + (count?.[key] ?? 0), 0);
    const count = new CopyCount(1);
    await this.#count(count, data, stripes);
    const { missing, lost } = count.view(0, (node) => node);
    return {
      ...{ blocks: sum("blocks"), bytes: sum("bytes") },
      ...{ damaged: sum("damaged"), repaired: sum("repaired"), next },
      ...{ missing, lost },
      silent: silent.map(({ node }) => this.#calls.nameOf(node)),
    };
  }

  async verifyNode(
    of: Parameters<CopyPort["verifyNode"]>[0],
    options: CallOptions,
  ): Promise<VerifyNodeView> {
    const node = await this.#deps.nodeNamed(of.node, options);
    const counts = await this.#verify(node, { after: of.after ?? "", repair: of.repair });
    if (counts === undefined) {
      throw new FsError({ code: "FS_STOPPED" }, `${of.node} does not answer now`);
    }
    const { last, ...view } = counts;
    return { node: this.#calls.nameOf(node), ...view, next: last ?? null };
  }

  async #healPage(
    call: FileCall,
    after: Cid | undefined,
    signal: AbortSignal,
  ): Promise<HealedPage> {
    const { reader } = this.#calls;
    const limit = BLOCKS_PLACED_AT_ONCE;
    const blocks = await reader.blocks(call, { after, limit });
    const { copies: wanted } = await reader.ask(call, volumeUse);
    const deps = { ...this.#calls.placesDeps(), pace: this.#deps.pace };
    const copied = blocks.filter(({ stripe }) => stripe === undefined);
    let healed = await healBlocks(copied, deps, { wanted, signal });
    for (const stripes of stripePages(await this.#stripesLedBy(call, blocks))) {
      healed = addHealed(healed, await healStripes(stripes, deps, signal));
    }
    return { healed, next: blocks.length === limit ? blocks.at(-1)?.cid : undefined };
  }

  /** Stripes whose first block is one of these: each stripe is looked at once in a round. */
  async #stripesLedBy(
    call: FileCall,
    blocks: readonly NamedBlock[],
  ): Promise<readonly StripeRow[]> {
    const coded = blocks.filter(({ stripe }) => stripe !== undefined).map(({ cid }) => cid);
    if (coded.length === 0) return [];
    const found = await this.#calls.reader.ask(call, (view) => stripesOf(view, coded));
    return [...found].flatMap(([cid, stripe]) => (stripe.data[0]?.cid === cid ? [stripe] : []));
  }

  /** Counts blocks; all of a stripe where one is in it. */
  async #count(
    count: CopyCount,
    cids: readonly Cid[],
    stripes: ReadonlyMap<Cid, StripeRow & { readonly number: number }>,
  ): Promise<void> {
    const single = cids.filter((cid) => !stripes.has(cid));
    count.copied(single, await placesOf(single, this.#calls.placesDeps()));
    for (const some of stripePages(count.fresh(stripes.values()))) {
      count.coded(some, await placesOf(some.flatMap(membersOf), this.#calls.placesDeps()));
    }
  }

  async #copiesView(call: FileCall, row: FileRow, wanted: number): Promise<CopiesView> {
    const count = new CopyCount(wanted);
    const add = async (page: readonly FileBlock[]): Promise<void> => {
      const cids = page.map(({ cid }) => cid);
      const stripes = await this.#calls.reader.ask(call, (view) => stripesOf(view, cids));
      await this.#count(count, cids, stripes);
    };
    let page: FileBlock[] = [];
    for await (const { block } of this.#blocksFrom(call, row, 0)) {
      page.push(block);
      if (page.length < BLOCKS_PLACED_AT_ONCE) continue;
      await add(page);
      page = [];
    }
    if (page.length > 0) await add(page);
    return count.view(row.bytes, (node) => this.#calls.nameOf(node));
  }

  /** Blocks of a file that begin at a place or after it, and where each begins. */
  async *#blocksFrom(
    call: FileCall,
    row: FileRow,
    fromBytes: number,
  ): AsyncGenerator<{ readonly startBytes: number; readonly block: FileBlock }, void, undefined> {
    for await (const run of blockRuns(this.#calls, row, { call, fromBytes })) {
      let { startBytes } = run;
      for (const block of run.blocks) {
        if (startBytes >= fromBytes) yield { startBytes, block };
        startBytes += block.bytes;
      }
    }
  }

  /** Undefined where the node does not answer. @throws {FsError} what it says is wrong with its disk. */
  async #verify(
    node: NodeId,
    of: { readonly repair: boolean; readonly stripes?: ReadonlyMap<Cid, StripeRow> } & (
      | { readonly cids: readonly Cid[] }
      | { readonly after: string }
    ),
  ): Promise<(VerifyCounts & { readonly last: Cid | undefined }) | undefined> {
    const { caller } = this.#calls.placesDeps();
    const call =
      "cids" in of
        ? ({ kind: "verify-blocks", cids: of.cids } as const)
        : ({ kind: "verify-store", after: of.after } as const);
    const answer = await caller.ask(node, call, VERIFY_MS_MAX);
    if (answer?.kind === "error") {
      const errno = undefined;
      throw new FsError({ code: "FS_IO", path: this.#calls.nameOf(node), errno }, answer.message);
    }
    if (answer?.kind !== "verified") return undefined;
    const { last, blocks, bytes, damaged: cids } = answer;
    let repaired = 0;
    if (of.repair && cids.length > 0) {
      const from = this.#up()
        .filter((other) => other !== node)
        .slice(0, SOURCES_MAX);
      const here = await takeBlocks({ node, cids, from }, { caller });
      repaired = here.filter((is) => is).length;
      const left = cids.filter((_, at) => here[at] !== true);
      repaired += await rebuildAt({ node, cids: left, from }, [...(of.stripes?.values() ?? [])], {
        caller,
      });
    }
    return { last, blocks, bytes, damaged: cids.length, repaired };
  }

  #up(): readonly NodeId[] {
    return this.#calls.blockMembers().flatMap(({ node, isUp }) => (isUp ? [node] : []));
  }
}
