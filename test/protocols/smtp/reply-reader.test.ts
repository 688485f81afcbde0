import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatReply } from '../../../src/protocols/smtp/replies.js';
import { lineLengthMax, type ReadReply, ReplyReader } from '../../../src/protocols/smtp/reply-reader.js';
import { cut } from './cut.js';

/** Everything the reader finds in the chunks, up to the first fault. */
function readAll(chunks: readonly Buffer[], reader = new ReplyReader()): ReadReply[] {
  const found: ReadReply[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (;;) {
      const read = reader.next();
      if (read.kind === 'more') break;
      found.push(read);
      if (read.kind === 'bad') return found;
    }
  }
  return found;
}

const read = (text: string): ReadReply[] => readAll([Buffer.from(text)]);

describe('a reply', () => {
  test.each([
    ['250 ok\r\n', { code: 250, enhanced: null, text: 'ok' }],
    ['250\r\n', { code: 250, enhanced: null, text: '' }],
    ['250 ok\n', { code: 250, enhanced: null, text: 'ok' }],
    ['250 2.1.0 fine\r\n', { code: 250, enhanced: '2.1.0', text: 'fine' }],
    ['250 2.0.0\r\n', { code: 250, enhanced: '2.0.0', text: '' }],
    ['250-2.0.0 a\r\n250 2.0.0 b\r\n', { code: 250, enhanced: '2.0.0', text: 'a\nb' }],
    ['550-5.7.1 a\r\n550 b\r\n', { code: 550, enhanced: '5.7.1', text: 'a\nb' }],
    ['220 2.0.0.1 hello\r\n', { code: 220, enhanced: null, text: '2.0.0.1 hello' }],
    ['550 2.1.0 odd\r\n', { code: 550, enhanced: null, text: '2.1.0 odd' }],
    ['250 grüße \u0007\r\n', { code: 250, enhanced: null, text: 'grüße ?' }],
  ])('%j', (text, reply) => {
    expect(read(text)).toMatchObject([{ kind: 'reply', reply }]);
  });

  test.each([
    ['HTTP/1.1 400 Bad Request\r\n', 'no SMTP reply'],
    ['\r\n', 'no SMTP reply'],
    ['650 x\r\n', 'no SMTP reply'],
    ['2500 x\r\n', 'no SMTP reply'],
    ['250x\r\n', 'no SMTP reply'],
    ['250-a\r\n251 b\r\n', 'changed the code'],
  ])('%j is refused', (text, reason) => {
    const last = read(text).at(-1);
    expect(last).toMatchObject({ kind: 'bad', reason: expect.stringContaining(reason) as string });
  });

  test('lines and replies beyond their bounds are refused', () => {
    const long = `250 ${'x'.repeat(lineLengthMax)}`;
    expect(read(long)).toMatchObject([{ kind: 'bad', reason: 'the server sent a reply line of more than 4096 bytes' }]);
    expect(read(`${long}\r\n`)).toMatchObject([{ kind: 'bad' }]);
    const many = `250-${'x'.repeat(1000)}\r\n`.repeat(70);
    expect(read(many)).toEqual([{ kind: 'bad', reason: 'the server sent a reply of more than 65536 bytes' }]);
  });

  test('a fault stays a fault', () => {
    const reader = new ReplyReader();
    readAll([Buffer.from('nonsense\r\n')], reader);
    expect(readAll([Buffer.from('250 ok\r\n')], reader)).toMatchObject([{ kind: 'bad' }]);
    expect(reader.held).toBe(0);
  });
});

const replies = fc.record({
  code: fc.integer({ min: 200, max: 599 }),
  enhanced: fc.constant(null),
  text: fc
    .array(fc.stringMatching(/^[A-Za-z][ -~]{0,40}[a-z]$/), { minLength: 1, maxLength: 4 })
    .map((lines) => lines.join('\n')),
});

test('what was formatted is read back, in any chunking', () => {
  fc.assert(
    fc.property(fc.array(replies, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 10 }), (sent, places) => {
      const bytes = Buffer.from(sent.map(formatReply).join(''));
      const found = readAll(cut(bytes, places));
      expect(found.map((one) => (one.kind === 'reply' ? one.reply : one))).toEqual(sent);
    }),
  );
});

test('garbage never throws, and what is held stays bounded', () => {
  const pieces = fc.oneof(
    fc.uint8Array({ maxLength: 6000 }).map((bytes) => Buffer.from(bytes)),
    fc.constantFrom('250-', '250 ', '\r\n', '354', 'x'.repeat(5000)).map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), (chunks) => {
      const reader = new ReplyReader();
      for (const chunk of chunks) {
        readAll([chunk], reader);
        expect(reader.held).toBeLessThanOrEqual(lineLengthMax);
      }
    }),
  );
});
