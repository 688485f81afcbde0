import { createTransport } from 'nodemailer';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../free-port.js';
import { makeCertificate } from './certificate.js';
import { openDeafPort } from './deaf-port.js';
import { type HostDeed, type HostMoment, type ScriptedHost, startScriptedHost } from './scripted-host.js';

let host: ScriptedHost;
afterEach(() => host?.close());

const mail = { from: 'ann@contoso.com', to: ['kim@one.example', 'lee@one.example'], raw: 'Subject: x\r\n\r\n.dot\r\n' };

test.each(['PLAIN', 'LOGIN'])(
  'takes a message over STARTTLS with a password (%s) and a certificate',
  async (authMethod) => {
    const theirs = await makeCertificate(['mail.partner.example']);
    const ours = await makeCertificate(['front.contoso.com']);
    host = await startScriptedHost({
      address: '127.0.0.31',
      tls: { certificate: theirs, clientCa: ours.ca },
      passwords: { ann: 'secret' },
    });
    const { address, port } = host;
    const tls = { ca: theirs.ca, servername: 'mail.partner.example', cert: ours.cert, key: ours.key };
    const transport = createTransport({
      ...{ host: address, port, requireTLS: true, tls, authMethod },
      auth: { user: 'ann', pass: 'secret' },
    });
    await transport.sendMail(mail);
    expect(host.messages).toEqual([
      {
        from: 'ann@contoso.com',
        to: mail.to,
        content: mail.raw,
        connection: 1,
        tls: 'secure',
        user: 'ann',
        clientCertificate: 'front.contoso.com',
      },
    ]);
    expect(host.commands.filter(({ tls }) => tls === 'none').map(({ line }) => line.split(' ')[0])).toEqual([
      'EHLO',
      'STARTTLS',
    ]);
    const wrong = createTransport({ host: address, port, tls, auth: { user: 'ann', pass: 'wrong' } });
    await expect(wrong.sendMail(mail)).rejects.toThrow('535 5.7.8');
  },
);

const moments: readonly HostMoment[] = ['GREETING', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'BODY', 'END', 'KEPT'];
const deeds: readonly HostDeed[] = ['die', 'cut', 'hang', { say: '451 4.3.0 not now' }];
// A reply in the middle of the data does not end it, and who is refused EHLO may say HELO.
const pairs = moments
  .flatMap((moment) => deeds.map((deed) => [moment, deed] as const))
  .filter(([moment, deed]) => typeof deed === 'string' || (moment !== 'BODY' && moment !== 'EHLO'));

test.each(pairs)('at %s it does %j', async (wanted, deed) => {
  host = await startScriptedHost({ at: (moment) => (moment === wanted ? deed : undefined) });
  const transport = createTransport({
    host: '127.0.0.1',
    port: host.port,
    ignoreTLS: true,
    greetingTimeout: 100,
    socketTimeout: 300,
  });
  const raw = `Subject: x\r\n\r\n${`${'x'.repeat(78)}\r\n`.repeat(4000)}`;
  await expect(transport.sendMail({ ...mail, raw })).rejects.toThrow(Error);
  expect(host.messages).toHaveLength(wanted === 'KEPT' ? 1 : 0);
});

test('a deaf port lets nobody in', async () => {
  const port = await freePort();
  const deaf = await openDeafPort('127.0.0.29', port);
  const transport = createTransport({ host: '127.0.0.29', port, connectionTimeout: 500 });
  await expect(transport.sendMail(mail)).rejects.toThrow('timeout');
  await deaf.close();
  await expect(transport.sendMail(mail)).rejects.toThrow('ECONNREFUSED');
});
