import fc from "fast-check";
import { expect, test } from "vitest";
import { jointIndex, jointVote, majorityIndex, majorityVote } from "./quorum.ts";

const voters = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 7 });
const indexes = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 10, maxLength: 10 });
const answers = fc.array(fc.constantFrom(true, false, undefined), { minLength: 10, maxLength: 10 });

/** The dumb version: tries every index there is. */
function slowIndex(ids: readonly number[], of: (id: number) => number): number {
  if (ids.length === 0) return Number.POSITIVE_INFINITY;
  let best = 0;
  for (let index = 0; index <= 12; index += 1)
    if (ids.filter((id) => of(id) >= index).length * 2 > ids.length) best = index;
  return best;
}

/** The dumb version: looks at every way in which those who are silent may still answer. */
function slowVote(ids: readonly number[], votes: ReadonlyMap<number, boolean>): string {
  const silent = ids.filter((id) => !votes.has(id));
  let wins = 0;
  for (let way = 0; way < 2 ** silent.length; way += 1) {
    const granted = ids.filter((id) => votes.get(id) ?? (way >> silent.indexOf(id)) % 2 === 1);
    if (ids.length === 0 || granted.length * 2 > ids.length) wins += 1;
  }
  if (wins === 2 ** silent.length) return "won";
  return wins === 0 ? "lost" : "pending";
}

function votesOf(ids: readonly number[], given: readonly (boolean | undefined)[]) {
  const votes = new Map<number, boolean>();
  for (const id of ids) {
    const answer = given[id];
    if (answer !== undefined) votes.set(id, answer);
  }
  return votes;
}

test("the committed index is the highest that more than half of the voters have", () => {
  fc.assert(
    fc.property(voters, indexes, (ids, given) => {
      const of = (id: number) => given[id] ?? 0;
      expect(majorityIndex(ids, of)).toBe(slowIndex(ids, of));
    }),
  );
});

test("a joint index is the lower of both halves", () => {
  fc.assert(
    fc.property(voters, voters, indexes, (incoming, outgoing, given) => {
      const of = (id: number) => given[id] ?? 0;
      expect(jointIndex({ voters: incoming, votersOutgoing: outgoing }, of)).toBe(
        Math.min(slowIndex(incoming, of), slowIndex(outgoing, of)),
      );
    }),
  );
});

test("an election is won or lost as soon as no further answer can change it", () => {
  fc.assert(
    fc.property(voters, answers, (ids, given) => {
      const votes = votesOf(ids, given);
      expect(majorityVote(ids, votes)).toBe(slowVote(ids, votes));
    }),
  );
});

test("a joint election is won by winning both halves and lost by losing either", () => {
  fc.assert(
    fc.property(voters, voters, answers, (incoming, outgoing, given) => {
      const votes = votesOf([...incoming, ...outgoing], given);
      const halves = [slowVote(incoming, votes), slowVote(outgoing, votes)];
      const want = halves.includes("lost")
        ? "lost"
        : halves.includes("pending")
          ? "pending"
          : "won";
      expect(jointVote({ voters: incoming, votersOutgoing: outgoing }, votes)).toBe(want);
    }),
  );
});

test("a half without voters changes nothing", () => {
  fc.assert(
    fc.property(voters, indexes, answers, (ids, given, answered) => {
      const halves = { voters: ids, votersOutgoing: [] };
      const of = (id: number) => given[id] ?? 0;
      expect(jointIndex(halves, of)).toBe(majorityIndex(ids, of));
      const votes = votesOf(ids, answered);
      expect(jointVote(halves, votes)).toBe(majorityVote(ids, votes));
    }),
  );
});
