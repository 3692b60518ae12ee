/**
 * The one loop of coding that has to be fast: `target ^= factor * source` over GF(2^8), sixteen bytes at a time.
 * A product with a fixed factor is a look-up of each half of a byte in a table of sixteen, which is one
 * instruction for sixteen bytes: Plank, Greenan and Miller, "Screaming Fast Galois Field Arithmetic Using Intel
 * SIMD Instructions" (FAST 2013). The module is put together here from its bytes (WebAssembly with SIMD, as every
 * Node that we run on has it): no add-on, no file to load.
 */
import { assert } from "../../std/assert.ts";
import { multiply } from "./galois.ts";

/** Bytes of a block that are worked on at once: those of all blocks of a stripe stay in the cache. */
export const SLICE_BYTES = 16 * 1024;

const PAGE_BYTES = 64 * 1024;

/** Two tables of sixteen for each factor. */
const TABLE_BYTES = 32;

/** Where the source slice is; before it are the tables of all factors. */
const SOURCE = 256 * TABLE_BYTES;
const TARGETS = SOURCE + SLICE_BYTES;

const VECTOR = [0x7b] as const;
const I32 = 0x7f;
const SIMD = 0xfd;

/** `local.get n`. */
function get(local: number): readonly number[] {
  return [0x20, local];
}

/** `v128.load`, unaligned, at the address on the stack. */
const LOAD = [SIMD, 0x00, 0x00, 0x00] as const;
const STORE = [SIMD, 0x0b, 0x00, 0x00] as const;
const SWIZZLE = [SIMD, 0x0e] as const;
const AND = [SIMD, 0x4e] as const;
const XOR = [SIMD, 0x51] as const;
/** `i8x16.shr_u`. */
const SHIFT_RIGHT = [SIMD, 0x6d] as const;

/** Locals of the function: its parameters, then vectors. */
const [TARGET, FROM, END, TABLE, LOW, HIGH, DATA] = [0, 1, 2, 3, 4, 5, 6] as const;

/**
 * `(target, source, end of source, table)`: adds a multiple of the source to the target; at least sixteen bytes,
 * and a multiple of that.
 */
const BODY: readonly number[] = [
  // One declaration: three vectors.
  ...[0x01, 0x03, ...VECTOR],
  ...[...get(TABLE), ...LOAD, 0x21, LOW],
  ...[...get(TABLE), 0x41, 16, 0x6a, ...LOAD, 0x21, HIGH],
  // loop
  ...[0x03, 0x40],
  ...[...get(FROM), ...LOAD, 0x21, DATA],
  // target ^ low[data & 15] ^ high[data >> 4]
  ...get(TARGET),
  ...[...get(TARGET), ...LOAD],
  // i32.const 15, i8x16.splat
  ...[...get(LOW), ...get(DATA), 0x41, 15, SIMD, 0x0f, ...AND, ...SWIZZLE, ...XOR],
  ...[...get(HIGH), ...get(DATA), 0x41, 4, ...SHIFT_RIGHT, ...SWIZZLE, ...XOR],
  ...STORE,
  ...[...get(TARGET), 0x41, 16, 0x6a, 0x21, TARGET],
  // Again while source + 16 < end.
  ...[...get(FROM), 0x41, 16, 0x6a, 0x22, FROM, ...get(END), 0x49, 0x0d, 0x00],
  0x0b,
  0x0b,
];

/** Blocks that are made at once. */
export const TARGETS_MAX = 8;

const PAGES = Math.ceil((TARGETS + TARGETS_MAX * SLICE_BYTES) / PAGE_BYTES);

function vector(...items: readonly (readonly number[])[]): readonly number[] {
  return [items.length, ...items.flat()];
}

function section(id: number, content: readonly number[]): readonly number[] {
  return [id, ...leb(content.length), ...content];
}

function leb(value: number): readonly number[] {
  return value < 128 ? [value] : [(value & 127) | 128, value >> 7];
}

const MODULE = new Uint8Array([
  // Magic and version.
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...section(1, vector([0x60, ...vector([I32], [I32], [I32], [I32]), 0x00])),
  ...section(3, vector([0x00])),
  ...section(5, vector([0x00, PAGES])),
  // The function as "a", the memory as "m".
  ...section(7, vector([0x01, 0x61, 0x00, 0x00], [0x01, 0x6d, 0x02, 0x00])),
  ...section(10, vector([...leb(BODY.length), ...BODY])),
]);

type AddMultiple = (target: number, from: number, end: number, table: number) => void;

/** What of it is used here: the types of Node leave it to those of browsers. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module);
    readonly exports: Readonly<Record<string, unknown>>;
  }
  class Memory {
    readonly buffer: ArrayBuffer;
  }
}

interface Kernel {
  readonly add: AddMultiple;
  readonly memory: Uint8Array;
}

let made: Kernel | undefined;

function isAddMultiple(value: unknown): value is AddMultiple {
  return typeof value === "function";
}

function kernel(): Kernel {
  if (made !== undefined) return made;
  const { a: add, m } = new WebAssembly.Instance(new WebAssembly.Module(MODULE)).exports;
  assert(isAddMultiple(add) && m instanceof WebAssembly.Memory, "the module has what it exports");
  const memory = new Uint8Array(m.buffer);
  for (let factor = 0; factor < 256; factor++) {
    for (let half = 0; half < 16; half++) {
      memory[factor * TABLE_BYTES + half] = multiply(factor, half);
      memory[factor * TABLE_BYTES + 16 + half] = multiply(factor, half << 4);
    }
  }
  made = { add, memory };
  return made;
}

/**
 * One block of `bytes` bytes for each row of factors, at most `TARGETS_MAX`: the sum of the sources, each times its
 * factor. Sources that are shorter go on with zeros.
 */
export function combine(
  rows: readonly (readonly number[])[],
  sources: readonly Uint8Array[],
  bytes: number,
): readonly Uint8Array<ArrayBuffer>[] {
  assert(rows.length <= TARGETS_MAX, "so many blocks are made at once");
  const { add, memory } = kernel();
  const targets = rows.map(() => new Uint8Array(bytes));
  for (let from = 0; from < bytes; from += SLICE_BYTES) {
    memory.fill(0, TARGETS, TARGETS + rows.length * SLICE_BYTES);
    for (const [column, source] of sources.entries()) {
      const slice = source.subarray(from, from + SLICE_BYTES);
      if (slice.length === 0) continue;
      memory.set(slice, SOURCE);
      const end = SOURCE + Math.ceil(slice.length / 16) * 16;
      memory.fill(0, SOURCE + slice.length, end);
      for (const [at, row] of rows.entries()) {
        add(TARGETS + at * SLICE_BYTES, SOURCE, end, (row[column] ?? 0) * TABLE_BYTES);
      }
    }
    const length = Math.min(SLICE_BYTES, bytes - from);
    for (const [at, target] of targets.entries()) {
      const start = TARGETS + at * SLICE_BYTES;
      target.set(memory.subarray(start, start + length), from);
    }
  }
  return targets;
}
