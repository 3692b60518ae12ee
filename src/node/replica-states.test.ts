import { expect, test } from "vitest";
import { replicaStates } from "./replica-states.ts";

const at = (role: "leader" | "pre-candidate", term: number) => ({ status: () => ({ role, term }) });

test("each replica is shown with the hash of its rows and the index that the hash is of", () => {
  const views = replicaStates({
    replicas: [
      { group: 3, id: 7, core: at("pre-candidate", 4), appliedIndex: 20 },
      { group: 0, id: 1, core: at("leader", 2), appliedIndex: 9 },
    ],
    stopped: new Map(),
    stateHash: (group) => (group === 3 ? { index: 18, hash: "ab" } : undefined),
    nameOf: (group) => `g${group}`,
  });
  expect(views).toEqual([
    {
      ...{ group: 0, name: "g0", replica: 1, role: "leader", reason: null, term: 2 },
      ...{ appliedIndex: 9, stateHash: null },
    },
    {
      ...{ group: 3, name: "g3", replica: 7, role: "candidate", reason: null, term: 4 },
      ...{ appliedIndex: 18, stateHash: "ab" },
    },
  ]);
});

test("a replica that takes no part is shown as stopped, with the reason, also when it was never opened", () => {
  const views = replicaStates({
    replicas: [{ group: 1, id: 5, core: at("leader", 6), appliedIndex: 3 }],
    stopped: new Map([
      [1, "damaged"],
      [2, "unreadable"],
    ]),
    stateHash: () => undefined,
    nameOf: String,
  });
  expect(views).toMatchObject([
    { group: 1, replica: 5, role: "stopped", reason: "damaged", term: 6 },
    { group: 2, replica: null, role: "stopped", reason: "unreadable", stateHash: null },
  ]);
});
