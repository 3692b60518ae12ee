/**
 * Users who read a workflow's definitions and replace them, with the revision that they read, as the API
 * does: compare-and-swap. Some commands are sent once, and then perhaps nobody knows what became of them;
 * some are repeated under a key until they are answered, some through two nodes at once, and what was
 * answered is asked for again later.
 */
import { hash } from "node:crypto";
import type { ClusterNode } from "../../src/actors/cluster-node.ts";
import { keys, META_KEY } from "../../src/scheduler/keys.ts";
import type { Answer } from "../../src/scheduler/rows.ts";
import type { Chance } from "./chance.ts";
import type { Noted, NoteHistory, NoteOutput } from "./checkers/note-history.ts";
import { Asker, answerOf, commandOnce, type SimWorkflow } from "./client.ts";
import { definition, noteOf } from "./definition.ts";
import type { SimHost } from "./host.ts";
import type { Plan } from "./plan.ts";
import { promise, type World } from "./world.ts";

/** A node is given so long for one question. */
const ASK_MS = 5_000;

export interface NoteUserOptions {
  readonly world: World;
  readonly hosts: readonly SimHost[];
  readonly workflow: SimWorkflow;
  readonly plan: Plan;
  readonly history: NoteHistory;
  /** Nothing is begun from then on. */
  readonly endMs: number;
}

/** A write under a key, and what it was answered. */
interface KeyedWrite {
  readonly expected: Noted;
  readonly note: string;
  readonly output: NoteOutput;
}

export class NoteUser {
  readonly #options: NoteUserOptions;
  readonly #name: string;
  readonly #chance: Chance;
  readonly #asker: Asker;
  readonly #otherAsker: Asker;
  readonly #answered: KeyedWrite[] = [];
  #seen: Noted | undefined;
  #written = 0;

  constructor(options: NoteUserOptions, name: string) {
    const { world, hosts } = options;
    this.#options = options;
    this.#name = name;
    this.#chance = world.chance(`note user ${name}`);
    this.#asker = new Asker(world, hosts, name);
    this.#otherAsker = new Asker(world, hosts, `${name} again`);
  }

  /** Reads and writes until the end, and looks once more when all is well again. */
  async run(): Promise<void> {
    const { world, endMs } = this.#options;
    const chance = this.#chance;
    for (;;) {
      // Pauses are long enough for the group to go quiet, and bursts short enough to meet one fault.
      await world.loop.sleep(chance.hits(0.15) ? chance.between(4_000, 12_000) : this.#think());
      if (world.loop.nowMs() >= endMs) break;
      if (this.#seen === undefined || chance.hits(0.5)) await this.#read(true);
      else await this.#write(this.#seen);
      const known = chance.hits(0.1) ? this.#answered.at(-1) : undefined;
      if (known !== undefined) await this.#askAgain(known);
    }
    await this.#read(false);
    for (const write of this.#answered.slice(-2)) await this.#askAgain(write);
  }

  #think(): number {
    return this.#chance.between(50, 1_500);
  }

  async #read(once: boolean): Promise<void> {
    const { totals } = this.#options.world;
    const begun = this.#options.history.begin({ kind: "read" });
    const look = (node: ClusterNode) => this.#lookAt(node);
    const noted = once ? await this.#asker.once(look) : await this.#asker.until(look);
    this.#seen = noted;
    if (noted !== undefined) totals.noteReads += 1;
    begun.returned(noted === undefined ? undefined : { kind: "read", noted });
  }

  /** Whoever is asked from now on has to know what has just been written, on whatever side of a fault. */
  #glimpse(): void {
    const { history, workflow, world } = this.#options;
    this.#asker.everyone(async (node) => {
      const begun = history.begin({ kind: "read" });
      const [meta] = (await node.read(workflow.group, { keys: [META_KEY] }, ASK_MS)).values;
      promise(meta?.kind === "meta", `the workflow ${workflow.name} is there`);
      begun.returned({ kind: "glimpsed", revision: meta.plan });
      world.totals.noteReads += 1;
      return undefined;
    });
  }

  /** As `WorkflowWriter` reads them. */
  async #lookAt(node: ClusterNode): Promise<Noted> {
    const { group, name } = this.#options.workflow;
    for (;;) {
      const [meta] = (await node.read(group, { keys: [META_KEY] }, ASK_MS)).values;
      promise(meta?.kind === "meta", `the workflow ${name} is there`);
      const [plan] = (await node.read(group, { keys: [keys.plan(meta.plan)] }, ASK_MS)).values;
      // Else it was replaced between the two reads, and nobody had begun with it.
      if (plan?.kind === "plan") return { revision: meta.plan, note: noteOf(plan) };
    }
  }

  async #write(expected: Noted): Promise<void> {
    const { history, world } = this.#options;
    this.#written += 1;
    const note = `${this.#name} ${this.#written}`;
    const begun = history.begin({ kind: "write", expected, note });
    const kind = this.#chance.pick(["once", "once", "keyed", "keyed", "twice"] as const);
    const output =
      kind === "once"
        ? await this.#writeOnce(expected, note)
        : await this.#writeKeyed({ expected, note, twice: kind === "twice" });
    this.#seen = undefined;
    switch (output?.kind) {
      case undefined:
        world.totals.notesUnknown += 1;
        break;
      case "no effect":
        begun.withdrawn();
        return;
      case "written":
        world.totals.notesWritten += 1;
        this.#seen = { revision: output.revision, note };
        this.#glimpse();
        break;
      case "changed":
        world.totals.notesRefused += 1;
        break;
      case "read":
      case "glimpsed":
        throw new Error("a write is not answered with what is there");
    }
    begun.returned(output);
  }

  async #writeOnce(
    expected: Noted,
    note: string,
  ): Promise<NoteOutput | { readonly kind: "no effect" } | undefined> {
    const { group } = this.#options.workflow;
    const answer = await commandOnce(this.#asker, group, this.#command(expected, note));
    return answer === undefined || answer.kind === "no effect" ? answer : outputOf(answer);
  }

  async #writeKeyed(write: {
    readonly expected: Noted;
    readonly note: string;
    readonly twice: boolean;
  }): Promise<NoteOutput> {
    const { expected, note, twice } = write;
    const [output, other] = await Promise.all([
      this.#ask({ expected, note }),
      twice ? this.#ask({ expected, note }, this.#otherAsker) : undefined,
    ]);
    if (other !== undefined) this.#isSame(output, other);
    this.#answered.push({ expected, note, output });
    return output;
  }

  /** R15: the same key with the same body has the same answer, with another body it is a conflict. */
  async #askAgain({ expected, note, output }: KeyedWrite): Promise<void> {
    if (output.kind !== "written") return;
    this.#isSame(output, await this.#ask({ expected, note }));
    const answer = await this.#answer({ expected, note, bodyHash: "another" });
    promise(
      answer.kind === "refused" && answer.code === "IDEMPOTENCY_CONFLICT",
      () => `the key of note ${note} was used for something else: ${JSON.stringify(answer)}`,
    );
  }

  #isSame(one: NoteOutput, other: NoteOutput): void {
    promise(
      JSON.stringify(one) === JSON.stringify(other),
      () => `one key had two answers: ${JSON.stringify(one)} and ${JSON.stringify(other)}`,
    );
  }

  async #ask(write: Pick<KeyedWrite, "expected" | "note">, asker?: Asker): Promise<NoteOutput> {
    const { expected, note } = write;
    const bodyHash = hash("sha256", note, "hex");
    return outputOf(await this.#answer({ expected, note, bodyHash }, asker));
  }

  #answer(
    write: Pick<KeyedWrite, "expected" | "note"> & { readonly bodyHash: string },
    asker = this.#asker,
  ): Promise<Answer> {
    const { expected, note, bodyHash } = write;
    const { group } = this.#options.workflow;
    const id = { kind: "key", key: `note ${note}`, bodyHash } as const;
    const envelope = { id, command: this.#command(expected, note) };
    return asker.until(async (node) => {
      const answer = await answerOf(node, group, { kind: "command", group, envelope });
      return answer?.kind === "answered" ? answer.answer : undefined;
    });
  }

  #command(expected: Noted, note: string): ReturnType<typeof definition> {
    return definition(this.#options.plan, { revision: expected.revision, note, number: 1 });
  }
}

function outputOf(answer: Answer): NoteOutput {
  if (answer.kind === "revision") return { kind: "written", revision: answer.revision };
  promise(
    answer.kind === "refused" && answer.code === "DEFINITION_CHANGED",
    () => `new definitions were answered ${JSON.stringify(answer)}`,
  );
  return { kind: "changed" };
}
