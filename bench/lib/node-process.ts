/** A node in a process of its own: the same program as `jobx-node`, asked over the channel of `fork`. */
import { writeFile } from "node:fs/promises";
import { Session } from "node:inspector/promises";
import type { ClusterNode } from "../../src/actors/cluster-node.ts";
import type { Replica } from "../../src/actors/replica.ts";
import { createLog } from "../../src/node/log.ts";
import { type RunningNode, startNode } from "../../src/node/node.ts";
import type { CommandId, Envelope } from "../../src/scheduler/commands.ts";
import type { Effect } from "../../src/scheduler/effects.ts";
import type { Row } from "../../src/scheduler/rows.ts";
import { unreachable } from "../../src/std/assert.ts";
import { errorText } from "../../src/std/errors.ts";
import { closedLoop } from "./loop.ts";
import { NamedLoop } from "./named-loop.ts";
import { isNumbered, type NodeAnswer, type NodeAsk } from "./protocol.ts";

/** Microseconds between two samples of a profile. */
const SAMPLE_MICROSECONDS = 200;

class NodeProcess {
  #running: RunningNode | undefined;
  #profiler: Session | undefined;

  async answer(ask: NodeAsk): Promise<NodeAnswer> {
    switch (ask.kind) {
      case "start": {
        const log = createLog(ask.config.logLevel, { name: ask.config.name });
        this.#running = await startNode(ask.config, { version: "bench", log });
        return { kind: "started", id: this.#running.id, api: this.#running.apiUrl };
      }
      case "where":
        return this.#where(ask.workflow);
      case "propose":
        return this.#propose(ask);
      case "commit": {
        const { router } = this.#node;
        const envelope = { id: this.#nextId(ask.group), command: noop(1) };
        const call = { kind: "command", group: ask.group, envelope } as const;
        await router.ask(ask.group, call, ask.deadlineMs);
        return { kind: "done" };
      }
      case "named-add":
        return { kind: "named", result: await this.#named(ask.group).add(ask.units) };
      case "named-ripen":
        return { kind: "named", result: await this.#named(ask.group).ripen(ask.units) };
      case "named-drain":
        return { kind: "named", result: await this.#named(ask.group).drain(ask.units) };
      case "profile-start": {
        const session = new Session();
        session.connect();
        await session.post("Profiler.enable");
        await session.post("Profiler.setSamplingInterval", { interval: SAMPLE_MICROSECONDS });
        await session.post("Profiler.start");
        this.#profiler = session;
        return { kind: "done" };
      }
      case "profile-stop": {
        if (this.#profiler === undefined) throw new Error("no profile was begun");
        const { profile } = await this.#profiler.post("Profiler.stop");
        this.#profiler.disconnect();
        this.#profiler = undefined;
        await writeFile(ask.file, JSON.stringify(profile));
        return { kind: "done" };
      }
      default:
        return unreachable(ask);
    }
  }

  get #node(): ClusterNode {
    if (this.#running === undefined) throw new Error("the node was not started");
    return this.#running.cluster;
  }

  #nextId(group: number): CommandId {
    return { kind: "entry", ...this.#node.nextSequence(group) };
  }

  #where(workflow: string): NodeAnswer {
    const row = this.#node.directory.workflows().find(({ name }) => name === workflow);
    if (row === undefined) throw new Error("the workflow is not known here");
    const replica = this.#node.workflow(row.group)?.replica;
    return {
      kind: "placed",
      group: row.group,
      leads: replica?.leadingTerm !== undefined,
      appliedIndex: replica?.appliedIndex ?? 0,
      voters: replica?.membership.configuration.voters.length ?? 0,
    };
  }

  #named(group: number): NamedLoop {
    return new NamedLoop(this.#replica(group), () => this.#nextId(group));
  }

  #replica(group: number): Replica<Row, Envelope, Effect> {
    const replica = this.#node.workflow(group)?.replica;
    if (replica === undefined) throw new Error("the group has no replica here");
    return replica;
  }

  async #propose(ask: Extract<NodeAsk, { kind: "propose" }>): Promise<NodeAnswer> {
    const replica = this.#replica(ask.group);
    const command = noop(ask.bytes);
    const { proposers: callers, warmMs, measureMs } = ask;
    const first = replica.appliedIndex;
    const loop = await closedLoop(() => replica.propose({ id: this.#nextId(ask.group), command }), {
      callers,
      warmMs,
      measureMs,
    });
    // Those of the warming are counted in entries, so the share is by time.
    const share = measureMs / (warmMs + measureMs);
    const entries = Math.round((replica.appliedIndex - first) * share);
    return { kind: "proposed", loop: { ...loop, entries } };
  }
}

function noop(bytes: number): { readonly kind: "noop"; readonly bytes: Uint8Array } {
  return { kind: "noop", bytes: new Uint8Array(bytes).fill(7) };
}

/** Answers until the one who asks is gone. */
export function runNodeProcess(): void {
  const node = new NodeProcess();
  process.on("message", (message: unknown) => {
    if (!isNumbered<NodeAsk>(message)) return;
    const { number, body } = message;
    node
      .answer(body)
      .catch((error: unknown): NodeAnswer => ({ kind: "failed", reason: errorText(error) }))
      .then((answer) => process.send?.({ number, body: answer }))
      .catch(() => process.exit(1));
  });
  process.on("disconnect", () => process.exit(0));
}
