import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CommandInput, type CommandLine } from '../../../src/protocols/smtp/command-input.js';
import { cut } from './cut.js';

const lengthMax = 64;

function linesOf(
  chunks: readonly Buffer[],
  kind: 'command' | 'response' = 'command',
): { lines: CommandLine[]; held: number } {
  const input = new CommandInput(lengthMax);
  const lines: CommandLine[] = [];
  let held = 0;
  for (const chunk of chunks) {
    input.push(chunk);
    for (let line = input.nextLine(kind); line.kind !== 'more'; line = input.nextLine(kind)) {
      lines.push(line);
      if (line.kind === 'endless') return { lines, held };
    }
    held = Math.max(held, input.heldBytes);
  }
  return { lines, held };
}

const lines = (text: string, kind?: 'command' | 'response'): CommandLine[] =>
  linesOf([Buffer.from(text, 'latin1')], kind).lines;

describe('lines', () => {
  test('end with CRLF only', () => {
    expect(lines('NOOP\r\na\nb\rc\r\r\n\n\r\n\r\n')).toEqual([
      { kind: 'line', text: 'NOOP' },
      { kind: 'line', text: 'a\nb\rc\r' },
      { kind: 'line', text: '\n' },
      { kind: 'line', text: '' },
    ]);
    expect(lines('NOOP\n\n\n')).toEqual([]);
  });

  test('have a greatest length, with their CRLF', () => {
    expect(lines(`${'x'.repeat(62)}\r\n${'x'.repeat(63)}\r\nNOOP\r\n`)).toEqual([
      { kind: 'line', text: 'x'.repeat(62) },
      { kind: 'too-long', sizeBytes: 65 },
      { kind: 'line', text: 'NOOP' },
    ]);
  });

  test('of AUTH and its responses may be longer', () => {
    const auth = `auth PLAIN ${'x'.repeat(12_275)}`;
    expect(lines(`${auth}\r\n`)).toEqual([{ kind: 'line', text: auth }]);
    expect(lines(`${auth}x\r\n`)).toEqual([{ kind: 'too-long', sizeBytes: 12_289 }]);
    expect(lines(`${'x'.repeat(12_286)}\r\n`, 'response')).toHaveLength(1);
    expect(lines(`${'x'.repeat(12_287)}\r\n`, 'response')).toEqual([{ kind: 'too-long', sizeBytes: 12_289 }]);
    expect(lines(`authx${'x'.repeat(100)}\r\n`)).toEqual([{ kind: 'too-long', sizeBytes: 107 }]);
  });

  test('of more than 64 KB are not waited for', () => {
    expect(lines(`${'x'.repeat(65_534)}\r\n`)).toEqual([{ kind: 'too-long', sizeBytes: 65_536 }]);
    expect(lines(`${'x'.repeat(65_535)}\r\n`)).toEqual([{ kind: 'endless' }]);
    expect(lines('x'.repeat(65_537))).toEqual([{ kind: 'endless' }]);
  });
});

test('any chunking gives the same lines and holds no more than the limit', () => {
  const word = fc.oneof(
    fc.constantFrom('\r', '\n', '\r\n', 'NOOP\r\n', 'AUTH ', 'a'),
    fc.integer({ min: 1, max: 200 }).map((count) => 'x'.repeat(count)),
    fc.integer({ min: 60_000, max: 70_000 }).map((count) => 'y'.repeat(count)),
  );
  const texts = fc.array(word, { maxLength: 30 }).map((words) => words.join(''));
  fc.assert(
    fc.property(texts, fc.array(fc.nat(), { maxLength: 10 }), (text, places) => {
      const bytes = Buffer.from(text, 'latin1');
      const { lines, held } = linesOf(cut(bytes, places));
      expect(lines).toEqual(linesOf([bytes]).lines);
      expect(held).toBeLessThanOrEqual(12_288);
    }),
    { numRuns: 500 },
  );
});
