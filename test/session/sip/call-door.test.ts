import { once } from 'node:events';
import { connect } from 'node:net';
import { createSecureContext } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { makeCertificate } from '../../support/peers/certificate.js';
import { until } from '../../support/until.js';
import { openCallStage, usualEstate } from './call-stage.js';
import { following, requestText, tcpClient, tlsClient, udpClient } from './sip-client.js';

const via = (text: string) => ({ Via: text });

describe('where answers go over UDP', () => {
  test('with rport: to the port that the request came from, which the Via tells with the address', async () => {
    const { ports } = await openCallStage();
    const client = await udpClient(ports.udp);
    client.send(requestText('OPTIONS', via('SIP/2.0/UDP pbx.contoso.com:9;branch=z9hG4bK-r1;rport')));
    expect((await client.next()).field('Via')).toBe(
      `SIP/2.0/UDP pbx.contoso.com:9;branch=z9hG4bK-r1;rport=${client.port};received=127.0.0.1`,
    );
  });

  test('without: to the port that the Via says, of the address that the request came from', async () => {
    const { ports } = await openCallStage();
    const [listening, sending] = [await udpClient(ports.udp), await udpClient(ports.udp)];
    const sentBy = `SIP/2.0/UDP pbx.contoso.com:${listening.port};branch=z9hG4bK-r2`;
    sending.send(requestText('OPTIONS', via(sentBy)));
    const answer = await listening.next();
    expect([answer.code, answer.field('Via')]).toStrictEqual([200, `${sentBy};received=127.0.0.1`]);
    expect(sending.answers).toHaveLength(0);
  });

  test('never to an address of the request: neither of its Via nor its Contact, maddr or route', async () => {
    const stage = await openCallStage();
    const [other, client] = [await udpClient(stage.ports.udp, '127.0.0.7'), await udpClient(stage.ports.udp)];
    const place = `127.0.0.7:${other.port}`;
    const fields = { Contact: `<sip:a@${place}>`, 'Record-Route': `<sip:${place};lr>`, Route: `<sip:${place};lr>` };
    const sentBy = `SIP/2.0/UDP ${place};branch=z9hG4bK-r3;rport;maddr=127.0.0.7;received=127.0.0.7`;
    client.send(requestText('OPTIONS', { ...fields, ...via(sentBy) }));
    const answer = await client.next();
    expect(answer.field('Via')).toMatch(/;received=127\.0\.0\.1$/);
    expect(answer.field('Record-Route')).toBeUndefined();
    expect(other.answers).toHaveLength(0);
  });

  test('over IPv6', async () => {
    const stage = await openCallStage({ host: '::1' });
    const client = await udpClient(stage.ports.udp, '::1');
    const invite = requestText('INVITE', via('SIP/2.0/UDP [::1]:9;branch=z9hG4bK-r4;rport'));
    client.send(invite);
    const answer = await client.final();
    expect([answer.code, answer.field('Via')]).toStrictEqual([
      302,
      `SIP/2.0/UDP [::1]:9;branch=z9hG4bK-r4;rport=${client.port};received=::1`,
    ]);
    client.send(following('ACK', invite, answer.field('To')));
    const stream = await tcpClient(stage.ports.tcp, '::1');
    stream.send(requestText('OPTIONS'));
    expect((await stream.next()).code).toBe(200);
    expect(stage.records).toMatchObject([{ client: '::1', transport: 'udp' }]);
  });

  test('a peer that is gone, or has no port, harms nobody', async () => {
    const stage = await openCallStage();
    const [gone, client] = [await udpClient(stage.ports.udp), await udpClient(stage.ports.udp)];
    gone.send(requestText('INVITE'));
    await gone.final();
    gone.close();
    for (const port of [0, 1])
      client.send(requestText('OPTIONS', via(`SIP/2.0/UDP a:${port};branch=z9hG4bK-p${port}`)));
    client.send(requestText('OPTIONS'));
    expect((await client.next()).code).toBe(200);
    expect(stage.lines).toStrictEqual([]);
  });
});

describe('how many connections there may be', () => {
  test('of one address, then of all', async () => {
    const stage = await openCallStage({
      limits: { maxConnections: 4, maxConnectionsPerSource: 2 },
      estate: { callGateways: [...(usualEstate['callGateways'] as []), { name: 'GW9', address: '127.0.0.9' }] },
    });
    const first = [await tcpClient(stage.ports.tcp), await tcpClient(stage.ports.tcp)];
    await until('both', () => stage.sessions.list().length === 2);
    await (await tcpClient(stage.ports.tcp)).closed();
    const others = [await tcpClient(stage.ports.tcp, '127.0.0.9'), await tcpClient(stage.ports.tcp, '127.0.0.9')];
    await until('four', () => stage.sessions.list().length === 4);
    await (await tcpClient(stage.ports.tcp, '127.0.0.8')).closed();
    expect(stage.lines.map(({ message }) => message)).toStrictEqual([
      'too many connections of one address',
      'too many connections of all',
    ]);
    first[0]?.close();
    await until('three', () => stage.sessions.list().length === 3);
    for (const client of [await tcpClient(stage.ports.tcp), ...others]) {
      client.send(requestText('OPTIONS'));
      expect((await client.next()).code).toBe(200);
    }
  });
});

describe('behind a balancer', () => {
  const behind = { listener: { proxyPeers: ['127.0.0.1/32'] } };

  test('the PROXY header says who calls', async () => {
    const stage = await openCallStage({
      ...behind,
      estate: {
        callGateways: [{ name: 'GW1', address: '10.9.9.9' }],
        huntGroups: [{ name: 'HG1', gateway: 'GW1', dialPlan: 'DP1', pilot: '5000' }],
      },
    });
    const client = await tcpClient(stage.ports.tcp);
    const invite = requestText('INVITE', via('SIP/2.0/TCP pbx;branch=z9hG4bK-q1;rport'));
    client.send(`PROXY TCP4 10.9.9.9 10.1.0.5 4321 5060\r\n${invite}`);
    const answer = await client.final();
    expect([answer.code, answer.field('Via')]).toStrictEqual([
      302,
      'SIP/2.0/TCP pbx;branch=z9hG4bK-q1;rport=4321;received=10.9.9.9',
    ]);
    expect(stage.records).toMatchObject([{ client: '10.9.9.9', clientPort: 4321 }]);
    const stranger = await tcpClient(stage.ports.tcp);
    stranger.send(`PROXY TCP4 10.9.9.10 10.1.0.5 4321 5060\r\n${requestText('INVITE')}`);
    expect((await stranger.final()).code).toBe(403);
  });

  test('without the header nothing is said; from elsewhere it is no SIP', async () => {
    const stage = await openCallStage(behind);
    const bare = await tcpClient(stage.ports.tcp);
    bare.send(requestText('OPTIONS'));
    await bare.closed();
    const feigned = await tcpClient(stage.ports.tcp, '127.0.0.9');
    feigned.send(`PROXY TCP4 127.0.0.1 10.1.0.5 4321 5060\r\n${requestText('OPTIONS')}`);
    await feigned.closed();
    expect([bare.text(), feigned.text()]).toStrictEqual(['', '']);
  });
});

describe('over TLS', () => {
  const invite = () => requestText('INVITE', {}, { uri: 'sip:6000@cas1.contoso.com' });

  test('a gateway is known by its certificate or its address; the security of the plan must fit', async () => {
    const [own, shown, wrong] = await Promise.all([
      makeCertificate(['cas1.contoso.com']),
      makeCertificate(['gw3.contoso.com']),
      makeCertificate(['gw4.contoso.com', 'gw3.contoso.com']),
    ]);
    const { cert, key } = own;
    const context = createSecureContext({ cert, key, ca: shown.ca, sessionIdContext: 'sip' });
    const stage = await openCallStage({ secureContext: () => context });
    const ask = async (options: object, text = invite()) => {
      const client = await tlsClient(stage.ports.tls, options);
      client.send(text);
      const answer = await client.final();
      client.close();
      return [answer.code, answer.field('Contact')];
    };
    const stranger = { localAddress: '127.0.0.9' };
    const moved = [302, '<sip:6000@mbx1.contoso.com:5063;transport=tls>'];
    expect(await ask({ ...stranger, cert: shown.cert, key: shown.key })).toStrictEqual(moved);
    expect(await ask({ ...stranger, cert: wrong.cert, key: wrong.key })).toStrictEqual([403, undefined]);
    expect(await ask(stranger)).toStrictEqual([403, undefined]);
    expect(await ask({})).toStrictEqual(moved);
    expect(await ask({ cert: wrong.cert, key: wrong.key })).toStrictEqual(moved);
    expect(await ask({}, requestText('INVITE'))).toStrictEqual([488, undefined]);
    const sips = requestText('INVITE', {}, { uri: 'sips:6000@cas1.contoso.com' });
    expect(await ask({}, sips)).toStrictEqual([302, '<sips:6000@mbx1.contoso.com:5063;transport=tls>']);
    expect(stage.records.map(({ transport }) => transport)).toStrictEqual(Array(5).fill('tls'));
  });

  test('a session that is taken up again is that of the same gateway', async () => {
    const [own, shown] = await Promise.all([
      makeCertificate(['cas1.contoso.com']),
      makeCertificate(['gw3.contoso.com']),
    ]);
    const { cert, key } = own;
    const context = createSecureContext({ cert, key, ca: shown.ca, sessionIdContext: 'sip' });
    const stage = await openCallStage({ secureContext: () => context });
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      let session: Buffer | undefined;
      for (const _ of [1, 2]) {
        const resumed = session === undefined ? {} : { session };
        const options = { maxVersion, localAddress: '127.0.0.9', cert: shown.cert, key: shown.key, ...resumed };
        const client = await tlsClient(stage.ports.tls, options);
        client.socket.on('session', (bytes: Buffer) => (session = bytes));
        client.send(invite());
        expect((await client.final()).code).toBe(302);
        await until('a session', () => session !== undefined || maxVersion === 'TLSv1.2');
        session ??= (client.socket as unknown as { getSession(): Buffer }).getSession();
        client.close();
        await client.closed();
      }
    }
  });

  test('a certificate that cannot be had ends that connection', async () => {
    const stage = await openCallStage();
    const socket = connect(stage.ports.tls, '127.0.0.1');
    await once(socket, 'close');
    expect(stage.lines).toMatchObject([{ level: 'error', message: 'fault in a SIP connection' }]);
  });
});

test('closing ends all connections, also those that have not come to their first word', async () => {
  const { cert, key } = await makeCertificate(['cas1.contoso.com']);
  const stage = await openCallStage({ secureContext: () => createSecureContext({ cert, key }) });
  const open = await tcpClient(stage.ports.tcp);
  open.send(requestText('OPTIONS'));
  await open.next();
  const [silent, shaking] = [await tcpClient(stage.ports.tcp), await tcpClient(stage.ports.tls)];
  const udp = await udpClient(stage.ports.udp);
  udp.send(requestText('INVITE'));
  await udp.final();
  stage.door.close();
  await Promise.all([open, silent, shaking].map((client) => client.closed()));
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(udp.answers).toHaveLength(2);
  await (await tcpClient(stage.ports.tcp)).closed();
});
