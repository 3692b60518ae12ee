import fc from "fast-check";
import { expect, test } from "vitest";
import { SecretMask, SecretValues } from "./secret-mask.ts";

function maskOf(...secrets: readonly string[]): SecretMask {
  const values = new SecretValues();
  values.add(secrets);
  return new SecretMask(values);
}

function shown(mask: SecretMask, chunks: readonly string[]): string {
  const parts = chunks.map((chunk) => mask.push(Buffer.from(chunk)));
  return Buffer.concat([...parts, mask.flush()]).toString();
}

test("a value is hidden wherever the chunks are cut", () => {
  const text = "user=ada password=hunter22 again hunter22 and hunter2";
  for (let cut = 0; cut <= text.length; cut += 1) {
    const chunks = [text.slice(0, cut), text.slice(cut)];
    expect(shown(maskOf("hunter22"), chunks)).toBe("user=ada password=*** again *** and hunter2");
  }
});

test("of two values of which one begins with the other the longer one is hidden whole", () => {
  expect(shown(maskOf("hunter2", "hunter2-and-more"), ["a hunter2-and-more b"])).toBe("a *** b");
  expect(shown(maskOf("hunter2", "hunter2-and-more"), ["a hunter2-and", "-less b"])).toBe(
    "a ***-and-less b",
  );
  expect(shown(maskOf("hunter2", "hunter2-and-more"), ["a hunter2-an", "d-more b"])).toBe(
    "a *** b",
  );
  expect(shown(maskOf("hunter2", "hunter2-and-more"), ["a hunter2-an"])).toBe("a ***-an");
});

test("what is no beginning of a value does not wait", () => {
  const mask = maskOf("secret");
  expect(Buffer.from(mask.push(Buffer.from("line\n"))).toString()).toBe("line\n");
  expect(Buffer.from(mask.push(Buffer.from("at: sec"))).toString()).toBe("at: ");
  expect(Buffer.from(mask.push(Buffer.from("ond\n"))).toString()).toBe("second\n");
});

test("values that are shorter than four bytes, and the end of a line after one, are left", () => {
  expect(shown(maskOf("abc"), ["abc"])).toBe("abc");
  expect(shown(maskOf("abcd\n"), ["abcd, not abcd\n"])).toBe("***, not ***\n");
});

test("what is hidden is counted", () => {
  const mask = maskOf("hunter22");
  shown(mask, ["x hunter22 y"]);
  expect(mask.hiddenBytes).toBe(5);
});

test("no value is ever in what is shown, however it is cut into chunks", () => {
  const secret = fc.stringMatching(/^[ab]{4,8}$/u);
  fc.assert(
    fc.property(
      fc.array(secret, { minLength: 1, maxLength: 3 }),
      fc.array(fc.stringMatching(/^[ab]{0,9}$/u), { maxLength: 12 }),
      (secrets, chunks) => {
        const text = shown(maskOf(...secrets), chunks);
        // Stars may join two ends to no value, since no value has one.
        for (const one of secrets) expect(text).not.toContain(one);
      },
    ),
  );
});

test("a whole text is hidden alike", () => {
  const values = new SecretValues();
  values.add(["p@ss$&word", "p@ss"]);
  expect(values.hide("a p@ss$&word b p@ss")).toBe("a *** b ***");
});
