import { expect, test } from "vitest";
import { sketchDefinition } from "../../../test/lib/scheduler-values.ts";
import { at, file, TreeKit } from "../../../test/lib/tree-kit.ts";
import { requestId } from "../unit.ts";
import { workspacePath } from "./workspace.ts";

/** A request that has ended; the path of its workspace. */
function endedRequest(kit: TreeKit): { readonly request: number; readonly path: string } {
  const request = kit.submit();
  kit.run({ kind: "cancel", request });
  return { request, path: workspacePath(requestId("flow", 7, request)) };
}

function kitWithJob(): TreeKit {
  const kit = TreeKit.withPin();
  const { sources, define } = sketchDefinition([{ name: "top" }]);
  for (const source of sources) kit.run(source);
  kit.run({ ...define, revision: 0 });
  return kit;
}

test("a removed request's workspace goes with it, and no other one's", () => {
  const kit = kitWithJob();
  const [first, second] = [endedRequest(kit), endedRequest(kit)];
  kit.commit([file(`${first.path}/out/a`, 1), file(`${second.path}/b`, 2)], { parents: true });
  expect([...kit.paths().keys()]).toContain(".requests/flow-7-1/out/a");
  const remove = { kind: "remove", request: first.request, expired: false } as const;
  const said = kit.said(() => kit.run(remove));
  expect(said.map(({ kind }) => kind)).toEqual(["tree-changed", "tree-sweep", "request-removed"]);
  expect([...kit.paths().keys()]).toEqual([".requests", second.path, `${second.path}/b`]);
  kit.sweep();
  kit.checkCounts();
  expect(kit.use().usedInodes).toBe(3);
});

test("what a request has published out of its workspace stays", () => {
  const kit = kitWithJob();
  const { request, path } = endedRequest(kit);
  kit.commit([file(`${path}/out/a`, 1)], { parents: true });
  kit.rename(`${path}/out`, "results");
  kit.run({ kind: "remove", request, expired: true });
  kit.sweep();
  expect([...kit.paths().keys()]).toEqual([".requests", "results", "results/a"]);
  kit.checkCounts();
});

test("a request without a workspace is removed as ever, and one whose folder is a file too", () => {
  const kit = kitWithJob();
  const [first, second] = [endedRequest(kit), endedRequest(kit)];
  expect(kit.run({ kind: "remove", request: first.request, expired: false }).kind).toBe("ok");
  expect(kit.scan("Fi/")).toEqual([]);
  kit.commit([file(".requests", 1)]);
  expect(kit.run({ kind: "remove", request: second.request, expired: false }).kind).toBe("ok");
  expect(kit.find(".requests").row.kind).toBe("fs-file");
  kit.run({ kind: "fs-unlink", places: [at(".requests")] });
  kit.checkCounts();
});
