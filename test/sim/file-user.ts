/**
 * Users who put small files into a workflow's volume, as a node does it: a pin, the block stored here and copied
 * to another node, and the command that names it, sometimes long after; and who remove and rename them. Their
 * contents are few, so that what was just condemned is often wanted again.
 */
import type { ClusterNode } from "../../src/actors/cluster-node.ts";
import type { FileCommit, TreeCommand } from "../../src/scheduler/tree/commands.ts";
import { ROOT_INODE } from "../../src/scheduler/tree/rows.ts";
import type { Chance } from "./chance.ts";
import type { BlockChecker } from "./checkers/block-checker.ts";
import type { SimWorkflow } from "./client.ts";
import type { SimHost, SimProcess } from "./host.ts";
import type { World } from "./world.ts";

/** Different contents, and different names. */
const CONTENTS = 6;

const ASK_MS = 5_000;

/** Longer than the grace of the simulated collectors, shorter than some uploads take. */
const PIN_MS = 13_000;

export interface FileUserOptions {
  readonly world: World;
  readonly hosts: readonly SimHost[];
  readonly workflow: SimWorkflow;
  readonly checker: BlockChecker;
  /** Nothing is begun from then on. */
  readonly endMs: number;
}

export class FileUser {
  readonly #options: FileUserOptions;
  readonly #name: string;
  readonly #chance: Chance;
  #uploads = 0;

  constructor(options: FileUserOptions, name: string) {
    this.#options = options;
    this.#name = name;
    this.#chance = options.world.chance(`file user ${name}`);
  }

  async run(): Promise<void> {
    const { world, endMs } = this.#options;
    for (;;) {
      await world.loop.sleep(this.#chance.between(100, 3_000));
      if (world.loop.nowMs() >= endMs) return;
      await this.#act();
    }
  }

  /** What dies with its node is given up. */
  #act(): Promise<void> {
    const { hosts, world } = this.#options;
    const up = hosts.filter(({ node }) => node !== undefined);
    const { node, process } = up.length === 0 ? {} : this.#chance.pick(up);
    if (node === undefined || process === undefined) return Promise.resolve();
    const act = this.#chance.hits(0.6) ? this.#put(process, node) : this.#change(node);
    return new Promise((resolve) => {
      const timer = world.loop.after(4 * ASK_MS, resolve);
      const end = (): void => {
        timer.cancel();
        resolve();
      };
      act.then(end, end);
    });
  }

  async #put(process: SimProcess, node: ClusterNode): Promise<void> {
    const { checker, workflow, world } = this.#options;
    const chance = this.#chance;
    this.#uploads += 1;
    const upload = `${this.#name}-${this.#uploads}`;
    const pin = { upload, holder: process.id, lastsMs: PIN_MS };
    if (!(await this.#command(node, { kind: "fs-pin", how: "begin", ...pin }))) return;
    const bytes = new TextEncoder().encode(`file ${chance.whole(1, CONTENTS)}`);
    const cid = await process.runs.store(bytes);
    checker.told(workflow.group, { upload, cid, node: process.id });
    const others = node.directory.members().filter((member) => member.node !== process.id);
    if (others.length > 0) {
      const to = chance.pick(others).node;
      const answer = await node.caller.ask(to, { kind: "copy-blocks", cids: [cid] }, ASK_MS);
      if (answer?.kind === "done") checker.told(workflow.group, { upload, cid, node: to });
    }
    await process.sleep(chance.hits(0.3) ? chance.between(6_000, 14_000) : chance.between(1, 500));
    const content = { kind: "inline", blocks: [{ cid, bytes: bytes.length }] } as const;
    const file: FileCommit = {
      place: this.#place(),
      expect: { kind: "any" },
      ...{ mode: 0o644, mtimeMicros: undefined, root: cid, content, keep: undefined },
    };
    const committed = { kind: "fs-commit", upload, files: [file], parents: false } as const;
    if (await this.#command(node, committed)) world.totals.filesPut += 1;
    await this.#command(node, { kind: "fs-release", upload });
  }

  async #change(node: ClusterNode): Promise<void> {
    const moves = [{ from: this.#place(), to: this.#place(), keep: undefined }];
    const command: TreeCommand = this.#chance.hits(0.7)
      ? { kind: "fs-unlink", places: [this.#place()] }
      : { kind: "fs-rename", moves, over: "posix", parents: false };
    if (await this.#command(node, command)) this.#options.world.totals.filesChanged += 1;
  }

  #place(): { readonly from: number; readonly path: string } {
    return { from: ROOT_INODE, path: `f${this.#chance.whole(1, CONTENTS)}` };
  }

  /** False when it was refused, or nobody knows. */
  async #command(node: ClusterNode, command: TreeCommand): Promise<boolean> {
    const { group } = this.#options.workflow;
    const id = { kind: "entry", ...node.nextSequence(group) } as const;
    const call = { kind: "command", group, envelope: { id, command } } as const;
    const answer = await node.router.ask(group, call, ASK_MS);
    return answer.kind === "answered" && answer.answer.kind !== "refused";
  }
}
