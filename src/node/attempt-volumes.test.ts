import { expect, test } from "vitest";
import { AttemptKit } from "../../test/lib/attempt-kit.ts";
import { OPTIONS } from "../../test/lib/volume-kit.ts";
import { AttemptSecrets } from "./attempt-secrets.ts";
import { AttemptVolumes } from "./attempt-volumes.ts";

const workflowOf = (group: number): string | undefined => (group === 7 ? "text" : undefined);
const names = { group: 7, token: { index: 1, ordinal: 0 }, request: "text-7-1" };
const { files, volumes: trees } = new AttemptKit();
const ground = {
  files,
  volumes: trees,
  command: () => Promise.reject(new Error("not asked")),
  secrets: new AttemptSecrets(),
};

test("a token allows the files of its workflow, until the attempt has ended", async () => {
  const volumes = new AttemptVolumes(workflowOf);
  volumes.listens({ ...ground, url: "http://here" });
  const first = await volumes.open(names);
  const second = await volumes.open(names);
  expect(first).toMatchObject({ url: "http://here", workflow: "text" });
  if (first === undefined || second === undefined) throw new Error("the workflow is known");
  expect(first.token).not.toBe(second.token);
  const allowed = { role: "submit", workflows: ["text"], filesOnly: true };
  expect(volumes.principal(first.token)).toMatchObject(allowed);
  volumes.close(first);
  expect(volumes.principal(first.token)).toBeUndefined();
  expect(volumes.principal(second.token)).toMatchObject(allowed);
  expect(volumes.principal("other")).toBeUndefined();
});

test("of an attempt that has written nothing nothing is to be seen, and nobody is asked", async () => {
  const volumes = new AttemptVolumes(workflowOf);
  volumes.listens({ ...ground, url: "http://here" });
  const access = await volumes.open(names);
  if (access === undefined) throw new Error("the workflow is known");
  volumes.close(access);
  expect(await volumes.prepare(access, OPTIONS.signal)).toBe(false);
  expect(await volumes.prepare({ ...access }, OPTIONS.signal)).toBe(false);
});

test("an attempt is told where its volume is mounted, while it is", async () => {
  const volumes = new AttemptVolumes(workflowOf);
  volumes.listens({ ...ground, url: "http://here" });
  const mountOf = async () => (await volumes.open(names))?.mount;
  expect(await mountOf()).toBeUndefined();
  volumes.mounted({ directoryOf: (workflow) => `/mnt/${workflow}` });
  expect(await mountOf()).toBe("/mnt/text");
  volumes.mounted(undefined);
  expect(await mountOf()).toBeUndefined();
});

test("an attempt that comes before the API listens waits for it", async () => {
  const volumes = new AttemptVolumes(workflowOf);
  const opened = volumes.open(names);
  volumes.listens({ ...ground, url: "http://late" });
  expect((await opened)?.url).toBe("http://late");
});

test("of a workflow that the node does not know there is no volume", async () => {
  expect(await new AttemptVolumes(workflowOf).open({ ...names, group: 8 })).toBeUndefined();
});
