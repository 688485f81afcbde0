import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { makeCertificate } from '../../net/make-certificate.js';
import { until } from '../../support/until.js';
import { type FrontEnd, startFrontEnd } from './front-end.js';
import { gather } from './http2-door.js';
import { startOrigin } from './origin.js';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const user = 'ann@contoso.com';
const authorization = `Basic ${Buffer.from(`${user}:secret`).toString('base64')}`;

async function open(listener: object = {}): Promise<{ front: FrontEnd; client: ClientHttp2Session }> {
  const origin = await startOrigin('MBX1');
  const front = await startFrontEnd({
    servers: { MBX1: { endpoints: { http: { port: origin.port, tls: 'none' } } } },
    databases: { DB1: 'MBX1' },
    mailboxes: { [user]: 'DB1' },
    certificate: await makeCertificate(['mail.contoso.com']),
    listener: { tls: 'implicit', ...listener },
  });
  const client = connect(front.url, { rejectUnauthorized: false }).on('error', () => undefined);
  stops.push(
    () => origin.stop(),
    () => front.close(),
    () => client.destroy(),
  );
  return { front, client };
}

describe('HTTP/2 at the door', () => {
  test('reaches the server of the mailbox over HTTP/1.1, many requests on one connection', async () => {
    const { front, client } = await open();
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => {
        const stream = client.request({
          ':path': `/owa/?n=${index}`,
          ':method': 'POST',
          authorization,
          cookie: ['a=1', 'b=2'],
        });
        stream.end(`body ${index}`);
        return gather(stream);
      }),
    );
    for (const [index, { headers, body }] of answers.entries()) {
      expect(headers[':status']).toBe(200);
      expect(JSON.parse(body)).toMatchObject({
        server: 'MBX1',
        method: 'POST',
        url: `/owa/?n=${index}`,
        bodyBytes: Buffer.byteLength(`body ${index}`),
        headers: { cookie: 'a=1; b=2', host: `127.0.0.1:${front.port}`, 'x-forwarded-proto': 'https' },
      });
    }
    expect(front.sessions.list()).toHaveLength(1);
    expect(front.records).toHaveLength(60);
  });

  test('answers for itself, and sends what only HTTP/1.1 carries there', async () => {
    const { client } = await open();
    const missing = await gather(client.request({ ':path': '/nowhere' }));
    expect(missing.headers[':status']).toBe(404);
    const bound = client.request({ ':path': '/ews/', authorization: 'Negotiate YIIB' }).on('error', () => undefined);
    await until('the reset', () => bound.closed);
    expect(bound.rstCode).toBe(13);
  });

  test('drains', async () => {
    const { front, client } = await open();
    await gather(client.request({ ':path': '/owa/', authorization }));
    front.door.drain();
    await once(client, 'close');
    await until('an empty registry', () => front.sessions.list().length === 0);
    expect(client.destroyed).toBe(true);
  });

  test('records a request that the client breaks off', async () => {
    const { front, client } = await open();
    const stream = client.request({ ':path': '/owa/', ':method': 'POST', authorization }).on('error', () => undefined);
    stream.write('half');
    await until('the server', () => front.sessions.list()[0]?.server === 'MBX1');
    stream.destroy(new Error('no more'));
    const record = await until('the record', () => front.records[0]);
    expect(JSON.stringify(record)).toContain('broke the request off');
  });

  test('is not offered where the listener does not offer it', async () => {
    const { front } = await open({ http2: false });
    const socket = connectTls({
      port: front.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    stops.push(() => socket.destroy());
    await once(socket, 'secureConnect');
    expect(socket.alpnProtocol).toBe('http/1.1');
  });
});
