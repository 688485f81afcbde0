import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvField } from '../../src/observability/csv-field.js';
import { parseStrictCsv } from './strict-csv.js';

const nasty = fc.string({
  unit: fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    fc.constantFrom(
      '"',
      ',',
      ';',
      '=',
      '+',
      '-',
      '@',
      ' ',
      '\\',
      '\r',
      '\n',
      '\0',
      '\u001b',
      '\t',
      '\u009b',
      '\ud83d',
      'a',
    ),
  ),
});

function decoded(field: string): string {
  return field.replace(/\\x([\da-f]{2})|\\u([\da-f]{4})/g, (_, byte: string | undefined, unit: string | undefined) =>
    String.fromCharCode(Number.parseInt(byte ?? unit ?? '', 16)),
  );
}

describe('a CSV field', () => {
  it.each([
    ['EHLO client.example', 'EHLO client.example'],
    ['', ''],
    ['a,b "c"', '"a,b ""c"""'],
    ['QUIT\r\nFAKE\0', 'QUIT\\x0d\\x0aFAKE\\x00'],
    ['\u001b[2J\u009b', '\\x1b[2J\\x9b'],
    ['DOMAIN\\user', 'DOMAIN\\x5cuser'],
    ['é €', '\\xe9 \\u20ac'],
    ['=cmd|x', '\\x3dcmd|x'],
    ['  @SUM(A1)', '  \\x40SUM(A1)'],
    ['a;=b; c; -d', 'a;\\x3db; c; \\x2dd'],
    ['250-SIZE', '250-SIZE'],
  ])('writes %j as %j', (text, field) => {
    expect(csvField(text)).toBe(field);
  });

  it('is one field of printable ASCII that begins no formula and can be read back', () => {
    fc.assert(
      fc.property(nasty, nasty, (one, other) => {
        const line = `${csvField(one)},${csvField(other)}\n`;
        const [[first = '', second = '', ...more] = [], ...rows] = parseStrictCsv(line);
        expect([more, rows]).toEqual([[], []]);
        expect([decoded(first), decoded(second)]).toEqual([one, other]);
        expect(line).toMatch(/^[ -~]*\n$/);
        for (const cell of [first, second, ...line.split(';')]) expect(cell).not.toMatch(/^[" ]*[=+@-]/);
      }),
      { numRuns: 500 },
    );
  });

  it('is cut at 2 KB, between escapes', () => {
    for (const text of ['x'.repeat(5000), '\r'.repeat(5000), 'a€'.repeat(5000), '"'.repeat(2049)]) {
      const [[field = ''] = []] = parseStrictCsv(`${csvField(text)}\n`);
      expect(field.length).toBeLessThanOrEqual(2048);
      expect(field.length).toBeGreaterThan(2035);
      expect(field.endsWith('...')).toBe(true);
      expect(text.startsWith(decoded(field.slice(0, -3)))).toBe(true);
    }
    expect(csvField('x'.repeat(2048))).toBe('x'.repeat(2048));
  });
});
