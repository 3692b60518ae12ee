import { expect, test } from "vitest";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { Deadline } from "../std/deadline.ts";
import { accepted, requestUnknown } from "./cluster-errors.ts";
import { changeRequest, type RequestChange } from "./request-changes.ts";

/** Changes a request of the kit as the API does. */
function changing(kit: SchedulerKit, sequence: number) {
  const deadline = new Deadline({ nowMs: () => 0 }, 1000);
  const place = { id: `flow-7-${sequence}`, workflow: "flow", group: 7, sequence };
  const by: Parameters<typeof changeRequest>[0] = {
    reader: {
      place: () => Promise.resolve(place),
      row: () => {
        const row = kit.rows.has(`r/a${sequence}`) ? kit.request(sequence) : undefined;
        return row === undefined ? Promise.reject(requestUnknown(place.id)) : Promise.resolve(row);
      },
    },
    writer: {
      command: async (_group, command) => accepted({ kind: "answered", answer: kit.run(command) }),
    },
  };
  return (change: RequestChange, revision: number | undefined) =>
    changeRequest(by, change, { id: place.id, revision, deadline });
}

test("a change that expects another revision is refused with the one that there is", async () => {
  const kit = SchedulerKit.withSteps([{ name: "top" }]);
  const request = kit.submit();
  const change = changing(kit, request);
  const { revision } = kit.request(request);
  await expect(change({ kind: "cancel" }, revision - 1)).rejects.toMatchObject({
    code: "REVISION_CHANGED",
    details: { revision },
    message: `the request has changed meanwhile: its revision is ${revision}`,
  });
  await change({ kind: "cancel" }, revision);
  await expect(change({ kind: "resume" }, undefined)).rejects.toMatchObject({
    code: "REQUEST_NOT_PAUSED",
  });
  await change({ kind: "remove", expired: false }, kit.request(request).revision);
  await expect(change({ kind: "cancel" }, revision)).rejects.toMatchObject({
    code: "REQUEST_UNKNOWN",
  });
});
