import { createSecureContext } from 'node:tls';
import { expect, test } from 'vitest';
import { makeCertificate } from '../../support/peers/certificate.js';
import { until } from '../../support/until.js';
import { openCallStage } from './call-stage.js';
import { requestText, tcpClient, tlsClient } from './sip-client.js';

const calls = 4000;

test.each(['tcp', 'tls'] as const)(
  'a burst of calls over one %s connection is answered whole',
  async (transport) => {
    const { cert, key } = await makeCertificate(['cas1.contoso.com']);
    const context = createSecureContext({ cert, key });
    const { ports } = await openCallStage({ secureContext: () => context });
    const client = transport === 'tls' ? await tlsClient(ports.tls) : await tcpClient(ports.tcp);
    const uri = transport === 'tls' ? 'sip:6000@cas1.contoso.com' : 'sip:5000@cas1.contoso.com';
    client.send(Array.from({ length: calls }, () => requestText('INVITE', {}, { uri })).join(''));
    const isAnswered = () => client.answers.length === 2 * calls || client.socket.closed;
    await until('all answers', isAnswered, 20_000);
    expect(client.answers.filter(({ code }) => code === 302)).toHaveLength(calls);
  },
  30_000,
);
