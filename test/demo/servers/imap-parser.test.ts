import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { parseFetchItems } from '../../../src/demo/servers/imap-fetch.js';
import { parseImapCommand, textOf } from '../../../src/demo/servers/imap-parser.js';
import { type ImapInput, ImapReader } from '../../../src/demo/servers/imap-reader.js';
import { parseSearch } from '../../../src/demo/servers/imap-search.js';
import { parseSection } from '../../../src/demo/servers/imap-section.js';
import { inSequenceSet, parseSequenceSet } from '../../../src/demo/servers/imap-sequence-set.js';
import { parseImapDateTime } from '../../../src/demo/servers/imap-text.js';

function readAll(bytes: Buffer, chunkBytes: number): ImapInput[] {
  const reader = new ImapReader(1000);
  const inputs: ImapInput[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    reader.push(bytes.subarray(at, at + chunkBytes));
    for (let input = reader.nextCommand(100); input; input = reader.nextCommand(100)) {
      inputs.push(input);
      if (input.kind === 'too-long') return inputs;
    }
  }
  return inputs;
}

test('any chunking gives the same commands', () => {
  const bytes = Buffer.from(
    'a LOGIN {3}\r\nann {4+}\r\npass\r\nb NOOP\r\nc APPEND INBOX {5+}\r\n\r\n{9}\r\nd LOGOUT\r\n',
  );
  const whole = readAll(bytes, bytes.length);
  expect(whole.map((input) => (input.kind === 'command' ? input.text : input.kind))).toEqual([
    'continue',
    'a LOGIN {3}\r\n {4+}\r\n',
    'b NOOP',
    'c APPEND INBOX {5+}\r\n',
    'd LOGOUT',
  ]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), (size) => {
      expect(readAll(bytes, size)).toEqual(whole);
    }),
  );
});

test('literals over the limit are refused with the tag they belong to', () => {
  expect(readAll(Buffer.from('a1 APPEND INBOX {101}\r\n'), 50)).toEqual([
    { kind: 'literal-too-large', tag: 'a1', awaited: true },
  ]);
  expect(readAll(Buffer.from('a1 LOGIN {60+}\r\n'.padEnd(76, 'x').concat(' {41+}\r\n')), 200)).toEqual([
    { kind: 'literal-too-large', tag: 'a1', awaited: false },
  ]);
  expect(readAll(Buffer.from('x'.repeat(1002)), 2000)[0]).toEqual({ kind: 'too-long' });
});

test('arguments: atoms, quoted strings, literals, lists and sections', () => {
  const parsed = parseImapCommand('a1 uid  FETCH 1:* (FLAGS BODY[HEADER.FIELDS (From To)]<0.9> "a\\"b" {1}\r\n)', [
    Buffer.from('é'),
  ]);
  expect(parsed).toMatchObject({ kind: 'command', tag: 'a1', name: 'UID FETCH' });
  const args = parsed.kind === 'command' ? parsed.args : [];
  const list = args[1]?.kind === 'list' ? args[1].items.map(textOf) : [];
  expect(list).toEqual(['FLAGS', 'BODY[HEADER.FIELDS (From To)]<0.9>', 'a"b', 'é']);
});

test.each([
  ['', '*'],
  ['NOOP', '*'],
  ['a1 ', 'a1'],
  ['a1 LIST "" (', 'a1'],
  ['a1 LIST "open', 'a1'],
  ['a1 LIST )', 'a1'],
  [`a1 LIST ${'('.repeat(50)}${')'.repeat(50)}`, 'a1'],
  ['a1 LOGIN {3}\r\n', 'a1'],
])('%j is refused', (text, tag) => {
  expect(parseImapCommand(text, [])).toMatchObject({ kind: 'bad', tag });
});

test('no text makes a parser throw', () => {
  const fragment = fc.constantFrom(
    'a1 ',
    'UID ',
    'SEARCH ',
    '(',
    ')',
    '"',
    '{1}\r\n',
    'OR ',
    'NOT ',
    'BODY[',
    ']',
    '<0.1>',
    '1:*',
  );
  const text = fc.array(fc.oneof(fragment, fc.string({ maxLength: 5 }))).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, (line) => {
      const parsed = parseImapCommand(line, [Buffer.from('x')]);
      expect(['command', 'bad']).toContain(parsed.kind);
      if (parsed.kind === 'bad') return;
      parseSearch(parsed.args);
      parseFetchItems(parsed.args[0]);
      for (const value of parsed.args) parseSection(textOf(value) ?? '');
    }),
  );
});

test.each([
  ['1', [1], 5],
  ['2:3', [2, 3], 5],
  ['3:2,5', [2, 3, 5], 5],
  ['4:*', [4, 5], 5],
  ['9:*', [5], 5],
  ['*', [5], 5],
])('the set %s', (text, numbers, largest) => {
  const set = parseSequenceSet(text);
  expect(set).toBeDefined();
  expect([1, 2, 3, 4, 5].filter((number) => set && inSequenceSet(set, number, largest))).toEqual(numbers);
});

test.each(['', '0', '1:', 'a', '1,,2', '-1', '99999999999'])('%j is no set', (text) => {
  expect(parseSequenceSet(text)).toBeUndefined();
});

test('dates with a zone', () => {
  expect(parseImapDateTime('17-Jul-2026 02:44:25 -0700')?.toISOString()).toBe('2026-07-17T09:44:25.000Z');
  expect(parseImapDateTime(' 1-Feb-2026 00:00:00 +0000')?.toISOString()).toBe('2026-02-01T00:00:00.000Z');
  expect(parseImapDateTime('31-Foo-2026 00:00:00 +0000')).toBeUndefined();
});

test.each(['HEADER.FIELDS', '1.', '0', 'MIME', 'BODY', '1.2.HEADER.FIELDS (From'])('%j is no section', (text) => {
  expect(parseSection(text)).toBeUndefined();
});
