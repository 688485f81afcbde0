import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MessageHead } from '../../../src/protocols/smtp/message-head.js';
import { MessageDigest, transactionId } from '../../../src/session/smtp/message-digest.js';
import { cut } from '../../protocols/smtp/cut.js';

const envelope = { from: 'a@fabrikam.com', recipients: ['ann@contoso.com', 'bob@contoso.com'] };
const header = 'Message-ID: <1@fabrikam.com>\r\nSubject: x\r\n';

function fieldsOf(text: string) {
  return new MessageHead({ sizeMax: 10_000 }).push(Buffer.from(`${text}\r\n`, 'latin1'));
}

function idOf(text: string, given: Partial<typeof envelope> = {}): string {
  const step = fieldsOf(text);
  if (step.kind !== 'head') throw new Error('the header did not end');
  return transactionId({ ...envelope, ...given }, step.fields);
}

describe('the id of a transaction', () => {
  const id = idOf(header);

  test('is 32 hexadecimal digits of SHA-256', () => {
    const text = `["a@fabrikam.com","ann@contoso.com","bob@contoso.com"]\n${header}`;
    expect(id).toBe(createHash('sha256').update(text).digest('hex').slice(0, 32));
  });

  test.each([
    ['the same again', header, {}],
    ['recipients in another order', header, { recipients: ['bob@contoso.com', 'ann@contoso.com'] }],
    ['another way here', `Received: from x by y; date\r\n\tfolded\r\n${header}`, {}],
    ['a way told in the middle', header.replace('Subject', 'return-path: <a@b>\r\nRECEIVED : z\r\nSubject'), {}],
  ])('is the same for %s', (_, text, given) => {
    expect(idOf(text, given)).toBe(id);
  });

  test.each([
    ['another sender', header, { from: '' }],
    ['another recipient', header, { recipients: ['ann@contoso.com'] }],
    ['another cut between sender and recipient', header, { from: 'a@fabrikam.com","ann@contoso.com' }],
    ['another Message-ID', header.replace('1@', '2@'), {}],
    ['another subject', header.replace(': x', ': y'), {}],
    ['a field more', `${header}X-Received: 1\r\n`, {}],
    ['no header', '', {}],
  ])('is another for %s', (_, text, given) => {
    expect(idOf(text, given)).not.toBe(id);
  });
});

test('the record has the id and the digest of the body, however it came', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), fc.array(fc.nat(500)), (body, places) => {
      const digest = new MessageDigest('0'.repeat(32));
      for (const piece of cut(Buffer.from(body), places)) digest.push(piece);
      const expected = createHash('sha256').update(body).digest('hex').slice(0, 16);
      expect(digest.end()).toBe(`${'0'.repeat(32)}-${expected}`);
    }),
  );
});
