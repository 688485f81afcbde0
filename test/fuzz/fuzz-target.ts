import type { Buffer } from 'node:buffer';
import type { Dialogue } from './corpus.js';
import { mutate } from './mutate.js';
import { Random } from './random.js';

export const groups = ['imap', 'pop', 'smtp', 'http', 'sip', 'proxy'] as const;

/** Something that takes bytes of strangers. */
export interface FuzzTarget {
  readonly name: string;
  readonly group: (typeof groups)[number];
  readonly corpus: readonly Dialogue[];
  /** Words of its grammar. */
  readonly words: readonly string[];
  /** What `play` has to have seen after a few thousand runs. */
  readonly steps: readonly string[];
  /** Feeds the chunks, drives it at random, and throws where it breaks a promise; tells `seen` of every step. */
  play(chunks: readonly Buffer[], random: Random, seen: (step: string) => void): void;
}

export interface FuzzPlan {
  readonly seed: number;
  /** Whatever is reached first. */
  readonly runsMax: number;
  readonly timeMs: number;
}

export interface FuzzOutcome {
  readonly runs: number;
  readonly steps: ReadonlySet<string>;
}

// No play has more than some hundred kilobytes of input: one that takes longer does not grow with it as it should.
const playMsMax = 5000;
const shownLengthMax = 16_384;

/** Plays mutated dialogues, run n with the seed `seed + n`; the first broken promise is an error that can be replayed. */
export function fuzz(target: FuzzTarget, { seed, runsMax, timeMs }: FuzzPlan): FuzzOutcome {
  const steps = new Set<string>();
  const endMs = performance.now() + timeMs;
  let runs = 0;
  for (; runs < runsMax && performance.now() < endMs; runs++) {
    const random = new Random(seed + runs);
    const chunks = mutate(target.corpus, target.words, random);
    const startMs = performance.now();
    try {
      target.play(chunks, random, (step) => steps.add(step));
      const tookMs = performance.now() - startMs;
      if (tookMs > playMsMax) throw new Error(`it took ${Math.round(tookMs)} ms`);
    } catch (error) {
      throw new Error(report(target, seed + runs, chunks), { cause: error });
    }
  }
  return { runs, steps };
}

function report({ name, group }: FuzzTarget, seed: number, chunks: readonly Buffer[]): string {
  const hex = chunks.map((chunk) => chunk.toString('hex')).join('\n');
  const shown = hex.length > shownLengthMax ? `${hex.slice(0, shownLengthMax)} ... (${hex.length} digits)` : hex;
  const replay = `npm run fuzz -- ${group} --seed ${seed} --runs 1`;
  return `${name} broke a promise with seed ${seed}; replay: ${replay}\nits input in hex, a chunk a line:\n${shown}`;
}

/** A promise that is kept or broken. */
export function promise(isKept: boolean, words: string): void {
  if (!isKept) throw new Error(`broken promise: ${words}`);
}

/** Watches how much comes out for what goes in. */
export class Balance {
  readonly #perByte: number;
  #in = 0;
  #out = 0;

  constructor(perByte: number) {
    this.#perByte = perByte;
  }

  take(chunk: Buffer): Buffer {
    this.#in += chunk.length;
    return chunk;
  }

  give(output: Buffer): void {
    this.#out += output.length;
    promise(this.#out <= 8192 + this.#perByte * this.#in, `${this.#out} bytes of output for ${this.#in} of input`);
  }
}
