import { expect, test } from "vitest";
import { AttemptVolumes } from "./attempt-volumes.ts";

const workflowOf = (group: number): string | undefined => (group === 7 ? "text" : undefined);

test("a token allows the files of its workflow, until the attempt has ended", async () => {
  const volumes = new AttemptVolumes(workflowOf);
  volumes.listens("http://here");
  const first = await volumes.open(7);
  const second = await volumes.open(7);
  expect(first).toMatchObject({ url: "http://here", workflow: "text" });
  if (first === undefined || second === undefined) throw new Error("the workflow is known");
  expect(first.token).not.toBe(second.token);
  const allowed = { role: "submit", workflows: ["text"], filesOnly: true };
  expect(volumes.principal(first.token)).toEqual(allowed);
  volumes.close(first);
  expect(volumes.principal(first.token)).toBeUndefined();
  expect(volumes.principal(second.token)).toEqual(allowed);
  expect(volumes.principal("other")).toBeUndefined();
});

test("an attempt that comes before the API listens waits for it", async () => {
  const volumes = new AttemptVolumes(workflowOf);
  const opened = volumes.open(7);
  volumes.listens("http://late");
  expect((await opened)?.url).toBe("http://late");
});

test("of a workflow that the node does not know there is no volume", async () => {
  expect(await new AttemptVolumes(workflowOf).open(8)).toBeUndefined();
});
