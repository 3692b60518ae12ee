/**
 * Whole numbers as short ASCII text whose byte order is their numeric order, for keys of rows.
 * The first letter says how many base-36 digits follow, so a number is also self-delimiting.
 */
import { assert } from "./assert.ts";

/** `a` stands for one digit; 11 digits of base 36 hold every safe integer. */
const LENGTH_LETTER_BASE = 96;

/** Encodes a safe integer of at least 0, as in 0 → `a0`, 35 → `az`, 36 → `b10`. */
export function orderedNumber(value: number): string {
  assert(Number.isSafeInteger(value) && value >= 0, "an ordered number is a whole number from 0");
  const digits = value.toString(36);
  return String.fromCharCode(LENGTH_LETTER_BASE + digits.length) + digits;
}

/** Reads the numbers that follow each other from `at` to the end of `text`. */
export function readOrderedNumbers(text: string, at: number): readonly number[] {
  const numbers: number[] = [];
  for (let from = at; from < text.length; ) {
    const length = text.charCodeAt(from) - LENGTH_LETTER_BASE;
    assert(length >= 1 && length <= 11, "an ordered number begins with its length");
    numbers.push(Number.parseInt(text.slice(from + 1, from + 1 + length), 36));
    from += 1 + length;
  }
  return numbers;
}

/** The least text that is greater than every text with this prefix; the prefix is ASCII. */
export function prefixEnd(prefix: string): string {
  const last = prefix.length - 1;
  assert(last >= 0 && prefix.charCodeAt(last) < 0x7f, "a prefix is ASCII and not empty");
  return prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1);
}
