import Database from 'better-sqlite3';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareNames, didYouMean, nameKey, nearestName } from '../../src/topology/names.js';

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((name) => !name.includes('\0'));

test('names are the same exactly when SQLite says so with NOCASE', () => {
  const database = new Database(':memory:');
  const same = database.prepare('SELECT ? = ? COLLATE NOCASE AS same').pluck();
  const spelling = fc.constantFrom(
    'A',
    'a',
    'É',
    'é',
    'K',
    '\u212a',
    'k',
    'ſ',
    's',
    'İ',
    'i',
    '\u{10400}',
    '\u{10428}',
  );
  fc.assert(
    fc.property(fc.oneof(text, spelling), fc.oneof(text, spelling), (a, b) => {
      expect(nameKey(a) === nameKey(b)).toBe(same.get(a, b) === 1);
    }),
  );
  database.close();
});

test('the order of names is total and does not look at case', () => {
  fc.assert(
    fc.property(text, text, text, (a, b, c) => {
      expect(compareNames(a, b) + compareNames(b, a)).toBe(0);
      expect(compareNames(a.toUpperCase(), a.toUpperCase())).toBe(0);
      const sorted = [a, b, c].sort(compareNames);
      expect([c, b, a].sort(compareNames).map(nameKey)).toEqual(sorted.map(nameKey));
    }),
  );
  expect(['b', 'A', 'a_', 'B2', 'C'].sort(compareNames)).toEqual(['A', 'a_', 'b', 'B2', 'C']);
});

test.each([
  ['MBX1', ['MBX2', 'HUB1'], 'MBX2'],
  ['mbx1', ['MBX1'], 'MBX1'],
  ['mxb1', ['MBX1', 'MBX22'], 'MBX1'],
  ['tsl', ['ca', 'tls'], 'tls'],
  ['endpoint', ['endpoints', 'site'], 'endpoints'],
  ['X', ['B', 'Y'], 'B'],
  ['Site A', ['completely else'], undefined],
  ['AB', ['CDE'], undefined],
  ['anything', [], undefined],
])('%s among %j is meant to be %s', (wanted, known, expected) => {
  expect(nearestName(wanted, known)).toBe(expected);
  expect(didYouMean(wanted, known)).toBe(expected === undefined ? '' : ` (did you mean "${expected}"?)`);
});

test('a very long name is compared in bounded time', () => {
  const known = Array.from({ length: 2000 }, (_, index) => `server-${index}`.padEnd(64, 'x'));
  const start = performance.now();
  expect(nearestName('y'.repeat(1_000_000), known)).toBeUndefined();
  expect(performance.now() - start).toBeLessThan(5000);
});
