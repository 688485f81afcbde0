import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createStrangerLimit } from '../../../src/session/sip/stranger-limit.js';

test('so many to one address, and to all, in a second', () => {
  let nowMs = 500;
  const limit = createStrangerLimit({ nowMs: () => nowMs, perAddressMax: 2, allMax: 5 });
  const ask = (...addresses: string[]): boolean[] => addresses.map((address) => limit.mayAnswer(address));
  expect(ask('a', 'a', 'a', 'b', 'b', 'b')).toStrictEqual([true, true, false, true, true, false]);
  expect(ask('c', 'c', 'd')).toStrictEqual([true, false, false]);
  nowMs = 999;
  expect(ask('d')).toStrictEqual([false]);
  nowMs = 1000;
  expect(ask('a', 'a', 'a')).toStrictEqual([true, true, false]);
});

test('whoever asks and however often, no second has more answers than there may be', () => {
  const asks = fc.array(fc.record({ address: fc.nat(8), waitMs: fc.nat(400) }), { maxLength: 300 });
  fc.assert(
    fc.property(asks, (asks) => {
      let nowMs = 0;
      const limit = createStrangerLimit({ nowMs: () => nowMs, perAddressMax: 3, allMax: 7 });
      const answered = new Map<string, number>();
      for (const { address, waitMs } of asks) {
        nowMs += waitMs;
        if (!limit.mayAnswer(String(address))) continue;
        const second = Math.floor(nowMs / 1000);
        for (const key of [`${second}`, `${second} ${address}`]) answered.set(key, (answered.get(key) ?? 0) + 1);
      }
      for (const [key, count] of answered) expect(count).toBeLessThanOrEqual(key.includes(' ') ? 3 : 7);
    }),
  );
});

test('by itself five and five hundred', () => {
  const limit = createStrangerLimit({ nowMs: () => 0 });
  const answered = Array.from({ length: 2000 }, (_, number) => limit.mayAnswer(`${number % 150}`));
  expect(answered.filter(Boolean)).toHaveLength(500);
  const one = createStrangerLimit({ nowMs: () => 0 });
  expect(Array.from({ length: 10 }, () => one.mayAnswer('a')).filter(Boolean)).toHaveLength(5);
});
