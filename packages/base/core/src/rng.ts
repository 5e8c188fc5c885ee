/** Where chance comes from: jitter, balancing, trace ids. Tests pass a seeded one and print the seed. */
export interface Rng {
  /** A number in [0, 1). */
  next(): number
}

export const systemRng: Rng = { next: () => Math.random() }

/** A repeatable Rng (mulberry32). Not for secrets. */
export function seededRng(seed: number): Rng {
  let state = seed >>> 0
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
    },
  }
}

/** `value` moved by up to `share` of itself either way: `jitter(rng, 1000, 0.1)` lies in 900–1100. */
export function jitter(rng: Rng, value: number, share: number): number {
  return value * (1 + (rng.next() * 2 - 1) * share)
}
