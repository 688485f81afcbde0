/* oxlint-disable vitest/expect-expect -- the transcripts assert, in play-transcript */
import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imapProtocol } from '../../../src/protocols/imap/imap-protocol.js';
import type {
  ClientOrigin,
  LoginFailure,
  ServerDialogue,
  ServerDialogueOptions,
  ServerStep,
} from '../../../src/protocols/sasl/login-protocol.js';
import { playServer } from '../sasl/play-transcript.js';

const credentials = { kind: 'password', user: 'ann', authorizationId: '', password: 'secret' } as const;
const annSecret = 'AGFubgBzZWNyZXQ=';

function imap(options: Partial<ServerDialogueOptions> = {}): () => ServerDialogue {
  return () => imapProtocol.createServerDialogue({ credentials, auth: null, tls: 'none', client: null, ...options });
}

function accepted(text: string, untagged = '', pending = ''): ServerStep {
  return { kind: 'accepted', text, untagged: Buffer.from(untagged), pending: Buffer.from(pending) };
}

function refused(failure: LoginFailure): ServerStep {
  return { kind: 'refused', failure };
}

function lacking(what: string): ServerStep {
  return refused({ kind: 'remote-configuration', detail: `the server does not offer ${what}` });
}

function unfitting(mechanism: string): ServerStep {
  const detail = `the credentials do not fit the mechanism "${mechanism}"`;
  return refused({ kind: 'remote-configuration', detail });
}

const dovecot = 'IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+';
const dovecotClear = `S: * OK [CAPABILITY ${dovecot} STARTTLS AUTH=PLAIN] Dovecot (Debian) ready.`;
const dovecotTls = `S: * OK [CAPABILITY ${dovecot} AUTH=PLAIN] Dovecot (Debian) ready.`;

describe('login', () => {
  it('at Dovecot: AUTHENTICATE PLAIN with an initial response', () => {
    playServer(
      imap({ tls: 'implicit' }),
      [dovecotTls, `C: u1 AUTHENTICATE PLAIN ${annSecret}`, 'S: u1 OK [CAPABILITY IMAP4rev1 IDLE NAMESPACE] Logged in'],
      accepted('[CAPABILITY IMAP4rev1 IDLE NAMESPACE] Logged in'),
    );
  });

  it('with untagged lines before the OK and bytes behind it', () => {
    playServer(
      imap(),
      [
        dovecotTls,
        `C: u1 AUTHENTICATE PLAIN ${annSecret}`,
        'S: * CAPABILITY IMAP4rev1 IDLE',
        'S: * OK [ALERT] Hello',
        'S: u1 OK Logged in',
        'S| * 3 EXI',
      ],
      accepted('Logged in', '* CAPABILITY IMAP4rev1 IDLE\r\n* OK [ALERT] Hello\r\n', '* 3 EXI'),
      ['whole'],
    );
  });

  it('without SASL-IR: AUTHENTICATE PLAIN with a challenge', () => {
    playServer(
      imap({ credentials: { ...credentials, authorizationId: 'boss' } }),
      [
        'S: * OK ready',
        'C: u1 CAPABILITY',
        'S: * CAPABILITY IMAP4rev1 AUTH=PLAIN',
        'S: u1 OK done',
        'C: u2 AUTHENTICATE PLAIN',
        'S: + ',
        `C: ${Buffer.from('boss\0ann\0secret').toString('base64')}`,
        'S: u2 OK [CAPABILITY IMAP4rev1] in',
      ],
      accepted('[CAPABILITY IMAP4rev1] in'),
    );
  });

  it.each<[string, string, string, string, string[]]>([
    ['quoted strings', 'IMAP4rev1', 'ann', 'se"c\\ret', ['C: u1 LOGIN "ann" "se\\"c\\\\ret"']],
    ['literals', 'IMAP4rev1', 'jörg', 'ëx', ['C: u1 LOGIN {5}', 'S: + OK', 'C: jörg {3}', 'S: + OK', 'C: ëx']],
    ['LITERAL+', 'IMAP4rev1 LITERAL+', 'jörg', 'x', ['C: u1 LOGIN {5+}', 'C: jörg "x"']],
    ['LITERAL-', 'IMAP4rev1 LITERAL-', 'ann', 'ë', ['C: u1 LOGIN "ann" {2+}', 'C: ë']],
  ])('without AUTH=PLAIN: LOGIN with %s', (_, capabilities, user, password, login) => {
    playServer(
      imap({ credentials: { ...credentials, user, password } }),
      [`S: * OK [CAPABILITY ${capabilities}] ready`, ...login, 'S: u1 OK [CAPABILITY IMAP4rev1] in'],
      accepted('[CAPABILITY IMAP4rev1] in'),
    );
  });

  it('a server that does not tell its capabilities is asked for them', () => {
    playServer(
      imap(),
      [
        'S: * OK [CAPABILITY IMAP4rev1] ready',
        'C: u1 LOGIN "ann" "secret"',
        'S: u1 OK in',
        'C: u2 CAPABILITY',
        'S: * CAPABILITY IMAP4rev1 IDLE',
        'S: u2 OK done',
      ],
      accepted('in', '* CAPABILITY IMAP4rev1 IDLE\r\n'),
    );
  });

  it('who the client is is told by ID, where the server knows it', () => {
    const client: ClientOrigin = {
      address: '2001:db8::7',
      port: 40001,
      localAddress: '192.0.2.1',
      localPort: 993,
      sessionId: '7f3a',
      proxyTtl: 4,
    };
    const clientEnd = '"x-originating-ip" "2001:db8::7" "x-originating-port" "40001"';
    const ourEnd = '"x-connected-ip" "192.0.2.1" "x-connected-port" "993"';
    const others = '"x-session-id" "7f3a" "x-proxy-ttl" "4"';
    const id = `C: u1 ID (${clientEnd} ${ourEnd} ${others})`;
    const end = ['S: u2 OK [CAPABILITY IMAP4rev1] in'];
    const login = `C: u2 AUTHENTICATE PLAIN ${annSecret}`;
    const plain = accepted('[CAPABILITY IMAP4rev1] in');
    playServer(
      imap({ client }),
      [dovecotTls, id, 'S: * ID ("name" "Dovecot")', 'S: u1 OK ID completed.', login, ...end],
      plain,
    );
    playServer(imap({ client }), [dovecotTls, id, 'S: u1 BAD no', login, ...end], plain);
    const noId = ['S: * OK [CAPABILITY IMAP4rev1] ready', 'C: u1 LOGIN "ann" "secret"', 'S: u1 OK [CAPABILITY X] in'];
    playServer(imap({ client }), noId, accepted('[CAPABILITY X] in'));
    playServer(
      imap({ client: { ...client, address: 'fe80::1%eth0', localAddress: '1" "x', sessionId: 'a b' } }),
      [dovecotTls, 'C: u1 ID ("x-proxy-ttl" "4")', 'S: u1 OK', login, ...end],
      plain,
    );
  });

  it.each<[string, string | null, string, string[], ServerStep]>([
    ['the mechanism demanded', 'login', 'AUTH=PLAIN AUTH=LOGIN', ['C: u1 AUTHENTICATE LOGIN'], { kind: 'read' }],
    [
      'the command LOGIN where LOGIN is demanded',
      'LOGIN',
      'AUTH=PLAIN',
      ['C: u1 LOGIN "ann" "secret"'],
      { kind: 'read' },
    ],
    ['none where PLAIN is demanded and missing', 'PLAIN', 'AUTH=LOGIN', [], lacking('AUTH PLAIN')],
    ['none where a mechanism for tokens is demanded', 'XOAUTH2', 'AUTH=XOAUTH2', [], unfitting('XOAUTH2')],
    ['none where every way is shut', null, 'AUTH=GSSAPI LOGINDISABLED', [], lacking('AUTH PLAIN or LOGIN')],
  ])('goes by %s', (_, auth, capabilities, said, step) => {
    playServer(imap({ auth }), [`S: * OK [CAPABILITY IMAP4rev1 ${capabilities}] ready`, ...said], step);
  });

  it('an initial response that a line does not hold waits for the challenge', () => {
    const long = { ...credentials, password: 'p'.repeat(7000) };
    const message = Buffer.from(`\0ann\0${long.password}`).toString('base64');
    playServer(
      imap({ credentials: long }),
      [dovecotTls, 'C: u1 AUTHENTICATE PLAIN', 'S: + ', `C: ${message}`, 'S: u1 OK [CAPABILITY X] in'],
      accepted('[CAPABILITY X] in'),
      ['whole'],
    );
  });
});

describe('tokens', () => {
  const message = 'user=ann@contoso.com\u0001auth=Bearer abc123\u0001\u0001';
  const token = { kind: 'token', mechanism: 'XOAUTH2', user: 'ann@contoso.com', message } as const;
  const encoded = Buffer.from(message).toString('base64');
  const ready = 'S: * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR] ready';

  it('are accepted', () => {
    playServer(
      imap({ credentials: token }),
      [ready, `C: u1 AUTHENTICATE XOAUTH2 ${encoded}`, 'S: u1 OK [CAPABILITY X] in'],
      accepted('[CAPABILITY X] in'),
    );
  });

  it('are sent by their own mechanism only, never by LOGIN', () => {
    playServer(imap({ credentials: token }), ['S: * OK [CAPABILITY IMAP4rev1] hi'], lacking('AUTH XOAUTH2'));
  });

  it('an OK before the token was sent', () => {
    playServer(
      imap({ credentials: token }),
      ['S: * OK [CAPABILITY AUTH=XOAUTH2] hi', 'C: u1 AUTHENTICATE XOAUTH2', 'S: u1 OK in'],
      refused({ kind: 'protocol', detail: 'the server sent an OK before the credentials were sent in state login' }),
    );
  });

  it('more than one error challenge', () => {
    playServer(
      imap({ credentials: token }),
      [ready, `C: u1 AUTHENTICATE XOAUTH2 ${encoded}`, 'S: + e30=', 'C: ', 'S: + e30='],
      refused({ kind: 'protocol', detail: 'the server sent a continuation nobody asked for in state login' }),
    );
  });

  it.each(['abc123', encoded])('words that repeat %s reach nobody', (words) => {
    playServer(
      imap({ credentials: token }),
      [ready, `C: u1 AUTHENTICATE XOAUTH2 ${encoded}`, `S: u1 NO [ALERT] bad ${words}`],
      refused({
        kind: 'authentication',
        code: 'ALERT',
        text: '(words that repeat the token)',
        detail: 'the server answered the login with NO (words that repeat the token)',
      }),
    );
  });
});

describe('TLS', () => {
  const afterTls = [
    'TLS is up',
    'C: u2 CAPABILITY',
    `S: * CAPABILITY ${dovecot} AUTH=PLAIN`,
    'S: u2 OK done',
    `C: u3 AUTHENTICATE PLAIN ${annSecret}`,
    'S: u3 OK [CAPABILITY X] in',
  ];

  it.each(['starttls', 'opportunistic'] as const)('%s: STARTTLS before the login, capabilities asked again', (tls) => {
    playServer(
      imap({ tls }),
      [dovecotClear, 'C: u1 STARTTLS', 'S: u1 OK Begin TLS negotiation now.', '-> start-tls', ...afterTls],
      accepted('[CAPABILITY X] in'),
    );
  });

  it.each(['starttls', 'opportunistic'] as const)('%s and not offered, or refused: no password is sent', (tls) => {
    playServer(imap({ tls }), [dovecotTls], lacking('STARTTLS'));
    playServer(
      imap({ tls }),
      [dovecotClear, 'C: u1 STARTTLS', 'S: u1 NO not now'],
      refused({ kind: 'remote-configuration', detail: 'the server refused STARTTLS' }),
    );
  });

  it('plain bytes behind the answer to STARTTLS are a failure', () => {
    const detail = 'the server sent plain bytes behind the answer to STARTTLS in state starttls';
    playServer(
      imap({ tls: 'starttls' }),
      [dovecotClear, 'C: u1 STARTTLS', 'S: u1 OK Begin', 'S: * CAPABILITY IMAP4rev1 AUTH=PLAIN'],
      refused({ kind: 'protocol', detail }),
      ['whole'],
    );
    const dialogue = imap({ tls: 'starttls' })();
    dialogue.receive(Buffer.from(`${dovecotClear.slice(3)}\r\nu1 OK Begin\r\n`));
    expect(dialogue.stateName).toBe('handshake');
    expect(dialogue.receive(Buffer.from('* OK\r\n')).step).toEqual(
      refused({
        kind: 'protocol',
        detail: 'the server sent plain bytes instead of a TLS handshake in state handshake',
      }),
    );
  });

  it('capabilities said before TLS do not count after it', () => {
    playServer(
      imap({ tls: 'starttls' }),
      [
        dovecotClear,
        'C: u1 STARTTLS',
        'S: u1 OK Begin',
        '-> start-tls',
        'TLS is up',
        'C: u2 CAPABILITY',
        'S: * CAPABILITY IMAP4rev1 LOGINDISABLED',
        'S: u2 OK done',
      ],
      refused({ kind: 'remote-configuration', detail: 'the server does not offer AUTH PLAIN or LOGIN' }),
    );
  });
});

describe('refusals', () => {
  const said = 'the server answered the login with';

  it.each<[string, LoginFailure]>([
    [
      'NO [AUTHENTICATIONFAILED] Authentication failed.',
      { kind: 'authentication', code: 'AUTHENTICATIONFAILED', text: 'Authentication failed.' },
    ],
    [
      'NO [AUTHORIZATIONFAILED] Not for you.',
      { kind: 'authentication', code: 'AUTHORIZATIONFAILED', text: 'Not for you.' },
    ],
    ['NO [expired] Password expired.', { kind: 'authentication', code: 'EXPIRED', text: 'Password expired.' }],
    ['NO [ALERT] Call us.', { kind: 'authentication', code: 'ALERT', text: 'Call us.' }],
    ['NO [UNAVAILABLE] Later.', { kind: 'authentication-temporary', code: 'UNAVAILABLE', text: 'Later.' }],
    ['NO [INUSE] Later.', { kind: 'authentication-temporary', code: 'INUSE', text: 'Later.' }],
    ['NO [SERVERBUG] Oops.', { kind: 'authentication-temporary', code: 'SERVERBUG', text: 'Oops.' }],
    ['NO [LIMIT] Too many.', { kind: 'limit', code: 'LIMIT', text: 'Too many.' }],
    ['NO [REFERRAL imap://mbx2/] Elsewhere.', { kind: 'moving' }],
    ['NO [PRIVACYREQUIRED] TLS first.', { kind: 'remote-configuration' }],
    ['NO [CONTACTADMIN] Call.', { kind: 'authentication', code: 'CONTACTADMIN', text: 'Call.' }],
    ['NO [SECRET] A code of their own.', { kind: 'authentication' }],
    ['NO Login failed: no mailbox', { kind: 'authentication' }],
    ['BAD Unknown command', { kind: 'protocol' }],
  ])('%s', (answer, failure) => {
    playServer(
      imap(),
      [dovecotTls, `C: u1 AUTHENTICATE PLAIN ${annSecret}`, `S: u1 ${answer}`],
      refused({ ...failure, detail: `${said} ${answer}` }),
    );
  });

  it('words that repeat the password reach neither the log nor the client', () => {
    playServer(
      imap(),
      [dovecotTls, `C: u1 AUTHENTICATE PLAIN ${annSecret}`, `S: u1 NO [ALERT] bad ${annSecret}`],
      refused({
        kind: 'authentication',
        code: 'ALERT',
        text: '(words that repeat the password)',
        detail: `${said} NO (words that repeat the password)`,
      }),
    );
  });

  it.each<[string, string[], LoginFailure]>([
    [
      'PREAUTH',
      ['S: * PREAUTH hello'],
      { kind: 'protocol', detail: 'the server sent the greeting PREAUTH in state greeting' },
    ],
    ['BYE', ['S: * BYE too busy'], { kind: 'remote', detail: 'the server said BYE too busy in state greeting' }],
    [
      'another protocol',
      ['S: +OK POP3 ready'],
      { kind: 'protocol', detail: 'the server sent a line that is no IMAP response in state greeting' },
    ],
    [
      'NUL',
      ['S: * OK \0'],
      { kind: 'protocol', detail: 'the server sent a line that is no IMAP response in state greeting' },
    ],
    [
      'a tagged greeting',
      ['S: u1 OK hi'],
      { kind: 'protocol', detail: 'the server sent no IMAP greeting in state greeting' },
    ],
    [
      'no capabilities',
      ['S: * OK hi', 'C: u1 CAPABILITY', 'S: u1 OK done'],
      { kind: 'protocol', detail: 'the server sent no capabilities in state capability' },
    ],
    [
      'a foreign tag',
      ['S: * OK hi', 'C: u1 CAPABILITY', 'S: u9 OK done'],
      { kind: 'protocol', detail: 'the server sent an answer to a command that was not sent in state capability' },
    ],
    [
      'a continuation out of turn',
      ['S: * OK hi', 'C: u1 CAPABILITY', 'S: + go'],
      { kind: 'protocol', detail: 'the server sent a continuation nobody asked for in state capability' },
    ],
    [
      'a late PREAUTH',
      ['S: * OK hi', 'C: u1 CAPABILITY', 'S: * PREAUTH hi'],
      { kind: 'protocol', detail: 'the server sent a late PREAUTH in state capability' },
    ],
    [
      'a literal',
      ['S: * OK hi', 'C: u1 CAPABILITY', 'S: * X {5}'],
      { kind: 'protocol', detail: 'the server sent a line that is no IMAP response in state capability' },
    ],
    [
      'LOGINDISABLED',
      ['S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi'],
      { kind: 'remote-configuration', detail: 'the server does not offer AUTH PLAIN or LOGIN' },
    ],
    [
      'a line too long',
      [`S| * OK ${'x'.repeat(70_000)}`],
      { kind: 'protocol', detail: 'the server sent a line that is too long in state greeting' },
    ],
    [
      'too many lines',
      ['S: * OK hi', 'C: u1 CAPABILITY', ...Array.from({ length: 200 }, () => 'S: * X')],
      { kind: 'protocol', detail: 'the server sent too many lines in state capability' },
    ],
  ])('before the login: %s', (_, transcript, failure) => {
    playServer(imap(), transcript, refused(failure));
  });

  it('BYE during the login', () => {
    playServer(
      imap(),
      [dovecotTls, `C: u1 AUTHENTICATE PLAIN ${annSecret}`, 'S: * BYE shutting down'],
      refused({ kind: 'remote', detail: 'the server said BYE shutting down in state login' }),
    );
  });

  it('a refusal before the password was sent is no wrong password', () => {
    const hi = 'S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi';
    const asked = 'C: u1 AUTHENTICATE PLAIN';
    const because = (words: string): string => `${said} ${words} before it saw the credentials`;
    for (const words of ['NO Unsupported', 'BAD Unknown command', 'NO [CANNOT] no']) {
      const failure: LoginFailure = { kind: 'remote-configuration', detail: because(words) };
      playServer(imap(), [hi, asked, `S: u1 ${words}`], refused(failure));
    }
    playServer(
      imap(),
      [hi, asked, 'S: u1 NO [LIMIT] Too many.'],
      refused({ kind: 'limit', code: 'LIMIT', text: 'Too many.', detail: `${said} NO [LIMIT] Too many.` }),
    );
  });

  it('an OK before the password was sent', () => {
    playServer(
      imap(),
      ['S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi', 'C: u1 AUTHENTICATE PLAIN', 'S: u1 OK welcome'],
      refused({ kind: 'protocol', detail: 'the server sent an OK before the credentials were sent in state login' }),
    );
  });

  it('too much that comes with the login', () => {
    const line = `S: * X ${'x'.repeat(30_000)}`;
    playServer(
      imap(),
      [dovecotTls, `C: u1 AUTHENTICATE PLAIN ${annSecret}`, line, line, line],
      refused({ kind: 'protocol', detail: 'the server sent too much with the login in state login' }),
      ['whole'],
    );
  });

  it('credentials that no server may see, and an identity that LOGIN cannot carry', () => {
    const plainOnly = 'S: * OK [CAPABILITY IMAP4rev1] hi';
    playServer(
      imap({ credentials: { ...credentials, password: 'a\r\nb' } }),
      [plainOnly],
      refused({ kind: 'internal', detail: 'credentials that no server may see: The password has control characters.' }),
    );
    playServer(
      imap({ credentials: { ...credentials, authorizationId: 'boss' } }),
      [plainOnly],
      refused({
        kind: 'remote-configuration',
        detail: 'the server does not offer AUTH PLAIN',
      }),
    );
  });

  it('a lost connection says where it was', () => {
    const dialogue = imap()();
    expect(dialogue.closed()).toEqual({
      kind: 'remote',
      detail: 'the server closed the connection or was too slow in state greeting',
    });
    dialogue.receive(Buffer.from(`${dovecotTls.slice(3)}\r\n`));
    expect(dialogue.closed().detail).toContain('in state login');
  });
});

describe('properties', () => {
  const line = fc.oneof(
    fc.constantFrom(
      '* OK hi',
      '* CAPABILITY IMAP4rev1 AUTH=PLAIN',
      'u1 OK',
      'u2 OK [CAPABILITY X] in',
      'u2 NO [LIMIT] no',
      '+ ',
      '* BYE',
    ),
    fc.string({ maxLength: 10 }),
  );
  const input = fc
    .array(line, { maxLength: 12 })
    .map((lines) => Buffer.from(lines.map((text) => `${text}\r\n`).join('')));

  it('any chunking gives the same output and the same end', () => {
    fc.assert(
      fc.property(input, fc.integer({ min: 1, max: 30 }), (bytes, size) => {
        const run = (chunkSize: number): unknown[] => {
          const dialogue = imap()();
          let output = '';
          for (let start = 0; start < bytes.length; start += chunkSize) {
            const result = dialogue.receive(bytes.subarray(start, start + chunkSize));
            output += result.output.toString();
            if (result.step.kind !== 'read') return [output, { ...result.step, pending: undefined }];
          }
          return [output, dialogue.stateName];
        };
        expect(run(size)).toEqual(run(bytes.length + 1));
      }),
      { numRuns: 300 },
    );
  });

  it.each<[string, string]>([
    ['greeting', ''],
    ['capability', '* OK hi\r\n'],
    ['login', '* OK [CAPABILITY AUTH=PLAIN SASL-IR] hi\r\n'],
    ['login-capability', '* OK [CAPABILITY AUTH=PLAIN SASL-IR] hi\r\nu1 OK in\r\n'],
    ['over', '* BYE\r\n'],
  ])('random bytes in state %s give a step', (state, before) => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), input), (bytes) => {
        const dialogue = imap()();
        dialogue.receive(Buffer.from(before));
        expect(dialogue.stateName).toBe(state);
        const { step } = dialogue.receive(Buffer.from(bytes));
        expect(['read', 'accepted', 'refused']).toContain(step.kind);
        expect(dialogue.heldBytes).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });

  it.each(['starttls', 'opportunistic'] as const)('%s: no credentials leave before TLS, whatever is said', (tls) => {
    const capable = fc.constantFrom(
      '* OK [CAPABILITY STARTTLS AUTH=PLAIN SASL-IR] hi',
      '* CAPABILITY STARTTLS AUTH=PLAIN',
      'u1 OK',
      'u1 NO',
      '+ ',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(capable, line), { maxLength: 8 }), (lines) => {
        const dialogue = imap({ tls })();
        const said = lines.map((text) => dialogue.receive(Buffer.from(`${text}\r\n`)).output.toString()).join('');
        expect(said).not.toMatch(/LOGIN|AUTHENTICATE|secret|AGFubg/);
      }),
      { numRuns: 300 },
    );
  });
});
