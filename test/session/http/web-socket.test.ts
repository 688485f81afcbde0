import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { acceptHandshake, echoWebSocket } from '../../../src/demo/servers/websocket-echo.js';
import { until } from '../../support/until.js';
import { basic, dial, readAll, say } from './ask.js';
import { type FrontEnd, startFrontEnd } from './front-end.js';
import { type Origin, startOrigin } from './origin.js';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

async function origin(name: string, onUpgrade?: Upgrade): Promise<Origin> {
  const started = await startOrigin(name);
  stops.push(() => started.stop());
  const accept: Upgrade = (request, socket, head) => {
    started.requests.push(`UPGRADE ${request.url}`);
    socket.once('end', () => socket.end());
    socket.write(acceptHandshake(request) ?? 'HTTP/1.1 400 Bad Request\r\n\r\n');
    echoWebSocket(socket, head, `${name} ${JSON.stringify(request.headers)}`);
  };
  started.server.on('upgrade', onUpgrade ?? accept);
  return started;
}

/** ann on MBX1, bob on MBX2, both in the own site. */
async function estate(onUpgrade?: Upgrade): Promise<{ one: Origin; two: Origin; front: FrontEnd }> {
  const [one, two] = [await origin('MBX1', onUpgrade), await origin('MBX2')];
  const at = (port: number) => ({ endpoints: { http: { port, tls: 'none' } } });
  const front = await startFrontEnd({
    servers: { MBX1: at(one.port), MBX2: at(two.port) },
    databases: { DB1: 'MBX1', DB2: 'MBX2' },
    mailboxes: { 'ann@contoso.com': 'DB1', 'bob@contoso.com': 'DB2' },
  });
  stops.push(() => front.close());
  return { one, two, front };
}

const handshake = (path: string, user: string, more = ''): string =>
  [
    `GET ${path} HTTP/1.1`,
    'Host: mail.contoso.com',
    'Connection: keep-alive, Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    `Authorization: ${basic(user)}`,
    'X-BEResource: evil',
    `${more}\r\n`,
  ].join('\r\n');

// A masked text frame with mask 0.
const frame = (text: string): Buffer =>
  Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);

describe('WebSocket', () => {
  test('goes to the server of the user, frames both ways, and ends with either side', async () => {
    const { one, two, front } = await estate();
    for (const [user, server] of [
      ['ann@contoso.com', one],
      ['bob@contoso.com', two],
    ] as const) {
      const socket = await dial(front.port);
      const seen: string[] = [];
      socket.on('data', (chunk: Buffer) => seen.push(chunk.toString('latin1')));
      // The first frame comes with the handshake.
      socket.write(Buffer.concat([Buffer.from(handshake('/owa//notify/%2e?x=%20', user)), frame('hello')]));
      await until('the frame to come back', () => seen.join('').includes('\x81\x05hello'));
      const text = seen.join('');
      expect(text).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
      expect(text).toContain(server.name);
      expect(text).toContain('"x-forwarded-for":"127.0.0.1"');
      expect(text).not.toContain('evil');
      expect(server.requests).toEqual(['UPGRADE /owa//notify/%2e?x=%20']);
      expect(front.sessions.list()).toMatchObject([{ user, server: server.name }]);
      socket.write(frame('again'));
      await until('the second frame', () => seen.join('').includes('\x81\x05again'));
      socket.destroy();
      await until('both sides to be free', () => server.open() === 0 && front.sessions.list().length === 0);
    }
    expect(front.records).toContainEqual(expect.objectContaining({ status: 101, end: 'answered', server: 'MBX2' }));
    const socket = await dial(front.port);
    const all = readAll(socket);
    socket.write(handshake('/owa/notify', 'ann@contoso.com'));
    await until('the server to be reached', () => one.open() === 1);
    await one.stop();
    await all;
    await until('an empty registry', () => front.sessions.list().length === 0);
  });

  test('follows a failover when its server refuses connections; else it is refused', async () => {
    const { one, front } = await estate();
    await one.stop();
    expect(await say(front.port, handshake('/owa/notify', 'ann@contoso.com'))).toMatch(
      /^HTTP\/1\.1 503 [^]*Retry-After: 5/,
    );
    front.change({ databases: { DB1: 'MBX2', DB2: 'MBX2' } }, 'when-asked');
    const socket = await dial(front.port);
    socket.write(handshake('/owa/notify', 'ann@contoso.com'));
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    expect(chunk.toString()).toMatch(/^HTTP\/1\.1 101 /);
    socket.destroy();
  });

  test('a refusal of the server is passed on and ends the connection', async () => {
    const { front } = await estate((_, socket) => {
      const body = '5\r\nnever\r\n0\r\n\r\n';
      socket.end(`HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a=1\r\n\r\n${body}`);
    });
    const text = await say(front.port, `${handshake('/owa/notify', 'ann@contoso.com')}GET /owa/inner HTTP/1.1\r\n\r\n`);
    expect(text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
    expect(text).toMatch(/set-cookie: a=1\r\n/i);
    expect(text).toMatch(/connection: close\r\n/i);
    expect(text).toMatch(/\r\n\r\n5\r\nnever\r\n0\r\n\r\n$/);
  });

  test('a server that hangs up in the handshake is a 502', async () => {
    const { front } = await estate((_, socket) => socket.destroy());
    expect(await say(front.port, handshake('/owa/notify', 'ann@contoso.com'))).toMatch(/^HTTP\/1\.1 502 /);
    await until('an empty registry', () => front.sessions.list().length === 0);
  });

  test('a client that leaves in the handshake takes the server connection along', async () => {
    const { one, front } = await estate((_, socket) => void socket.once('end', () => socket.end()).resume());
    const socket = await dial(front.port);
    socket.write(handshake('/owa/notify', 'ann@contoso.com'));
    await until('the server to be reached', () => one.open() === 1);
    socket.resetAndDestroy();
    await until('both sides to be free', () => one.open() === 0 && front.sessions.list().length === 0);
    expect(front.records).toContainEqual(expect.objectContaining({ status: null, end: 'aborted', server: 'MBX1' }));
  });

  test.each([
    ['another method', 400, handshake('/owa/', 'ann@contoso.com').replace('GET', 'POST')],
    ['a body', 400, `${handshake('/owa/', 'ann@contoso.com', 'Content-Length: 5\r\n')}hello`],
    ['no service', 404, handshake('/unknown', 'ann@contoso.com')],
    ['own page', 200, handshake('/owa/healthcheck.htm', 'ann@contoso.com')],
  ])('%s: %i', async (_, status, bytes) => {
    const { one, front } = await estate();
    expect(await say(front.port, bytes)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(one.accepted()).toBe(0);
    await until('an empty registry', () => front.sessions.list().length === 0);
  });

  test('another protocol is not taken up', async () => {
    const { front } = await estate();
    const text = await say(front.port, handshake('/owa/', 'ann@contoso.com').replace('websocket', 'h2c'));
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*connection: close\r\n/i);
  });

  test('draining leaves it to its end, closing does not', async () => {
    const { front } = await estate();
    const socket = await dial(front.port);
    const all = readAll(socket);
    socket.write(handshake('/owa/notify', 'ann@contoso.com'));
    await until('the handshake', () => socket.bytesRead > 0);
    front.door.drain();
    socket.write(frame('hello'));
    const before = socket.bytesRead;
    await until('the frame to come back', () => socket.bytesRead > before);
    expect(await front.sessions.drain(50)).toBe(1);
    expect(await all).toContain('hello');
  });
});
