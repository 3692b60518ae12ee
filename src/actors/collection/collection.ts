/** A node's part in collecting blocks: its own collector, answers to those of others, and moments that are held. */
import type { AnswerOf, RowsWanted } from "../answers.ts";
import { BlockDrops } from "../block-drops.ts";
import type { Caller } from "../caller.ts";
import type { CodedCall } from "../coded-calls.ts";
import { ActorError } from "../errors.ts";
import { freshVersion } from "../fresh-version.ts";
import type { GroupHost } from "../group-host.ts";
import type { ClusterNodeDeps } from "../node-deps.ts";
import type { Call, CallAnswer } from "../ports.ts";
import type { Router } from "../router.ts";
import type { SystemGroup } from "../system-group.ts";
import { type CopiesGround, wantedCopies } from "../wanted-copies.ts";
import { heirsAmong } from "../whom-to-ask.ts";
import { BlockCollector } from "./collector.ts";
import type { HeldMomentsDeps } from "./held-moments.ts";
import { HeldReads } from "./held-reads.ts";
import { RunScans } from "./run-scans.ts";

/** A collector that gets no answer keeps everything, and asks again in the next round. */
const DEADLINE_MS = 10_000;

/** The parts of the node that it asks. */
export interface CollectorParts {
  readonly host: Pick<GroupHost, "touch">;
  readonly system: SystemGroup;
  readonly router: Router;
  readonly caller: Pick<Caller, "ask">;
  readonly directory: CopiesGround["directory"];
  readonly workflow: HeldMomentsDeps["workflow"];
  readonly read: (group: number, what: RowsWanted, deadlineMs: number) => Promise<AnswerOf<"rows">>;
}

export class Collection {
  readonly #collector: BlockCollector;
  readonly #scans: RunScans;
  readonly #reads: HeldReads;
  readonly #host: CollectorParts["host"];
  readonly #runs: ClusterNodeDeps["runs"];
  readonly #drops: BlockDrops;

  constructor(deps: ClusterNodeDeps, parts: CollectorParts) {
    const { clock, timers, random, states } = deps;
    this.#host = parts.host;
    this.#runs = deps.runs;
    this.#drops = new BlockDrops({
      runs: deps.runs,
      caller: parts.caller,
      wanted: (cids) => wantedCopies(cids, parts),
    });
    this.#collector = newCollector(deps, parts);
    const moments: HeldMomentsDeps = {
      ...{ clock, timers, random, states },
      workflow: (group) => parts.workflow(group),
    };
    this.#scans = new RunScans(moments);
    this.#reads = new HeldReads(moments);
  }

  start(): void {
    this.#collector.start();
  }

  stop(): void {
    this.#collector.stop();
    this.#scans.stop();
    this.#reads.stop();
  }

  /** Answers other nodes. Rejects with what `RunScans.serve` and `HeldReads.serve` reject with. */
  async serve(
    call: Extract<Call, { readonly kind: "collect" | "run-references" | "held-rows" }> | CodedCall,
  ): Promise<CallAnswer> {
    switch (call.kind) {
      case "rebuild-blocks":
        return { kind: "blocks", here: await this.#runs.coded.rebuild(call) };
      case "keep-blocks":
        return { kind: "blocks", here: await this.#drops.keep(call.cids) };
      case "drop-blocks":
        return { kind: "blocks", here: await this.#drops.drop(call.cids, call.keepers) };
      case "collect":
      case "run-references":
      case "held-rows":
        return this.#serveReading(call);
    }
  }

  async #serveReading(
    call: Extract<Call, { readonly kind: "collect" | "run-references" | "held-rows" }>,
  ): Promise<CallAnswer> {
    if (call.kind === "collect") {
      return { kind: "collected", report: await this.#collector.collect(call) };
    }
    this.#host.touch(call.group);
    return call.kind === "held-rows" ? this.#reads.serve(call) : this.#scans.serve(call);
  }
}

function newCollector(deps: ClusterNodeDeps, parts: CollectorParts): BlockCollector {
  const { clock, timers, log, random, runs, bugs, options, mesh, onCollected } = deps;
  const { directory } = parts.system;
  return new BlockCollector({
    ...{ clock, timers, log, random, runs, bugs, options: options.collection },
    read: (group, what) => parts.read(group, what, DEADLINE_MS),
    ask: (group, call, deadlineMs) => parts.router.ask(group, call, deadlineMs),
    nodes: () => heirsAmong(directory.members(), mesh),
    groups: async () => {
      const { host, system } = parts;
      if ((await freshVersion({ timers, host, system }, DEADLINE_MS)) !== undefined) {
        return directory.workflows().map(({ group }) => group);
      }
      throw new ActorError({ code: "NO_MAJORITY" }, "nobody says which workflows there are");
    },
    onRound: onCollected,
  });
}
