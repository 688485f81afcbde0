import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../../src/protocols/lines/line-splitter.js';

/** All lines of a splitter as text, ending with `too-long` if it comes to that. */
function drain(splitter: LineSplitter): string[] {
  const lines: string[] = [];
  for (;;) {
    const split = splitter.nextLine();
    if (split.kind === 'more') return lines;
    if (split.kind === 'too-long') return [...lines, 'too-long'];
    lines.push(split.line.toString('latin1'));
  }
}

describe('line splitter', () => {
  it('ends lines at CRLF and at LF alone, and leaves a CR elsewhere in the line', () => {
    const splitter = new LineSplitter(100);
    splitter.push(Buffer.from('one\r\ntwo\n\r\nth\rree\r\nfo'));
    expect(drain(splitter)).toEqual(['one', 'two', '', 'th\rree']);
    expect(splitter.heldBytes).toBe(2);
    expect(splitter.takeRest().toString()).toBe('fo');
    expect(splitter.heldBytes).toBe(0);
  });

  it('takes a line of exactly the limit and reports one byte more, finished or not', () => {
    for (const [input, expected] of [
      ['12345678\r\n', ['12345678']],
      ['123456789\r\n', ['too-long']],
      ['1234567890', ['too-long']],
      ['123456789', []],
    ] as const) {
      const splitter = new LineSplitter(10);
      splitter.push(Buffer.from(input));
      expect(drain(splitter)).toEqual(expected);
    }
  });

  it('gives counted bytes whatever they are', () => {
    const splitter = new LineSplitter(100);
    splitter.push(Buffer.from('ab'));
    expect(splitter.nextBytes(4)).toBeUndefined();
    splitter.push(Buffer.from('\r\nrest\r\n'));
    expect(splitter.nextBytes(4)?.toString()).toBe('ab\r\n');
    expect(drain(splitter)).toEqual(['rest']);
  });

  it('gives the same lines for any chunking, and never holds more than a line and a chunk', () => {
    const chunk = fc
      .array(fc.constantFrom('a', '\r', '\n', '\r\n', 'word'), { maxLength: 12 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(chunk), (chunks) => {
        const whole = new LineSplitter(16);
        whole.push(Buffer.from(chunks.join('')));
        const pieces = new LineSplitter(16);
        const lines: string[] = [];
        for (const text of chunks) {
          pieces.push(Buffer.from(text));
          lines.push(...drain(pieces));
          if (lines.at(-1) === 'too-long') break;
          expect(pieces.heldBytes).toBeLessThan(16);
        }
        expect(lines).toEqual(drain(whole));
      }),
    );
  });
});
