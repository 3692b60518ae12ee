import { expect, test } from "vitest";
import type { ArgumentType } from "../scheduler/work.ts";
import { handlerRefCodec } from "./work-codec.ts";

test("each type of an argument keeps its number", () => {
  const numbers = (
    [
      ...["list", "dict", "tuple", "int", "float", "str", "bool", "set", "frozenset", "sorted"],
      ...["reversed", "enumerate", "iter", "len", null],
    ] as const satisfies readonly ArgumentType[]
  ).map((argumentType) => {
    const ref = {
      ...({ name: "a", language: "python", type: "reducer" } as const),
      ...{ version: "00".repeat(32), argumentType, memoryBytes: undefined },
    };
    const raw = handlerRefCodec.encode(ref);
    expect(handlerRefCodec.decode(raw)).toEqual(ref);
    const fields: readonly unknown[] = Array.isArray(raw) ? raw : [];
    return fields[4];
  });
  expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, null]);
});
