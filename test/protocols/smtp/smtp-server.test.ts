import { once } from 'node:events';
import { SMTPServer } from 'smtp-server';
import { expect, test } from 'vitest';
import { connectTo } from '../../../src/net/connect.js';
import { startTls } from '../../../src/net/start-tls.js';
import { BodyEncoder } from '../../../src/protocols/smtp/body-encoder.js';
import { SmtpServerDialogue } from '../../../src/protocols/smtp/server-dialogue.js';
import type { ServerStep, ServerTurn } from '../../../src/protocols/smtp/server-step.js';
import { makeCertificate } from '../../net/make-certificate.js';

const content = 'Subject: dots\r\n\r\n.one\r\n..\r\n.\r\nQUIT\r\ngrüße without an end of line';

/** Speaks to a server until a message is sent: every step that was reached, by kind. */
async function sendTo(port: number, dialogue: SmtpServerDialogue): Promise<ServerStep[]> {
  const check = { verify: false, ca: null, serverName: 'mbx1.example', timeoutMs: 5000 } as const;
  let socket = await connectTo({ ...check, host: '127.0.0.1', port, tls: 'none' });
  const steps: ServerStep[] = [];
  const envelope = {
    from: 'eve@fabrikam.com',
    to: ['ann@contoso.com', 'nobody@contoso.com'].map((address) => ({ address, notify: null, orcpt: null })),
    body8bit: true,
    smtputf8: false,
    ret: null,
    envid: null,
  };
  const follow = async (turn: ServerTurn): Promise<void> => {
    socket.write(turn.output);
    const { step } = turn;
    if (step.kind !== 'wait') steps.push(step);
    if (step.kind === 'start-tls') {
      socket = await startTls(socket, check);
      await follow(dialogue.tlsStarted());
    }
    if (step.kind === 'ready') await follow(dialogue.startTransaction(envelope));
    if (step.kind === 'recipients') await follow(dialogue.startData());
    if (step.kind === 'send-body') {
      const encoder = new BodyEncoder();
      for (const piece of [content.slice(0, 20), content.slice(20)]) socket.write(encoder.encode(Buffer.from(piece)));
      socket.write(encoder.end());
      await follow(dialogue.bodySent());
    }
    if (step.kind === 'finished') await follow(dialogue.quit());
  };
  while (!steps.some((step) => step.kind === 'closed' || step.kind === 'failed')) {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) await once(socket, 'readable');
    else await follow(dialogue.receive(chunk));
  }
  socket.destroy();
  return steps;
}

test('a message goes to a server of other authors, over STARTTLS and with AUTH', async () => {
  const { key, cert } = await makeCertificate(['mbx1.example']);
  let received = '';
  let asked = '';
  const server = new SMTPServer({
    key,
    cert,
    authMethods: ['PLAIN'],
    onAuth: (auth, _session, done) => {
      asked = `${auth.username} ${auth.password}`;
      done(null, { user: auth.username ?? '' });
    },
    onRcptTo: (to, _session, done) => done(to.address.startsWith('nobody') ? new Error('no such user') : null),
    onData: (stream, _session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        received = Buffer.concat(chunks).toString();
        done();
      });
    },
  });
  const listening = server.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const address = listening.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const credentials = { kind: 'password', user: 'front', password: 'secret', authorizationId: '' } as const;
  const options = { heloName: 'front.example', tls: 'starttls', credentials, auth: null, xclient: null } as const;
  const steps = await sendTo(port, new SmtpServerDialogue(options));
  expect(steps.map((step) => step.kind)).toEqual([
    'start-tls',
    'ready',
    'recipients',
    'send-body',
    'finished',
    'closed',
  ]);
  expect(steps[2]).toMatchObject({
    replies: [{ address: 'ann@contoso.com', reply: { code: 250 } }, { address: 'nobody@contoso.com' }],
    refused: [{ address: 'nobody@contoso.com', reply: { code: 550, text: 'no such user' } }],
  });
  expect(received).toBe(`${content}\r\n`);
  expect(asked).toBe('front secret');
  await new Promise<void>((resolve) => server.close(resolve));
});
