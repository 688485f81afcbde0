import { Buffer } from 'node:buffer';
import { array, assert, constantFrom, property, string, tuple } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BodyReader } from '../../../src/protocols/http/body-reader.js';
import { chunkText, lastChunkText } from '../../../src/protocols/http/head-writer.js';
import type { BodyFraming, FieldLines } from '../../../src/protocols/http/http-message.js';
import { cut, cuts } from './cut.js';
import { bodyLimits } from './read-all.js';

interface Read {
  readonly body: string;
  /** Null: the end was not told. */
  readonly trailers: FieldLines | null;
  readonly ends: number;
  /** How many bytes were taken. */
  readonly taken: number;
  readonly refusal: number | null;
}

function read(framing: BodyFraming, chunks: readonly Buffer[], limits = bodyLimits): Read {
  const pieces: Buffer[] = [];
  let trailers: FieldLines | null = null;
  let ends = 0;
  const reader = new BodyReader(framing, limits, {
    bodyData: (piece) => void pieces.push(piece),
    bodyEnd: (told) => {
      trailers = told;
      ends += 1;
    },
  });
  reader.start();
  let taken = 0;
  for (const chunk of chunks) {
    if (reader.isComplete || reader.refusal !== null) break;
    taken += reader.read(chunk, 0);
  }
  expect(reader.isComplete).toBe(ends === 1);
  const body = Buffer.concat(pieces).toString('latin1');
  return { body, trailers, ends, taken, refusal: reader.refusal?.status ?? null };
}

const chunked: BodyFraming = { kind: 'chunked' };
const readChunks = (text: string, limits = bodyLimits): Read => read(chunked, [Buffer.from(text, 'latin1')], limits);

describe('a body', () => {
  test('without bytes ends when it starts', () => {
    for (const framing of [{ kind: 'none' }, { kind: 'length', length: 0 }] as const) {
      expect(read(framing, [])).toMatchObject({ ends: 1, trailers: [] });
    }
  });

  test('of a length takes that many bytes', () => {
    const framing = { kind: 'length', length: 5 } as const;
    expect(read(framing, cut('hell', []))).toMatchObject({ body: 'hell', ends: 0 });
    expect(read(framing, cut('hello!', [3]))).toMatchObject({ body: 'hello', ends: 1, taken: 5 });
  });

  test('is not copied', () => {
    const chunk = Buffer.from('3\r\nabc\r\n0\r\n\r\n');
    const pieces: Buffer[] = [];
    const sink = { bodyData: (piece: Buffer) => void pieces.push(piece), bodyEnd: () => undefined };
    new BodyReader(chunked, bodyLimits, sink).read(chunk, 0);
    new BodyReader({ kind: 'length', length: 14 }, bodyLimits, sink).read(chunk, 0);
    expect(pieces[0]?.buffer).toBe(chunk.buffer);
    expect(pieces[1]).toBe(chunk);
  });

  test('without a length ends with its connection', () => {
    let ends = 0;
    const sink = { bodyData: () => undefined, bodyEnd: () => void (ends += 1) };
    const reader = new BodyReader({ kind: 'until-close' }, bodyLimits, sink);
    reader.start();
    expect(reader.read(Buffer.from('abc'), 1)).toBe(3);
    expect([reader.isComplete, reader.end(), reader.isComplete, ends]).toEqual([false, true, true, 1]);
    expect(reader.read(Buffer.from('abc'), 1)).toBe(1);
    for (const framing of [chunked, { kind: 'length', length: 1 }] as const) {
      expect(new BodyReader(framing, bodyLimits, sink).end()).toBe(false);
    }
    expect(ends).toBe(1);
  });
});

describe('a chunked body', () => {
  test.each([
    ['0\r\n\r\n', ''],
    ['5\r\nhello\r\n0\r\n\r\n', 'hello'],
    ['00005\r\nhello\r\n000\r\n\r\n', 'hello'],
    ['A\r\n0123456789\r\na;x\r\n0123456789\r\n0;y=z\r\n\r\n', '01234567890123456789'],
    ['1;a=b;c="d;\\"\xe9";e\r\n\n\r\n0\r\n\r\n', '\n'],
    ['2\r\n\r\n\r\n0\r\n\r\n', '\r\n'],
  ])('%j', (text, body) => {
    expect(readChunks(`${text}rest`)).toMatchObject({ body, ends: 1, taken: text.length, refusal: null, trailers: [] });
  });

  test.each([
    ...[
      '\r\n',
      ';a\r\n',
      'g\r\n',
      '+5\r\n',
      '-5\r\n',
      '0x5\r\n',
      ' 5\r\n',
      '5 \r\n',
      '5\t\r\n',
      '5 ;a\r\n',
      '5; a\r\n',
    ],
    ...[
      '5;\r\n',
      '5;=b\r\n',
      '5;a=\r\n',
      '5;a="\r\n',
      '5;a="b\r\n',
      '5;a=b c\r\n',
      '5;a\rb\r\n',
      '5;a\0\r\n',
      '5,a\r\n',
    ],
    ...['5\n', '5\r\r\n', '5\rX', '5;\n\r\n', '5;a\n', '1000000000000000\r\n', 'fffffffffffffff\r\n', '5_0\r\n'],
    ...['3\r\nabc\n', '3\r\nabcd', '3\r\nabc\rX', '3\r\nabc\r\r\n', '3\r\nab\r\n0\r\n\r\n', '0\r\n\n', '0\r\n\r\r\n'],
    ...[
      '0\r\nA : 1\r\n\r\n',
      '0\r\n A: 1\r\n\r\n',
      '0\r\nA\r\n\r\n',
      '0\r\nA: \0\r\n\r\n',
      '0\r\nA: 1\n\r\n',
      '0\r\nX\n',
    ],
  ])('%j is refused', (text) => {
    expect(readChunks(`${text}\r\nGET / HTTP/1.1\r\n`)).toMatchObject({ ends: 0, refusal: 400 });
  });

  test('is bounded in its extensions and trailers, not in the number of its chunks', () => {
    const limits = { chunkLineLengthMax: 10, trailerBytesMax: 20, trailersMax: 2 };
    expect(readChunks('1\r\na\r\n'.repeat(10_000), limits)).toMatchObject({ refusal: null, body: 'a'.repeat(10_000) });
    expect(readChunks('1;abcdef\r\nx', limits)).toMatchObject({ refusal: null, body: 'x' });
    expect(readChunks('1;abcdefg\r\nx', limits).refusal).toBe(400);
    expect(readChunks('1;abcdefgh', limits).refusal).toBe(400);
    const refusals = {
      'A: 1234567890123\r\n\r\n': null,
      'A: 12345678901234\r\n\r\n': 431,
      'A:1\r\nB:2\r\nC:3\r\n\r\n': 400,
    };
    for (const [section, refusal] of Object.entries(refusals)) {
      expect(readChunks(`0\r\n${section}`, limits)).toMatchObject({ ends: refusal === null ? 1 : 0, refusal });
    }
    expect(readChunks(`0\r\nA: ${'x'.repeat(100)}`, limits).refusal).toBe(431);
  });

  test('tells its trailers but those that belong in a head', () => {
    const forbidden = [
      ...['Transfer-Encoding', 'content-length', 'HOST', 'Authorization', 'Cookie', 'Set-Cookie', 'Connection', 'TE'],
      ...['X-Forwarded-For', 'X_Forwarded_For', 'Forwarded', 'X-BEResource', 'Proxy-X', 'X-AnchorMailbox', 'Location'],
    ];
    const lines = forbidden.map((name) => `${name}: 1\r\n`).join('');
    expect(readChunks(`0\r\nA: 1\r\n${lines}X-Checksum:\t2 \r\n\r\nrest`)).toMatchObject({
      trailers: ['A', '1', 'X-Checksum', '2'],
      refusal: null,
    });
  });

  test('is the same however it is cut', () => {
    const piece = constantFrom(
      ...['3\r\nabc\r\n', '0\r\n', '\r\n', '\r', '\n', '0\r\n\r\n', 'A: 1\r\n', 'Host: h\r\n', '5;a="b\r\n', '10000'],
      ...[';abcdefghij', ' ', '1\r\n', 'x', 'A: 12345678901234567890\r\n'],
    );
    const limits = { chunkLineLengthMax: 12, trailerBytesMax: 30, trailersMax: 2 };
    const input = array(piece, { maxLength: 15 }).map((pieces) => pieces.join(''));
    assert(
      property(input, cuts, (text, lengths) => {
        const whole = readChunks(text, limits);
        for (const chunks of [cut(text, lengths), cut(text, [])]) {
          const inPieces = read(chunked, chunks, limits);
          // A refused body takes the rest of its chunk, whatever it is.
          expect(inPieces.refusal === null ? inPieces : { ...inPieces, taken: whole.taken }).toStrictEqual(whole);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('reads back as what was written', () => {
    const trailer = tuple(constantFrom('A', 'X-B'), constantFrom('1', '', 'a b', '\xe9'));
    const parts = array(string({ unit: 'binary-ascii', minLength: 1 }));
    assert(
      property(parts, array(trailer), cuts, (pieces, trailers, lengths) => {
        const data = pieces.map((piece) => `${chunkText(piece.length)}${piece}\r\n`).join('');
        const text = `${data}${lastChunkText(trailers.flat())}`;
        const expected = { body: pieces.join(''), trailers: trailers.flat(), refusal: null, taken: text.length };
        expect(read(chunked, cut(text, lengths))).toMatchObject(expected);
      }),
    );
  });
});
