/**
 * Those who use the cluster from outside: they ask any node, repeat what was not answered with the
 * same key, and know what the answer must be.
 */
import { hash } from "node:crypto";
import type { ClusterNode } from "../../src/actors/cluster-node.ts";
import type { Call, CallAnswer } from "../../src/actors/ports.ts";
import type { Command } from "../../src/scheduler/commands.ts";
import { keys } from "../../src/scheduler/keys.ts";
import type { Answer, RequestRow } from "../../src/scheduler/rows.ts";
import { requestId } from "../../src/scheduler/unit.ts";
import { isJobxError } from "../../src/std/errors.ts";
import type { Dataset } from "../../src/wire/dataset.ts";
import type { Chance } from "./chance.ts";
import type { SimHost } from "./host.ts";
import { drawTree, FAMILIES, type Family, isPoisoned, type Tree, treeToJson } from "./job-tree.ts";
import { expectedOf, type Partitions } from "./model.ts";
import { inlineDataset, type KeyValue, pairsOfBytes } from "./pairs.ts";
import { promise, Violation, type World } from "./world.ts";

/** A node is given so long before another one is asked. */
const ASK_MS = 5_000;

/** A workflow that requests are sent to. */
export interface SimWorkflow {
  readonly name: string;
  readonly group: number;
}

/** What the simulated handlers fail with. */
const UNIT_FAILURES: readonly string[] = ["SIM_POISONED", "HANDLER_FAILED", "HANDLER_TIMEOUT"];

export interface ClientOptions {
  readonly world: World;
  readonly hosts: readonly SimHost[];
  readonly workflow: SimWorkflow;
  readonly partitions: Partitions;
  /** Lets the poisoned leaves of a request work. */
  readonly heal: (request: string) => void;
  /** The last row of a request that ended and was not found since. */
  readonly missed: (group: number, request: number) => RequestRow | undefined;
  /** Says that it is going to remove the request. */
  readonly removes: (group: number, request: number) => void;
  /** Whether requests are removed by themselves some time after their end. */
  readonly expire: boolean;
}

/** Asks nodes at random until one answers. */
export class Asker {
  readonly #world: World;
  readonly #hosts: readonly SimHost[];
  readonly #chance: Chance;
  readonly #asks: (host: SimHost) => boolean;

  /** `asks`: whom; all without it. */
  constructor(
    world: World,
    hosts: readonly SimHost[],
    label: string,
    asks: (host: SimHost) => boolean = () => true,
  ) {
    this.#world = world;
    this.#hosts = hosts;
    this.#asks = asks;
    this.#chance = world.chance(`asker ${label}`);
  }

  /** Repeats the question until something other than undefined comes back. */
  async until<T>(ask: (node: ClusterNode) => Promise<T | undefined>): Promise<T> {
    for (;;) {
      const answer = await this.once(ask);
      if (answer !== undefined) return answer;
      await this.#world.loop.sleep(this.#chance.between(50, 800));
    }
  }

  /** Undefined when nothing came in time, as from a node that died, or no node is up. */
  async once<T>(ask: (node: ClusterNode) => Promise<T | undefined>): Promise<T | undefined> {
    const up = this.#hosts.filter((host) => host.node !== undefined && this.#asks(host));
    return up.length === 0 ? undefined : this.#askHost(this.#chance.pick(up), ask);
  }

  /** Asks all nodes that are up at once, and waits for none. */
  everyone(ask: (node: ClusterNode) => Promise<undefined>): void {
    for (const host of this.#hosts) void this.#askHost(host, ask);
  }

  #askHost<T>(
    host: SimHost,
    ask: (node: ClusterNode) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    return new Promise((resolve) => {
      const { node, process } = host;
      if (node === undefined || process === undefined) {
        resolve(undefined);
        return;
      }
      const timer = this.#world.loop.after(ASK_MS + 1_000, () => resolve(undefined));
      process.enter(() => {
        ask(node).then(
          (answer) => {
            timer.cancel();
            resolve(answer);
          },
          (error: unknown) => {
            if (error instanceof Violation) this.#world.violate(error);
            timer.cancel();
            resolve(undefined);
          },
        );
      });
    });
  }
}

/** A command through the router of a node; undefined when it has to be repeated. */
export async function answerOf(
  node: ClusterNode,
  group: number,
  call: Call,
): Promise<CallAnswer | undefined> {
  try {
    return await node.router.ask(group, call, ASK_MS);
  } catch {
    // Every error of the router allows to ask again with the same key.
    return undefined;
  }
}

/** Codes after which a command had no effect, as docs/errors.md says. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  "COMMAND_NOT_ACCEPTED",
  "COMMAND_QUEUE_FULL",
  "NO_MAJORITY",
]);

/**
 * A command without a key, through one node as its API sends it: it can be asked for once only.
 * Undefined when nobody knows what became of it.
 */
export function commandOnce(
  asker: Asker,
  group: number,
  command: Command,
): Promise<Answer | { readonly kind: "no effect" } | undefined> {
  return asker.once(async (node) => {
    const id = { kind: "entry", ...node.nextSequence(group) } as const;
    const call: Call = { kind: "command", group, envelope: { id, command } };
    try {
      const answer = await node.router.ask(group, call, ASK_MS);
      return answer.kind === "answered" ? answer.answer : undefined;
    } catch (error) {
      if (!isJobxError(error)) throw error;
      return WITHOUT_EFFECT.has(error.code) ? { kind: "no effect" } : undefined;
    }
  });
}

export class SimClient {
  readonly #options: ClientOptions;
  readonly #asker: Asker;
  readonly #chance: Chance;
  readonly #name: string;
  readonly #family: Family;
  readonly #tree: Tree;
  #stage = "not begun";

  constructor(options: ClientOptions, name: string) {
    this.#options = options;
    this.#name = name;
    this.#asker = new Asker(options.world, options.hosts, name);
    const chance = options.world.chance(`client ${name}`);
    this.#chance = chance;
    this.#family = chance.pick(FAMILIES);
    const poisonRatio = chance.hits(0.3) ? 0.1 : 0;
    this.#tree = drawTree(chance, { depth: chance.whole(0, 2), poisonRatio });
  }

  /** What it waits for; undefined when it has nothing more to ask. */
  get waitsFor(): string | undefined {
    return this.#stage === "done" ? undefined : `client ${this.#name} in ${this.#stage}`;
  }

  /** One request from submission to its checked end. */
  async run(): Promise<void> {
    const { world } = this.#options;
    const keyless = await this.#submitWithoutKey();
    const request = keyless ?? (await this.#submit());
    world.totals.requests += 1;
    world.trace.note(`client ${this.#name}: request ${request} acknowledged (${this.#family})`);
    if (this.#chance.hits(0.2) && keyless === undefined) {
      const again = await this.#submit();
      promise(again === request, `the key of request ${request} gave request ${again}`);
    }
    const cancels = this.#chance.hits(0.1);
    if (cancels) {
      await world.loop.sleep(this.#chance.between(0, 2_000));
      await this.#command("cancel", { kind: "cancel", request });
    }
    const row = await this.#end(request);
    this.#check(row, request, cancels);
    await this.#remove(request);
    world.trace.note(`client ${this.#name}: request ${request} ${row.state}`);
    this.#stage = "done";
  }

  /** Now and then deletes what it has got, which nobody finds from then on. */
  async #remove(request: number): Promise<void> {
    const { world, expire, removes, workflow } = this.#options;
    if (!world.chance(`removal ${this.#name}`).hits(0.3)) return;
    removes(workflow.group, request);
    const answer = await this.#command("remove", { kind: "remove", request, expired: false });
    const row = await this.#row(request);
    promise(row === undefined, () => `request ${request} was removed, and is ${row?.state}`);
    if (answer.kind === "ok") world.totals.requestsRemoved += 1;
    else promise(expire, () => `removal of request ${request}: ${JSON.stringify(answer)}`);
  }

  async #submit(): Promise<number> {
    return requestOf(await this.#command("submit", this.#submission()));
  }

  /** Some have no key. Undefined for others, and when there is nothing but to ask anew. */
  async #submitWithoutKey(): Promise<number | undefined> {
    const { world, workflow } = this.#options;
    if (!world.chance(`keyless ${this.#name}`).hits(0.3)) return undefined;
    this.#stage = "submission without a key";
    const answer = await commandOnce(this.#asker, workflow.group, this.#submission());
    if (answer === undefined) world.totals.submissionsUnknown += 1;
    return answer === undefined || answer.kind === "no effect" ? undefined : requestOf(answer);
  }

  #submission(): Command {
    const data: Dataset = inlineDataset([["tree", treeToJson(this.#tree)]], "yield");
    return { kind: "submit", job: this.#family, arguments: data, keep: undefined };
  }

  #command(what: string, command: Command): Promise<Answer> {
    const { group } = this.#options.workflow;
    this.#stage = what;
    const bodyHash = hash("sha256", `${this.#name} ${what}`, "hex");
    const id = { kind: "key", key: `${this.#name}-${what}`, bodyHash } as const;
    return this.#asker.until(async (node) => {
      const call: Call = { kind: "command", group, envelope: { id, command } };
      const answer = await answerOf(node, group, call);
      return answer?.kind === "answered" ? answer.answer : undefined;
    });
  }

  async #end(request: number): Promise<RequestRow> {
    const { world, heal } = this.#options;
    for (let round = 0; ; round++) {
      const row = await this.#read(request);
      if (row.endedMs !== undefined) return row;
      if (row.state === "paused") {
        world.totals.requestsPaused += 1;
        heal(this.#id(request));
        // Somebody else's failure may have paused it again meanwhile, or the answer is late.
        await this.#command(`resume-${round}`, { kind: "resume", request });
      }
      await this.#wait(request);
    }
  }

  /** What was acknowledged is there, unless it was removed after its end. */
  async #read(request: number): Promise<RequestRow> {
    const { expire, missed, workflow } = this.#options;
    const row = await this.#row(request);
    if (row !== undefined) return row;
    const expired = expire ? missed(workflow.group, request) : undefined;
    promise(expired !== undefined, `request ${request} was acknowledged and is not there`);
    return expired;
  }

  /** Not older than the call. */
  async #row(request: number): Promise<RequestRow | undefined> {
    const { group } = this.#options.workflow;
    this.#stage = `read of request ${request}`;
    const { row } = await this.#asker.until(async (node) => {
      const wanted = { keys: [keys.request(request)] };
      const answer = await node.read(group, wanted, ASK_MS).catch(() => undefined);
      return answer === undefined ? undefined : { row: answer.values[0] };
    });
    return row?.kind === "request" ? row : undefined;
  }

  #wait(request: number): Promise<boolean> {
    const { group } = this.#options.workflow;
    this.#stage = `wait for request ${request}`;
    return this.#asker.until(async (node) => {
      const waitMs = this.#chance.whole(500, 3_000);
      const call = { kind: "wait", group, request, waitMs, knowsPaused: false } as const;
      const answer = await answerOf(node, group, call);
      return answer?.kind === "waited" ? true : undefined;
    });
  }

  #check(row: RequestRow, request: number, cancels: boolean): void {
    const { totals } = this.#options.world;
    if (row.state === "cancelled") {
      promise(cancels, `request ${request} was cancelled by nobody`);
      totals.requestsCancelled += 1;
      return;
    }
    const expected = expectedOf(this.#family, this.#tree, this.#options.partitions);
    const about = `request ${this.#id(request)} (${this.#family}, ${JSON.stringify(treeToJson(this.#tree))})`;
    if (row.state === "failed") {
      const code = row.failure?.error.code ?? "";
      // The last of a poisoned leaf's failures may be one by chance.
      promise(
        expected.kind === "failed" && UNIT_FAILURES.includes(code) && isPoisoned(this.#tree),
        () => `${about} failed: ${JSON.stringify(row.failure)}`,
      );
      totals.requestsFailed += 1;
      return;
    }
    promise(row.state === "succeeded", `${about} ended as ${row.state}`);
    promise(expected.kind === "pairs", `${about} succeeded and should have failed`);
    const got = JSON.stringify(this.#pairsOf(row.result ?? []));
    const wanted = JSON.stringify(expected.pairs);
    promise(got === wanted, () => `${about}: result ${got} instead of ${wanted}`);
  }

  #pairsOf(dataset: Dataset): readonly KeyValue[] {
    return dataset.flatMap((piece) => {
      if (piece.kind === "inline") return pairsOfBytes(piece.bytes);
      const holder = this.#options.hosts.find(({ blocks }) => blocks.hasSynced(piece.cid));
      const bytes = holder?.blocks.get(piece.cid);
      promise(bytes !== undefined, `the run ${piece.cid} of a result is nowhere`);
      return pairsOfBytes(bytes);
    });
  }

  #id(request: number): string {
    const { name, group } = this.#options.workflow;
    return requestId(name, group, request);
  }
}

function requestOf(answer: Answer): number {
  promise(answer.kind === "request", () => `a submission was answered ${JSON.stringify(answer)}`);
  return answer.request;
}
