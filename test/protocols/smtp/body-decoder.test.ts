import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BodyDecoder } from '../../../src/protocols/smtp/body-decoder.js';
import { BodyEncoder } from '../../../src/protocols/smtp/body-encoder.js';
import { cut } from './cut.js';

interface Decoded {
  readonly content: string;
  /** What follows the end mark; undefined when there is none. */
  readonly rest: string | undefined;
}

function decodeChunks(chunks: readonly Buffer[]): Decoded {
  const decoder = new BodyDecoder();
  let content = '';
  for (const [index, chunk] of chunks.entries()) {
    for (let at = 0; at < chunk.length; ) {
      const decoded = decoder.decode(chunk, at);
      content += decoded.bytes.toString('latin1');
      if (decoded.kind === 'end') {
        return {
          content,
          rest: Buffer.concat([chunk.subarray(decoded.next), ...chunks.slice(index + 1)]).toString('latin1'),
        };
      }
      expect(decoded.next > at || decoded.bytes.length > 0).toBe(true);
      at = decoded.next;
    }
  }
  return { content, rest: undefined };
}

const bytesOf = (wire: string): Buffer => Buffer.from(wire, 'latin1');
const decode = (wire: string): Decoded => decodeChunks([bytesOf(wire)]);

/** The rule of RFC 5321 §4.5.2 in the plainest form: lines end with CRLF, and nowhere else. */
function plainly(wire: string): Decoded {
  const lines = wire.split('\r\n');
  const end = lines.findIndex((line, index) => line === '.' && index < lines.length - 1);
  const body = end < 0 ? lines : lines.slice(0, end);
  const content = body.map((line) => (line.startsWith('.') ? line.slice(1) : line)).join('\r\n');
  if (end < 0) return { content, rest: undefined };
  return { content: end === 0 ? '' : `${content}\r\n`, rest: lines.slice(end + 1).join('\r\n') };
}

describe('the end and the content', () => {
  test.each([
    ['.\r\n', '', ''],
    ['.\r\nQUIT\r\n', '', 'QUIT\r\n'],
    ['a\r\n.\r\n', 'a\r\n', ''],
    ['\r\n.\r\n', '\r\n', ''],
    ['..\r\n.\r\n', '.\r\n', ''],
    ['...\r\n..a\r\n.b\r\n.\r\n', '..\r\n.a\r\nb\r\n', ''],
    ['a.\r\n.b.c\r\n.\r\nx', 'a.\r\nb.c\r\n', 'x'],
    ['a\r\r\n.\r\n', 'a\r\r\n', ''],
  ])('%j', (wire, content, rest) => {
    expect(decode(wire)).toEqual({ content, rest });
  });

  test.each([
    ['LF.LF', '\n.\n'],
    ['CR.CR', '\r.\r'],
    ['LF.CRLF', '\n.\r\n'],
    ['CRLF.LF', '\r\n.\n'],
    ['CR.CRLF', '\r.\r\n'],
    ['CRLF.CR', '\r\n.\r'],
    ['CR CR LF . CR CR LF', '\r\r\n.\r\r\n'],
    ['CRLF.CRCRLF', '\r\n.\r\r\n'],
    ['LF CR . LF CR', '\n\r.\n\r'],
    ['CRLF NUL . CRLF', '\r\n\0.\r\n'],
    ['CRLF . NUL CRLF', '\r\n.\0\r\n'],
    ['CRLF space . CRLF', '\r\n .\r\n'],
    ['CRLF . space CRLF', '\r\n. \r\n'],
    ['CRLF .. CRLF', '\r\n..\r\n'],
  ])('%s is no end, in any chunking', (_name, mark) => {
    const wire = `before${mark}MAIL FROM:<x@y>\r\nafter`;
    expect(decode(wire).rest).toBeUndefined();
    expect(decode(`${wire}\r\n.\r\n`)).toEqual(plainly(`${wire}\r\n.\r\n`));
    expect(decodeChunks(Array.from(wire, bytesOf))).toEqual(decode(wire));
  });

  test('nothing is copied when no dot has to go, and a piece has 64 KB at most', () => {
    const chunk = bytesOf(`a.b\r\n c${'x'.repeat(100_000)}\r\n`);
    const decoder = new BodyDecoder();
    const { bytes, next } = decoder.decode(chunk, 2);
    expect(bytes.buffer).toBe(chunk.buffer);
    expect(bytes.byteOffset).toBe(chunk.byteOffset + 2);
    expect(bytes.length).toBe(65_536);
    expect(decoder.decode(chunk, next).next).toBe(chunk.length);
  });
});

test('every cutting of a difficult message into two or three', () => {
  const wire = '.a\r\n..\r\n.\n.\r.\r\r\n\r\n.\rb\r\n.\r\n.\r\n';
  const whole = decode(wire);
  expect(whole).toEqual(plainly(wire));
  for (let first = 0; first <= wire.length; first += 1) {
    for (let second = first; second <= wire.length; second += 1) {
      expect(decodeChunks(cut(bytesOf(wire), [first, second]))).toEqual(whole);
    }
  }
});

const words = fc.constantFrom('.', '\r', '\n', '\r\n', 'a', '..', '\r\n.', '\r\n.\r', '\n.\n', '\0', 'text');
const wires = fc.array(words, { maxLength: 40 }).map((pieces) => pieces.join(''));
const places = fc.array(fc.nat(), { maxLength: 12 });

test('any chunking gives the bytes and the end that the plain rule gives', () => {
  fc.assert(
    fc.property(wires, places, (wire, at) => {
      const { rest } = plainly(wire);
      const decoded = decodeChunks(cut(bytesOf(wire), at));
      expect(decoded.rest).toBe(rest);
      if (rest === undefined) {
        // What may be the beginning of the end mark waits.
        const withheld = /(?:^|\r\n)\.\r?$/.test(wire) ? (wire.endsWith('\r') ? '\r' : '') : '';
        expect(decoded.content + withheld).toBe(plainly(wire).content);
      } else {
        expect(decoded).toEqual(plainly(wire));
      }
    }),
    { numRuns: 3000 },
  );
});

test('what the encoder writes is read back, in any chunking', () => {
  fc.assert(
    fc.property(wires, places, (content, at) => {
      const encoder = new BodyEncoder();
      const wire = Buffer.concat([encoder.encode(bytesOf(content)), encoder.end(), bytesOf('QUIT\r\n')]);
      const lines = content.replaceAll(/\r\n|\r|\n/g, '\r\n');
      const expected = lines === '' || lines.endsWith('\r\n') ? lines : `${lines}\r\n`;
      expect(decodeChunks(cut(wire, at))).toEqual({ content: expected, rest: 'QUIT\r\n' });
    }),
    { numRuns: 1000 },
  );
});

test.each([
  ['stuffed lines', '..\r\n'],
  ['empty lines', '\r\n'],
  ['carriage returns', '\r'],
  ['line feeds', '\n'],
])('a megabyte of %s takes no long time', (_name, unit) => {
  const wire = bytesOf(unit.repeat(1_048_576 / unit.length));
  const begin = performance.now();
  const { content } = decodeChunks([wire]);
  expect(content.length).toBeGreaterThan(500_000);
  expect(performance.now() - begin).toBeLessThan(1000);
});
