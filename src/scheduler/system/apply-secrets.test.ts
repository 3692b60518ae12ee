import { expect, test } from "vitest";
import { SystemKit } from "../../../test/lib/system-kit.ts";
import { systemKeys } from "./keys.ts";
import { SECRET_BYTES_MAX, SECRETS_BYTES_MAX, SECRETS_MAX } from "./rows.ts";

const FIRST = [{ replica: 1, node: "n1", storeId: "store-of-n1", role: "voter" }] as const;
const SEALED = new Uint8Array([7]);

/** A cluster of n1 with the active workflow `w` of group 1. */
function withWorkflow(): SystemKit {
  const kit = SystemKit.founded(1);
  const about = { name: "w", description: "", weight: 1, exclusive: true, replicas: FIRST };
  kit.must({ kind: "create-workflow", ...about });
  kit.must({ kind: "workflow-active", group: 1 });
  return kit;
}

const put = (name: string, bytes = 1, sealed = SEALED) =>
  ({ kind: "put-secret", group: 1, name, bytes, sealed }) as const;

const namesOf = (kit: SystemKit): readonly string[] => {
  const row = kit.row(systemKeys.secrets(1));
  return row?.kind === "secrets" ? row.secrets.map(({ name }) => name) : [];
};

test("a secret is there until it is deleted, once under its name, in the order of names", () => {
  const kit = withWorkflow();
  kit.must(put("b"));
  kit.must(put("a"));
  kit.must(put("b", 2, new Uint8Array([8])));
  const row = kit.row(systemKeys.secrets(1));
  expect(row).toMatchObject({
    secrets: [{ name: "a" }, { name: "b", bytes: 2, sealed: new Uint8Array([8]) }],
  });
  expect(kit.effects.at(-1)).toEqual({ key: systemKeys.secrets(1), row });
  kit.must({ kind: "delete-secret", group: 1, name: "b" });
  expect(namesOf(kit)).toEqual(["a"]);
  expect(kit.apply({ kind: "delete-secret", group: 1, name: "b" })).toBe("SECRET_UNKNOWN");
  kit.must({ kind: "delete-secret", group: 1, name: "a" });
  expect(kit.row(systemKeys.secrets(1))).toBe(undefined);
});

test("one secret more than there may be is refused, and one that is there can still be replaced", () => {
  const kit = withWorkflow();
  for (let at = 0; at < SECRETS_MAX; at += 1) kit.must(put(`s${at}`));
  expect(kit.apply(put("more"))).toBe("SECRETS_FULL");
  kit.must(put("s0", 5));
  expect(namesOf(kit)).toHaveLength(SECRETS_MAX);
});

test("the values of a workflow have their bound together, which a smaller value makes room under", () => {
  const kit = withWorkflow();
  const whole = SECRETS_BYTES_MAX / SECRET_BYTES_MAX;
  for (let at = 0; at < whole; at += 1) kit.must(put(`s${at}`, SECRET_BYTES_MAX));
  expect(kit.apply(put("more"))).toBe("SECRETS_FULL");
  kit.must(put("s0", SECRET_BYTES_MAX - 1));
  kit.must(put("more"));
});

test("only a workflow that is there has secrets, and they go with it", () => {
  const kit = withWorkflow();
  expect(kit.apply({ ...put("a"), group: 2 })).toBe("WORKFLOW_UNKNOWN");
  kit.must(put("a"));
  kit.must({ kind: "delete-workflow", name: "w" });
  kit.must({ kind: "workflow-deleted", group: 1 });
  expect(kit.row(systemKeys.secrets(1))).toBe(undefined);
  expect(kit.effects).toContainEqual({ key: systemKeys.secrets(1), row: undefined });
  expect(kit.apply(put("a"))).toBe("WORKFLOW_UNKNOWN");
});
