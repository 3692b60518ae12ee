/**
 * A user who takes snapshots of a workflow's volume, as a node does it: a pin, the rows of one moment that the leader
 * holds open, and commands that name all that was named in it, sometimes long after others have removed it; and who
 * removes snapshots. The volume keeps versions meanwhile.
 */
import type { ClusterNode } from "../../src/actors/cluster-node.ts";
import type { HeldRowsCall } from "../../src/actors/ports.ts";
import type { Row } from "../../src/scheduler/rows.ts";
import type { FileCommit, TreeCommand } from "../../src/scheduler/tree/commands.ts";
import { treeKeys } from "../../src/scheduler/tree/keys.ts";
import { listed, listingRange } from "../../src/scheduler/tree/reads.ts";
import { ROOT_INODE } from "../../src/scheduler/tree/rows.ts";
import type { Chance } from "./chance.ts";
import type { FileUserOptions } from "./file-user.ts";
import type { SimProcess } from "./host.ts";

/** Of all volumes, those of which snapshots are taken. */
const TAKING = 0.3;

/** Names of snapshots. */
const SNAPSHOTS = 3;

const ASK_MS = 5_000;

/** Longer than the grace of the simulated collectors, shorter than some snapshots take. */
const PIN_MS = 13_000;

/** More than users of files have names. */
const NAMES = 100;

const KEPT = { kind: "fs-retention", versions: 2, versionsMs: 20_000 } as const;

export class SnapshotUser {
  readonly #options: FileUserOptions;
  readonly #name: string;
  readonly #chance: Chance;
  #uploads = 0;

  constructor(options: FileUserOptions, name: string) {
    this.#options = options;
    this.#name = name;
    this.#chance = options.world.chance(`snapshot user ${name}`);
  }

  async run(): Promise<void> {
    const { world, endMs } = this.#options;
    // What is kept is never garbage: most volumes are without, so that collectors have work.
    if (!this.#chance.hits(TAKING)) return;
    for (;;) {
      await world.loop.sleep(this.#chance.between(500, 6_000));
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
    const act = this.#chance.hits(0.6) ? this.#take(process, node) : this.#change(node);
    return new Promise((resolve) => {
      const timer = world.loop.after(5 * ASK_MS, resolve);
      const end = (): void => {
        timer.cancel();
        resolve();
      };
      act.then(end, end);
    });
  }

  async #take(process: SimProcess, node: ClusterNode): Promise<void> {
    this.#uploads += 1;
    const upload = `${this.#name}-${this.#uploads}`;
    const pin = { upload, holder: process.id, lastsMs: PIN_MS };
    if ((await this.#command(node, { kind: "fs-pin", how: "begin", ...pin })) === undefined) return;
    const name = this.#snapshot();
    const top = await this.#command(node, { kind: "fs-snapshot", upload, name, path: "/" });
    const rows = top === undefined ? [] : await this.#moment(node);
    const chance = this.#chance;
    await process.sleep(chance.hits(0.4) ? chance.between(6_000, 14_000) : chance.between(1, 500));
    if (top !== undefined && (await this.#fill(node, { upload, top, rows }))) {
      const counts = { files: rows.length, directories: 0, links: 0, bytes: 0 };
      const end = { kind: "fs-snapshot-end", upload, name, root: "bafy", counts } as const;
      if ((await this.#command(node, end)) !== undefined) {
        this.#options.world.totals.snapshotsTaken += 1;
      }
    }
    await this.#command(node, { kind: "fs-release", upload });
  }

  /** Whether it was taken. */
  async #fill(
    node: ClusterNode,
    of: {
      readonly upload: string;
      readonly top: number;
      readonly rows: readonly (Row | undefined)[];
    },
  ): Promise<boolean> {
    const { upload, top, rows } = of;
    const files = rows.flatMap((row, at): readonly FileCommit[] => {
      if (row?.kind !== "fs-file") return [];
      const { mode, mtimeMicros, root, content } = row;
      const place = { from: top, path: `f${at}` };
      const expect = { kind: "any" } as const;
      return [{ place, expect, mode, mtimeMicros, root, content, keep: undefined }];
    });
    const commit = { kind: "fs-commit", upload, files, parents: true } as const;
    return (await this.#command(node, commit)) !== undefined;
  }

  /** What names of the root lead to, all at one moment. */
  async #moment(node: ClusterNode): Promise<readonly (Row | undefined)[]> {
    const scan = { ...listingRange(ROOT_INODE, undefined), limit: NAMES };
    const { moment, scanned } = await this.#held(node, { moment: 0, keys: [], scan, done: false });
    const names = listed(scanned.map(({ key, row }) => [key, row] as const));
    const keys = names.map(({ inode }) => treeKeys.inode(inode));
    await this.#options.world.loop.sleep(this.#chance.between(1, 2_000));
    const { values } = await this.#held(node, { moment, keys, scan: undefined, done: false });
    await this.#held(node, { moment, keys: [], scan: undefined, done: true });
    return values;
  }

  async #held(node: ClusterNode, what: Omit<HeldRowsCall, "kind" | "group">) {
    const { group } = this.#options.workflow;
    const answer = await node.router.ask(group, { kind: "held-rows", group, ...what }, ASK_MS);
    if (answer.kind !== "held-rows") throw new Error(`a moment is answered with ${answer.kind}`);
    return answer;
  }

  async #change(node: ClusterNode): Promise<void> {
    const remove = { kind: "fs-snapshot-remove", name: this.#snapshot() } as const;
    await this.#command(node, this.#chance.hits(0.3) ? KEPT : { ...remove, upload: undefined });
  }

  #snapshot(): string {
    return `s${this.#chance.whole(1, SNAPSHOTS)}`;
  }

  /** The inode of the answer; undefined when it was refused, or nobody knows. */
  async #command(node: ClusterNode, command: TreeCommand): Promise<number | undefined> {
    const { group } = this.#options.workflow;
    const id = { kind: "entry", ...node.nextSequence(group) } as const;
    const call = { kind: "command", group, envelope: { id, command } } as const;
    const answer = await node.router.ask(group, call, ASK_MS);
    if (answer.kind !== "answered" || answer.answer.kind !== "inode") return undefined;
    return answer.answer.inode;
  }
}
