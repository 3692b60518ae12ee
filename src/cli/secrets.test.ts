import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { called, cluster, folder, jobx } from "../../test/lib/cli-kit.ts";
import { openSealedValue } from "../node/seal/sealed-value.ts";

test("a secret is set from the standard input or a file without the end of its line, listed and removed", async () => {
  expect((await jobx("secret set text key", { input: "va lue\n" })).out).toBe(
    "key is set: 6 bytes\n",
  );
  expect(called("secrets.set")).toEqual({ workflow: "text", name: "key", value: "va lue" });
  const file = join(folder, "value");
  await writeFile(file, "two\nlines\n\n");
  await jobx(`secret set text other --from-file ${file}`);
  expect(cluster.secrets.values.get("other")).toBe("two\nlines\n");
  const list = (await jobx("secret list text")).out;
  expect(list).toMatch(/^NAME +BYTES +SET\nkey +6 /u);
  expect(list).not.toContain("va lue");
  expect((await jobx("secret rm text key")).out).toBe("key is removed\n");
  expect((await jobx("secret rm text key")).err).toContain("SECRET_UNKNOWN");
});

test("what is sealed is an argument that only the workflow's key opens", async () => {
  const { out } = await jobx("seal text", { input: "hunter2\n" });
  expect(called("secrets.publicKey")).toEqual({ workflow: "text" });
  const text = /^\{"\$sealed":"([\w-]+)"\}\n$/u.exec(out)?.[1] ?? "";
  expect(openSealedValue(cluster.secrets.unsealKey, text)).toBe("hunter2");
  expect((await jobx("seal text hunter2", { input: "" })).err).toContain("CLI_USAGE");
});

test("a value is no argument, no bytes that are not text, and has a name that handlers can write", async () => {
  expect((await jobx("secret set text key value", { input: "" })).err).toContain("CLI_USAGE");
  const file = join(folder, "bytes");
  await writeFile(file, Buffer.from([0xff, 0xfe]));
  expect((await jobx(`secret set text key --from-file ${file}`)).err).toContain("UTF-8");
  expect((await jobx("secret set text a.b", { input: "x" })).err).toContain("API_INPUT_INVALID");
});
