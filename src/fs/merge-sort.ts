/** Sorting of numbers that stand for things elsewhere. */

/**
 * The numbers from 0 to `count - 1` in the order of `compare`; equal ones keep their order. Input
 * that is in order already costs one comparison each.
 */
export function mergeSort(
  count: number,
  compare: (left: number, right: number) => number,
): Uint32Array {
  let from = new Uint32Array(count);
  for (let index = 0; index < count; index++) from[index] = index;
  let to = new Uint32Array(count);
  for (let width = 1; width < count; width *= 2) {
    for (let start = 0; start < count; start += 2 * width) {
      const middle = Math.min(start + width, count);
      mergeInto(to, { from, start, middle, end: Math.min(middle + width, count), compare });
    }
    [from, to] = [to, from];
  }
  return from;
}

interface Halves {
  readonly from: Uint32Array;
  readonly start: number;
  readonly middle: number;
  readonly end: number;
  readonly compare: (left: number, right: number) => number;
}

function mergeInto(to: Uint32Array, halves: Halves): void {
  const { from, start, middle, end, compare } = halves;
  // The last of the left half and the first of the right one in order: nothing to merge.
  if (middle === end || compare(from[middle - 1] ?? 0, from[middle] ?? 0) <= 0) {
    to.set(from.subarray(start, end), start);
    return;
  }
  let left = start;
  let right = middle;
  for (let place = start; place < end; place++) {
    const takeLeft =
      right === end || (left < middle && compare(from[left] ?? 0, from[right] ?? 0) <= 0);
    to[place] = from[takeLeft ? left++ : right++] ?? 0;
  }
}
