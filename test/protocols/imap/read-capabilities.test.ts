import { expect, test } from 'vitest';
import { ImapCapabilityReader } from '../../../src/protocols/imap/read-capabilities.js';

type Tls = ConstructorParameters<typeof ImapCapabilityReader>[0];

/** What the reader does about each of a server's pieces; `TLS` is the handshake. */
function play(tls: Tls, ...pieces: readonly string[]): readonly unknown[] {
  const reader = new ImapCapabilityReader(tls);
  return pieces.map((piece) => {
    const step = piece === 'TLS' ? reader.tlsStarted() : reader.receive(Buffer.from(piece, 'latin1'));
    switch (step.kind) {
      case 'send':
        return step.text;
      case 'told':
        return step.capabilities;
      case 'failed':
        return step.reason;
      default:
        return step.kind;
    }
  });
}

const ask = 'c CAPABILITY\r\n';

test.each([
  ['none', ['* OK hi\r\n', '* CAPABILITY IMAP4rev1 idle\r\n', 'c OK\r\n'], [ask, 'read', ['IMAP4REV1', 'IDLE']]],
  ['implicit', ['* OK hi\r\n', '* CAPA', 'BILITY IDLE\r\nc OK done\r\n'], [ask, 'read', ['IDLE']]],
  ['none', ['* OK [CAPABILITY OLD] hi\r\n', 'c OK [CAPABILITY NEW] done\r\n'], [ask, ['NEW']]],
  [
    'starttls',
    ['* OK hi\r\n', '* CAPABILITY STARTTLS A\r\nc OK\r\n', 's OK\r\n', 'TLS', '* CAPABILITY B\r\nc OK\r\n'],
    [ask, 's STARTTLS\r\n', 'start-tls', ask, ['B']],
  ],
  ['starttls', ['* OK hi\r\n', '* CAPABILITY A\r\nc OK\r\n'], [ask, 'the server answered with no STARTTLS']],
  ['opportunistic', ['* OK hi\r\n', '* CAPABILITY A\r\nc OK\r\n'], [ask, ['A']]],
  [
    'starttls',
    ['* OK hi\r\n', '* CAPABILITY STARTTLS\r\nc OK\r\n', 's OK\r\n* CAPABILITY EVIL\r\n'],
    [ask, 's STARTTLS\r\n', 'the server answered with bytes ahead of TLS'],
  ],
  ['none', ['* BYE full\r\n'], ['the server answered with BYE']],
  ['none', ['* PREAUTH hi\r\n'], ['the server answered with PREAUTH']],
  ['none', ['* OK hi\r\n', 'c NO\r\n'], [ask, 'the server answered with NO']],
  ['none', ['* OK hi\r\n', '* BYE later\r\n'], [ask, 'the server answered with BYE']],
  ['none', ['HTTP/1.1 400\r\n'], ['the server answered with a line that is no IMAP response']],
  ['none', ['x'.repeat(70_000)], ['the server answered with a line too long or too many']],
  ['none', ['* OK hi\r\n', '* X\r\n'.repeat(200)], [ask, 'the server answered with a line too long or too many']],
] as const)('TLS %s, %j', (tls, pieces, expected) => {
  expect(play(tls, ...pieces)).toEqual(expected);
});
