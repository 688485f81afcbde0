import { expect, test } from 'vitest';
import { PopCapabilityReader } from '../../../src/protocols/pop/read-capabilities.js';

type Tls = ConstructorParameters<typeof PopCapabilityReader>[0];

/** What the reader does about each of a server's pieces; `TLS` is the handshake. */
function play(tls: Tls, ...pieces: readonly string[]): readonly unknown[] {
  const reader = new PopCapabilityReader(tls);
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

const ask = 'CAPA\r\n';

test.each([
  ['none', ['+OK hi\r\n', '+OK\r\nTOP\r\nSASL PLAIN\r\n.\r\n'], [ask, ['TOP', 'SASL PLAIN']]],
  ['implicit', ['+OK hi\r\n', '+OK\r\nTO', 'P\r\n..X\r\n', '.\r\n'], [ask, 'read', 'read', ['TOP', '.X']]],
  ['none', ['+OK hi\r\n', '-ERR what\r\n'], [ask, []]],
  [
    'starttls',
    ['+OK hi\r\n', '+OK\r\nSTLS\r\n.\r\n', '+OK\r\n', 'TLS', '+OK\r\nUIDL\r\n.\r\n'],
    [ask, 'STLS\r\n', 'start-tls', ask, ['UIDL']],
  ],
  ['starttls', ['+OK hi\r\n', '+OK\r\n.\r\n'], [ask, 'the server answered with no STLS']],
  ['opportunistic', ['+OK hi\r\n', '+OK\r\nTOP\r\n.\r\n'], [ask, ['TOP']]],
  [
    'starttls',
    ['+OK hi\r\n', '+OK\r\nSTLS\r\n.\r\n', '+OK\r\n+OK\r\n'],
    [ask, 'STLS\r\n', 'the server answered with bytes ahead of TLS'],
  ],
  ['none', ['-ERR full\r\n'], ['the server answered with no greeting']],
  ['none', ['+OK hi\r\n', '+ \r\n'], [ask, 'the server answered with no answer to CAPA']],
  ['none', ['+OK hi\r\n', '+OK\r\nA\rB\r\n'], [ask, 'the server answered with a line that is no POP response']],
  ['none', ['x'.repeat(70_000)], ['the server answered with a line too long or too many']],
  [
    'none',
    ['+OK hi\r\n', `+OK\r\n${'X\r\n'.repeat(200)}`],
    [ask, 'the server answered with a line too long or too many'],
  ],
] as const)('TLS %s, %j', (tls, pieces, expected) => {
  expect(play(tls, ...pieces)).toEqual(expected);
});
