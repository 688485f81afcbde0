import { describe, expect, test } from 'vitest';
import { type FuzzPlan, type FuzzTarget, fuzz, groups } from './fuzz-target.js';
import { httpTargets } from './http-targets.js';
import { loginTargets } from './login-targets.js';
import { readerTargets } from './reader-targets.js';
import { sipTarget } from './sip-target.js';
import { smtpClientTarget } from './smtp-client-target.js';
import { smtpServerTarget } from './smtp-server-target.js';

/** What `npm run fuzz` asks for; without it the same few thousand runs are made every time. */
interface Wish {
  readonly group: string | null;
  readonly seconds: number;
  readonly seed: number;
  readonly runs: number | null;
}

const usualRuns = 1500;
const wish = process.env['USHER_FUZZ'] === undefined ? null : (JSON.parse(process.env['USHER_FUZZ']) as Wish);
const all: readonly FuzzTarget[] = [
  ...loginTargets,
  smtpClientTarget,
  smtpServerTarget,
  ...httpTargets,
  sipTarget,
  ...readerTargets,
];
const chosen = all.filter(({ group }) => wish === null || wish.group === null || group === wish.group);
const plan: FuzzPlan =
  wish === null
    ? { seed: 1, runsMax: usualRuns, timeMs: Number.POSITIVE_INFINITY }
    : {
        seed: wish.seed,
        runsMax: wish.runs ?? Number.POSITIVE_INFINITY,
        timeMs: (wish.seconds * 1000) / chosen.length,
      };

describe.each(chosen)('$name, fed with mutated dialogues in every state,', (target) => {
  const timeoutMs = wish === null ? 60_000 : wish.seconds * 1000 + 60_000;
  test('never throws, holds and says little, and ends every input with a step', { timeout: timeoutMs }, () => {
    const { runs, steps } = fuzz(target, plan);
    if (wish !== null) process.stdout.write(`${target.name}: ${runs} runs from seed ${plan.seed}\n`);
    const expected = runs < usualRuns ? [] : target.steps;
    expect(expected.filter((step) => !steps.has(step))).toStrictEqual([]);
    expect(runs).toBeGreaterThan(0);
  });
});

test('there is a target for every group', () => {
  expect(new Set(all.map(({ group }) => group))).toStrictEqual(new Set(groups));
});

test('a broken promise names the seed and the input, and the seed makes the same input again', () => {
  const target: FuzzTarget = {
    name: 'glass',
    group: 'proxy',
    corpus: [[Buffer.from('abc')]],
    words: ['hammer'],
    steps: [],
    play: (chunks) => {
      if (Buffer.concat(chunks).includes('hammer')) throw new Error('broken');
    },
  };
  const messageOf = (plan: FuzzPlan): string => {
    try {
      fuzz(target, plan);
    } catch (error) {
      return (error as Error).message;
    }
    return 'nothing broke';
  };
  const message = messageOf({ seed: 1, runsMax: 10_000, timeMs: 10_000 });
  const [, seed = ''] = /--seed (\d+) --runs 1\n/.exec(message) ?? [];
  expect(message.replaceAll('\n', '')).toContain(Buffer.from('hammer').toString('hex'));
  expect(messageOf({ seed: Number(seed), runsMax: 1, timeMs: 10_000 })).toBe(message);
});
