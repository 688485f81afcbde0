/* oxlint-disable vitest/expect-expect -- the transcripts assert, in play-transcript */
import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imapProtocol } from '../../../src/protocols/imap/imap-protocol.js';
import type { ClientDialogue, ClientDialogueOptions } from '../../../src/protocols/sasl/login-protocol.js';
import { type Chunking, playClient, type Transcript } from '../sasl/play-transcript.js';

const defaults: ClientDialogueOptions = {
  serverName: 'mail.contoso.com',
  tlsActive: true,
  starttls: true,
  plaintextLogin: false,
  commandSizeMax: 10240,
  badCommandsMax: 5,
  mechanisms: ['PLAIN'],
  serverCapabilities: null,
};

function imap(options: Partial<ClientDialogueOptions> = {}): () => ClientDialogue {
  return () => imapProtocol.createClientDialogue({ ...defaults, ...options });
}

const overTls = imap();
const inClear = imap({ tlsActive: false });
const everyMechanism = imap({ mechanisms: ['PLAIN', 'LOGIN', 'XOAUTH2', 'OAUTHBEARER'] });
const annSecret = 'AGFubgBzZWNyZXQ=';

/** A transcript over TLS, behind the greeting. */
function play(...transcript: Transcript): void {
  const greeting = 'S: * OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID AUTH=PLAIN] mail.contoso.com IMAP4 ready.';
  playClient(overTls, [greeting, ...transcript]);
}

/** A transcript without TLS, where passwords need it. */
function playInClear(transcript: Transcript, chunkings?: readonly Chunking[]): void {
  const greeting =
    'S: * OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID STARTTLS LOGINDISABLED] mail.contoso.com IMAP4 ready.';
  playClient(inClear, [greeting, ...transcript], chunkings);
}

describe('commands before the login', () => {
  it('CAPABILITY, NOOP and LOGOUT', () => {
    play(
      'C: a1 CAPABILITY',
      'S: * CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID AUTH=PLAIN',
      'S: a1 OK CAPABILITY completed.',
      'C: a2 noop',
      'S: a2 OK NOOP completed.',
      'C: a3 LOGOUT',
      'S: * BYE Logging out.',
      'S: a3 OK LOGOUT completed.',
      '-> close: logged out',
    );
  });

  it('ID with NIL, an empty list, fields and literals', () => {
    const id = 'S: * ID ("name" "usher")';
    play(
      'C: a1 ID NIL',
      id,
      'S: a1 OK ID completed.',
      'C: a2 ID ()',
      id,
      'S: a2 OK ID completed.',
      'C: a3 ID ("name" "Mail \\"X\\"" "version" NIL)',
      id,
      'S: a3 OK ID completed.',
      'C: a4 ID ("name" {5+}',
      'C: a (b"c)',
      'S: a4 BAD Wrong arguments of ID.',
      'C: a5 ID ("name" {3+}',
      'C: abc)',
      id,
      'S: a5 OK ID completed.',
      'C: a6 ID (("a" "b"))',
      'S: a6 BAD Wrong arguments of ID.',
      'C: a7 ID',
      'S: a7 BAD Wrong arguments of ID.',
    );
  });

  it('pipelined commands are answered in order', () => {
    play(
      'C: a1 NOOP',
      'C: a2 ID NIL',
      'C: a3 NOOP',
      'S: a1 OK NOOP completed.',
      'S: * ID ("name" "usher")',
      'S: a2 OK ID completed.',
      'S: a3 OK NOOP completed.',
    );
  });

  it('LF alone ends a line, as with other servers', () => {
    play('C| a1 NOOP\n', 'S: a1 OK NOOP completed.', 'C| a2 LOGIN ann {6+}\nsecret\n', '-> login ann with secret');
  });

  it('a client that is too slow hears BYE', () => {
    play('too slow', 'S: * BYE Autologout: no login in time.');
  });

  it('without STARTTLS and with passwords in clear allowed', () => {
    playClient(imap({ tlsActive: false, starttls: false, plaintextLogin: true, serverName: 'a\r\nb' }), [
      'S: * OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID AUTH=PLAIN] a  b IMAP4 ready.',
      'C: a1 STARTTLS',
      'S: a1 BAD STARTTLS is not offered.',
      'C: a2 LOGIN ann secret',
      '-> login ann with secret',
    ]);
  });
});

describe('LOGIN', () => {
  it.each<[string, string[], string]>([
    ['atoms', ['C: a1 LOGIN ann secret'], 'ann with secret'],
    ['lower case', ['C: a1 login ann secret'], 'ann with secret'],
    ['quoted strings', ['C: a1 LOGIN "ann@contoso.com" "my secret"'], 'ann@contoso.com with my secret'],
    ['escapes', ['C: a1 LOGIN "CONTOSO\\\\ann" "a \\"b\\" \\\\"'], 'CONTOSO\\ann with a "b" \\'],
    ['UTF-8 in quoted strings', ['C: a1 LOGIN "jörg" "gehëim ✓"'], 'jörg with gehëim ✓'],
    ['UTF-8 and wildcards in atoms', ['C: a1 LOGIN jörg pa%ss*wor\\d]'], 'jörg with pa%ss*wor\\d]'],
    ['LITERAL+', ['C: a1 LOGIN {3+}', 'C: ann {6+}', 'C: secret'], 'ann with secret'],
    ['a quoted user and a literal password', ['C: a1 LOGIN "ann" {8+}', 'C: se"c {1}'], 'ann with se"c {1}'],
    ['a literal user and an atom', ['C: a1 LOGIN {5+}', 'C: jörg secret'], 'jörg with secret'],
    ['a quoted string that looks like a literal', ['C: a1 LOGIN ann "x {5}"'], 'ann with x {5}'],
    ['a tab in the password', ['C: a1 LOGIN ann "a\tb"'], 'ann with a\tb'],
  ])('with %s', (_, lines, login) => {
    play(...lines, `-> login ${login}`);
  });

  it('with literals that wait for the continuation', () => {
    play('C: a1 LOGIN {3}', 'S: + OK', 'C: ann {6}', 'S: + OK', 'C: secret', '-> login ann with secret');
  });

  it('with literals that do not wait although they should', () => {
    play('C: a1 LOGIN {3}', 'C: ann {6}', 'C: secret', 'S: + OK', 'S: + OK', '-> login ann with secret');
  });

  it.each<[string, string[], string]>([
    ['one argument', ['C: a1 LOGIN ann'], 'a1 BAD Wrong arguments of LOGIN.'],
    ['three arguments', ['C: a1 LOGIN ann b c'], 'a1 BAD Wrong arguments of LOGIN.'],
    ['an open quote', ['C: a1 LOGIN ann "secret'], 'a1 BAD Wrong arguments of LOGIN.'],
    ['an unknown escape', ['C: a1 LOGIN ann "sec\\ret"'], 'a1 BAD Wrong arguments of LOGIN.'],
    ['a quote in an atom', ['C: a1 LOGIN ann se"cret'], 'a1 BAD Wrong arguments of LOGIN.'],
    ['strings without a space between', ['C: a1 LOGIN "ann""secret"'], 'a1 BAD Wrong arguments of LOGIN.'],
    ['a literal without a space before', ['C: a1 LOGIN ann{6+}', 'C: secret'], 'a1 BAD Wrong arguments of LOGIN.'],
    ['a list', ['C: a1 LOGIN ann (secret)'], 'a1 BAD Wrong arguments of LOGIN.'],
    ['a binary literal', ['C: a1 LOGIN ann ~{6+}', 'C: secret'], 'a1 BAD Wrong arguments of LOGIN.'],
    ['an empty user', ['C: a1 LOGIN "" secret'], 'a1 BAD The user name is empty.'],
    ['an empty password', ['C: a1 LOGIN ann ""'], 'a1 BAD The password is empty.'],
    [
      'a line break in the user',
      ['C: a1 LOGIN {8+}', 'C| ann\r\nbob secret\r\n'],
      'a1 BAD The user name has control characters.',
    ],
    ['NUL in the password', ['C: a1 LOGIN ann {3+}', 'C| a\0b\r\n'], 'a1 BAD The password has control characters.'],
    ['NUL in the line', ['C: a1 LOGIN ann sec\0ret'], 'a1 BAD A line has NUL or a CR without LF.'],
    ['CR in the line', ['C: a1 LOGIN ann sec\rret'], 'a1 BAD A line has NUL or a CR without LF.'],
    ['CR before the line end', ['C: a1 LOGIN ann secret\r'], 'a1 BAD A line has NUL or a CR without LF.'],
  ])('refuses %s', (_, lines, answer) => {
    play(...lines, `S: ${answer}`, 'C: a9 NOOP', 'S: a9 OK NOOP completed.');
  });

  it('refuses bytes that are no UTF-8', () => {
    const dialogue = overTls();
    dialogue.greet();
    const { output } = dialogue.receive(Buffer.from('a1 LOGIN ann "s\xe9cret"\r\n', 'latin1'));
    expect(output.toString()).toBe('a1 BAD User name and password must be UTF-8.\r\n');
  });

  it('a literal that does not fit is refused before it is sent', () => {
    for (const size of ['10240', '4294967295', '4294967297', '99999999999999999999999']) {
      play(
        `C: a1 LOGIN ann {${size}}`,
        'S: a1 BAD The literal is too large.',
        'C: a2 NOOP',
        'S: a2 OK NOOP completed.',
      );
    }
  });

  it('a literal that does not fit and is sent unasked ends the connection', () => {
    for (const size of ['10240', '4294967295', '9999999999', '99999999999999999999999']) {
      play(`C: a1 LOGIN ann {${size}+}`, 'S: * BYE The command is too long.', '-> close: command too long');
    }
  });

  it('the limit counts the whole command, literals and line ends included', () => {
    const small = imap({ commandSizeMax: 40 });
    const greeting = 'S: * OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID AUTH=PLAIN] mail.contoso.com IMAP4 ready.';
    // 15 for the first line, 3 and 8 for the user and what follows, 12 and 2 for the password and the line end.
    playClient(small, [
      greeting,
      'C: a1 LOGIN {3+}',
      'C: ann {12+}',
      'C: secretsecret',
      '-> login ann with secretsecret',
    ]);
    playClient(small, [
      greeting,
      'C: a1 LOGIN {3+}',
      'C: ann {13+}',
      'C: secretsecrets',
      'S: * BYE The command is too long.',
      '-> close: command too long',
    ]);
  });
});

describe('AUTHENTICATE', () => {
  it('PLAIN with an initial response', () => {
    play(`C: a1 AUTHENTICATE PLAIN ${annSecret}`, '-> login ann with secret');
  });

  it('PLAIN after the challenge', () => {
    play('C: a1 authenticate plain', 'S: + ', `C: ${annSecret}`, '-> login ann with secret');
  });

  it('PLAIN with an authorization identity', () => {
    const response = Buffer.from('boss\0ann\0secret').toString('base64');
    play(`C: a1 AUTHENTICATE PLAIN ${response}`, '-> login ann for boss with secret');
  });

  it('cancelled by the client', () => {
    play(
      'C: a1 AUTHENTICATE PLAIN',
      'S: + ',
      'C: *',
      'S: a1 BAD Authentication cancelled.',
      'C: a2 NOOP',
      'S: a2 OK NOOP completed.',
    );
  });

  it.each([
    ['C: a1 AUTHENTICATE PLAIN =', 'S: a1 BAD The SASL response does not have three parts.'],
    ['C: a1 AUTHENTICATE PLAIN YW5uAHNlY3JldA==', 'S: a1 BAD The SASL response does not have three parts.'],
    ['C: a1 AUTHENTICATE PLAIN not-base64!', 'S: a1 BAD The SASL response is not valid base64.'],
    ['C: a1 AUTHENTICATE PLAIN "AGFubgBzZWNyZXQ="', 'S: a1 BAD Wrong arguments of AUTHENTICATE.'],
    ['C: a1 AUTHENTICATE', 'S: a1 BAD Wrong arguments of AUTHENTICATE.'],
    ['C: a1 AUTHENTICATE NTLM', 'S: a1 NO This mechanism is not offered.'],
    ['C: a1 AUTHENTICATE PLAIN {16}', 'S: a1 BAD No literal is allowed here.'],
  ])('refuses %s', (command, answer) => {
    play(command, answer, 'C: a2 NOOP', 'S: a2 OK NOOP completed.');
  });

  it('refuses a bad answer to the challenge, and goes on', () => {
    play(
      'C: a1 AUTHENTICATE PLAIN',
      'S: + ',
      'C: ????',
      'S: a1 BAD The SASL response is not valid base64.',
      'C: a2 NOOP',
      'S: a2 OK NOOP completed.',
    );
    play('C: a1 AUTHENTICATE PLAIN', 'S: + ', 'C: ', 'S: a1 BAD The SASL response does not have three parts.');
  });
});

describe('TLS', () => {
  it('a password before TLS is refused without being looked at', () => {
    const refusal = 'NO [PRIVACYREQUIRED] A password is not allowed before TLS.';
    playInClear([
      'C: a1 LOGIN ann secret',
      `S: a1 ${refusal}`,
      'C: a2 LOGIN {3}',
      `S: a2 ${refusal}`,
      'C: a3 AUTHENTICATE PLAIN',
      `S: a3 ${refusal}`,
      'C: a4 AUTHENTICATE PLAIN not-base64!',
      `S: a4 ${refusal}`,
    ]);
  });

  it('STARTTLS, then a login', () => {
    playInClear([
      'C: a1 STARTTLS',
      'S: a1 OK Begin TLS negotiation now.',
      '-> start-tls',
      'TLS is up',
      'C: a2 CAPABILITY',
      'S: * CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID AUTH=PLAIN',
      'S: a2 OK CAPABILITY completed.',
      'C: a3 STARTTLS',
      'S: a3 BAD TLS is active already.',
      'C: a4 LOGIN ann secret',
      '-> login ann with secret',
    ]);
  });

  it('commands behind STARTTLS are never carried out', () => {
    playInClear(
      [
        'C: a1 STARTTLS',
        'C: a2 LOGIN ann secret',
        'S: a1 BAD Nothing may follow STARTTLS before TLS.',
        'S: * BYE Nothing may follow STARTTLS.',
        '-> close: input behind STARTTLS',
      ],
      ['whole'],
    );
    const dialogue = inClear();
    dialogue.receive(Buffer.from('a1 STARTTLS\r\n'));
    expect(dialogue.receive(Buffer.from('a2 NOOP\r\n'))).toEqual({
      output: Buffer.alloc(0),
      step: { kind: 'close', reason: 'plain bytes instead of a TLS handshake' },
    });
  });
});

describe('bad commands', () => {
  it.each([
    ['an unknown command', 'C: a1 FOO bar', 'S: a1 BAD Unknown command.'],
    ['a command of a later state', 'C: a1 SELECT INBOX', 'S: a1 NO Log in first.'],
    ['a later command with a literal', 'C: a1 APPEND INBOX {310}', 'S: a1 NO Log in first.'],
    ['an unknown command with a literal', 'C: a1 FOO {3}', 'S: a1 BAD No literal is allowed here.'],
    ['arguments where none belong', 'C: a1 NOOP x', 'S: a1 BAD Wrong arguments of NOOP.'],
    ['a tag alone', 'C: a1', 'S: * BAD This line has no tag and command.'],
    ['an empty line', 'C: ', 'S: * BAD This line has no tag and command.'],
    ['a tag with a plus sign', 'C: +1 NOOP', 'S: * BAD This line has no tag and command.'],
    ['another protocol', 'C: GET / HTTP/1.1', 'S: * BAD This line has no tag and command.'],
    ['many parentheses', `C: a1 ID ${'('.repeat(9000)}`, 'S: a1 BAD Wrong arguments of ID.'],
  ])('%s', (_, command, answer) => {
    play(command, answer, 'C: a2 NOOP', 'S: a2 OK NOOP completed.');
  });

  it('a later command with LITERAL+ is swallowed with its literal', () => {
    play(
      'C: a1 APPEND INBOX {13+}',
      'C: a2 LOGIN a b',
      'C: ',
      'S: a1 NO Log in first.',
      'S: * BAD This line has no tag and command.',
    );
  });

  it('too many end the connection', () => {
    playClient(imap({ badCommandsMax: 2 }), [
      'S: * OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID AUTH=PLAIN] mail.contoso.com IMAP4 ready.',
      'C: a1 FOO',
      'S: a1 BAD Unknown command.',
      'C: a2 NOOP',
      'S: a2 OK NOOP completed.',

      'C: a3 FOO',
      'S: a3 BAD Unknown command.',
      'S: * BYE Too many bad commands.',
      '-> close: too many bad commands',
    ]);
  });

  it('a line over the limit ends the connection, finished or not', () => {
    play(`C: a1 NOOP ${'x'.repeat(10240)}`, 'S: * BYE The command is too long.', '-> close: command too long');
    play(`C| ${'x'.repeat(10240)}`, 'S: * BYE The command is too long.', '-> close: command too long');
    play(
      'C: a1 AUTHENTICATE PLAIN',
      'S: + ',
      `C| ${'A'.repeat(10240)}`,
      'S: * BYE The command is too long.',
      '-> close: command too long',
    );
  });
});

describe('what a stranger may send', () => {
  /** Sends chunks until the dialogue is over; held bytes never exceed the limit and the output stays small. */
  function flood(dialogue: ClientDialogue, chunks: Iterable<Buffer>): string {
    let said = '';
    for (const chunk of chunks) {
      const { output, step } = dialogue.receive(chunk);
      said += output.toString();
      expect(dialogue.heldBytes).toBeLessThanOrEqual(10240);
      expect(said.length).toBeLessThan(100_000);
      if (step.kind === 'close') return said + step.reason;
    }
    return said;
  }

  function* repeated(text: string, count: number): Generator<Buffer> {
    for (let sent = 0; sent < count; sent += 1) yield Buffer.from(text);
  }

  it.each<[string, string, string, number, string]>([
    ['a million parentheses', 'a1 ID ', '('.repeat(1000), 1000, '* BYE The command is too long.\r\ncommand too long'],
    ['100,000 arguments', 'a1 LOGIN', ' x'.repeat(1000), 100, '* BYE The command is too long.\r\ncommand too long'],
    ['a line without end', '', 'x'.repeat(1000), 1000, '* BYE The command is too long.\r\ncommand too long'],
    ['NUL without end', '', '\0'.repeat(1000), 1000, '* BYE The command is too long.\r\ncommand too long'],
    [
      'a quoted string without end',
      'a1 LOGIN "',
      '\\"'.repeat(500),
      1000,
      '* BYE The command is too long.\r\ncommand too long',
    ],
    ['literals without end', 'a1 ID (', '{1+}\r\nx ', 10_000, '* BYE The command is too long.\r\ncommand too long'],
  ])('%s', (_, start, text, count, end) => {
    const dialogue = overTls();
    dialogue.receive(Buffer.from(start));
    expect(flood(dialogue, repeated(text, count))).toBe(end);
    expect(dialogue.heldBytes).toBe(0);
  });

  it('a response without end', () => {
    for (const mechanism of ['PLAIN', 'LOGIN', 'XOAUTH2', 'OAUTHBEARER']) {
      const dialogue = everyMechanism();
      dialogue.receive(Buffer.from(`a1 AUTHENTICATE ${mechanism}\r\n`));
      expect(flood(dialogue, repeated('QUFB'.repeat(250), 1000))).toContain('command too long');
    }
  });

  it('commands without a login, be they ever so good', () => {
    const dialogue = overTls();
    const said = flood(dialogue, repeated('a1 CAPABILITY\r\n'.repeat(50), 1000));
    expect(said.match(/a1 OK/g)?.length).toBe(200);
    expect(said).toContain('* BYE Too many commands without a login.');
  });

  it('as many arguments as fit one command', () => {
    play(`C: a1 LOGIN ${'x '.repeat(5000)}`, 'S: a1 BAD Wrong arguments of LOGIN.');
    const fields = Array.from({ length: 30 }, (_, at) => `"name${at}" "value"`).join(' ');
    play(`C: a1 ID (${fields})`, 'S: * ID ("name" "usher")', 'S: a1 OK ID completed.');
  });

  it('a literal that does not wait has at most 4096 bytes', () => {
    const password = 'p'.repeat(4096);
    play('C: a1 LOGIN ann {4096+}', `C: ${password}`, `-> login ann with ${password}`);
    play('C: a1 LOGIN ann {4097+}', 'S: * BYE The command is too long.', '-> close: command too long');
    play('C: a1 LOGIN ann {4097}', 'S: + OK', `C: ${password}p`, `-> login ann with ${password}p`);
  });
});

describe('what is offered', () => {
  const greet = (options: Partial<ClientDialogueOptions>): string => imap(options)().greet().output.toString();

  it('mechanisms, where credentials may be sent', () => {
    expect(greet({ mechanisms: ['PLAIN', 'OAUTHBEARER'] })).toContain('ID AUTH=PLAIN AUTH=OAUTHBEARER]');
    expect(greet({ mechanisms: ['PLAIN', 'XOAUTH2'], tlsActive: false })).toContain('ID STARTTLS LOGINDISABLED]');
  });

  it('tokens only: no password is taken by any way', () => {
    const create = imap({ mechanisms: ['XOAUTH2', 'OAUTHBEARER'] });
    playClient(create, [
      'S: * OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID AUTH=XOAUTH2 AUTH=OAUTHBEARER LOGINDISABLED] mail.contoso.com IMAP4 ready.',
      'C: a1 LOGIN ann secret',
      'S: a1 NO The command LOGIN is not offered.',
      'C: a2 LOGIN {3}',
      'S: a2 NO The command LOGIN is not offered.',
      `C: a3 AUTHENTICATE PLAIN ${annSecret}`,
      'S: a3 NO This mechanism is not offered.',
    ]);
  });

  it('a line holds what the servers say, without line breaks and without end', () => {
    const odd = ['X\r\n* BYE', '', ' ', '(', 'A'.repeat(200), 'é'];
    expect(greet({ serverCapabilities: [...odd, 'LITERAL+', 'IDLE'] })).toContain(
      '[CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID AUTH=PLAIN IDLE]',
    );
    expect(greet({ serverCapabilities: [] })).toContain('[CAPABILITY IMAP4rev1 SASL-IR ID AUTH=PLAIN]');
    const many = Array.from({ length: 100_000 }, (_, at) => `X${at}`);
    expect(greet({ serverCapabilities: many }).length).toBeLessThan(1000);
  });
});

describe('ID of a proxy before us', () => {
  it.each([
    ['"x-proxy-ttl" "3"', ', proxies left: 3'],
    ['"name" "x" "X-PROXY-TTL" "3"', ', proxies left: 3'],
    ['"x-proxy-ttl" "0"', ', proxies left: 1'],
    ['"x-proxy-ttl" "999999999"', ', proxies left: 10'],
    ['"x-proxy-ttl" "99999999999999999999"', ''],
    ['"x-proxy-ttl" "-1"', ''],
    ['"x-proxy-ttl" NIL', ''],
    ['"name" "x-proxy-ttl"', ''],
    ['"x-originating-ip" "192.0.2.1"', ''],
  ])('%s', (fields, left) => {
    play(
      `C: a1 ID (${fields})`,
      'S: * ID ("name" "usher")',
      'S: a1 OK ID completed.',
      'C: a2 LOGIN ann secret',
      `-> login ann with secret${left}`,
    );
  });

  it('does not count when it was said before TLS', () => {
    playInClear([
      'C: a1 ID ("x-proxy-ttl" "1")',
      'S: * ID ("name" "usher")',
      'S: a1 OK ID completed.',
      'C: a2 STARTTLS',
      'S: a2 OK Begin TLS negotiation now.',
      '-> start-tls',
      'TLS is up',
      'C: a3 LOGIN ann secret',
      '-> login ann with secret',
    ]);
  });
});

describe('the end of a login', () => {
  it('accepted: the words of the server, and what came behind for the server', () => {
    playClient(overTls, [
      'S: * OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID AUTH=PLAIN] mail.contoso.com IMAP4 ready.',
      'C: a1 LOGIN ann secret',
      'C: a2 SELECT INBOX',
      'C| a3 FET',
      '-> login ann with secret',
      {
        accepted: '[CAPABILITY IMAP4rev1 IDLE] Logged in',
        untagged: '* CAPABILITY IMAP4rev1\r\n',
        pending: 'a2 SELECT INBOX\r\na3 FET',
      },
      'S: * CAPABILITY IMAP4rev1',
      'S: a1 OK [CAPABILITY IMAP4rev1 IDLE] Logged in',
    ]);
  });

  it('refused: pipelined commands go on, and another login may follow', () => {
    play(
      'C: a1 LOGIN ann wrong',
      'C: a2 NOOP',
      'C: a3 LOGIN ann secret',
      '-> login ann with wrong',
      { refused: { kind: 'authentication' } },
      'S: a1 NO [AUTHENTICATIONFAILED] Authentication failed.',
      'S: a2 OK NOOP completed.',
      '-> login ann with secret',
      { accepted: 'Logged in', pending: '' },
      'S: a3 OK Logged in',
    );
  });

  it('an unknown user and a wrong password look the same', () => {
    const answer = 'S: a1 NO [AUTHENTICATIONFAILED] Authentication failed.';
    const login = ['C: a1 LOGIN ann secret', '-> login ann with secret'];
    play(...login, { refused: { kind: 'authentication' } }, answer);
    play(...login, { refused: { kind: 'authentication', code: 'AUTHENTICATIONFAILED', text: 'Wrong, ann!' } }, answer);
  });

  it.each([
    [{ kind: 'authentication', code: 'EXPIRED', text: 'Password is too\r\nold' }, '[EXPIRED] Password is too  old'],
    [{ kind: 'authentication-temporary' }, '[UNAVAILABLE] Temporary authentication failure. Try again later.'],
    [{ kind: 'limit' }, '[LIMIT] Too many connections. Try again later.'],
    [{ kind: 'limit', code: 'LIMIT', text: 'Only 10 for you.' }, '[LIMIT] Only 10 for you.'],
    [{ kind: 'connect' }, '[UNAVAILABLE] The mailbox is not available. Try again later.'],
    [{ kind: 'internal' }, '[UNAVAILABLE] Internal error. Try again later.'],
    [{ kind: 'configuration' }, '[UNAVAILABLE] The mailbox is not available. Try again later.'],
    [{ kind: 'remote' }, '[UNAVAILABLE] The mailbox is not available. Try again later.'],
    [{ kind: 'remote-configuration' }, '[UNAVAILABLE] The mailbox is not available. Try again later.'],
    [{ kind: 'protocol', detail: 'never shown' }, '[UNAVAILABLE] The mailbox is not available. Try again later.'],
    [{ kind: 'moving' }, '[UNAVAILABLE] The mailbox is being moved. Try again later.'],
    [{ kind: 'out-of-service' }, '[UNAVAILABLE] The service is not available. Try again later.'],
  ] as const)('refused: %j', (refused, words) => {
    play('C: a1 LOGIN ann secret', '-> login ann with secret', { refused }, `S: a1 NO ${words}`);
  });

  it('refused passwords count as bad commands', () => {
    const wrong = [
      'C: a1 LOGIN ann wrong',
      '-> login ann with wrong',
      { refused: { kind: 'authentication' } },
    ] as const;
    const answer = 'S: a1 NO [AUTHENTICATIONFAILED] Authentication failed.';
    playClient(imap({ badCommandsMax: 2 }), [
      'S: * OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID AUTH=PLAIN] mail.contoso.com IMAP4 ready.',
      ...wrong,
      answer,
      ...wrong,
      answer,
      'S: * BYE Too many bad commands.',
      '-> close: too many bad commands',
    ]);
  });

  it('too much input behind a login ends the connection', () => {
    const dialogue = overTls();
    dialogue.receive(Buffer.from('a1 LOGIN ann secret\r\n'));
    expect(dialogue.receive(Buffer.alloc(10240, 'x')).step).toEqual({ kind: 'read' });
    expect(dialogue.heldBytes).toBe(10240);
    const { output, step } = dialogue.receive(Buffer.from('x'));
    expect(output.toString()).toBe('* BYE Too much input behind a login.\r\n');
    expect(step).toEqual({ kind: 'close', reason: 'too much input behind a login' });
    expect(dialogue.heldBytes).toBe(0);
  });

  it('words of the driver at the wrong time are a fault', () => {
    expect(() => overTls().loginRefused({ kind: 'authentication' })).toThrow('no login is pending');
    expect(() => overTls().loginAccepted('', Buffer.alloc(0))).toThrow('no login is pending');
    expect(() => overTls().tlsStarted()).toThrow('no TLS handshake is due');
  });
});

describe('instead of a greeting', () => {
  it.each([
    ['out-of-service', '* BYE [UNAVAILABLE] The service is not available. Try again later.\r\n'],
    ['limit', '* BYE [LIMIT] Too many connections. Try again later.\r\n'],
  ] as const)('%s', (kind, words) => {
    expect(imapProtocol.refuseConnection(kind).toString()).toBe(words);
  });
});

describe('properties', () => {
  const bearer = Buffer.from('user=ann\u0001auth=Bearer abc\u0001\u0001').toString('base64');
  const piece = fc.oneof(
    fc.constantFrom(
      'a1 ',
      'NOOP',
      'LOGIN ',
      'AUTHENTICATE PLAIN',
      'AUTHENTICATE XOAUTH2',
      'AUTHENTICATE LOGIN',
      ' ',
      '"',
      '\\',
      '{3}',
      '{3+}',
      '{9999}',
      '{0+}',
      '(',
      ')',
    ),
    fc.constantFrom(
      '\r\n',
      '\r\n',
      '\n',
      '\r',
      '\0',
      '*',
      '=',
      annSecret,
      bearer,
      'a2 ID ("x-proxy-ttl" "2")\r\n',
      'a2 ID NIL\r\n',
      'a3 LOGIN ann secret\r\n',
      'é',
    ),
    fc.string({ maxLength: 5 }),
  );
  const input = fc.array(piece, { maxLength: 40 }).map((pieces) => Buffer.from(pieces.join('')));

  const small = { commandSizeMax: 200, mechanisms: ['PLAIN', 'LOGIN', 'XOAUTH2'] } as const;

  /** Everything a dialogue says and asks for; logins are refused, and what is behind the end is left out. */
  function run(chunks: readonly Buffer[], heldMax: number): string {
    const dialogue = imap({ ...small, badCommandsMax: 8 })();
    let heard = '';
    for (const chunk of chunks) {
      let { output, step } = dialogue.receive(chunk);
      heard += output.toString();
      while (step.kind === 'login') {
        heard += `<${JSON.stringify(step)}>`;
        ({ output, step } = dialogue.loginRefused({ kind: 'authentication-temporary' }));
        heard += output.toString();
      }
      expect(dialogue.heldBytes).toBeLessThanOrEqual(heldMax);
      if (step.kind === 'close') return `${heard}<${step.reason}>`;
    }
    return heard;
  }

  it('any chunking gives the same output and steps, and little is held', () => {
    fc.assert(
      fc.property(input, fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), (bytes, sizes) => {
        const chunks: Buffer[] = [];
        for (let start = 0, turn = 0; start < bytes.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          chunks.push(bytes.subarray(start, start + size));
          start += size;
        }
        expect(run(chunks, 200)).toBe(run([bytes], 200));
      }),
      { numRuns: 500 },
    );
  });

  it.each<[string, (dialogue: ClientDialogue) => unknown]>([
    ['commands', () => undefined],
    ['literal', (dialogue) => dialogue.receive(Buffer.from('a1 LOGIN {30}\r\n'))],
    ['sasl-response', (dialogue) => dialogue.receive(Buffer.from('a1 AUTHENTICATE PLAIN\r\n'))],
    ['sasl-token', (dialogue) => dialogue.receive(Buffer.from('a1 AUTHENTICATE XOAUTH2\r\n'))],
    ['sasl-password', (dialogue) => dialogue.receive(Buffer.from('a1 AUTHENTICATE LOGIN YW5u\r\n'))],
    ['login', (dialogue) => dialogue.receive(Buffer.from('a1 LOGIN ann secret\r\n'))],
    ['over', (dialogue) => dialogue.receive(Buffer.from('a1 LOGOUT\r\n'))],
  ])('random bytes in state %s give a step', (_, enter) => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), input), (bytes) => {
        const dialogue = imap(small)();
        enter(dialogue);
        const { step } = dialogue.receive(Buffer.from(bytes));
        expect(['read', 'login', 'close']).toContain(step.kind);
        expect(dialogue.heldBytes).toBeLessThanOrEqual(step.kind === 'login' ? bytes.length : 200);
      }),
    );
  });

  it('random bytes instead of a handshake end the connection', () => {
    const dialogue = inClear();
    dialogue.receive(Buffer.from('a1 STARTTLS\r\n'));
    fc.assert(fc.property(fc.uint8Array(), (bytes) => dialogue.receive(Buffer.from(bytes)).step.kind === 'close'));
  });
});
