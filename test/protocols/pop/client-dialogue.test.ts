/* oxlint-disable vitest/expect-expect -- the transcripts assert, in play-transcript */
import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { popProtocol } from '../../../src/protocols/pop/pop-protocol.js';
import type { ClientDialogue, ClientDialogueOptions } from '../../../src/protocols/sasl/login-protocol.js';
import { playClient, type Transcript } from '../sasl/play-transcript.js';
import { doorDefaults } from './dialogue-options.js';

function pop(options: Partial<ClientDialogueOptions> = {}): () => ClientDialogue {
  return () => popProtocol.createClientDialogue({ ...doorDefaults, ...options });
}

const greeting = 'S: +OK mail.contoso.com POP3 ready.';
const annSecret = 'AGFubgBzZWNyZXQ=';

/** A transcript over TLS, behind the greeting. */
function play(...transcript: Transcript): void {
  playClient(pop(), [greeting, ...transcript]);
}

/** A transcript without TLS, where passwords need it. */
function playInClear(transcript: Transcript, chunkings?: readonly ('whole' | 'bytes')[]): void {
  playClient(pop({ tlsActive: false }), [greeting, ...transcript], chunkings);
}

const capabilities = ['S: +OK', 'S: RESP-CODES', 'S: AUTH-RESP-CODE', 'S: TOP', 'S: UIDL', 'S: PIPELINING'];
const logins = ['S: USER', 'S: SASL PLAIN LOGIN XOAUTH2 OAUTHBEARER'];

describe('commands before the login', () => {
  it('CAPA and QUIT', () => {
    play(
      'C: CAPA',
      ...capabilities,
      ...logins,
      'S: XCLIENT',
      'S: .',
      'C: quit',
      'S: +OK Logging out.',
      '-> close: logged out',
    );
  });

  it('CAPA without TLS: no USER and no SASL, or no STLS', () => {
    playInClear(['C: CAPA', ...capabilities, 'S: STLS', 'S: XCLIENT', 'S: .']);
    playClient(pop({ tlsActive: false, starttls: false, plaintextLogin: true }), [
      greeting,
      'C: CAPA',
      ...capabilities,
      ...logins,
      'S: XCLIENT',
      'S: .',
      'C: STLS',
      'S: -ERR STLS is not offered.',
      'C: USER ann',
      'S: +OK',
      'C: PASS secret',
      '-> login ann with secret',
    ]);
  });

  it('a client that is too slow hears -ERR', () => {
    play('too slow', 'S: -ERR Autologout: no login in time.');
  });

  it('LF alone ends a line, as with other servers', () => {
    play('C| USER ann\nPASS secret\n', 'S: +OK', '-> login ann with secret');
  });
});

describe('USER and PASS', () => {
  it('a login', () => {
    play('C: USER ann@contoso.com', 'S: +OK', 'C: PASS secret', '-> login ann@contoso.com with secret');
  });

  it('pipelined, in lower case, with a CAPA between', () => {
    play(
      'C: user ann',
      'C: CAPA',
      'C: pass secret',
      'S: +OK',
      ...capabilities,
      ...logins,
      'S: XCLIENT',
      'S: .',
      '-> login ann with secret',
    );
  });

  it('a password with spaces, also at its ends, and UTF-8', () => {
    play('C: USER jörg', 'S: +OK', 'C: PASS  my sëcret ', '-> login jörg with  my sëcret ');
  });

  it('the last USER counts', () => {
    play('C: USER ann', 'S: +OK', 'C: USER bob', 'S: +OK', 'C: PASS secret', '-> login bob with secret');
  });

  it.each([
    [['C: PASS secret'], ['S: -ERR Say USER first.']],
    [['C: USER'], ['S: -ERR Wrong arguments of USER.']],
    [['C: USER '], ['S: -ERR The user name is empty.']],
    [['C: USER a\tb'], ['S: -ERR The user name has control characters.']],
    [['C: USER a\0b'], ['S: -ERR The line has NUL or a CR without LF.']],
    [['C: USER a\rb'], ['S: -ERR The line has NUL or a CR without LF.']],
    [
      ['C: USER ann', 'C: PASS'],
      ['S: +OK', 'S: -ERR Wrong arguments of PASS.'],
    ],
    [
      ['C: USER ann', 'C: PASS '],
      ['S: +OK', 'S: -ERR The password is empty.'],
    ],
    [
      ['C: USER ann', 'C: PASS a\0b'],
      ['S: +OK', 'S: -ERR The line has NUL or a CR without LF.'],
    ],
    [
      ['C: USER ann', 'C: FOO', 'C: PASS secret'],
      ['S: +OK', 'S: -ERR Unknown command.', 'S: -ERR Say USER first.'],
    ],
  ])('refuses %j', (commands, answers) => {
    play(...commands, ...answers, 'C: QUIT', 'S: +OK Logging out.', '-> close: logged out');
  });

  it('refuses bytes that are no UTF-8', () => {
    const { output } = pop()().receive(Buffer.from('USER j\xf6rg\r\n', 'latin1'));
    expect(output.toString()).toBe('-ERR The line is not UTF-8.\r\n');
  });
});

describe('AUTH', () => {
  it('without an argument lists the mechanisms', () => {
    play('C: AUTH', 'S: +OK', 'S: PLAIN', 'S: LOGIN', 'S: XOAUTH2', 'S: OAUTHBEARER', 'S: .');
    playInClear(['C: AUTH', 'S: +OK', 'S: .']);
  });

  it('PLAIN with and without an initial response', () => {
    play(`C: AUTH PLAIN ${annSecret}`, '-> login ann with secret');
    play('C: auth plain', 'S: + ', `C: ${annSecret}`, '-> login ann with secret');
  });

  it('cancelled by the client', () => {
    play('C: AUTH PLAIN', 'S: + ', 'C: *', 'S: -ERR Authentication cancelled.', 'C: USER ann', 'S: +OK');
  });

  it.each([
    [['C: AUTH PLAIN ='], ['S: -ERR The SASL response does not have three parts.']],
    [['C: AUTH PLAIN YW5uAHNlY3JldA=='], ['S: -ERR The SASL response does not have three parts.']],
    [['C: AUTH PLAIN ????'], ['S: -ERR The SASL response is not valid base64.']],
    [
      ['C: AUTH PLAIN', 'C: ????'],
      ['S: + ', 'S: -ERR The SASL response is not valid base64.'],
    ],
    [['C: AUTH PLAIN a b'], ['S: -ERR Wrong arguments of AUTH.']],
    [['C: AUTH CRAM-MD5'], ['S: -ERR This mechanism is not offered.']],
  ])('refuses %j', (commands, answers) => {
    play(...commands, ...answers, 'C: USER ann', 'S: +OK');
  });
});

describe('TLS', () => {
  it('a password before TLS is refused without being looked at', () => {
    const refusal = 'S: -ERR A password is not allowed before TLS.';
    playInClear([
      'C: USER ann',
      refusal,
      'C: PASS secret',
      refusal,
      'C: AUTH PLAIN',
      refusal,
      `C: AUTH PLAIN ${annSecret}`,
      refusal,
    ]);
  });

  it('STLS, then a login; nothing said before survives', () => {
    playClient(pop({ tlsActive: false, plaintextLogin: true }), [
      greeting,
      'C: USER ann',
      'S: +OK',
      'C: STLS',
      'S: +OK Begin TLS negotiation now.',
      '-> start-tls',
      'TLS is up',
      'C: PASS secret',
      'S: -ERR Say USER first.',
      'C: STLS',
      'S: -ERR TLS is active already.',
      'C: USER bob',
      'S: +OK',
      'C: PASS secret',
      '-> login bob with secret',
    ]);
  });

  it('commands behind STLS are never carried out', () => {
    playInClear(
      ['C: STLS', 'C: USER ann', 'S: -ERR Nothing may follow STLS before TLS.', '-> close: input behind STLS'],
      ['whole'],
    );
    const dialogue = pop({ tlsActive: false })();
    dialogue.receive(Buffer.from('STLS\r\n'));
    expect(dialogue.receive(Buffer.from('USER ann\r\n')).step).toEqual({
      kind: 'close',
      reason: 'plain bytes instead of a TLS handshake',
    });
  });
});

describe('bad commands', () => {
  it.each([
    ['C: FOO', 'S: -ERR Unknown command.'],
    ['C: ', 'S: -ERR Unknown command.'],
    ['C: NOOP', 'S: -ERR Log in first.'],
    ['C: STAT', 'S: -ERR Log in first.'],
    ['C: RETR 1', 'S: -ERR Log in first.'],
    ['C: APOP ann c4c9334bac560ecc979e58001b3e22fb', 'S: -ERR Unknown command.'],
    ['C: CAPA x', 'S: -ERR Wrong arguments of CAPA.'],
    ['C: GET / HTTP/1.1', 'S: -ERR Unknown command.'],
  ])('%s', (command, answer) => {
    play(command, answer, 'C: QUIT', 'S: +OK Logging out.', '-> close: logged out');
  });

  it('too many end the connection', () => {
    playClient(pop({ badCommandsMax: 2 }), [
      greeting,
      'C: FOO',
      'S: -ERR Unknown command.',
      'C: USER ann',
      'S: +OK',
      'C: FOO',
      'S: -ERR Unknown command.',
      '-> close: too many bad commands',
    ]);
  });

  it('a line over the limit ends the connection, one at the limit does not', () => {
    play(`C: USER ${'x'.repeat(505)}`, 'S: +OK');
    play(`C: USER ${'x'.repeat(506)}`, 'S: -ERR The command is too long.', '-> close: command too long');
    play(`C| ${'x'.repeat(512)}`, 'S: -ERR The command is too long.', '-> close: command too long');
    playInClear([`C| AUTH PLAIN ${'A'.repeat(501)}`, 'S: -ERR The command is too long.', '-> close: command too long']);
  });

  it('a response may be longer than a command, sent with AUTH or behind it, and has an end', () => {
    const password = 'p'.repeat(2000);
    const response = Buffer.from(`\0ann\0${password}`).toString('base64');
    play(`C: AUTH PLAIN ${response}`, `-> login ann with ${password}`);
    play('C: AUTH PLAIN', 'S: + ', `C: ${response}`, `-> login ann with ${password}`);
    for (const before of ['', 'AUTH PLAIN\r\n', 'AUTH PLAIN ']) {
      const dialogue = pop()();
      dialogue.receive(Buffer.from(before));
      let end = dialogue.receive(Buffer.from('A'));
      for (let sentBytes = 1; sentBytes < 1_048_576 && end.step.kind === 'read'; sentBytes += 1000) {
        end = dialogue.receive(Buffer.alloc(1000, 'A'));
        expect(dialogue.heldBytes).toBeLessThan(12_288);
      }
      expect(end.output.toString()).toBe('-ERR The command is too long.\r\n');
      expect(end.step).toEqual({ kind: 'close', reason: 'command too long' });
    }
  });

  it('the line behind a long AUTH is as short as any other', () => {
    play(
      `C: AUTH PLAIN ${'A'.repeat(1000)}`,
      `C: USER ${'x'.repeat(506)}`,
      'S: -ERR The SASL response does not have three parts.',
      'S: -ERR The command is too long.',
      '-> close: command too long',
    );
  });

  it('a flood of good commands ends the connection and is not answered many times its size', () => {
    const dialogue = pop()();
    const { output, step } = dialogue.receive(Buffer.from('CAPA\r\n'.repeat(10_000)));
    expect(step).toEqual({ kind: 'close', reason: 'too many commands without a login' });
    expect(output.length).toBeLessThan(65_536);
    expect(output.toString()).toMatch(/-ERR Too many commands\.\r\n$/);
  });

  it('an exchange that was broken off leaves nothing for the next', () => {
    const rounds = Array.from({ length: 20 }, () => [
      'C: AUTH LOGIN YW5u',
      'S: + UGFzc3dvcmQ6',
      'C: *',
      'S: -ERR Authentication cancelled.',
      'C: PASS secret',
      'S: -ERR Say USER first.',
      'C: AUTH PLAIN =',
      'S: -ERR The SASL response does not have three parts.',
    ]).flat();
    playClient(pop({ badCommandsMax: 100 }), [greeting, ...rounds]);
  });
});

describe('the end of a login', () => {
  const login = ['C: USER ann', 'S: +OK', 'C: PASS secret', '-> login ann with secret'];

  it('accepted: the words of the server, and what came behind for the server', () => {
    play(
      'C: USER ann',
      'C: PASS secret',
      'C: STAT',
      'C| RE',
      'S: +OK',
      '-> login ann with secret',
      { accepted: 'Logged in.', pending: 'STAT\r\nRE' },
      'S: +OK Logged in.',
    );
  });

  it('refused: pipelined commands go on, and USER must be said again', () => {
    play(
      'C: USER ann',
      'C: PASS wrong',
      'C: PASS secret',
      'C: USER ann',
      'C: PASS secret',
      'S: +OK',
      '-> login ann with wrong',
      { refused: { kind: 'authentication' } },
      'S: -ERR [AUTH] Authentication failed.',
      'S: -ERR Say USER first.',
      'S: +OK',
      '-> login ann with secret',
    );
  });

  it.each([
    [{ kind: 'authentication' }, '[AUTH] Authentication failed.'],
    [{ kind: 'authentication', code: 'AUTH', text: 'Wrong, ann!' }, '[AUTH] Authentication failed.'],
    [{ kind: 'authentication', code: 'SYS/PERM', text: 'Account\r\nlocked.' }, '[SYS/PERM] Account  locked.'],
    [{ kind: 'authentication-temporary' }, '[SYS/TEMP] Temporary authentication failure. Try again later.'],
    [{ kind: 'limit' }, '[IN-USE] Too many connections. Try again later.'],
    [{ kind: 'limit', code: 'LOGIN-DELAY', text: 'Wait.' }, '[LOGIN-DELAY] Wait.'],
    [{ kind: 'connect' }, '[SYS/TEMP] The mailbox is not available. Try again later.'],
    [{ kind: 'internal' }, '[SYS/TEMP] Internal error. Try again later.'],
    [{ kind: 'configuration' }, '[SYS/TEMP] The mailbox is not available. Try again later.'],
    [{ kind: 'remote' }, '[SYS/TEMP] The mailbox is not available. Try again later.'],
    [{ kind: 'remote-configuration' }, '[SYS/TEMP] The mailbox is not available. Try again later.'],
    [{ kind: 'protocol', detail: 'never shown' }, '[SYS/TEMP] The mailbox is not available. Try again later.'],
    [{ kind: 'moving' }, '[SYS/TEMP] The mailbox is being moved. Try again later.'],
    [{ kind: 'out-of-service' }, '[SYS/TEMP] The service is not available. Try again later.'],
  ] as const)('refused: %j', (refused, words) => {
    play(...login, { refused }, `S: -ERR ${words}`);
  });

  it('refused passwords count as bad commands', () => {
    const wrong = [...login, { refused: { kind: 'authentication' } }, 'S: -ERR [AUTH] Authentication failed.'] as const;
    playClient(pop({ badCommandsMax: 2 }), [greeting, ...wrong, ...wrong, '-> close: too many bad commands']);
  });

  it('too much input behind a login ends the connection', () => {
    const dialogue = pop()();
    dialogue.receive(Buffer.from('USER ann\r\nPASS secret\r\n'));
    expect(dialogue.receive(Buffer.alloc(512, 'x')).step).toEqual({ kind: 'read' });
    const { output, step } = dialogue.receive(Buffer.from('x'));
    expect(output.toString()).toBe('-ERR Too much input behind a login.\r\n');
    expect(step).toEqual({ kind: 'close', reason: 'too much input behind a login' });
    expect(dialogue.heldBytes).toBe(0);
  });

  it('words of the driver at the wrong time are a fault', () => {
    expect(() => pop()().loginRefused({ kind: 'authentication' })).toThrow('no login is pending');
    expect(() => pop()().loginAccepted('', Buffer.alloc(0))).toThrow('no login is pending');
    expect(() => pop()().tlsStarted()).toThrow('no TLS handshake is due');
  });
});

describe('instead of a greeting', () => {
  it.each([
    ['out-of-service', '-ERR [SYS/TEMP] The service is not available. Try again later.\r\n'],
    ['limit', '-ERR [SYS/TEMP] Too many connections. Try again later.\r\n'],
  ] as const)('%s', (kind, words) => {
    expect(popProtocol.refuseConnection(kind).toString()).toBe(words);
  });
});

describe('properties', () => {
  const piece = fc.oneof(
    fc.constantFrom('USER ', 'PASS ', 'AUTH PLAIN', 'CAPA', ' ', 'ann', '*', '=', annSecret, 'é', '\0'),
    fc.constantFrom('AUTH LOGIN YW5u\r\n', 'AUTH XOAUTH2\r\n', 'XCLIENT TTL=3\r\n', 'c2VjcmV0\r\n'),
    fc.constantFrom('\r\n', '\r\n', '\n', '\r', 'USER ann\r\n', 'PASS secret\r\n', 'AUTH\r\n'),
    fc.string({ maxLength: 5 }),
  );
  const input = fc.array(piece, { maxLength: 40 }).map((pieces) => Buffer.from(pieces.join('')));

  /** Everything a dialogue says and asks for; logins are refused, and what is behind the end is left out. */
  function run(chunks: readonly Buffer[]): string {
    const dialogue = pop({ commandSizeMax: 60, badCommandsMax: 8 })();
    let heard = '';
    for (const chunk of chunks) {
      let { output, step } = dialogue.receive(chunk);
      heard += output.toString();
      while (step.kind === 'login') {
        heard += `<${JSON.stringify(step)}>`;
        ({ output, step } = dialogue.loginRefused({ kind: 'authentication-temporary' }));
        heard += output.toString();
      }
      expect(dialogue.heldBytes).toBeLessThan(12_288);
      if (step.kind === 'close') return `${heard}<${step.reason}>`;
    }
    return heard;
  }

  it('any chunking gives the same output and steps, and little is held', () => {
    fc.assert(
      fc.property(input, fc.integer({ min: 1, max: 30 }), (bytes, size) => {
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, turn) =>
          bytes.subarray(turn * size, turn * size + size),
        );
        expect(run(chunks)).toBe(run([bytes]));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['commands', ''],
    ['sasl-response', 'AUTH PLAIN\r\n'],
    ['login', 'USER ann\r\nPASS secret\r\n'],
    ['over', 'QUIT\r\n'],
  ])('random bytes in state %s give a step', (_, before) => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), input), (bytes) => {
        const dialogue = pop()();
        dialogue.receive(Buffer.from(before));
        const { step } = dialogue.receive(Buffer.from(bytes));
        expect(['read', 'login', 'close']).toContain(step.kind);
        expect(dialogue.heldBytes).toBeLessThanOrEqual(512);
      }),
    );
  });
});
