import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { makeCertificate } from '../../net/make-certificate.js';
import { until } from '../../support/until.js';
import { ask, dial, readAll } from './ask.js';
import { type FrontEnd, type FrontEndOptions, startFrontEnd } from './front-end.js';
import { startOrigin } from './origin.js';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function door(http: object, options: Partial<FrontEndOptions> = {}): Promise<FrontEnd> {
  const front = await startFrontEnd({
    servers: { MBX1: { endpoints: { http } } },
    databases: { DB1: 'MBX1' },
    mailboxes: { 'ann@contoso.com': 'DB1' },
    ...options,
  });
  stops.push(() => front.close());
  return front;
}

const user = 'ann@contoso.com';

describe('TLS at the door', () => {
  test('shows the certificate of the front end, speaks HTTP/1.1 and 2, and the server is told', async () => {
    const origin = await startOrigin('MBX1');
    stops.push(() => origin.stop());
    const certificate = await makeCertificate(['mail.contoso.com']);
    const front = await door({ port: origin.port, tls: 'none' }, { certificate, listener: { tls: 'implicit' } });
    const { status, echo } = await ask(front.url, '/owa/', { user });
    expect(status).toBe(200);
    expect(echo.headers['x-forwarded-proto']).toBe('https');
    const client = connect({
      port: front.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1', 'h2'],
    });
    await once(client, 'secureConnect');
    expect(client.alpnProtocol).toBe('h2');
    client.destroy();
    const line = await until('the log line', () => front.records[0]);
    expect(line).toMatchObject({ bytesReceived: 0, scheme: 'https', version: '1.1' });
    expect(line['bytesSent']).toBeGreaterThan(100);
    await until('an empty registry', () => front.sessions.list().length === 0);
  });

  test('refuses plain bytes, and a listener without a certificate only its connections', async () => {
    const certificate = await makeCertificate(['mail.contoso.com']);
    const front = await door({ port: 1, tls: 'none' }, { certificate, listener: { tls: 'implicit' } });
    const socket = await dial(front.port);
    const text = readAll(socket);
    socket.write('GET /owa/ HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await text).not.toContain('HTTP');
    await until('the log line', () => front.log.some(({ message }) => message === 'connection not admitted'));
    const bare = await door({ port: 1, tls: 'none' }, { listener: { tls: 'implicit' } });
    await expect(ask(bare.url, '/owa/')).rejects.toThrow(/TLS|SSL|ECONNRESET|socket disconnected/);
  });

  test('drains and closes', async () => {
    const origin = await startOrigin('MBX1');
    stops.push(() => origin.stop());
    const certificate = await makeCertificate(['mail.contoso.com']);
    const front = await door({ port: origin.port, tls: 'none' }, { certificate, listener: { tls: 'implicit' } });
    const client = connect({ port: front.port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(client, 'secureConnect');
    client.write('GET /owa/ HTTP/1.1\r\nHost: x\r\n\r\n');
    const [chunk] = (await once(client, 'data')) as [Buffer];
    expect(chunk.toString()).toMatch(/^HTTP\/1\.1 200 /);
    client.resume();
    front.door.drain();
    await until('the idle connection to end', () => front.sessions.list().length === 0);
  });
});

describe('TLS to the server', () => {
  const setting = async () => {
    const folder = await mkdtemp(join(tmpdir(), 'usher-web-'));
    stops.push(() => rm(folder, { recursive: true }));
    const certificate = await makeCertificate(['mbx1.contoso.com']);
    const ca = join(folder, 'ca.pem');
    await writeFile(ca, certificate.cert);
    const origin = await startOrigin('MBX1', { tls: certificate });
    stops.push(() => origin.stop());
    return { port: origin.port, ca, origin };
  };

  test('is verified by authority and name', async () => {
    const { port, ca, origin } = await setting();
    const good = await door({ port, tls: 'implicit', ca, serverName: 'mbx1.contoso.com' });
    for (let round = 0; round < 3; round += 1) {
      expect((await ask(good.url, '/owa/', { user })).echo.server).toBe('MBX1');
    }
    expect(origin.accepted()).toBe(1);
    const refusing = [{ serverName: 'mbx1.contoso.com' }, { ca }, { ca, serverName: 'mbx2.contoso.com' }];
    for (const check of refusing) {
      const front = await door({ port, tls: 'implicit', ...check });
      expect((await ask(front.url, '/owa/', { user })).status).toBe(503);
    }
    expect(origin.requests).toHaveLength(3);
  });

  test('is not verified where the estate says so', async () => {
    const { port } = await setting();
    const front = await door({ port, tls: 'implicit', verify: false });
    expect((await ask(front.url, '/owa/', { user, method: 'POST', body: 'x' })).echo.bodyBytes).toBe(1);
  });

  test('an unreadable file of authorities makes the server unreachable, no more', async () => {
    const { port } = await setting();
    const front = await door({ port, tls: 'implicit', ca: '/nonexistent/ca.pem' });
    expect((await ask(front.url, '/owa/', { user })).status).toBe(503);
    expect(front.log).toContainEqual(expect.objectContaining({ level: 'warn', server: 'MBX1' }));
  });
});
