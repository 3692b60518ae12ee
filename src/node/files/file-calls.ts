/** What calls about files share: the workflow's group, commands to it, and the nodes that have blocks. */
import { type AnswerOf, answerAs } from "../../actors/answers.ts";
import type { Caller } from "../../actors/caller.ts";
import type { ClusterNode } from "../../actors/cluster-node.ts";
import type { Directory } from "../../actors/directory.ts";
import type { Call } from "../../actors/ports.ts";
import type { Router } from "../../actors/router.ts";
import { heirsAmong } from "../../actors/whom-to-ask.ts";
import type { CallOptions } from "../../api/ports.ts";
import type { Holders } from "../../fs/file-block-reader.ts";
import type { Row } from "../../scheduler/rows.ts";
import type { TreeCommand } from "../../scheduler/tree/commands.ts";
import { ROOT_INODE } from "../../scheduler/tree/rows.ts";
import { assert } from "../../std/assert.ts";
import type { Deadline } from "../../std/deadline.ts";
import type { NodeId } from "../../wire/dataset.ts";
import type { CodedCalls } from "../data-plane/coded-calls.ts";
import type { Contents } from "../data-plane/contents.ts";
import { systemClock, systemTimers } from "../system.ts";
import type { WorkflowWriter } from "../workflow-writer.ts";
import type { BlockMember, PlacesDeps } from "./block-places.ts";
import { CopyOrders } from "./copy-orders.ts";
import type { DownloadDeps } from "./download.ts";
import type { KeySource } from "./sealing.ts";
import { SharedPins } from "./shared-pins.ts";
import { findSnapshot } from "./snapshot-rows.ts";
import { StripeFinder } from "./stripe-finder.ts";
import type { SnapshotDeps } from "./take-snapshot.ts";
import { type FileCall, stepDeadline, TreeReader } from "./tree-reader.ts";
import type { UploadDeps } from "./upload.ts";

export interface FilesDeps {
  readonly node: Pick<ClusterNode, "read"> & {
    readonly caller: Pick<Caller, "ask">;
    readonly directory: Pick<Directory, "members" | "member">;
    readonly router: Pick<Router, "ask">;
  };
  readonly self: () => NodeId;
  readonly isUp: (node: NodeId) => boolean;
  readonly contents: Pick<Contents, "store" | "storeFiles" | "takeFiles" | "read">;
  readonly coded: Pick<CodedCalls, "code">;
  readonly view: {
    workflowNamed(
      name: string,
      by: { readonly deadline: Deadline },
    ): Promise<{ readonly group: number }>;
  };
  readonly writer: Pick<WorkflowWriter, "command" | "told">;
  readonly keys: KeySource;
}

/** What a command came to, and rows that were asked for with it. */
export interface Told {
  readonly inode: number;
  readonly revision: number;
  readonly rows: readonly (Row | undefined)[];
}

export class FileCalls {
  readonly reader: TreeReader;
  readonly contents: FilesDeps["contents"];
  readonly stripes: StripeFinder;
  readonly #deps: FilesDeps;
  readonly #orders: CopyOrders;
  readonly #pins = new SharedPins({ clock: systemClock, timers: systemTimers });

  constructor(deps: FilesDeps) {
    this.#deps = deps;
    this.#orders = new CopyOrders(deps.node.caller);
    this.contents = deps.contents;
    this.reader = new TreeReader(deps.node);
    this.stripes = new StripeFinder(this.reader);
  }

  /** @throws {JobxError} `WORKFLOW_UNKNOWN`. */
  async begin(workflow: string, { deadline, mount }: CallOptions): Promise<FileCall> {
    const { group } = await this.#deps.view.workflowNamed(workflow, { deadline });
    return { group, deadlineMs: deadline.ms, mount };
  }

  /** Puts a command through. @throws {JobxError} the code for which it is refused. */
  async command(
    call: FileCall,
    command: TreeCommand,
  ): Promise<{ readonly inode: number; readonly revision: number }> {
    const { group, mount } = call;
    const by = mount === undefined ? undefined : { mount };
    const answer = await this.#deps.writer.command(group, command, stepDeadline(call), by);
    assert(answer.kind === "inode", "a change of the tree is answered with its revision");
    const { inode, revision } = answer;
    return { inode, revision };
  }

  /** The same; also tells rows by their keys, as they are then. @throws {JobxError} the code for which it is refused. */
  async commandTold(
    { group, mount, ...call }: FileCall,
    command: TreeCommand,
    keys: readonly string[],
  ): Promise<Told> {
    const by = { mount, rows: keys };
    const deadline = stepDeadline({ group, mount, ...call });
    const { answer, rows } = await this.#deps.writer.told(group, command, deadline, by);
    assert(answer.kind === "inode", "a change of the tree is answered with its revision");
    return { inode: answer.inode, revision: answer.revision, rows };
  }

  /** What changed in the tree, as whoever leads the workflow tells it. */
  async changes(
    { group, deadlineMs }: FileCall,
    what: Omit<Extract<Call, { readonly kind: "tree-changes" }>, "kind" | "group">,
  ): Promise<Omit<AnswerOf<"tree-changes">, "kind">> {
    const call = { kind: "tree-changes", group, ...what } as const;
    const answer = await this.#deps.node.router.ask(group, call, deadlineMs);
    const { resync, changes, next, leaseMs } = answerAs("tree-changes", answer);
    return { resync, changes, next, leaseMs };
  }

  /** All members, as far as their blocks are concerned. */
  blockMembers(): readonly BlockMember[] {
    const { node, self, isUp } = this.#deps;
    const own = self();
    return node.directory.members().map((member) => ({
      node: member.node,
      isUp: member.node === own || isUp(member.node),
      stays: member.state !== "removing",
    }));
  }

  /** What looking for blocks takes. */
  placesDeps(): PlacesDeps {
    return { caller: this.#deps.node.caller, members: () => this.blockMembers() };
  }

  /** What people call a node. */
  nameOf(node: NodeId): string {
    return this.#deps.node.directory.member(node)?.name ?? node;
  }

  uploadDeps(): UploadDeps {
    const { contents, self, keys } = this.#deps;
    return {
      ...{
        self: self(),
        contents,
        caller: this.#orders,
        reader: this.reader,
        timers: systemTimers,
        pins: this.#pins,
        keys,
        coded: this.#deps.coded,
      },
      command: (call, command) => this.command(call, command),
      others: () => this.#others(),
      sleep: (ms) => new Promise((resolve) => systemTimers.after(ms, resolve)),
    };
  }

  /** What taking a snapshot and bringing one back takes. */
  snapshotDeps(call: FileCall): SnapshotDeps {
    const { reader, contents } = this;
    const { self, node } = this.#deps;
    return {
      ...{ reader, contents, self: self(), timers: systemTimers, router: node.router },
      ...this.sources(),
      command: (command) => this.command(call, command),
    };
  }

  /** The folder from which paths are meant: the volume's root, or the top of a snapshot. @throws {TreeError} */
  async top(call: FileCall, snapshot: string | undefined): Promise<number> {
    if (snapshot === undefined) return ROOT_INODE;
    return (await findSnapshot(this.reader, call, snapshot)).row.directory;
  }

  /** Where blocks are, and what opens them. */
  sources(): Pick<DownloadDeps, "holders" | "keys" | "stripes"> {
    return { holders: () => this.holders(), keys: this.#deps.keys, stripes: this.stripes };
  }

  /** Who is being removed still has what it had. */
  holders(): Holders {
    const { node, self, isUp } = this.#deps;
    const own = self();
    const others = node.directory.members().filter((member) => member.node !== own);
    const up = others.filter((member) => isUp(member.node));
    return { nodes: up.map((member) => member.node), areAll: up.length === others.length };
  }

  #others(): readonly NodeId[] {
    const { node, self, isUp } = this.#deps;
    return heirsAmong(node.directory.members(), { self: self(), isUp });
  }
}
