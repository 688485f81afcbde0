import { describe, expect, test } from 'vitest';
import { readCapabilities } from '../../../src/protocols/smtp/capabilities.js';
import {
  type Envelope,
  type EnvelopeRecipient,
  mailCommand,
  rcptCommand,
  refusalOf,
  refusalOfRecipient,
} from '../../../src/protocols/smtp/envelope.js';

const plain = readCapabilities(['mbx1.example']);
const rich = readCapabilities(['mbx1.example hello', 'SIZE 1000', '8bitmime', 'SMTPUTF8', 'DSN']);
const envelope: Envelope = {
  from: 'ann@contoso.com',
  to: [],
  size: 500,
  body8bit: false,
  smtputf8: false,
  ret: null,
  envid: null,
};
const recipient = (address: string, dsn: Partial<EnvelopeRecipient> = {}): EnvelopeRecipient => ({
  address,
  notify: null,
  orcpt: null,
  ...dsn,
});

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
    expect(refusalOfRecipient(recipient(address), false)).toBeNull();
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
    expect(refusalOfRecipient(recipient(address), false)).toMatchObject({ code: 553, enhanced: '5.1.3' });
  });

  test('beyond ASCII can be written where SMTPUTF8 is asked for, spaces and halves of pairs cannot', () => {
    expect(refusalOfRecipient(recipient('grüße@contoso.com'), true)).toBeNull();
    expect(refusalOfRecipient(recipient('a\u00a0b@contoso.com'), true)).not.toBeNull();
    expect(refusalOfRecipient(recipient('a\u2028b@contoso.com'), true)).not.toBeNull();
    expect(refusalOfRecipient(recipient('a\ud800b@contoso.com'), true)).not.toBeNull();
    expect(refusalOfRecipient(recipient(`${'ü'.repeat(495)}@contoso.com`), true)).not.toBeNull();
  });
});

describe('MAIL', () => {
  test('names only what the server offers', () => {
    expect(mailCommand(envelope, plain)).toBe('MAIL FROM:<ann@contoso.com>\r\n');
    const needy = { ...envelope, from: '', body8bit: true, smtputf8: true };
    expect(mailCommand(needy, rich)).toBe('MAIL FROM:<> SIZE=500 BODY=8BITMIME SMTPUTF8\r\n');
  });

  test.each([
    [{ smtputf8: true }, 'server', '5.6.7'],
    [{ body8bit: true }, 'server', '5.6.3'],
    [{ from: 'a b@contoso.com' }, 'message', '5.1.7'],
    [{ from: 'grüße@contoso.com' }, 'message', '5.1.7'],
    [{ envid: 'a b' }, 'message', '5.5.4'],
    [{ ret: 'FULL\r\nRSET' }, 'message', '5.5.4'],
  ] as const)('what the server does not offer, or cannot be written, is refused: %j', (change, scope, enhanced) => {
    expect(refusalOf({ ...envelope, ...change }, plain)).toMatchObject({ scope, reply: { enhanced } });
  });

  test('a message larger than the server takes is refused', () => {
    expect(refusalOf({ ...envelope, size: 1001 }, rich)).toMatchObject({ scope: 'server', reply: { code: 552 } });
    expect(refusalOf({ ...envelope, size: 1000, body8bit: true, smtputf8: true }, rich)).toBeNull();
  });
});

describe('DSN', () => {
  const asking = { ...envelope, ret: 'HDRS', envid: 'QQ314159' };
  const ann = recipient('ann@contoso.com', { notify: 'SUCCESS,DELAY', orcpt: 'rfc822;Ann+40contoso.com' });

  test('goes to a server that offers it, as the client wrote it', () => {
    expect(mailCommand(asking, rich)).toBe('MAIL FROM:<ann@contoso.com> SIZE=500 RET=HDRS ENVID=QQ314159\r\n');
    expect(rcptCommand(ann, rich)).toBe(
      'RCPT TO:<ann@contoso.com> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Ann+40contoso.com\r\n',
    );
    expect(rcptCommand(recipient('ann@contoso.com', { notify: 'NEVER' }), rich)).toBe(
      'RCPT TO:<ann@contoso.com> NOTIFY=NEVER\r\n',
    );
  });

  test('is kept from one that does not', () => {
    expect(mailCommand(asking, plain)).toBe('MAIL FROM:<ann@contoso.com>\r\n');
    expect(rcptCommand(ann, plain)).toBe('RCPT TO:<ann@contoso.com>\r\n');
  });

  test.each(['a b', 'a=b', 'a\r\nDATA', '', 'ü', 'x'.repeat(501)])('%j is no value of a parameter', (value) => {
    expect(refusalOfRecipient(recipient('ann@contoso.com', { notify: value }), false)).toMatchObject({ code: 501 });
    expect(refusalOfRecipient(recipient('ann@contoso.com', { orcpt: value }), false)).toMatchObject({ code: 501 });
  });

  test('an original recipient beyond ASCII goes with SMTPUTF8', () => {
    expect(refusalOfRecipient(recipient('ann@contoso.com', { orcpt: 'utf-8;grüße@contoso.com' }), true)).toBeNull();
    expect(refusalOfRecipient(recipient('ann@contoso.com', { orcpt: 'utf-8;\ud800' }), true)).not.toBeNull();
  });
});

test('capabilities are read without regard to case, and the old form of AUTH too', () => {
  const read = readCapabilities(['mbx1.example at your service', 'auth LOGIN', 'AUTH=PLAIN', 'Size', '']);
  expect(read.name).toBe('mbx1.example');
  expect(Object.fromEntries(read.keywords)).toEqual({ AUTH: ['LOGIN', 'PLAIN'], SIZE: [] });
});
