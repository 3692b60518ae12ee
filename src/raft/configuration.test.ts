import fc from "fast-check";
import { expect, test } from "vitest";
import { changeConfiguration, isJoint, leaveJoint, membersOf } from "./configuration.ts";
import type { ConfigChange, Configuration } from "./types.ts";

const step = fc.record({
  type: fc.constantFrom("add-voter", "add-learner", "remove", "update"),
  replica: fc.integer({ min: 0, max: 6 }),
});
const change = fc.record({
  transition: fc.constantFrom("auto", "joint-implicit", "joint-explicit"),
  changes: fc.array(step, { maxLength: 4 }),
  context: fc.constant(new Uint8Array()),
});
const changes: fc.Arbitrary<ConfigChange[]> = fc.array(change, { maxLength: 12 });

const FIRST: Configuration = {
  voters: [1, 2, 3],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};

/** Every configuration on the way. */
function history(list: readonly ConfigChange[]): Configuration[] {
  const seen = [FIRST];
  for (const one of list) {
    const outcome = changeConfiguration(seen.at(-1) ?? FIRST, one);
    if (outcome.kind === "changed") seen.push(outcome.configuration);
  }
  return seen;
}

/** Every set of voters that can decide, as bits by replica. */
function quorumsOf({ voters, votersOutgoing }: Configuration): number[] {
  const quorums: number[] = [];
  for (let bits = 0; bits < 2 ** 7; bits += 1) {
    const wins = (half: readonly number[]) =>
      half.length === 0 || half.filter((id) => (bits >> id) % 2 === 1).length * 2 > half.length;
    if (wins(voters) && wins(votersOutgoing)) quorums.push(bits);
  }
  return quorums;
}

test("any two configurations that follow each other cannot decide without a common voter", () => {
  fc.assert(
    fc.property(changes, (list) => {
      const quorums = history(list).map(quorumsOf);
      for (const [position, next] of quorums.entries()) {
        const before = quorums[position - 1] ?? next;
        expect(before.every((left) => next.every((right) => (left & right) !== 0))).toBe(true);
      }
    }),
  );
});

test("no change leaves a group without voters, or a replica with two parts to play", () => {
  fc.assert(
    fc.property(changes, (list) => {
      for (const configuration of history(list)) {
        const { voters, votersOutgoing, learners, learnersNext } = configuration;
        expect(voters.length).toBeGreaterThan(0);
        for (const learner of learners) {
          expect(voters).not.toContain(learner);
          expect(votersOutgoing).not.toContain(learner);
        }
        for (const next of learnersNext) {
          expect(votersOutgoing).toContain(next);
          expect(voters).not.toContain(next);
        }
        if (!isJoint(configuration)) expect(learnersNext).toEqual([]);
        for (const list of [voters, votersOutgoing, learners, learnersNext])
          expect(list).toEqual([...new Set(list)].sort((a, b) => a - b));
      }
    }),
  );
});

test("leaving a joint configuration makes learners of those who were demoted", () => {
  const joint = { ...FIRST, voters: [1, 2], votersOutgoing: [1, 2, 3], learnersNext: [3] };
  expect(leaveJoint(joint)).toEqual({
    kind: "changed",
    configuration: { ...FIRST, voters: [1, 2], learners: [3] },
  });
  expect(membersOf(joint)).toEqual([1, 2, 3]);
});
