/** Draws what a random estate is made of. */
export interface Draw {
  from<T>(values: readonly T[]): T;
  int(min: number, max: number): number;
  /** True in about one of `of` cases. */
  oneIn(of: number): boolean;
  some<T>(values: readonly T[], min: number, max: number): T[];
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function numbersOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function drawFrom(next: () => number): Draw {
  const int = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    int,
    from: (values) => values[int(0, values.length - 1)] as (typeof values)[number],
    oneIn: (of) => int(1, of) === of,
    some: (values, min, max) => {
      const left = [...values];
      const count = int(min, Math.min(left.length, max));
      return Array.from({ length: count }, () => left.splice(int(0, left.length - 1), 1)).flat();
    },
  };
}

/** A reference to a name, now and then in capitals. */
export const spelled = (draw: Draw, name: string): string => (draw.oneIn(6) ? name.toUpperCase() : name);
