import { expect, test } from 'vitest';
import { SmtpClientDialogue } from '../../../src/protocols/smtp/client-dialogue.js';
import type { ClientTurn } from '../../../src/protocols/smtp/client-step.js';

const options = {
  serverName: 'front.contoso.com',
  banner: null,
  tls: 'absent',
  needsTls: false,
  mechanisms: { plain: [], secure: [] },
  sizeMax: null,
  extensions: { smtputf8: true, dsn: true, chunking: true },
  xclient: [],
  protocolErrorsMax: 2,
} as const;

function begun(): { dialogue: SmtpClientDialogue; send: (line: string) => ClientTurn } {
  const dialogue = new SmtpClientDialogue(options);
  const send = (line: string): ClientTurn => dialogue.receive(Buffer.from(`${line}\r\n`));
  dialogue.greet();
  send('EHLO client.example');
  dialogue.answer(null);
  send('MAIL FROM:<>');
  dialogue.answer(null);
  return { dialogue, send };
}

test('what a server says of a recipient is no protocol error of the client, whatever its code', () => {
  const { dialogue, send } = begun();
  for (let count = 0; count < 10; count += 1) {
    expect(send('RCPT TO:<ann@contoso.com>').step.kind).toBe('recipient');
    const { output, step } = dialogue.answer({ code: 501, enhanced: '5.1.3', text: 'not here' });
    expect([String(output), step.kind]).toEqual(['501 5.1.3 not here\r\n', 'read']);
  }
});

test('errors of the client are counted, and one too many ends the connection', () => {
  const { send } = begun();
  expect(send('WIZ').step.kind).toBe('read');
  expect(send('WIZ').step.kind).toBe('read');
  const { output, step } = send('WIZ');
  expect(String(output)).toMatch(/^500 5\.3\.3 .*\r\n421 4\.7\.0 Too many protocol errors\r\n$/);
  expect(step.kind).toBe('close');
});
