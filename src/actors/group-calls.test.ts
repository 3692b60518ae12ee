import { expect, test } from "vitest";
import { serveGroupCall } from "./group-calls.ts";

test("a group that is asked for and led elsewhere is touched, so that it elects when its leader is gone", () => {
  const touched: number[] = [];
  const host = {
    replica: () => undefined,
    wake: () => expect.unreachable("nothing was changed"),
    isUp: () => expect.unreachable("nobody leads here"),
    touch: (group: number) => {
      touched.push(group);
    },
  };
  const answer = serveGroupCall(host, { kind: "group-status", group: 3 });
  expect(answer).toEqual({ kind: "not-scheduler", leader: undefined });
  expect(serveGroupCall(host, { kind: "transfer", group: 4, to: "b" })).toEqual(answer);
  expect(touched).toEqual([3, 4]);
});
