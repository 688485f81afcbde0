import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { ImapFlow } from 'imapflow';
import { afterEach, expect, it } from 'vitest';
import { imapProtocol } from '../../../src/protocols/imap/imap-protocol.js';
import type { LoginCredentials } from '../../../src/protocols/sasl/login-credentials.js';
import type { ClientDialogue, ClientResult } from '../../../src/protocols/sasl/login-protocol.js';

let server: Server | undefined;

afterEach(() => {
  server?.close();
});

/** A door that refuses every login; what was sent to it is in `logins`. */
async function refusingDoor(logins: LoginCredentials[], mechanisms: readonly ('PLAIN' | 'LOGIN' | 'XOAUTH2')[]) {
  server = createServer((socket) => {
    const dialogue = imapProtocol.createClientDialogue({
      serverName: 'mail.contoso.com',
      tlsActive: false,
      starttls: false,
      plaintextLogin: true,
      commandSizeMax: 10240,
      badCommandsMax: 5,
      mechanisms,
      serverCapabilities: null,
    });
    socket.on('error', () => socket.destroy());
    answer(socket, dialogue, dialogue.greet(), logins);
    socket.on('data', (chunk) => answer(socket, dialogue, dialogue.receive(Buffer.from(chunk)), logins));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server?.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

function answer(socket: Socket, dialogue: ClientDialogue, result: ClientResult, logins: LoginCredentials[]): void {
  let { output, step } = result;
  socket.write(output);
  while (step.kind === 'login') {
    logins.push(step.credentials);
    ({ output, step } = dialogue.loginRefused({ kind: 'authentication' }));
    socket.write(output);
  }
  if (step.kind === 'close') socket.end();
}

it.each<[string, { user: string; pass?: string; accessToken?: string }, ('PLAIN' | 'LOGIN' | 'XOAUTH2')[], object]>([
  ['PLAIN', { user: 'CONTOSO\\jörg', pass: 'se"crët' }, ['PLAIN'], { user: 'CONTOSO\\jörg', password: 'se"crët' }],
  ['a token', { user: 'ann@contoso.com', accessToken: 'abc' }, ['XOAUTH2'], { mechanism: 'XOAUTH2' }],
])('a refused login of imapflow with %s is understood', async (_, auth, mechanisms, sent) => {
  const logins: LoginCredentials[] = [];
  const port = await refusingDoor(logins, mechanisms);
  const flow = new ImapFlow({ host: '127.0.0.1', port, secure: false, doSTARTTLS: false, auth, logger: false });
  const failure: unknown = await flow.connect().catch((error: unknown) => error);
  expect(failure).toMatchObject({ authenticationFailed: true, serverResponseCode: 'AUTHENTICATIONFAILED' });
  expect(logins).toEqual([expect.objectContaining(sent)]);
});
