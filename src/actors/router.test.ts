import { describe, expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { seededRandom } from "../std/random.ts";
import { Caller } from "./caller.ts";
import { ActorError } from "./errors.ts";
import type { Call, CallAnswer, MeshPort, PeerMessage } from "./ports.ts";
import { Router } from "./router.ts";

const COMMAND = {
  kind: "command",
  group: 7,
  envelope: { id: { kind: "none" }, command: { kind: "cancel", request: 1 } },
} as const satisfies Call;
const READ: Call = { kind: "read", group: 7, keys: [], scan: undefined, linear: true };
const DONE: CallAnswer = { kind: "answered", answer: { kind: "ok" } };

/** One node among others whose answers a test makes up: undefined is silence, `down` is not sent. */
class Net {
  readonly timers = new FakeTimers();
  readonly asked: string[] = [];
  readonly caller: Caller;
  readonly router: Router;
  answers: Record<string, CallAnswer | "down" | undefined>;
  trouble: string | undefined;
  gone = false;
  /** The cluster's version as the system group's leader confirms it; undefined while nobody does. */
  version: number | undefined = 1;
  served: (call: Call) => Promise<CallAnswer> = () => new Promise(() => {});

  constructor(answers: Record<string, CallAnswer | "down" | undefined>) {
    this.answers = answers;
    const mesh: MeshPort = {
      self: "self",
      listen: () => {},
      isUp: () => true,
      isDialable: () => true,
      setMembers: () => {},
      send: (to, message) => this.#send(to, message),
    };
    const { timers } = this;
    this.caller = new Caller({
      refusal: () => undefined,
      random: seededRandom(1),
      timers,
      mesh,
      serve: (_, call) => this.served(call),
    });
    const candidates = (): readonly string[] => Object.keys(this.answers);
    const trouble = (): string | undefined => this.trouble;
    const whyUnled = (_group: number, named: ReadonlyMap<string, string>): string =>
      `not ${[...named].map(([teller, leader]) => `${leader} of ${teller}`).join(", ")};`;
    const gone = (): boolean => this.gone;
    const { caller } = this;
    const freshVersion = (): Promise<number | undefined> => Promise.resolve(this.version);
    const about = { candidates, trouble, gone, freshVersion, whyUnled };
    this.router = new Router({ clock: timers, timers, caller, ...about });
  }

  #send(to: string, message: PeerMessage): boolean {
    const answer = this.answers[to];
    if (message.kind !== "call" || answer === "down") return false;
    this.asked.push(to);
    if (answer !== undefined) {
      this.timers.after(1, () => this.caller.answered(to, message.id, answer));
    }
    return true;
  }

  /** How a call ended after so long: its answer's kind, a code, or that it still waits. */
  async end(call: Call, deadlineMs: number, afterMs = deadlineMs + 1): Promise<string> {
    let end = "waits";
    this.router.ask(7, call, deadlineMs).then(
      (answer) => {
        end = answer.kind;
      },
      (error: { code: string }) => {
        end = error.code;
      },
    );
    await this.timers.advance(afterMs);
    return end;
  }
}

describe("finding the leader", () => {
  test("a node that names the leader is believed, and the leader is asked first from then on", async () => {
    const net = new Net({ a: { kind: "not-scheduler", leader: "c" }, b: undefined, c: DONE });
    expect(await net.end(COMMAND, 1000)).toBe("answered");
    expect(net.router.leaderOf(7)).toBe("c");
    await net.end(COMMAND, 1000);
    expect(net.asked).toEqual(["a", "c", "c"]);
  });

  test("a node that cannot be reached costs nothing", async () => {
    const net = new Net({ a: "down", b: DONE });
    expect(await net.end(COMMAND, 1000, 5)).toBe("answered");
  });

  test("while nobody leads it asks all again and again, and takes the one who leads in the end", async () => {
    const nobody: CallAnswer = { kind: "not-scheduler", leader: undefined };
    const net = new Net({ a: nobody, b: nobody });
    net.timers.after(500, () => {
      net.answers = { a: nobody, b: DONE };
    });
    expect(await net.end(COMMAND, 5000)).toBe("answered");
    expect(net.asked.length).toBeGreaterThan(4);
  });

  test("an answer of another node than the one that was asked is nobody's", async () => {
    const net = new Net({ a: undefined });
    const end = net.end(COMMAND, 1000, 100);
    net.caller.answered("b", 1, DONE);
    expect(await end).toBe("waits");
  });
});

describe("when it does not come to an answer", () => {
  test.each(["COMMAND_QUEUE_FULL", "CLUSTER_VERSION_TOO_LOW"])(
    "%s says that there was no effect only where nobody else may have taken the command",
    async (code) => {
      const refused: CallAnswer = { kind: "error", code, message: "no", details: {} };
      expect(await new Net({ a: refused }).end(COMMAND, 7_000)).toBe(code);
      const silentFirst = new Net({ a: undefined, b: refused });
      expect(await silentFirst.end(COMMAND, 7_000)).toBe("COMMAND_OUTCOME_UNKNOWN");
      expect(await new Net({ a: undefined, b: refused }).end(READ, 7_000)).toBe(code);
    },
  );

  test("a command that no leader took had no effect", async () => {
    const net = new Net({ a: { kind: "not-scheduler", leader: undefined }, b: "down" });
    expect(await net.end(COMMAND, 2000)).toBe("NO_MAJORITY");
  });

  test("the reason is told, also when the one who is said to lead cannot be reached", async () => {
    const net = new Net({ a: { kind: "not-scheduler", leader: "c" }, c: "down" });
    const told = expect(net.router.ask(7, COMMAND, 2000)).rejects.toThrow("not c of a;");
    await net.timers.advance(2001);
    await told;
  });

  test("one that is behind does not hide whom another takes for the leader", async () => {
    const behind: CallAnswer = { kind: "not-scheduler", leader: "a" };
    const net = new Net({ a: { kind: "not-scheduler", leader: "c" }, b: behind, c: "down" });
    const told = expect(net.router.ask(7, COMMAND, 2000)).rejects.toThrow("not c of a, a of b;");
    await net.timers.advance(2001);
    await told;
  });

  test("who has heard meanwhile that nobody leads names nobody any more, and a newer word comes last", async () => {
    const nobody: CallAnswer = { kind: "not-scheduler", leader: undefined };
    const named: CallAnswer = { kind: "not-scheduler", leader: "d" };
    const net = new Net({ a: named, b: named, c: named, d: "down" });
    net.timers.after(500, () => {
      net.answers = { a: nobody, b: named, c: nobody, d: "down" };
    });
    net.timers.after(1_000, () => {
      net.answers = { a: named, b: undefined, c: nobody, d: "down" };
    });
    const told = expect(net.router.ask(7, READ, 2000)).rejects.toThrow("not d of b, d of a;");
    await net.timers.advance(2001);
    await told;
  });

  test("a replica here that has stopped is told, and not waited for when there is no other", async () => {
    const nobody: CallAnswer = { kind: "not-scheduler", leader: undefined };
    const alone = new Net({ a: nobody });
    alone.trouble = "no space is left";
    const told = expect(alone.router.ask(7, COMMAND, 30_000)).rejects.toThrow("no space is left");
    await alone.timers.advance(10);
    await told;
    const among = new Net({ a: nobody, b: nobody });
    among.trouble = "no space is left";
    expect(await among.end(COMMAND, 2000, 1999)).toBe("waits");
  });

  test("a group that was deleted meanwhile is not waited for", async () => {
    const net = new Net({ a: { kind: "not-scheduler", leader: undefined } });
    net.timers.after(300, () => {
      net.gone = true;
    });
    const told = expect(net.router.ask(7, READ, 30_000)).rejects.toMatchObject({
      code: "WORKFLOW_UNKNOWN",
    });
    await net.timers.advance(500);
    await told;
  });

  test("a command that somebody may have taken has an unknown outcome; a read has not", async () => {
    const net = new Net({ a: undefined });
    expect(await net.end(COMMAND, 2000)).toBe("COMMAND_OUTCOME_UNKNOWN");
    expect(await net.end(READ, 2000)).toBe("NO_MAJORITY");
  });

  test("of a command without a key that may have been taken nobody is told to repeat it with one", async () => {
    const { command } = COMMAND.envelope;
    const keyed = { kind: "key", key: "k", bodyHash: "h" } as const;
    const entry = { kind: "entry", node: "n", boot: 1, sequence: 1 } as const;
    for (const [id, told] of [
      [keyed, "repeat the command with the same key"],
      [entry, "look what became of it before you repeat it"],
    ] as const) {
      const net = new Net({ a: undefined });
      const asked = net.router.ask(7, { kind: "command", group: 7, envelope: { id, command } }, 99);
      const rejected = expect(asked).rejects.toThrow(told);
      await net.timers.advance(5_000);
      await rejected;
    }
  });

  test("a replica that stopped with the command in its log leaves it unknown, and others are asked", async () => {
    const unknown: CallAnswer = {
      kind: "error",
      code: "COMMAND_OUTCOME_UNKNOWN",
      message: "",
      details: {},
    };
    const net = new Net({ a: unknown, b: { kind: "not-scheduler", leader: undefined } });
    expect(await net.end(COMMAND, 1000)).toBe("COMMAND_OUTCOME_UNKNOWN");
    expect(net.asked).toContain("b");
  });

  test("the leader's refusal ends the call at once", async () => {
    const net = new Net({
      a: { kind: "error", code: "COMMAND_QUEUE_FULL", message: "", details: {} },
      b: DONE,
    });
    expect(await net.end(COMMAND, 1000, 5)).toBe("COMMAND_QUEUE_FULL");
    expect(net.asked).toEqual(["a"]);
  });

  const EARLY: CallAnswer = {
    ...{ kind: "error", code: "CLUSTER_VERSION_TOO_LOW", message: "it needs 2" },
    details: { needed: 2, version: 1 },
  };

  test("that the version is too low is the end once a new copy says so too, with what the refusal told", async () => {
    const net = new Net({ a: EARLY });
    const told = expect(net.router.ask(7, COMMAND, 7_000)).rejects.toMatchObject({
      message: "it needs 2",
      details: { code: "CLUSTER_VERSION_TOO_LOW", needed: 2, version: 1 },
    });
    await net.timers.advance(5);
    await told;
    expect(net.asked).toEqual(["a"]);
  });

  test("who was refused by a node that is behind asks again until it has learnt of the raise", async () => {
    const net = new Net({ a: EARLY });
    net.version = undefined;
    net.timers.after(300, () => {
      net.version = 2;
    });
    net.timers.after(600, () => {
      net.answers = { a: DONE };
    });
    expect(await net.end(COMMAND, 7_000, 1_000)).toBe("answered");
    expect(net.asked.length).toBeGreaterThan(3);
  });

  test("a version that nobody confirms to be too low refuses nothing for good", async () => {
    const unconfirmed = new Net({ a: EARLY });
    unconfirmed.version = undefined;
    expect(await unconfirmed.end(COMMAND, 2_000)).toBe("COMMAND_NOT_ACCEPTED");
    const behind = new Net({ a: EARLY });
    behind.version = 2;
    expect(await behind.end(READ, 2_000)).toBe("COMMAND_NOT_ACCEPTED");
  });

  test("a deadline holds also for what this node itself does not answer", async () => {
    const net = new Net({ self: undefined });
    expect(await net.end(COMMAND, 2000, 1999)).toBe("waits");
    expect(await net.end(COMMAND, 2000, 2001)).toBe("COMMAND_OUTCOME_UNKNOWN");
  });

  test("a node that goes down answers nothing more, and the next is asked at once", async () => {
    const net = new Net({ a: undefined, b: DONE });
    net.timers.after(10, () => net.caller.nodeDown("a"));
    expect(await net.end(COMMAND, 5000, 20)).toBe("answered");
  });
});

describe("serving", () => {
  test("what goes wrong here becomes an answer, and no effect is told from an error", async () => {
    const net = new Net({ self: undefined });
    net.served = () =>
      Promise.reject(new ActorError({ code: "COMMAND_NOT_ACCEPTED", leader: "b" }, "not me"));
    expect(await net.caller.serve("x", READ)).toEqual({ kind: "not-scheduler", leader: "b" });
    net.served = () => Promise.reject(new ActorError({ code: "REPLICA_STOPPED" }, "stopped"));
    expect(await net.caller.serve("x", READ)).toMatchObject({ code: "REPLICA_STOPPED" });
    net.served = () => Promise.reject(new Error("odd"));
    expect(await net.caller.serve("x", READ)).toMatchObject({ code: "INTERNAL" });
  });

  test("an answered call leaves no timer behind", async () => {
    const net = new Net({ a: DONE });
    await net.end(COMMAND, 1000, 10);
    expect(net.timers.count).toBe(0);
    const own = new Net({ self: undefined });
    own.served = () => Promise.resolve(DONE);
    expect(await own.end(COMMAND, 1000, 10)).toBe("answered");
    expect(own.timers.count).toBe(0);
  });
});
