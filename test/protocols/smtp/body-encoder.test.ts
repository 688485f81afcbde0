import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BodyEncoder } from '../../../src/protocols/smtp/body-encoder.js';
import { cut } from './cut.js';

function encodeAll(chunks: readonly Buffer[]): { wire: string; bare: boolean; hidden: boolean } {
  const encoder = new BodyEncoder();
  const pieces = chunks.map((chunk) => encoder.encode(chunk));
  pieces.push(encoder.end());
  return { wire: Buffer.concat(pieces).toString('latin1'), bare: encoder.bareLineEnding, hidden: encoder.hiddenDot };
}

const encode = (text: string) => encodeAll([Buffer.from(text, 'latin1')]);

/** Reads DATA as RFC 5321 §4.5.2 says: lines up to one that is a dot alone, the first of leading dots taken off. */
function decode(wire: string): { content: string; rest: string } {
  const lines = wire.split('\r\n');
  const end = lines.indexOf('.');
  const content = lines.slice(0, end).map((line) => `${line.replace(/^\./, '')}\r\n`);
  return { content: content.join(''), rest: lines.slice(end + 1).join('\r\n') };
}

function canonical(text: string): string {
  const lines = text.replaceAll(/\r\n|\r|\n/g, '\r\n');
  return lines === '' || lines.endsWith('\r\n') ? lines : `${lines}\r\n`;
}

describe('the wire form', () => {
  test.each([
    ['', '.\r\n', false],
    ['a', 'a\r\n.\r\n', false],
    ['a\r\n', 'a\r\n.\r\n', false],
    ['a\r\n\r\n', 'a\r\n\r\n.\r\n', false],
    ['.', '..\r\n.\r\n', false],
    ['.a\r\n..b\r\nc.\r\n', '..a\r\n...b\r\nc.\r\n.\r\n', false],
    ['a\r\n.\r\nMAIL FROM:<x@y>\r\n', 'a\r\n..\r\nMAIL FROM:<x@y>\r\n.\r\n', false],
    ['a\n.\nb', 'a\r\n..\r\nb\r\n.\r\n', true],
    ['a\n.\r\nb', 'a\r\n..\r\nb\r\n.\r\n', true],
    ['a\r\n.\nb', 'a\r\n..\r\nb\r\n.\r\n', true],
    ['a\r\n.\rb', 'a\r\n..\r\nb\r\n.\r\n', true],
    ['a\r.\r\nb', 'a\r\n..\r\nb\r\n.\r\n', true],
    ['a\r\r\nb', 'a\r\n\r\nb\r\n.\r\n', true],
    ['a\n\rb', 'a\r\n\r\nb\r\n.\r\n', true],
    ['a\r', 'a\r\n.\r\n', true],
    ['\n', '\r\n.\r\n', true],
  ])('%j becomes %j', (content, wire, bare) => {
    expect(encode(content)).toEqual({ wire, bare, hidden: false });
  });

  test.each([
    ['\0.\r\n', true],
    ['a\r\n\0\0.', true],
    ['a\n\0.\r\n', true],
    ['\0', false],
    ['\0a.\r\n', false],
    ['a\0.\r\n', false],
    ['.\0\r\n', false],
    ['\0\r\n.\0\r\n', false],
  ])('%j hides a dot behind NUL: %s', (content, hidden) => {
    expect(encode(content).hidden).toBe(hidden);
    expect(encodeAll([...Buffer.from(content, 'latin1')].map((byte) => Buffer.from([byte]))).hidden).toBe(hidden);
  });

  test('a chunk in which nothing changes is passed on as it is', () => {
    const chunk = Buffer.from('Subject: x\r\n\r\nhello. world\r\n');
    expect(new BodyEncoder().encode(chunk)).toBe(chunk);
  });
});

const words = fc.constantFrom(
  '.',
  '\r',
  '\n',
  '\r\n',
  'a',
  '..',
  '\r\n.\r\n',
  '\n.\n',
  '\r.\r',
  'text of a line',
  '\0',
  'é',
);
const contents = fc.oneof(
  fc.array(words, { maxLength: 60 }).map((pieces) => pieces.join('')),
  // Short lines in plenty, so that the way for short lines is taken as well.
  fc.array(words, { maxLength: 5 }).map((pieces) => 'x\r\n'.repeat(80) + pieces.join('')),
);
const places = fc.array(fc.nat(), { maxLength: 12 });

test('any chunking gives the same bytes and the same report', () => {
  fc.assert(
    fc.property(contents, places, (content, at) => {
      expect(encodeAll(cut(Buffer.from(content, 'latin1'), at))).toEqual(encode(content));
    }),
    { numRuns: 1000 },
  );
});

test('the receiver gets the content with every line ending as CRLF, and nothing after it', () => {
  fc.assert(
    fc.property(contents, places, (content, at) => {
      const { wire, bare } = encodeAll(cut(Buffer.from(content, 'latin1'), at));
      expect(decode(wire)).toEqual({ content: canonical(content), rest: '' });
      expect(bare).toBe(/\r(?!\n)|(?<!\r)\n/.test(content));
    }),
    { numRuns: 1000 },
  );
});

test('no server finds an end of data before the end, however leniently it reads', () => {
  fc.assert(
    fc.property(contents, places, (content, at) => {
      const { wire, hidden } = encodeAll(cut(Buffer.from(content, 'latin1'), at));
      const body = wire.slice(0, -3);
      expect(/(?:^|[\r\n])\.(?:[\r\n]|$)/.exec(hidden ? body : body.replaceAll('\0', ''))).toBeNull();
      expect(hidden).toBe(/(?:^|[\r\n])\0+\./.test(content));
      expect(wire).not.toMatch(/\r(?!\n)|(?<!\r)\n/);
    }),
    { numRuns: 1000 },
  );
});

test.each([
  ['ordinary lines', `${'x'.repeat(76)}\r\n`],
  ['nothing but line feeds', '\n'],
  ['nothing but carriage returns', '\r'],
  ['nothing but line endings', '\r\n'],
  ['a dot on every line', '.\r\n'],
])('%s are encoded in time that grows with their length alone', (_name, pattern) => {
  const chunk = Buffer.from(pattern.repeat(Math.ceil(65_536 / pattern.length)));
  const encoder = new BodyEncoder();
  const begun = performance.now();
  for (let count = 0; count < 64; count += 1) {
    expect(encoder.encode(chunk).length).toBeLessThanOrEqual(chunk.length * 2 + 2);
  }
  expect(performance.now() - begun).toBeLessThan(1000);
});
