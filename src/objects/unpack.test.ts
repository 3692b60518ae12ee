import { expect, onTestFinished, test, vi } from "vitest";
import { unpack } from "./unpack.ts";

test("a machine without the program that unpacks it says so", async () => {
  vi.stubEnv("PATH", "/nonexistent");
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  async function* content(): AsyncGenerator<Uint8Array, void, undefined> {
    yield Buffer.from("packed");
  }
  const read = async (): Promise<void> => {
    for await (const _chunk of unpack(content(), { packing: "xz", object: "o" }));
  };
  await expect(read()).rejects.toMatchObject({ details: { code: "OBJECT_NO_PROGRAM" } });
});
