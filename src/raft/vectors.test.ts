/**
 * The arithmetic of another Raft library, as text cases that are read where JOBX_RAFT_VECTORS says.
 * They are not part of this repository: without the variable the tests are skipped, with it they must
 * all be there and pass.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  type ConfigOutcome,
  type ConfigProblem,
  changeSimply,
  enterJoint,
  leaveJoint,
  membersOf,
} from "./configuration.ts";
import { jointIndex, jointVote } from "./quorum.ts";
import { type ConfigStep, type Configuration, EMPTY_CONFIGURATION } from "./types.ts";

const folder = process.env["JOBX_RAFT_VECTORS"];
const QUORUM_CASES = 127;
const CONFIG_CASES = 58;

interface VectorCase {
  readonly name: string;
  readonly head: string;
  readonly input: readonly string[];
  readonly want: string;
}

/** Cases of a file: comments, a command line, input lines, `----`, and the output up to a blank line. */
function casesOf(path: string): VectorCase[] {
  const cases: VectorCase[] = [];
  for (const block of readFileSync(path, "utf8").split(/\n\s*\n/)) {
    const lines = block.split("\n").filter((line) => !line.startsWith("#") && line !== "");
    const divider = lines.indexOf("----");
    if (divider < 1) continue;
    const [head = "", ...input] = lines.slice(0, divider);
    cases.push({
      name: `${path.split("/").at(-1)} ${cases.length + 1}: ${[head, ...input].join(" / ")}`,
      head,
      input,
      want: lines.slice(divider + 1).join("\n"),
    });
  }
  return cases;
}

function filesIn(name: string): string[] {
  const path = join(folder ?? "", name);
  return readdirSync(path)
    .sort()
    .map((file) => join(path, file));
}

/** `(1,2,_)` after `key=` as its parts; undefined if the key is missing. */
function listOf(head: string, key: string): string[] | undefined {
  const found = new RegExp(`\\b${key}=(\\(([^)]*)\\)|zero)`).exec(head);
  if (found === null) return undefined;
  return (found[2] ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function runQuorumCase({ head, want }: VectorCase): void {
  const voters = (listOf(head, "cfg") ?? []).map(Number);
  const votersOutgoing = (listOf(head, "cfgj") ?? []).map(Number);
  const halves = { voters, votersOutgoing };
  const values = listOf(head, "idx") ?? listOf(head, "votes") ?? [];
  // Values belong to the voters of both halves, in the order in which they are first named.
  const replicas = [...new Set([...voters, ...votersOutgoing])];
  const given = new Map(replicas.map((replica, position) => [replica, values[position] ?? "_"]));
  // The last line is the answer; the drawing above it is that library's own.
  const last = (want.split("\n").at(-1) ?? "").replace("<empty majority quorum>", "");
  if (head.startsWith("committed")) {
    const index = jointIndex(halves, (replica) => Number(given.get(replica)) || 0);
    expect(Number.isFinite(index) ? String(index) : "∞").toBe(last);
    return;
  }
  const votes = new Map<number, boolean>();
  for (const [replica, value] of given) if (value !== "_") votes.set(replica, value === "y");
  const words = { won: "VoteWon", lost: "VoteLost", pending: "VotePending" };
  expect(words[jointVote(halves, votes)]).toBe(last);
}

const TYPES: Readonly<Record<string, ConfigStep["type"]>> = {
  v: "add-voter",
  l: "add-learner",
  r: "remove",
  u: "update",
};

const PROBLEMS: Readonly<Record<ConfigProblem, string>> = {
  "already-joint": "config is already joint",
  "not-joint": "can't leave a non-joint config",
  "simple-while-joint": "can't apply simple config change in joint config",
  "no-voters-to-leave-from": "can't make a zero-voter config joint",
  "no-voters-left": "removed all voters",
  "several-voters-without-joint": "more than one voter changed without entering joint config",
};

/** The first index that would be sent to each member, fixed when it joined. */
class ConfigScript {
  #configuration: Configuration = EMPTY_CONFIGURATION;
  readonly #next = new Map<number, number>();
  #lastIndex = 0;

  run({ head, input }: VectorCase): string {
    const steps = input
      .join(" ")
      .split(" ")
      .filter((word) => word !== "")
      .map((word) => ({
        type: TYPES[word[0] ?? ""] ?? "update",
        replica: Number(word.slice(1)),
      }));
    const outcome = this.#change(head, steps);
    const text = outcome.kind === "impossible" ? PROBLEMS[outcome.problem] : this.#take(outcome);
    this.#lastIndex += 1;
    return text;
  }

  #change(head: string, steps: readonly ConfigStep[]): ConfigOutcome {
    if (head.startsWith("simple")) return changeSimply(this.#configuration, steps);
    if (head.startsWith("leave-joint")) return leaveJoint(this.#configuration);
    return enterJoint(this.#configuration, { steps, autoLeave: head.includes("autoleave=true") });
  }

  #take({ configuration }: { readonly configuration: Configuration }): string {
    this.#configuration = configuration;
    const { voters, votersOutgoing, learners, learnersNext } = configuration;
    const members = membersOf(configuration);
    for (const known of [...this.#next.keys()])
      if (!members.includes(known)) this.#next.delete(known);
    const list = (name: string, ids: readonly number[]) =>
      ids.length > 0 ? ` ${name}=(${ids.join(" ")})` : "";
    const joint = votersOutgoing.length > 0 ? `&&(${votersOutgoing.join(" ")})` : "";
    const lines = [
      `voters=(${voters.join(" ")})${joint}${list("learners", learners)}${list("learners_next", learnersNext)}${configuration.autoLeave ? " autoleave" : ""}`,
    ];
    for (const member of members) {
      const next = this.#next.get(member) ?? Math.max(this.#lastIndex, 1);
      this.#next.set(member, next);
      const learner = learners.includes(member) ? " learner" : "";
      lines.push(`${member}: StateProbe match=0 next=${next}${learner}`);
    }
    return lines.join("\n");
  }
}

if (folder === undefined) {
  console.log("raft vectors skipped: JOBX_RAFT_VECTORS does not name their folder");
  test.skip("the vectors of another Raft library hold here too", () => {});
} else {
  describe("quorum vectors", () => {
    const cases = filesIn("quorum").flatMap(casesOf);
    let ran = 0;
    for (const one of cases)
      test(one.name, () => {
        ran += 1;
        runQuorumCase(one);
      });
    test("all of them ran", () => {
      expect(ran).toBeGreaterThanOrEqual(QUORUM_CASES);
    });
  });

  describe("configuration vectors", () => {
    const files = filesIn("confchange").map(casesOf);
    let ran = 0;
    for (const cases of files) {
      const script = new ConfigScript();
      for (const one of cases)
        test(one.name, () => {
          ran += 1;
          expect(script.run(one)).toBe(one.want);
        });
    }
    test("all of them ran", () => {
      expect(ran).toBeGreaterThanOrEqual(CONFIG_CASES);
    });
  });
}
