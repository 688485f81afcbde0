import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Head, type HeadStep, MessageHead } from '../../../src/protocols/smtp/message-head.js';
import { cut } from './cut.js';

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Pushes the pieces and ends the message; what is left when the header is known is put behind its rest. */
function read(pieces: readonly Buffer[], sizeMax = 100_000): HeadStep {
  const head = new MessageHead({ sizeMax });
  for (const [index, piece] of pieces.entries()) {
    const step = head.push(piece);
    if (step.kind === 'too-large') return step;
    if (step.kind === 'head') return { ...step, rest: Buffer.concat([step.rest, ...pieces.slice(index + 1)]) };
  }
  return head.end();
}

function headOf(text: string): Head {
  const step = read([bytesOf(text)]);
  if (step.kind !== 'head') throw new Error(`the header is ${step.kind}`);
  return step;
}

/** Everything that is known of a header, in a form that compares. */
function plain(step: HeadStep): unknown {
  if (step.kind !== 'head') return step;
  const fields = step.fields.map(({ name, value, raw, sizeBytes, hiddenNames }) => {
    return { name, value, raw: raw.toString('latin1'), sizeBytes, hiddenNames };
  });
  return { ...step, fields, bytes: step.bytes.toString('latin1'), rest: step.rest.toString('latin1') };
}

describe('where a header ends', () => {
  test.each([
    ['', [], '', 'message'],
    ['\r\n', [], '\r\n', 'empty-line'],
    ['\r\nbody', [], '\r\nbody', 'empty-line'],
    ['A: b\r\n\r\nbody', ['A'], '\r\nbody', 'empty-line'],
    ['A: b\r\nC: d\r\n', ['A', 'C'], '', 'message'],
    ['A: b\r\nC: d', ['A', 'C'], '', 'message'],
    ['A: b\r\n c', ['A'], '', 'message'],
    ['A: b\r\nbody', ['A'], 'body', 'other-line'],
    ['A: b\r\nno field\r\nX-C: d\r\n\r\n', ['A'], 'no field\r\nX-C: d\r\n\r\n', 'other-line'],
    ['A: b\r\nno field: 1\r\n', ['A'], 'no field: 1\r\n', 'other-line'],
    ['A: b\r\n: c\r\n', ['A'], ': c\r\n', 'other-line'],
    [' A: b\r\nC: d\r\n\r\n', [], ' A: b\r\nC: d\r\n\r\n', 'other-line'],
    ['From x@y Thu Jan 1 00:00:00\r\nA: b\r\n', [], 'From x@y Thu Jan 1 00:00:00\r\nA: b\r\n', 'other-line'],
    ['A: b\r\n \r\n\t\r\nC: d\r\n\r\n', ['A', 'C'], '\r\n', 'empty-line'],
    ['A: b\r\n\r', ['A'], '\r', 'other-line'],
    ['A: b\n\nC: d\r\n\r\n', ['A'], '\r\n', 'empty-line'],
    ['A: b\n\r\nC: d\r\n\r\n', ['A', 'C'], '\r\n', 'empty-line'],
    ['A\nB: c\r\n\r\n', [], 'A\nB: c\r\n\r\n', 'other-line'],
    ['A: b\r\r\n\r\n', ['A'], '\r\n', 'empty-line'],
  ])('%j: %j, then %j', (text, names, rest, ending) => {
    const head = headOf(text);
    expect(head.fields.map(({ name }) => name)).toEqual(names);
    expect([head.rest.toString('latin1'), head.ending]).toEqual([rest, ending]);
  });
});

describe('a field', () => {
  test.each([
    ['Subject: hello\r\n', 'Subject', 'hello'],
    ['sUBJECT:hello \t\r\n', 'sUBJECT', 'hello'],
    ['Subject \t : hello\r\n', 'Subject', 'hello'],
    ['Subject:\r\n', 'Subject', ''],
    ['Subject: a: b\r\n', 'Subject', 'a: b'],
    ['Subject: a\r\n  b\r\n\tc\r\n', 'Subject', 'a  b\tc'],
    ['Subject:\r\n a\r\n', 'Subject', 'a'],
    ['Subject: \u00c3\u00a0\r\n', 'Subject', 'à'],
    ['S\u0000\u00fcb: x\r\n', 'S\u0000\u00fcb', 'x'],
  ])('%j', (text, name, value) => {
    const [field] = headOf(`${text}\r\n`).fields;
    expect([field?.name, field?.value, field?.raw.toString('latin1')]).toEqual([name, value, text]);
  });

  test('has at most 2048 characters of value', () => {
    const [long, late] = headOf(`A: ${'x'.repeat(3000)}\r\nB: ${' '.repeat(5000)}x\r\n\r\n`).fields;
    expect([long?.value, late?.value]).toEqual(['x'.repeat(2048), '']);
  });

  test.each([
    ['A: b\r\n', []],
    ['A: b\r\n C: d\r\n', []],
    ['A: b\nC: d\r\n', ['C']],
    ['A: b\rC: d\r\n', ['C']],
    ['A: b\n\nC\t : d\rE: f\r\n', ['C', 'E']],
    ['A: b\r\n c\nD: e\r\n', ['D']],
    ['A: b\r\r\n C: d\r\n', []],
    ['A: b\n C: d\r\n', []],
    ['A: b\nno field: c\r\n', []],
  ])('%j hides %j', (text, hidden) => {
    expect(headOf(`${text}\r\n`).fields[0]?.hiddenNames).toEqual(hidden);
  });
});

/** Byte by byte. */
const drip = (bytes: Buffer): Buffer[] => Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));

describe('the largest header', () => {
  const text = 'A: b\r\nC: d\r\n\r\n';
  test.each([
    ['just fits', text, text.length, 'head'],
    ['is one byte too long', text, text.length - 1, 'too-large'],
    ['just fits without a body', 'A: b\r\n', 6, 'head'],
    ['is one byte too long without a body', 'A: b\r\n', 5, 'too-large'],
    ['has a long body behind it', `${text}${'x'.repeat(1000)}`, text.length, 'head'],
    ['is a line without an end', 'x'.repeat(1000), 100, 'too-large'],
  ])('%s', (_, message, sizeMax, kind) => {
    expect(read([bytesOf(message)], sizeMax).kind).toBe(kind);
    expect(read(drip(bytesOf(message)), sizeMax).kind).toBe(kind);
  });

  test('takes no longer than its length when it comes byte by byte', () => {
    const message = bytesOf(`${'A: b\r\n'.repeat(2000)}${' x\r\n'.repeat(25_000)}${'x'.repeat(100_000)}`);
    const startedAtMs = performance.now();
    const step = read(drip(message), message.length);
    expect(step.kind === 'head' && step.fields.length).toBe(2000);
    expect(performance.now() - startedAtMs).toBeLessThan(5000);
  });

  test('is not read on', () => {
    const head = new MessageHead({ sizeMax: 3 });
    head.push(bytesOf('A: b'));
    expect(() => head.push(bytesOf('c'))).toThrow('to its end already');
    expect(() => head.end()).toThrow('to its end already');
  });
});

const parts = fc.constantFrom(
  'A',
  'Received',
  ': ',
  ':',
  ' ',
  '\t',
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\r\nB: c',
  '\u00e9',
  '.',
);
const messages = fc.array(parts, { maxLength: 60 }).map((words) => words.join(''));

/** What is asked of the header, in as few words as there are: line by line, over text. */
function linesOfHeader(text: string): string[] {
  const lines: string[] = [];
  for (const line of text.split(/(?<=\r\n)/)) {
    const isContinuation = lines.length > 0 && /^[ \t]/.test(line);
    const isField = /^[^ \t\r\n:]+[ \t]*:/.test(line);
    if (line === '\r\n' || line === '' || !(isContinuation || isField)) break;
    if (isContinuation) lines.push(`${lines.pop()}${line}`);
    else lines.push(line);
  }
  return lines;
}

describe('any message', () => {
  test('gives the same in any pieces, and all of its bytes', () => {
    fc.assert(
      fc.property(messages, fc.array(fc.nat()), fc.integer({ min: 1, max: 80 }), (text, places, sizeMax) => {
        const bytes = bytesOf(text);
        const whole = read([bytes], sizeMax);
        expect(plain(read(cut(bytes, places), sizeMax))).toEqual(plain(whole));
        if (whole.kind !== 'head') return;
        const { fields, rest } = whole;
        expect(Buffer.concat([...fields.map(({ raw }) => raw), rest])).toEqual(bytes);
        expect(Buffer.concat([whole.bytes, rest])).toEqual(bytes);
        expect(fields.map(({ sizeBytes }) => sizeBytes)).toEqual(fields.map(({ raw }) => raw.length));
      }),
      { numRuns: 1000 },
    );
  });

  test('has the fields that its lines say', () => {
    fc.assert(
      fc.property(messages, (text) => {
        expect(headOf(text).fields.map(({ raw }) => raw.toString('latin1'))).toEqual(linesOfHeader(text));
      }),
      { numRuns: 1000 },
    );
  });

  test('is held up to the limit, and no more', () => {
    fc.assert(
      fc.property(fc.nat(5000), fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 5000 }), (...given) => {
        const [length, pieceLength, sizeMax] = given;
        const head = new MessageHead({ sizeMax });
        let pushed = 0;
        while (pushed < length) {
          pushed += pieceLength;
          const { kind } = head.push(Buffer.alloc(pieceLength, 'x'));
          expect(kind).toBe(pushed > sizeMax ? 'too-large' : 'more');
          if (kind !== 'more') return;
        }
      }),
    );
  });
});
