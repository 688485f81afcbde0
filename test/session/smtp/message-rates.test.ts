import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMessageRates } from '../../../src/session/smtp/message-rates.js';

const five = { name: 'Client Frontend', messagesPerMinute: 5 };
const ann = 'ann@contoso.com';

function ratesAt(startMs = 1_000_000) {
  const clock = { nowMs: startMs };
  const rates = createMessageRates(() => clock.nowMs);
  const take: typeof rates.take = (connector, source) => rates.take(connector, source);
  return { clock, take };
}

describe('messages a minute', () => {
  test('the sixth and seventh are too many, and nobody else notices', () => {
    const { take } = ratesAt();
    expect(Array.from({ length: 7 }, () => take(five, ann))).toEqual([true, true, true, true, true, false, false]);
    expect(take(five, 'bob@contoso.com')).toBe(true);
    expect(take({ ...five, name: 'Other' }, ann)).toBe(true);
    expect(take({ ...five, name: 'CLIENT frontend' }, ann)).toBe(false);
  });

  test('the minute slides, and what was refused does not count', () => {
    const { clock, take } = ratesAt(0);
    const sent = [0, 10_000, 20_000, 30_000, 40_000, 59_999, 60_000, 60_001, 69_999, 70_000, 200_000].map((atMs) => {
      clock.nowMs = atMs;
      return take(five, ann);
    });
    expect(sent).toEqual([true, true, true, true, true, false, true, false, false, true, true]);
  });

  test('without a limit nothing is counted', () => {
    const { take } = ratesAt();
    const unlimited = { ...five, messagesPerMinute: null };
    expect(Array.from({ length: 1000 }, () => take(unlimited, ann)).every(Boolean)).toBe(true);
  });

  test('a limit that was changed counts at once', () => {
    const { take } = ratesAt();
    for (let sent = 0; sent < 5; sent += 1) take(five, ann);
    expect(take({ ...five, messagesPerMinute: 6 }, ann)).toBe(true);
    expect(take({ ...five, messagesPerMinute: 2 }, ann)).toBe(false);
  });

  test('a clock that is set back locks nobody out', () => {
    const { clock, take } = ratesAt(10_000_000);
    for (let sent = 0; sent < 5; sent += 1) take(five, ann);
    clock.nowMs = 1_000_000;
    expect(take(five, ann)).toBe(true);
  });

  test.each([1, 5, 64, 65, 300])('no minute has more than %i', (limit) => {
    const steps = fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 400 });
    fc.assert(
      fc.property(steps, (waits) => {
        const { clock, take } = ratesAt();
        const sentAtMs: number[] = [];
        for (const waitMs of waits) {
          clock.nowMs += waitMs;
          const isIn = (width: number) => sentAtMs.filter((atMs) => atMs > clock.nowMs - width).length < limit;
          const taken = take({ ...five, messagesPerMinute: limit }, ann);
          if (taken) expect(isIn(60_000)).toBe(true);
          else expect(isIn(limit > 64 ? 61_000 : 60_000)).toBe(false);
          if (taken) sentAtMs.push(clock.nowMs);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('of a hundred thousand sources the one that is silent longest is forgotten, and no other', () => {
    const { clock, take } = ratesAt();
    const once = { ...five, messagesPerMinute: 1 };
    for (let source = 0; source < 100_000; source += 1) take(once, `${source}`);
    expect([take(once, '0'), take(once, '99999')]).toEqual([false, false]);
    expect(take(once, 'one more')).toBe(true);
    expect([take(once, '1'), take(once, '0')]).toEqual([false, true]);
    clock.nowMs += 60_000;
    expect(take(once, '99999')).toBe(true);
  });
});
