import { beforeEach, describe, expect, test } from "vitest";
import {
  ACTIVE_MS,
  AWAY_S_MAX,
  FLOWS_MAX,
  FloodGate,
  HELD_PER_S_MAX,
  HELD_PER_S_MIN,
  LINE_MS_MAX,
  type NodeState,
  OVERLOADED_LOOKS,
  UNHELD_PER_S_MAX,
} from "./flood-gate.ts";
import type { Turn } from "./submission-gate.ts";

const LOOK_MS = 500;

/** A node whose workflows are asked for steadily, with looks in between. */
class Node {
  readonly gate = new FloodGate();
  readonly news: string[] = [];
  readonly turns = new Map<string, Turn[]>();
  nowMs = 0;

  /** Lets time pass; each workflow asks so often a second and takes no notice of what it is told. */
  run(looks: number, state: NodeState, perSecond: Readonly<Record<string, number>> = {}): void {
    this.turns.clear();
    for (let look = 0; look < looks; look++) {
      for (let ms = 0; ms < LOOK_MS; ms++) this.#askAll(this.nowMs + ms, perSecond);
      this.nowMs += LOOK_MS;
      this.look(state);
    }
  }

  look(state: NodeState, active: readonly string[] = []): void {
    const { held, released } = this.gate.look(this.nowMs, { state, active });
    this.news.push(...held.map((name) => `+${name}`), ...released.map((name) => `-${name}`));
  }

  #askAll(atMs: number, perSecond: Readonly<Record<string, number>>): void {
    for (const [name, rate] of Object.entries(perSecond)) {
      const due = Math.floor(((atMs + 1) * rate) / 1000) - Math.floor((atMs * rate) / 1000);
      for (let count = 0; count < due; count++) this.ask(name, atMs);
    }
  }

  ask(name: string, atMs = this.nowMs): Turn {
    const turn = this.gate.ask(name, atMs);
    this.turns.set(name, [...(this.turns.get(name) ?? []), turn]);
    return turn;
  }

  admitted(name: string): number {
    return (this.turns.get(name) ?? []).filter(({ kind }) => kind === "admitted").length;
  }

  refused(name: string): number {
    return (this.turns.get(name) ?? []).length - this.admitted(name);
  }
}

const FLOOD = { flooded: 200, quiet: 5 };

let node: Node;

beforeEach(() => {
  node = new Node();
});

describe("who is held", () => {
  test("nobody is while the node is not overloaded, however much is submitted", () => {
    node.run(20, "busy", FLOOD);
    node.run(20, "has-time", FLOOD);
    expect(node.news).toEqual([]);
    expect(node.refused("flooded")).toBe(0);
  });

  test("a moment of overload holds nobody, one that lasts holds the flood", () => {
    for (let time = 0; time < 5; time++) {
      node.run(OVERLOADED_LOOKS - 1, "overloaded", FLOOD);
      node.run(1, "busy", FLOOD);
    }
    expect(node.news).toEqual([]);
    node.run(OVERLOADED_LOOKS, "overloaded", FLOOD);
    expect(node.news).toEqual(["+flooded"]);
  });

  test("who asks little is let in at once, beside a flood that is let in at the least rate", () => {
    node.run(OVERLOADED_LOOKS, "overloaded", FLOOD);
    node.run(20, "overloaded", FLOOD);
    expect(node.refused("quiet")).toBe(0);
    expect(node.turns.get("quiet")).toContainEqual({ kind: "admitted", waitMs: 0 });
    expect(new Set(node.turns.get("quiet")?.map((turn) => JSON.stringify(turn))).size).toBe(1);
    const seconds = (20 * LOOK_MS) / 1000;
    const most = HELD_PER_S_MIN * (seconds + LINE_MS_MAX / 1000) + 1;
    expect(node.admitted("flooded")).toBeGreaterThanOrEqual(HELD_PER_S_MIN * seconds);
    expect(node.admitted("flooded")).toBeLessThanOrEqual(most);
  });

  test("a flood that has the node for itself is not held", () => {
    node.run(20, "overloaded", { flooded: 200 });
    expect(node.news).toEqual([]);
  });

  test("work that others sent here counts as theirs, without a submission here", () => {
    node.run(4, "overloaded", { flooded: 200 });
    node.look("overloaded", ["elsewhere"]);
    expect(node.news).toEqual(["+flooded"]);
  });

  test("of equal ones nobody is", () => {
    node.run(20, "overloaded", { one: 100, other: 110 });
    expect(node.news).toEqual([]);
  });

  test("nobody is who asks little, though others ask less", () => {
    node.run(40, "overloaded", { some: UNHELD_PER_S_MAX - 1, quiet: 0.5 });
    expect(node.news).toEqual([]);
  });

  test("several floods are held one after the other, the largest first", () => {
    node.run(10, "overloaded", { flooded: 200, large: 400, quiet: 5 });
    expect(node.news).toEqual(["+large", "+flooded"]);
  });
});

describe("a workflow that is held", () => {
  beforeEach(() => {
    node.run(OVERLOADED_LOOKS, "overloaded", FLOOD);
    node.news.length = 0;
  });

  test("waits for its turns one after the other, and is then refused with times that are apart", () => {
    const turns = Array.from({ length: 40 }, () => node.ask("flooded"));
    const waits = turns.flatMap((turn) => (turn.kind === "admitted" ? [turn.waitMs] : []));
    const stepMs = 1000 / HELD_PER_S_MIN;
    expect(waits).toEqual(waits.map((_, place) => place * stepMs));
    expect(waits.at(-1)).toBeLessThanOrEqual(LINE_MS_MAX);
    const away = turns.flatMap((turn) => (turn.kind === "refused" ? [turn.awayS] : []));
    expect(away).toEqual([...away].sort((one, other) => one - other));
    const [first = 0] = away;
    expect(first).toBeGreaterThanOrEqual(1);
    // In each second as many as can be let in then.
    expect(away.filter((seconds) => seconds === first + 1)).toHaveLength(HELD_PER_S_MIN);
  });

  test("is never told to stay away for long, however many ask", () => {
    for (let count = 0; count < 5000; count++) node.ask("flooded");
    expect(node.ask("flooded")).toEqual({ kind: "refused", awayS: AWAY_S_MAX });
  });

  test("has more and more while there is time to spare, as much as before while not, and half when overloaded", () => {
    const admittedIn10s = (state: NodeState): number => {
      node.run(20, state, FLOOD);
      return node.admitted("flooded");
    };
    const least = admittedIn10s("busy");
    expect(Math.abs(admittedIn10s("busy") - least)).toBeLessThanOrEqual(HELD_PER_S_MIN + 1);
    const more = admittedIn10s("has-time");
    expect(more).toBeGreaterThan(1.5 * least);
    const stayed = admittedIn10s("busy");
    expect(stayed).toBeGreaterThan(more);
    node.run(1, "overloaded", FLOOD);
    const halved = admittedIn10s("busy");
    expect(halved / stayed).toBeGreaterThan(0.4);
    expect(halved / stayed).toBeLessThan(0.6);
  });

  test("is let go soon when the others are gone, though the node is overloaded", () => {
    const looks = ACTIVE_MS / LOOK_MS + Math.ceil(Math.log2(HELD_PER_S_MAX / HELD_PER_S_MIN)) + 2;
    node.run(looks, "overloaded", { flooded: 200 });
    expect(node.news).toEqual(["-flooded"]);
  });

  test("is let go when nothing of it was refused for long, and is held anew for a new flood", () => {
    node.run(60, "overloaded", { flooded: 2, quiet: 5 });
    expect(node.news).toEqual(["-flooded"]);
    node.run(4, "overloaded", FLOOD);
    expect(node.news).toEqual(["-flooded", "+flooded"]);
  });
});

test("so many names that they are not watched any more are let in, and forgotten when they are not used", () => {
  for (let number = 0; number < FLOWS_MAX; number++) node.ask(`w${number}`);
  node.run(OVERLOADED_LOOKS, "overloaded", FLOOD);
  expect(node.news).toEqual([]);
  node.nowMs += 60_000;
  node.look("busy");
  node.run(OVERLOADED_LOOKS, "overloaded", FLOOD);
  expect(node.news).toEqual(["+flooded"]);
});
