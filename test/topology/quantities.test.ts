import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../src/topology/quantities.js';

test.each([
  ['36MB', 36 * 1024 ** 2],
  ['256 KB', 256 * 1024],
  ['1gb', 1024 ** 3],
  ['10B', 10],
  [1024, 1024],
  ['1.5MB', 1.5 * 1024 ** 2],
  ['0.1KB', undefined],
  ['', undefined],
  ['MB', undefined],
  ['-1MB', undefined],
  ['1TB', undefined],
  ['1MB 2', undefined],
  [1.5, undefined],
  [Number.NaN, undefined],
  [1e300, undefined],
  ['999999999999999GB', undefined],
])('the size %s is %s bytes', (size, bytes) => expect(parseSize(size)).toBe(bytes));

test.each([
  ['5m', 300_000],
  ['90s', 90_000],
  ['500ms', 500],
  ['1H', 3_600_000],
  ['2d', 172_800_000],
  ['0.5s', 500],
  ['0', 0],
  [0, 0],
  [5, undefined],
  ['5', undefined],
  ['0.0001s', undefined],
  ['-5s', undefined],
  ['5 weeks', undefined],
  ['999999999999999d', undefined],
])('the duration %s is %s ms', (duration, milliseconds) => expect(parseDuration(duration)).toBe(milliseconds));

test('what is written is read back', () => {
  const number = fc.oneof(
    fc.maxSafeNat(),
    fc.nat(),
    fc.integer({ min: 0, max: 100 }).map((count) => count * 1024 ** 2),
  );
  fc.assert(
    fc.property(number, (value) => {
      expect(parseSize(formatSize(value))).toBe(value);
      expect(parseDuration(formatDuration(value))).toBe(value);
    }),
  );
});
