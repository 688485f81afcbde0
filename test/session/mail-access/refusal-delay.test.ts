import { expect, test } from 'vitest';
import { RefusalPace, refusalDelayMs } from '../../../src/session/mail-access/refusal-delay.js';

test('a refused login waits a second, and each one after it twice as long, up to fifteen', () => {
  expect([0, 1, 2, 3, 4, 5, 6, 1000].map(refusalDelayMs)).toEqual([
    1000, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000,
  ]);
});

test('refusals without a server take as long as those of servers did, in turn', () => {
  const pace = new RefusalPace();
  expect(pace.nextMs()).toBe(0);
  pace.serverRefused(2000);
  expect([pace.nextMs(), pace.nextMs()]).toEqual([2000, 2000]);
  pace.serverRefused(60);
  expect(new Set([pace.nextMs(), pace.nextMs()])).toEqual(new Set([60, 2000]));
});

test('sixteen refusals are remembered, and none as longer than five seconds', () => {
  const pace = new RefusalPace();
  pace.serverRefused(1);
  for (let count = 0; count < 16; count++) pace.serverRefused(60_000);
  expect(new Set(Array.from({ length: 40 }, () => pace.nextMs()))).toEqual(new Set([5000]));
});
