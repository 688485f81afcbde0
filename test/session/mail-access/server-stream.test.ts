import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ImapServerStream, PopServerStream } from '../../../src/session/mail-access/server-stream.js';

function completeAfter(...chunks: readonly string[]): boolean {
  const stream = new ImapServerStream();
  for (const chunk of chunks) stream.push(Buffer.from(chunk, 'latin1'));
  return stream.isComplete;
}

describe('what an IMAP server says is finished', () => {
  test.each([
    [[], true],
    [['* OK ready\r\n'], true],
    [['* OK rea'], false],
    [['* OK rea', 'dy\r', '\n'], true],
    [['+ idling\r\n'], true],
    [['* 1 FETCH (BODY[] {5}\r\n'], false],
    [['* 1 FETCH (BODY[] {5}\r\n', 'a\r\nbc'], false],
    [['* 1 FETCH (BODY[] {5}\r\n', 'a\r\nb\n'], false],
    [['* 1 FETCH (BODY[] {5}\r\na\r\nbc)\r\n'], true],
    [['* 1 FETCH (BODY[] {', '5', '}', '\r', '\n', 'a\r\nbc', ')\r\n'], true],
    [['* 1 FETCH (BODY[] {', '5', '}', '\r', '\n', 'a\r\n'], false],
    [['* 1 FETCH (BODY[] ~{2}\r\n\r\n)\r\n'], true],
    [['* 1 FETCH (BODY[1] {0}\r\n'], false],
    [['* 1 FETCH (BODY[1] {0}\r\n)\r\n'], true],
    [['* 1 FETCH (A {3}\r\n{9} B {2}\r\n}\r C {4}\r\n{8}\r)\r\n'], true],
    [['* OK {x}\r\n'], true],
    [['* OK }\r\n'], true],
    [['* OK {9999999999999999999999}\r\n'], true],
  ])('%j: %s', (chunks, expected) => {
    expect(completeAfter(...chunks)).toBe(expected);
  });

  const word = fc.oneof(
    fc.constantFrom('* 1 FETCH (', '{', '}', '{3}', '\r\n', '\r', '\n', ' ', 'a OK done\r\n', '{12+}\r\n', '{7}\r'),
    fc
      .nat(40)
      .chain((size) =>
        fc.string({ minLength: size, maxLength: size, unit: 'binary-ascii' }).map((text) => `{${size}}\r\n${text}`),
      ),
  );

  test('however its bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), fc.array(fc.nat(400), { maxLength: 20 }), (words, cuts) => {
        const text = words.join('');
        const places = [...new Set([0, ...cuts.filter((cut) => cut < text.length), text.length])].sort((a, b) => a - b);
        const pieces = places.slice(1).map((end, index) => text.slice(places[index], end));
        expect(completeAfter(...pieces)).toBe(plainly(text));
      }),
      { numRuns: 2000 },
    );
  });
});

/** The same, read line by line in one piece. */
function plainly(text: string): boolean {
  let rest = text;
  for (;;) {
    const end = rest.indexOf('\n') + 1;
    if (end === 0) return rest === '';
    const [announced, size] = /\{(\d{1,15})\+?\}\r\n$/.exec(rest.slice(0, end)) ?? [];
    rest = rest.slice(end);
    if (announced === undefined) continue;
    if (rest.length <= Number(size)) return false;
    rest = rest.slice(Number(size));
  }
}

test('what a POP server says is finished at the end of a line', () => {
  const stream = new PopServerStream();
  expect(stream.isComplete).toBe(true);
  stream.push(Buffer.from('+OK'));
  expect(stream.isComplete).toBe(false);
  stream.push(Buffer.from(' done\r\n'));
  expect(stream.isComplete).toBe(true);
});
