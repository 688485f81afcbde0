import { describe, expect, test } from 'vitest';
import type { LoginCredentials } from '../../../src/protocols/sasl/login-credentials.js';
import { SmtpServerDialogue, type SmtpServerDialogueOptions } from '../../../src/protocols/smtp/server-dialogue.js';
import type { ServerTurn } from '../../../src/protocols/smtp/server-step.js';
import type { XclientAttributes } from '../../../src/protocols/smtp/xclient.js';

const ehlo = 'EHLO front.example\r\n';
const hello = (...keywords: string[]): string =>
  ['mbx1.example', ...keywords].map((word, index) => `250${index === keywords.length ? ' ' : '-'}${word}\r\n`).join('');
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const ann = { kind: 'password', user: 'ann', password: 'secret', authorizationId: '' } as const;
const xclient: XclientAttributes = {
  name: null,
  address: '192.0.2.7',
  port: 40_000,
  protocol: 'ESMTP',
  helo: 'pc.example',
  login: 'ann',
  destinationAddress: '2001:db8::1',
  destinationPort: 587,
};

function dialogue(change: Partial<SmtpServerDialogueOptions>) {
  const base = { heloName: 'front.example', tls: 'none', credentials: null, auth: null, xclient: null } as const;
  const client = new SmtpServerDialogue({ ...base, ...change });
  const says = (text: string): string => written(client.receive(Buffer.from(text)));
  says('220 hi\r\n');
  return { client, says };
}

/** What is written, or what happens. */
function written({ output, step }: ServerTurn): string {
  if (step.kind === 'failed') return `${output.toString()}${step.stage}: ${step.reason}`;
  return step.kind === 'wait' ? output.toString() : output.toString() + step.kind;
}

describe('AUTH LOGIN', () => {
  test('is used where PLAIN is not offered', () => {
    const { says } = dialogue({ credentials: ann });
    expect(says(hello('AUTH LOGIN CRAM-MD5'))).toBe('AUTH LOGIN\r\n');
    expect(says('334 VXNlcm5hbWU6\r\n')).toBe(`${base64('ann')}\r\n`);
    expect(says('334 UGFzc3dvcmQ6\r\n')).toBe(`${base64('secret')}\r\n`);
    expect(says('235 2.7.0 in\r\n')).toBe('ready');
  });

  test('more challenges than answers end it', () => {
    const { says } = dialogue({ credentials: ann, auth: 'login' });
    expect(says(hello('AUTH PLAIN LOGIN'))).toBe('AUTH LOGIN\r\n');
    says('334 \r\n');
    says('334 \r\n');
    expect(says('334 \r\n')).toBe('auth: the server asks for more than the mechanism has');
  });
});

describe('the initial response', () => {
  const line = (password: string): string => base64(`\0ann\0${password}`);

  test('of 512 octets with its command goes along, a longer one follows a challenge', () => {
    // 512 - "AUTH PLAIN " - CRLF leaves 499 characters of base64, of which 496 are used.
    const fits = dialogue({ credentials: { ...ann, password: 'x'.repeat(367) } });
    expect(fits.says(hello('AUTH PLAIN'))).toBe(`AUTH PLAIN ${line('x'.repeat(367))}\r\n`);
    const long = dialogue({ credentials: { ...ann, password: 'x'.repeat(368) } });
    expect(long.says(hello('AUTH PLAIN'))).toBe('AUTH PLAIN\r\n');
    expect(long.says('334 \r\n')).toBe(`${line('x'.repeat(368))}\r\n`);
    expect(long.says('235 in\r\n')).toBe('ready');
  });
});

describe('tokens', () => {
  const token = (mechanism: 'XOAUTH2' | 'OAUTHBEARER', message = 'n,a=ann,\u0001auth=Bearer abc\u0001\u0001') =>
    ({ kind: 'token', mechanism, user: 'ann', message }) satisfies LoginCredentials;

  test.each([
    ['OAUTHBEARER', 'AQ==\r\n'],
    ['XOAUTH2', '\r\n'],
  ] as const)('%s: the error challenge is answered, then comes the refusal', (mechanism, answer) => {
    const credentials = token(mechanism);
    const { client, says } = dialogue({ credentials });
    expect(says(hello('AUTH PLAIN OAUTHBEARER XOAUTH2'))).toBe(`AUTH ${mechanism} ${base64(credentials.message)}\r\n`);
    expect(says(`334 ${base64('{"status":"invalid_token"}')}\r\n`)).toBe(answer);
    const { step } = client.receive(Buffer.from('535 5.7.8 no\r\n'));
    expect(step).toMatchObject({ kind: 'failed', stage: 'auth', permanent: true, reply: { code: 535 } });
  });

  test('a long one is the answer to the empty challenge', () => {
    const credentials = token('OAUTHBEARER', 'x'.repeat(2000));
    const { says } = dialogue({ credentials });
    expect(says(hello('AUTH OAUTHBEARER'))).toBe('AUTH OAUTHBEARER\r\n');
    expect(says('334 \r\n')).toBe(`${base64(credentials.message)}\r\n`);
    expect(says('235 in\r\n')).toBe('ready');
  });
});

test.each([
  `535 5.7.8 wrong: secret\r\n`,
  `535 5.7.8 ${base64('\0ann\0secret')}\r\n`,
  '421 secret\r\n',
  'secret\r\n',
  '53 secret\r\n',
])('the words of a server that was sent the credentials are withheld: %j', (said) => {
  const { client, says } = dialogue({ credentials: ann });
  says(hello('AUTH PLAIN'));
  const { step } = client.receive(Buffer.from(said));
  expect(step).toMatchObject({ kind: 'failed', stage: 'auth', connection: 'spent' });
  expect(JSON.stringify(step)).not.toMatch(new RegExp(`secret|${base64('\0ann\0secret')}`));
});

describe('XCLIENT', () => {
  const offer = 'XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT';
  const command =
    'XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.7 PORT=40000 PROTO=ESMTP HELO=pc.example LOGIN=ann ' +
    'DESTADDR=IPV6:2001:db8::1 DESTPORT=587\r\n';

  test('tells of the client, and the session begins anew', () => {
    const { client, says } = dialogue({ xclient });
    expect(says(hello(offer, 'PIPELINING'))).toBe(command);
    expect(says('220 hi again\r\n')).toBe('EHLO pc.example\r\n');
    const { step } = client.receive(Buffer.from(hello(offer, 'DSN')));
    expect(step.kind === 'ready' && [...step.capabilities.keywords.keys()]).toEqual(['XCLIENT', 'DSN']);
  });

  test('comes after TLS and before AUTH', () => {
    const { client, says } = dialogue({ xclient, tls: 'starttls', credentials: ann });
    expect(says(hello(offer, 'STARTTLS', 'AUTH PLAIN'))).toBe('STARTTLS\r\n');
    expect(says('220 go\r\n')).toBe('start-tls');
    expect(written(client.tlsStarted())).toBe(ehlo);
    expect(says(hello('XCLIENT addr login'))).toBe('XCLIENT ADDR=192.0.2.7 LOGIN=ann\r\n');
    expect(says('220 hi again\r\n')).toBe('EHLO pc.example\r\n');
    expect(says(hello(offer, 'AUTH PLAIN'))).toBe(`AUTH PLAIN ${base64('\0ann\0secret')}\r\n`);
  });

  test('without TLS is not followed by STARTTLS', () => {
    const { says } = dialogue({ xclient, tls: 'opportunistic' });
    expect(says(hello(offer))).toBe(command);
    says('220 hi again\r\n');
    expect(says(hello('STARTTLS'))).toBe('ready');
  });

  test.each([
    ['[192.0.2.7]', '[192.0.2.7]'],
    ['p c', 'front.example'],
    ['x\r\nRSET', 'front.example'],
    [null, 'front.example'],
  ])('a client that called itself %j is announced as %s', (helo, name) => {
    const { says } = dialogue({ xclient: { ...xclient, helo } });
    says(hello(offer));
    expect(says('220 hi again\r\n')).toBe(`EHLO ${name}\r\n`);
    expect(says('502 what?\r\n')).toBe(`HELO ${name}\r\n`);
  });

  test.each([[hello('PIPELINING')], [hello('XCLIENT')], [hello('XCLIENT FOO')]])(
    'is left out where it is not offered: %j',
    (said) => {
      expect(dialogue({ xclient }).says(said)).toBe('ready');
    },
  );

  test.each([
    ['550 5.7.0 not you\r\n', true],
    ['421 no\r\n', false],
    ['451 later\r\n', false],
    ['250 what?\r\n', false],
  ])('answered with %j', (said, permanent) => {
    const { client, says } = dialogue({ xclient });
    says(hello(offer));
    const { step } = client.receive(Buffer.from(said));
    expect(step).toMatchObject({ kind: 'failed', stage: 'xclient', permanent, connection: 'spent' });
  });

  test.each([
    ['a b', 'a+20b'],
    ['a+b=c', 'a+2Bb+3Dc'],
    ['x\r\nRCPT TO:<y>', 'x+0D+0ARCPT+20TO:<y>'],
    ['grüße', 'gr+C3+BC+C3+9Fe'],
    ['[192.0.2.1]', '[192.0.2.1]'],
    ['', '[UNAVAILABLE]'],
    ['x'.repeat(256), '[UNAVAILABLE]'],
    ['ü'.repeat(60), '[UNAVAILABLE]'],
  ])('HELO %j is written as %s', (helo, word) => {
    const { says } = dialogue({ xclient: { ...xclient, helo } });
    expect(says(hello('XCLIENT HELO'))).toBe(`XCLIENT HELO=${word}\r\n`);
  });

  test.each([
    ['192.0.2.7 LOGIN=root', '[UNAVAILABLE]'],
    ['fe80::1%eth0', '[UNAVAILABLE]'],
    ['', '[UNAVAILABLE]'],
    ['2001:DB8::7', 'IPV6:2001:DB8::7'],
  ])('the address %j is written as %s', (address, word) => {
    const { says } = dialogue({ xclient: { ...xclient, address, port: null, login: null } });
    expect(says(hello('XCLIENT ADDR PORT LOGIN'))).toBe(
      `XCLIENT ADDR=${word} PORT=[UNAVAILABLE] LOGIN=[UNAVAILABLE]\r\n`,
    );
  });
});
