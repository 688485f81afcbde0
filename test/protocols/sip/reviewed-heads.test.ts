import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import { readSipMessage } from '../../../src/protocols/sip/read-message.js';

test('lines that are no fields count as fields do: many of them are not looked at', () => {
  const start = 'INVITE sip:a@b.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n';
  for (const line of ['a\r\n', 'a b: c\r\n', '\u00e4\r\n', ':\r\n']) {
    const message = Buffer.from(`${start}${line.repeat(201)}\r\n`, 'latin1');
    expect(readSipMessage(message)).toStrictEqual({ kind: 'garbage', reason: 'too many fields' });
    const fewer = readSipMessage(Buffer.from(`${start}${line.repeat(150)}\r\n`, 'latin1'));
    expect(fewer).toMatchObject({ kind: 'refused', code: 400, reason: 'Bad Request: a line is no field' });
  }
});
