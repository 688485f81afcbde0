import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatReply } from '../../../src/protocols/smtp/replies.js';
import { briefReply } from '../../../src/session/smtp/brief-reply.js';
import { openServer } from '../../../src/session/smtp/open-server.js';
import { doorParts } from '../smtp/door-parts.js';
import { candidate, request, to } from '../smtp/server-request.js';

const parts = doorParts();

/** Fifteen lines of 3000 characters. */
const flood = (code: number): string => `${`${code}-${'x'.repeat(3000)}\r\n`.repeat(14)}${code} ${'x'.repeat(3000)}`;

const widest = (text: string): number => Math.max(...text.split('\n').map((line) => Buffer.byteLength(line)));

test('the word on a message is 250 and fits into the lines that a client must take', async () => {
  const { port } = await parts.server({ answer: (line) => (line === '.' ? flood(221) : undefined) });
  const opened = await openServer([candidate(port)], request());
  if (opened.kind !== 'taken') throw new Error('refused');
  const verdict = await opened.transaction.finish(Buffer.from('\r\nx\r\n.\r\n'));
  if (verdict.kind !== 'accepted') throw new Error(verdict.kind);
  expect(verdict.reply.code).toBe(250);
  expect(widest(verdict.reply.text)).toBeLessThanOrEqual(480);
});

test.each(['MAIL', 'RCPT', 'DATA', '.'])('a refusal of %s too', async (at) => {
  const { port } = await parts.server({ answer: (line) => (line.startsWith(at) ? flood(550) : undefined) });
  const opened = await openServer([candidate(port)], request({ until: 'recipients' }));
  const replies = opened.kind === 'refused' ? [opened.reply] : opened.refused.map(({ reply }) => reply);
  if (opened.kind === 'taken' && replies.length === 0) {
    const more = await opened.transaction.addRecipients(to('bob'));
    const begun = more.kind === 'answered' ? await opened.transaction.startData() : more;
    const verdict = begun ?? (await opened.transaction.finish(Buffer.from('\r\nx\r\n.\r\n')));
    if (verdict.kind === 'lost') throw new Error(verdict.reason);
    replies.push(verdict.reply);
  }
  expect(replies).toHaveLength(1);
  expect(widest(replies[0]?.text ?? '')).toBeLessThanOrEqual(480);
});

test('a reason is no longer than that', async () => {
  const { port } = await parts.server({ answer: (line) => (line.startsWith('MAIL') ? flood(450) : undefined) });
  const { tried } = await openServer([candidate(port)], request());
  expect(tried).toHaveLength(1);
  expect(tried[0]?.reason.length).toBeLessThan(520);
});

test('of any words no line is longer than 512 bytes, short ones stay as they are', () => {
  const line = fc.string({ unit: 'binary', maxLength: 2000 });
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 40 }), (lines) => {
      const reply = { code: 550, enhanced: '5.123.123', text: lines.join('\n') };
      const brief = briefReply(reply);
      const wire = formatReply(brief).split('\r\n');
      expect(Math.max(...wire.map((text) => Buffer.byteLength(text)))).toBeLessThanOrEqual(510);
      expect(wire.length).toBeLessThanOrEqual(22);
      const isShort = reply.text.split('\n').every((text) => Buffer.byteLength(text) <= 480);
      if (isShort && reply.text.split('\n').length <= 20) expect(brief.text).toBe(reply.text);
    }),
    { numRuns: 200 },
  );
});
