/** A source of randomness that a seed fixes, so that a failing run can be played again. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
}

/** Mulberry32: 32 bits of state, enough for tests and election timeouts, not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
  };
}
