/** Sorting by 64 bits without comparing, byte by byte from the lowest. */

/** Starts of keys: the first 32 bits and the next 32, as unsigned numbers. */
export interface KeyStarts {
  readonly high: Uint32Array;
  readonly low: Uint32Array;
}

/** The numbers from 0 on in the order of (high, low); equal ones keep their order. */
export function radixOrder(starts: KeyStarts): Uint32Array {
  const { high, low } = starts;
  const count = high.length;
  let from = new Uint32Array(count);
  for (let index = 0; index < count; index++) from[index] = index;
  let to = new Uint32Array(count);
  for (const words of [low, high]) {
    for (let shift = 0; shift < 32; shift += 8) {
      if (pass({ from, to, words, shift })) [from, to] = [to, from];
    }
  }
  return from;
}

interface Pass {
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  readonly words: Uint32Array;
  readonly shift: number;
}

/** Sorts by one byte; false, and nothing done, when all have the same. */
function pass(task: Pass): boolean {
  const { from, to, words, shift } = task;
  const places = new Uint32Array(256);
  for (let index = 0; index < words.length; index++) {
    const digit = ((words[index] ?? 0) >>> shift) & 0xff;
    places[digit] = (places[digit] ?? 0) + 1;
  }
  let start = 0;
  for (let digit = 0; digit < 256; digit++) {
    const count = places[digit] ?? 0;
    if (count === words.length) return false;
    places[digit] = start;
    start += count;
  }
  for (let at = 0; at < from.length; at++) {
    const index = from[at] ?? 0;
    const digit = ((words[index] ?? 0) >>> shift) & 0xff;
    const place = places[digit] ?? 0;
    to[place] = index;
    places[digit] = place + 1;
  }
  return true;
}
