/**
 * Runs text scripts that were written for another Raft library against this core. Commands are that
 * library's; of its printed traces only states are compared: logs, roles, progress, and what each
 * replica's last hard state and applied entries were, as far as the trace shows them.
 */
import type { Message } from "../../src/raft/messages.ts";
import { RAFT_DEFAULTS } from "../../src/raft/options.ts";
import type { AppendTask, Ready } from "../../src/raft/ready.ts";
import type { StoredToken } from "../../src/raft/storage-tasks.ts";
import {
  type ConfigChange,
  type ConfigStep,
  EMPTY_CONFIGURATION,
  type Entry,
  type ReplicaId,
} from "../../src/raft/types.ts";
import { assert, unreachable } from "../../src/std/assert.ts";
import { bytesOf, SnapshotShelf, TestReplica, textOf } from "./raft-replica.ts";

/** One command of a script, with the output that is expected of it. */
export interface ScriptCommand {
  readonly line: number;
  readonly name: string;
  readonly words: readonly string[];
  readonly options: ReadonlyMap<string, readonly string[]>;
  readonly input: readonly string[];
  readonly want: readonly string[];
}

/** Splits a script into commands. */
export function parseScript(text: string): ScriptCommand[] {
  const commands: ScriptCommand[] = [];
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i += 1) {
    const head = lines[i] ?? "";
    if (head === "" || head.startsWith("#")) continue;
    const line = i + 1;
    const input: string[] = [];
    const want: string[] = [];
    for (i += 1; i < lines.length && lines[i] !== "----"; i += 1) input.push(lines[i] ?? "");
    for (i += 1; i < lines.length && lines[i] !== ""; i += 1) want.push(lines[i] ?? "");
    const [name = "", ...rest] = head.split(/\s+(?![^(]*\))/).filter((word) => word !== "");
    const options = new Map<string, readonly string[]>();
    const words: string[] = [];
    for (const word of rest) {
      const [key = "", value] = word.split("=");
      if (value === undefined) words.push(word);
      else options.set(key, value.replace(/[()]/g, "").split(",").filter(Boolean));
    }
    commands.push({ line, name, words, options, input, want });
  }
  return commands;
}

/** What is on its way: a message, or word from a replica's own disk or state machine to itself. */
type Parcel =
  | { readonly kind: "message"; readonly to: ReplicaId; readonly message: Message }
  | { readonly kind: "stored"; readonly to: ReplicaId; readonly token: StoredToken }
  | { readonly kind: "applied"; readonly to: ReplicaId; readonly index: number };

interface Actor {
  readonly replica: TestReplica;
  readonly asynchronous: boolean;
  /** Entries handed out to be applied since the present command began. */
  handed: Entry[];
}

const ROLES = {
  follower: "StateFollower",
  "pre-candidate": "StatePreCandidate",
  candidate: "StateCandidate",
  leader: "StateLeader",
} as const;

const PROGRESS = {
  probe: "StateProbe",
  replicate: "StateReplicate",
  snapshot: "StateSnapshot",
} as const;

const MESSAGE_NAMES: Readonly<Record<string, Message["kind"]>> = { MsgApp: "append" };

/** Election timeouts are always the longest, so that nobody campaigns who was not told to. */
const LONGEST = { next: () => 0.999 };

/** The environment of one script. */
export class Interaction {
  readonly #actors = new Map<ReplicaId, Actor>();
  readonly #shelf = new SnapshotShelf();
  #parcels: Parcel[] = [];
  /** How many comparisons were made. */
  compared = 0;

  /** Runs a command. @returns the differences from what the script expects, as text. */
  run(command: ScriptCommand): string[] {
    for (const actor of this.#actors.values()) actor.handed = [];
    const ids = command.words.map(Number);
    const [first = 0, second = 0] = ids;
    switch (command.name) {
      case "log-level":
      case "set-randomized-election-timeout":
        return [];
      case "add-nodes":
        this.#addNodes(command);
        return [];
      case "campaign":
        this.#at(first).replica.core.campaign();
        return [];
      case "propose":
        return this.#propose(command);
      case "propose-conf-change":
        return this.#proposeChange(command);
      case "tick-heartbeat":
        this.#at(first).replica.core.tick();
        return [];
      case "tick-election":
        for (let i = 0; i < ELECTION_TICKS; i += 1) this.#at(first).replica.core.tick();
        return [];
      case "transfer-leadership":
        this.#at(Number(command.options.get("from")?.[0])).replica.core.transferLeadership(
          Number(command.options.get("to")?.[0]),
        );
        return [];
      case "report-unreachable":
        this.#at(first).replica.core.replicaUnreachable(second);
        return [];
      case "compact": {
        const { replica } = this.#at(first);
        replica.compact(second);
        return this.#compare(command.want, logLines(replica));
      }
      case "send-snapshot":
        this.#sendSnapshot(first, second);
        return [];
      case "deliver-msgs":
        this.#deliver(command, ids);
        return [];
      case "process-ready":
        for (const id of ids) this.#processReady(this.#at(id));
        return [];
      case "process-append-thread":
        for (const id of ids) this.#processAppend(this.#at(id));
        return [];
      case "process-apply-thread":
        for (const id of ids) this.#processApply(this.#at(id));
        return [];
      case "stabilize":
        this.#stabilize(ids.length > 0 ? ids : [...this.#actors.keys()]);
        return this.#compareTrace(command);
      case "raft-log":
        return this.#compare(command.want, logLines(this.#at(first).replica));
      case "raft-state":
        return this.#compare(
          command.want,
          [...this.#actors.values()].map(({ replica }) => stateLine(replica)),
        );
      case "status":
        return this.#compare(command.want, statusLines(this.#at(first).replica));
      default:
        throw new Error(`line ${command.line}: unknown command ${command.name}`);
    }
  }

  #compare(lines: readonly string[], got: readonly string[]): string[] {
    // That library's log lines are not state.
    const want = lines.filter((line) => !/^(DEBUG|INFO|WARN|ERROR) /.test(line));
    if (want.length === 1 && want[0] === "ok") return [];
    this.compared += 1;
    return want.join("\n") === got.join("\n")
      ? []
      : [`want:\n${want.join("\n")}\ngot:\n${got.join("\n")}`];
  }

  #compareAnswer(want: readonly string[], kind: "accepted" | "refused"): string[] {
    const got = kind === "accepted" ? "ok" : "raft proposal dropped";
    const wanted = want.at(-1) ?? "";
    return wanted === got ? [] : [`want: ${wanted}, got: ${got}`];
  }

  /** Compares each replica with the last that the trace shows of it. */
  #compareTrace({ want }: ScriptCommand): string[] {
    const differences: string[] = [];
    for (const [id, seen] of readTrace(want)) {
      const actor = this.#at(id);
      const { replica } = actor;
      const status = replica.core.status();
      const wanted: string[] = [];
      const got: string[] = [];
      if (seen.hardState !== undefined) {
        wanted.push(seen.hardState);
        const vote = status.vote === undefined ? "" : ` Vote:${status.vote}`;
        got.push(`HardState Term:${status.term}${vote} Commit:${status.committed}`);
      }
      if (seen.softState !== undefined) {
        wanted.push(seen.softState);
        got.push(`Lead:${status.leader ?? 0} State:${ROLES[status.role]}`);
      }
      wanted.push(...seen.committed);
      got.push(...actor.handed.map(entryLine));
      if (wanted.length > 0)
        differences.push(...this.#compare(wanted, got).map((text) => `replica ${id}: ${text}`));
    }
    return differences;
  }

  #at(id: ReplicaId): Actor {
    const actor = this.#actors.get(id);
    assert(actor !== undefined, `there is no replica ${id}`);
    return actor;
  }

  #addNodes({ words, options }: ScriptCommand): void {
    const numbers = (key: string) => (options.get(key) ?? []).map(Number);
    const flag = (key: string) => options.get(key)?.[0] === "true";
    const index = numbers("index")[0] ?? 0;
    const configuration = {
      ...EMPTY_CONFIGURATION,
      voters: numbers("voters"),
      learners: numbers("learners"),
    };
    for (let i = 0; i < Number(words[0]); i += 1) {
      const id = this.#actors.size + 1;
      const replica = new TestReplica({
        options: {
          ...RAFT_DEFAULTS,
          id,
          random: LONGEST,
          electionTicks: ELECTION_TICKS,
          heartbeatTicks: 1,
          leaderGoneTicks: 1,
          storageStallTicks: 1_000,
          tailBytesMax: Number.POSITIVE_INFINITY,
          preVote: flag("prevote"),
          checkQuorum: flag("checkquorum"),
          stepDownOnRemoval: flag("step-down-on-removal"),
          inflightMessagesMax: numbers("inflight")[0] ?? 1_000,
        },
        shelf: this.#shelf,
        start: { index, term: index > 0 ? 1 : 0, configuration, entries: [] },
        send: (message) => this.#parcels.push({ kind: "message", to: message.to, message }),
        firstTerm: 0,
      });
      this.#actors.set(id, { replica, asynchronous: flag("async-storage-writes"), handed: [] });
    }
  }

  #propose({ words, want }: ScriptCommand): string[] {
    const [id, ...rest] = words;
    const { replica } = this.#at(Number(id));
    const result = replica.core.propose([bytesOf(rest.join(" "))]);
    return this.#compareAnswer(want, result.kind);
  }

  #proposeChange({ words, options, input, want }: ScriptCommand): string[] {
    const { core } = this.#at(Number(words[0])).replica;
    const first = options.get("v1")?.[0] === "true";
    const change: ConfigChange = {
      transition: transitionOf(options.get("transition")?.[0]),
      changes: input
        .join(" ")
        .split(" ")
        .filter((word) => word !== "")
        .map(stepOf),
      context: bytesOf(first ? "v1" : ""),
    };
    let result = core.proposeConfigChange(change);
    // That library forwards proposals to the leader.
    if (result.kind === "refused" && result.reason === "not-leader" && result.leader !== undefined)
      result = this.#at(result.leader).replica.core.proposeConfigChange(change);
    if (result.kind === "accepted") return this.#compareAnswer(want, result.kind);
    if (result.reason === "config-pending" || result.reason === "config-impossible") {
      // That library puts an empty entry in the place of a change that it refuses.
      core.propose([new Uint8Array()]);
      return [];
    }
    return this.#compareAnswer(want, result.kind);
  }

  #sendSnapshot(from: ReplicaId, to: ReplicaId): void {
    const { replica } = this.#at(from);
    const { term } = replica.core.status();
    const snapshot = this.#shelf.put(replica.state);
    const message: Message = { kind: "snapshot", from, to, term, snapshot };
    this.#parcels.push({ kind: "message", to, message });
  }

  #deliver({ options }: ScriptCommand, ids: readonly ReplicaId[]): void {
    const type = options.get("type")?.[0];
    for (const id of ids) this.#deliverTo(id, type);
    const dropped = (options.get("drop") ?? []).map(Number);
    this.#parcels = this.#parcels.filter((parcel) => !dropped.includes(parcel.to));
  }

  #deliverTo(id: ReplicaId, type?: string): boolean {
    const fits = (parcel: Parcel) =>
      parcel.to === id &&
      (type === undefined ||
        (parcel.kind === "message" && parcel.message.kind === MESSAGE_NAMES[type]));
    const parcels = this.#parcels.filter(fits);
    this.#parcels = this.#parcels.filter((parcel) => !fits(parcel));
    const { core } = this.#at(id).replica;
    for (const parcel of parcels)
      switch (parcel.kind) {
        case "message":
          assert(core.step(parcel.message) === undefined, "what the others say is true");
          break;
        case "stored":
          core.stored(parcel.token);
          break;
        case "applied":
          core.applied(parcel.index);
          break;
        default:
          unreachable(parcel);
      }
    return parcels.length > 0;
  }

  #processReady(actor: Actor): void {
    const { replica } = actor;
    if (!replica.core.hasReady()) return;
    const tasksBefore = replica.tasks.length;
    const ready = replica.pump();
    if (ready === undefined) return;
    actor.handed.push(...ready.committed);
    if (actor.asynchronous) {
      this.#sendVotesEarly(replica, tasksBefore);
      return;
    }
    while (replica.tasks.length > 0) replica.write();
    while (replica.batches.length > 0) replica.apply();
    this.#applyAtOnce(actor, ready);
  }

  /**
   * That library lets what has just been written be applied in the same ready; this core hands it
   * out in the next one.
   */
  #applyAtOnce(actor: Actor, ready: Ready): void {
    const { replica } = actor;
    const { role, committed, applied, synced } = replica.core.status();
    const only = ready.append !== undefined && role === "follower";
    if (only && Math.min(committed, synced) > applied) this.#processReady(actor);
  }

  /** That library sends requests for votes at once. Nobody crashes in these scripts. */
  #sendVotesEarly(replica: TestReplica, tasksBefore: number): void {
    const task = replica.tasks[tasksBefore];
    if (task === undefined) return;
    for (const message of task.messagesAfter) if (message.kind === "vote") replica.send(message);
    const messagesAfter = task.messagesAfter.filter((message) => message.kind !== "vote");
    replica.tasks[tasksBefore] = { ...task, messagesAfter };
  }

  #processAppend({ replica }: Actor): void {
    const task: AppendTask | undefined = replica.writeSilently();
    if (task === undefined) return;
    for (const message of task.messagesAfter) replica.send(message);
    this.#parcels.push({ kind: "stored", to: replica.id, token: task.token });
  }

  #processApply({ replica }: Actor): void {
    const index = replica.applySilently();
    if (index !== undefined) this.#parcels.push({ kind: "applied", to: replica.id, index });
  }

  #stabilize(ids: readonly ReplicaId[]): void {
    // A script that talks in a circle would never end.
    for (let round = 0; round < 1_000; round += 1) {
      let done = true;
      for (const id of ids)
        if (this.#at(id).replica.core.hasReady()) {
          this.#processReady(this.#at(id));
          done = false;
        }
      for (const id of ids) if (this.#deliverTo(id)) done = false;
      for (const id of ids)
        while (this.#at(id).asynchronous && this.#at(id).replica.tasks.length > 0) {
          this.#processAppend(this.#at(id));
          done = false;
        }
      for (const id of ids)
        while (this.#at(id).asynchronous && this.#at(id).replica.batches.length > 0) {
          this.#processApply(this.#at(id));
          done = false;
        }
      if (done) return;
    }
    assert(false, "the script does not come to rest");
  }
}

const ELECTION_TICKS = 3;

interface Trace {
  hardState: string | undefined;
  softState: string | undefined;
  readonly committed: string[];
}

/** What a trace shows of each replica: the last hard and soft state, and all entries to apply. */
function readTrace(lines: readonly string[]): Map<ReplicaId, Trace> {
  const traces = new Map<ReplicaId, Trace>();
  let trace: Trace | undefined;
  let section = "";
  for (const raw of lines) {
    const head = /^> (\d+) (handling Ready|.*)$/.exec(raw);
    if (head !== null) {
      const id = Number(head[1]);
      const known = traces.get(id) ?? { hardState: undefined, softState: undefined, committed: [] };
      traces.set(id, known);
      trace = head[2] === "handling Ready" ? known : undefined;
      section = "";
      continue;
    }
    if (trace === undefined || !raw.startsWith("  ")) continue;
    const line = raw.slice(2);
    if (line.startsWith("HardState ")) trace.hardState = line;
    else if (line.startsWith("Lead:")) trace.softState = line;
    else if (/^(Entries|CommittedEntries|Messages):$/.test(line)) section = line;
    else if (section === "CommittedEntries:" && /^\d+\/\d+ Entry/.test(line))
      trace.committed.push(line.trimEnd());
  }
  return traces;
}

function logLines(replica: TestReplica): string[] {
  const { disk } = replica;
  if (disk.entries.length === 0)
    return [`log is empty: first index=${disk.lastIndex + 1}, last index=${disk.lastIndex}`];
  return disk.entries.map(entryLine);
}

function entryLine(entry: Entry): string {
  const head = `${entry.term}/${entry.index}`;
  switch (entry.kind) {
    case "empty":
      return `${head} EntryNormal ""`;
    case "normal":
      return `${head} EntryNormal ${JSON.stringify(textOf(entry.data))}`;
    case "config": {
      const { changes, context } = entry.change;
      const name = textOf(context) === "v1" ? "EntryConfChange" : "EntryConfChangeV2";
      const steps = changes.map(({ type, replica }) => `${LETTERS[type]}${replica}`);
      return [head, name, ...steps].join(" ");
    }
  }
}

const LETTERS = {
  "add-voter": "v",
  "add-learner": "l",
  remove: "r",
  update: "u",
} as const satisfies Record<ConfigStep["type"], string>;

function stepOf(word: string): ConfigStep {
  const replica = Number(word.slice(1));
  if (word.startsWith("v")) return { type: "add-voter", replica };
  if (word.startsWith("l")) return { type: "add-learner", replica };
  return { type: word.startsWith("r") ? "remove" : "update", replica };
}

function transitionOf(name: string | undefined): ConfigChange["transition"] {
  if (name === "implicit") return "joint-implicit";
  return name === "explicit" ? "joint-explicit" : "auto";
}

function stateLine({ core, id }: TestReplica): string {
  const { role, configuration, term, leader } = core.status();
  const voter = configuration.voters.includes(id) || configuration.votersOutgoing.includes(id);
  const kind = voter ? "Voter" : "Non-Voter";
  return `${id}: ${ROLES[role]} (${kind}) Term:${term} Lead:${leader ?? 0}`;
}

function statusLines({ core }: TestReplica): string[] {
  return core.status().members.map((member) => {
    let line = `${member.id}: ${PROGRESS[member.state]} match=${member.match} next=${member.next}`;
    if (member.learner) line += " learner";
    if (member.paused) line += " paused";
    if (member.pendingSnapshot > 0) line += ` pendingSnap=${member.pendingSnapshot}`;
    if (!member.recentActive) line += " inactive";
    if (member.inflightMessages > 0)
      line += ` inflight=${member.inflightMessages}${member.inflightFull ? "[full]" : ""}`;
    return line;
  });
}
