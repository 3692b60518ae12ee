/** A workflow's rows as they were at one moment, held open at its leader, read as its tree is read at any time. */
import { type AnswerOf, answerAs } from "../../actors/answers.ts";
import type { ClusterNode } from "../../actors/cluster-node.ts";
import type { HeldRowsCall } from "../../actors/ports.ts";
import type { Router } from "../../actors/router.ts";
import { type FileCall, stepDeadline, TreeReader } from "./tree-reader.ts";

/** Keys of one call: what the leader answers at once. */
const KEYS_IN_CALL = 256;

/** Who asks the leader of a group. */
export type LeaderAsker = Pick<Router, "ask">;

export class Moment {
  /** Reads the tree of the moment. */
  readonly reader: TreeReader;
  readonly #router: LeaderAsker;
  readonly #call: FileCall;
  readonly #number: number;

  /** Use `hold`. */
  constructor(router: LeaderAsker, call: FileCall, number: number) {
    this.#router = router;
    this.#call = call;
    this.#number = number;
    this.reader = new TreeReader({ read: (_group, wanted) => this.#read(wanted) });
  }

  /** The present one. @throws {JobxError} `COLLECTION_BUSY`, `COLLECTION_GONE`, and those of reads. */
  static async hold(router: LeaderAsker, call: FileCall): Promise<Moment> {
    const { moment } = await askFor(router, call, { moment: 0, keys: [], scan: undefined });
    return new Moment(router, call, moment);
  }

  /** Nobody waits for it: one that is not let go of is so after a while. */
  release(): void {
    const rest = { moment: this.#number, keys: [], scan: undefined, done: true };
    askFor(this.#router, this.#call, rest).catch(() => undefined);
  }

  async #read({ keys, scan }: Parameters<ClusterNode["read"]>[1]): Promise<AnswerOf<"rows">> {
    const values: AnswerOf<"rows">["values"][number][] = [];
    const ask = (part: Pick<HeldRowsCall, "keys" | "scan">): Promise<AnswerOf<"held-rows">> =>
      askFor(this.#router, this.#call, { moment: this.#number, ...part });
    for (let at = 0; at < keys.length; at += KEYS_IN_CALL) {
      const part = { keys: keys.slice(at, at + KEYS_IN_CALL), scan: undefined };
      values.push(...(await ask(part)).values);
    }
    const { scanned, more } =
      scan === undefined ? { scanned: [], more: false } : await ask({ keys: [], scan });
    return { kind: "rows", values, scanned, more, term: 0, appliedIndex: 0 };
  }
}

async function askFor(
  router: LeaderAsker,
  call: FileCall,
  what: Pick<HeldRowsCall, "moment" | "keys" | "scan"> & { readonly done?: boolean },
): Promise<AnswerOf<"held-rows">> {
  const { group } = call;
  const { done = false } = what;
  const asked = { kind: "held-rows", group, ...what, done } as const;
  return answerAs("held-rows", await router.ask(group, asked, stepDeadline(call).leftMs()));
}
