import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeProxyHeader } from '../../src/net/write-proxy-header.js';
import type { TrackingRecord } from '../../src/observability/tracking.js';
import { freePorts } from '../support/free-port.js';
import { type DeliveredMessage, type Postfix, startPostfix } from '../support/peers/postfix.js';
import { headerValues } from '../support/peers/stored-message.js';
import { describePeer } from '../support/require-peer.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';
import { smtpEstate } from './smtp-estate.js';

/** Our load balancer is on 127.0.0.1 and says who the client is; other addresses of the loopback network are clients. */
const balancer = '127.0.0.1';

describePeer('postfix', 'a Postfix learns who the client is', () => {
  let postfix: Postfix;
  let usher: Usher;
  let port: number;

  beforeAll(async () => {
    postfix = await startPostfix({
      name: 'mbx1.contoso.com',
      domains: ['contoso.com'],
      settings: { inet_protocols: 'all' },
      doors: { proxied: { smtpd_upstream_proxy_protocol: 'haproxy' } },
    });
    [port = 0] = await freePorts(1);
    const servers = [{ smtp: { port: postfix.port, tls: 'none', clientAddress: 'xclient' } }];
    const connectors = [{ bindings: [`0.0.0.0:${port}`], proxyPeers: [`${balancer}/32`] }];
    usher = await startUsher(smtpEstate({ servers, connectors }));
  });
  afterAll(async () => {
    await usher?.stop();
    await postfix?.stop();
  });

  /** Sends a message with this subject, pipelined but for the greeting, and gives all replies. */
  async function send(subject: string, open: () => Promise<Socket>): Promise<string> {
    const socket = await open();
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
    socket.on('error', () => socket.destroy());
    const closed = once(socket, 'close');
    await until('the greeting', () => heard.startsWith('220 ') || socket.destroyed);
    socket.write('EHLO mx.fabrikam.test\r\nMAIL FROM:<kim@fabrikam.test>\r\nRCPT TO:<ann@contoso.com>\r\nDATA\r\n');
    await until('354', () => /^354 /m.test(heard) || socket.destroyed);
    socket.write(`Subject: ${subject}\r\n\r\nhello\r\n.\r\nQUIT\r\n`);
    await closed;
    return heard;
  }

  async function throughBalancer(version: 'v1' | 'v2', clientAddress: string, localAddress: string): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port, localAddress: balancer });
    await once(socket, 'connect');
    socket.write(writeProxyHeader(version, { clientAddress, clientPort: 41_000, localAddress, localPort: 25 }));
    return socket;
  }

  async function direct(): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.9' });
    await once(socket, 'connect');
    return socket;
  }

  const delivered = (subject: string): Promise<DeliveredMessage> =>
    until(`the delivery of "${subject}"`, () =>
      postfix.messages().find((message) => headerValues(message, 'Subject')[0] === subject),
    );

  const clients: readonly (readonly [string, () => Promise<Socket>, string])[] = [
    ['direct', direct, '127.0.0.9'],
    ['balanced-v1', () => throughBalancer('v1', '203.0.113.7', '192.0.2.1'), '203.0.113.7'],
    ['balanced-v2', () => throughBalancer('v2', '203.0.113.8', '192.0.2.1'), '203.0.113.8'],
    ['balanced-ipv6', () => throughBalancer('v2', '2001:db8::25', '2001:db8::1'), 'IPv6:2001:db8::25'],
  ];

  test.each(clients)('by XCLIENT: %s', async (name, open, address) => {
    const replies = await send(`xclient-${name}`, open);
    expect(replies).toMatch(/^250 2\.0\.0 Ok: queued as /m);
    const [ofPostfix, ofUsher] = headerValues(await delivered(`xclient-${name}`), 'Received');
    expect(ofPostfix).toMatch(/^from mx\.fabrikam\.test \(/);
    expect(ofPostfix).toContain(`[${address}])`);
    expect(ofUsher).toContain(`from mx.fabrikam.test ([${address}])`);
    const [record] = JSON.parse(await usher.cli('track', '--json', '--limit', '1')) as TrackingRecord[];
    expect(record).toMatchObject({ client: address.replace('IPv6:', ''), outcome: 'accepted' });
  });

  test.each(clients)('by a PROXY header, in force without a restart: %s', async (name, open, address) => {
    const sets = [`port=${postfix.ports['proxied']}`, 'proxyProtocol=v1', 'clientAddress=none'];
    if (name === 'direct') {
      const words = sets.flatMap((set) => ['--set', `endpoints.smtp.${set}`]);
      await usher.cli('server', 'update', 'MBX1', ...words);
    }
    const replies = await send(`proxy-${name}`, open);
    expect(replies).toMatch(/^250 2\.0\.0 Ok: queued as /m);
    const [ofPostfix] = headerValues(await delivered(`proxy-${name}`), 'Received');
    expect(ofPostfix).toMatch(/^from front\.contoso\.com \(/);
    expect(ofPostfix).toContain(`[${address}])`);
  });

  test('a client that is no balancer cannot say who it is', async () => {
    const proxy = await send('forged-proxy', async () => {
      const socket = await direct();
      socket.write('PROXY TCP4 203.0.113.66 192.0.2.1 41000 25\r\n');
      return socket;
    });
    expect(proxy).toMatch(/^500 5\.3\.3 /m);
    const [ofPostfix] = headerValues(await delivered('forged-proxy'), 'Received');
    expect(ofPostfix).toContain('[127.0.0.9])');
    const xclient = await send('forged-xclient', async () => {
      const socket = await direct();
      socket.write('EHLO mx\r\nXCLIENT ADDR=203.0.113.66\r\n');
      return socket;
    });
    expect(xclient).not.toMatch(/XCLIENT|^220 [^]*^220 /m);
    expect(xclient).toMatch(/^5\d\d /m);
    expect(await usher.cli('track', '--json')).not.toContain('203.0.113.66');
  });

  test('the balancer itself must say who the client is', async () => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: balancer });
    await once(socket, 'connect');
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
    socket.write('EHLO mx.fabrikam.test\r\nMAIL FROM:<>\r\n');
    await once(socket, 'close');
    expect(heard).toBe('');
  });
});
