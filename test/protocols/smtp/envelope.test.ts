import { describe, expect, test } from 'vitest';
import { readCapabilities } from '../../../src/protocols/smtp/capabilities.js';
import { type Envelope, mailCommand, refusalOf, refusalOfRecipient } from '../../../src/protocols/smtp/envelope.js';

const plain = readCapabilities(['mbx1.example']);
const rich = readCapabilities(['mbx1.example hello', 'SIZE 1000', '8bitmime', 'SMTPUTF8']);
const envelope: Envelope = { from: 'ann@contoso.com', to: [], size: 500, body8bit: false, smtputf8: false };

describe('a recipient', () => {
  test.each([
    'ann@contoso.com',
    'postmaster',
    '"a b"@contoso.com',
    String.raw`"a\"b>"@contoso.com`,
    '"a<b>"@contoso.com',
    "o'neill+tag@contoso.com",
    'ann@[192.0.2.1]',
    '@a.example,@b.example:ann@c.example',
  ])('%s can be written', (address) => {
    expect(refusalOfRecipient(address, false)).toBeNull();
  });

  test.each([
    '',
    'ann@contoso.com\r\nDATA',
    'ann\n@contoso.com',
    'ann\0@contoso.com',
    '"a\r\nb"@contoso.com',
    'a b@contoso.com',
    'ann@contoso.com> SIZE=1',
    'ann@contoso.com>',
    '<ann@contoso.com',
    '"a b@contoso.com',
    String.raw`a\ b@contoso.com`,
    'grüße@contoso.com',
    `${'x'.repeat(1000)}@contoso.com`,
  ])('%j cannot be written', (address) => {
    expect(refusalOfRecipient(address, false)).toMatchObject({ code: 553, enhanced: '5.1.3' });
  });

  test('beyond ASCII can be written where SMTPUTF8 is asked for, spaces and halves of pairs cannot', () => {
    expect(refusalOfRecipient('grüße@contoso.com', true)).toBeNull();
    expect(refusalOfRecipient('a\u00a0b@contoso.com', true)).not.toBeNull();
    expect(refusalOfRecipient('a\u2028b@contoso.com', true)).not.toBeNull();
    expect(refusalOfRecipient('a\ud800b@contoso.com', true)).not.toBeNull();
    expect(refusalOfRecipient(`${'ü'.repeat(495)}@contoso.com`, true)).not.toBeNull();
  });
});

describe('MAIL', () => {
  test('names only what the server offers', () => {
    expect(mailCommand(envelope, plain)).toBe('MAIL FROM:<ann@contoso.com>\r\n');
    const needy = { ...envelope, from: '', body8bit: true, smtputf8: true };
    expect(mailCommand(needy, rich)).toBe('MAIL FROM:<> SIZE=500 BODY=8BITMIME SMTPUTF8\r\n');
  });

  test.each([
    [{ smtputf8: true }, 'SMTPUTF8'],
    [{ body8bit: true }, '8BITMIME'],
    [{ from: 'a b@contoso.com' }, 'sender'],
  ])('what the server does not offer, or cannot be written, is refused: %j', (change, word) => {
    expect(refusalOf({ ...envelope, ...change }, plain)).toMatchObject({
      stage: 'mail',
      reason: expect.stringContaining(word) as string,
    });
  });

  test('a message larger than the server takes is refused', () => {
    expect(refusalOf({ ...envelope, size: 1001 }, rich)).toMatchObject({ stage: 'mail' });
    expect(refusalOf({ ...envelope, size: 1000, body8bit: true, smtputf8: true }, rich)).toBeNull();
  });
});

test('capabilities are read without regard to case, and the old form of AUTH too', () => {
  const read = readCapabilities(['mbx1.example at your service', 'auth LOGIN', 'AUTH=PLAIN', 'Size', '']);
  expect(read.name).toBe('mbx1.example');
  expect(Object.fromEntries(read.keywords)).toEqual({ AUTH: ['LOGIN', 'PLAIN'], SIZE: [] });
});
