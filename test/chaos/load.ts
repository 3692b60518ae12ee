/** Clients that submit at full speed to nodes chosen at random, each following its request to the end. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { JobxClient } from "../../src/api/client.ts";
import { RemoteError } from "../../src/api/transport.ts";
import { errorText } from "../../src/std/errors.ts";
import { Chance } from "../sim/chance.ts";
import type { ChaosNodes } from "./chaos-nodes.ts";
import type { Ledger, Submission } from "./ledger.ts";
import { attemptProblems, drawWork, endProblems, JOB } from "./work.ts";

/** What a client waits for a node while others are killed and paused; a paused one says nothing. */
const PATIENCE_MS = 3_000;
/** One call with its repetitions; it is begun anew then. */
const CALL_MS_MAX = 20_000;
/** How long a node is asked to wait for a request's end. */
const WAIT_MS = 1_000;
const AGAIN_MS = 200;
/** A request of ours has nine attempts, and one more for each node that died with one. */
const ATTEMPTS_MAX = 1_000;

export interface LoadDeps {
  readonly nodes: ChaosNodes;
  readonly ledger: Ledger;
  readonly seed: number;
  /** Requests that are open at once. */
  readonly clients: number;
}

/** Whom a client asks, in an order of chance. */
interface Asking {
  readonly chance: Chance;
  readonly numbers: readonly number[];
  /** Storms that had begun when the submission was. */
  readonly storms: number;
}

/** Runs from its making until it is told to stop. */
export class Load {
  readonly #deps: LoadDeps;
  #stopped = false;
  readonly #clients: readonly Promise<void>[];
  readonly #more: Promise<void>[] = [];
  #calm = false;
  #storms = 0;
  #count = 0;
  #gaveUp = false;
  readonly #token: string;

  constructor(deps: LoadDeps) {
    this.#deps = deps;
    this.#token = deps.nodes.token;
    this.#clients = Array.from({ length: deps.clients }, (_, at) =>
      this.#run(Chance.of(deps.seed, `client ${at}`)),
    );
  }

  /**
   * Whether nodes are only stopped in order, or for a moment. What is submitted then must lose no attempt;
   * and clients give each node the time that clients usually do.
   */
  set calm(calm: boolean) {
    this.#calm = calm;
    if (!calm) this.#storms += 1;
  }

  /** Submits nothing more, and waits until everything has ended, at most for so long. */
  async stop(msMax: number): Promise<void> {
    this.#stopped = true;
    const timer = setTimeout(() => {
      this.#gaveUp = true;
    }, msMax);
    await Promise.all(this.#clients);
    await Promise.all(this.#more);
    clearTimeout(timer);
  }

  /** One submission more, at this node and no other; returns when it is acknowledged. */
  async submitAt(number: number, chance: Chance): Promise<void> {
    const at = { chance, numbers: [number], storms: this.#storms };
    const submission = this.#begin(chance);
    const id = await this.#submit(submission, at);
    if (id !== undefined) this.#more.push(this.#follow(submission, id, at));
  }

  async #run(chance: Chance): Promise<void> {
    const { numbers } = this.#deps.nodes;
    while (!this.#stopped) {
      const at = { chance, numbers, storms: this.#storms };
      const submission = this.#begin(chance);
      const id = await this.#submit(submission, at);
      if (id !== undefined) await this.#follow(submission, id, at);
    }
  }

  #begin(chance: Chance): Submission {
    this.#count += 1;
    return this.#deps.ledger.begin({
      key: `${this.#deps.seed}-${this.#count}`,
      work: drawWork(chance),
      startMs: performance.now(),
      calm: this.#calm,
    });
  }

  async #follow(submission: Submission, id: string, at: Asking): Promise<void> {
    if ((await this.#end(submission, id, at)) === true) await this.#look(submission, id, at);
  }

  /** Tries until it is acknowledged, always under the same key. */
  #submit(submission: Submission, at: Asking): Promise<string | undefined> {
    const { workflow, salt, leaves, pauseMs } = submission.work;
    return this.#insist(at, async (client) => {
      const { request } = await client.submit({
        workflow,
        job: JOB,
        arguments: [["of", { salt, leaves, pauseMs }]],
        idempotencyKey: submission.key,
      });
      this.#deps.ledger.acknowledged(submission, request, performance.now());
      return request;
    });
  }

  /** Waits for its end, and holds its result against the right one. */
  #end(submission: Submission, id: string, at: Asking): Promise<boolean | undefined> {
    return this.#insist(at, async (client) => {
      const view = await client.request(id, { waitMs: WAIT_MS, withResult: true });
      if (view.endedAt === null) return undefined;
      const { ledger } = this.#deps;
      ledger.ended(submission, view.endedAt, performance.now());
      const problems = endProblems(submission.work, view);
      for (const problem of problems) ledger.problem(problem);
      return problems.length === 0;
    });
  }

  /** Looks at its attempts. */
  #look({ work, calm }: Submission, id: string, at: Asking): Promise<boolean | undefined> {
    return this.#insist(at, async (client) => {
      const { attempts, truncated } = await client.attempts(id, { limit: ATTEMPTS_MAX });
      const { ledger } = this.#deps;
      if (truncated) ledger.problem(`${id} has more than ${ATTEMPTS_MAX} attempts`);
      const mayLose = !calm || at.storms !== this.#storms;
      for (const problem of attemptProblems(id, attempts, { work, mayLose }))
        ledger.problem(problem);
      return true;
    });
  }

  /** Asks nodes in an order of chance until one gives an answer that is there; undefined when given up. */
  async #insist<Answer>(
    at: Asking,
    ask: (client: JobxClient) => Promise<Answer | undefined>,
  ): Promise<Answer | undefined> {
    while (!this.#gaveUp) {
      try {
        const answer = await ask(this.#client(at));
        if (answer !== undefined) return answer;
      } catch (error) {
        // A refusal that another try will not change is a finding; all else is what storms bring.
        if (error instanceof RemoteError && isFinal(error.details.status)) {
          this.#deps.ledger.problem(`refused: ${error.details.code} ${errorText(error)}`);
          return undefined;
        }
        await sleep(AGAIN_MS);
      }
    }
    return undefined;
  }

  #client({ chance, numbers }: Asking): JobxClient {
    const { nodes } = this.#deps;
    const order = chance.sample(numbers, numbers.length);
    const deps = {
      fetch: this.#calm ? fetch : impatientFetch,
      clock: { nowMs: () => performance.now() },
      sleep: (ms: number) => sleep(ms),
      randomKey: () => randomUUID(),
    };
    const urls = order.map((number) => nodes.api(number));
    return new JobxClient(deps, { urls, token: this.#token, deadlineMs: CALL_MS_MAX });
  }
}

function isFinal(status: number): boolean {
  return status < 500 && status !== 429;
}

/** Goes on to another node when one says nothing for long. */
const impatientFetch: typeof fetch = (input, init) => {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const signals = [
    patience,
    ...(init?.signal === undefined || init.signal === null ? [] : [init.signal]),
  ];
  return fetch(input, { ...init, signal: AbortSignal.any(signals) });
};
