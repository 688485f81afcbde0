import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSecureContext, TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { openDoor } from '../../../src/net/accept.js';
import type { ClientEvents, ClientSide } from '../../../src/session/http/client-side.js';
import { Http1Connection } from '../../../src/session/http/http1-connection.js';
import { makeCertificate } from '../../net/make-certificate.js';
import { until } from '../../support/until.js';
import { ask, dial, readAll } from './ask.js';
import { type FrontEnd, startFrontEnd } from './front-end.js';
import { type Script, startScriptedOrigin } from './scripted-origin.js';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const host = 'Host: mail.contoso.com\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const answersLate: Script = (socket, text) => {
  if (text.endsWith('\r\n\r\n')) setTimeout(() => socket.write(ok), 200);
};

async function frontOf(port: number, endpoint: object = { tls: 'none' }): Promise<FrontEnd> {
  const front = await startFrontEnd({
    servers: { MBX1: { endpoints: { http: { port, ...endpoint } } } },
    databases: { DB1: 'MBX1' },
    mailboxes: { 'ann@contoso.com': 'DB1' },
  });
  stops.push(() => front.close());
  return front;
}

async function frontFor(script: Script): Promise<FrontEnd> {
  const origin = await startScriptedOrigin(script);
  stops.push(() => origin.stop());
  return frontOf(origin.port);
}

/** A server that takes its time to shake hands, and how many connections to it are open. */
async function frontForSlowTls(delayMs: number): Promise<{ front: FrontEnd; open: () => number }> {
  const secureContext = createSecureContext(await makeCertificate(['mbx1']));
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
    setTimeout(() => {
      const secure = new TLSSocket(socket, { isServer: true, secureContext });
      secure.on('error', () => socket.destroy());
      secure.on('data', (chunk: Buffer) => {
        if (chunk.toString().endsWith('hello')) secure.write(ok);
      });
    }, delayMs);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { front: await frontOf(address.port, { tls: 'implicit', verify: false }), open: () => sockets.size };
}

/** A client's half alone, which is given up after so long without a move. */
async function halfOf(silenceTimeoutMs: number, begin: (side: ClientSide) => Partial<ClientEvents>): Promise<number> {
  const none = { bodyData: () => undefined, bodyEnd: () => undefined, clientDrained: () => undefined };
  const door = await openDoor({
    host: '127.0.0.1',
    port: 0,
    onConnection: (socket) =>
      new Http1Connection(socket, {
        headTimeoutMs: 5000,
        keepAliveTimeoutMs: 5000,
        silenceTimeoutMs,
        begin: (side) => ({ ...none, clientGone: () => undefined, ...begin(side) }),
        onRefused: () => undefined,
        onClosed: () => undefined,
      }).start(),
  });
  stops.push(() => door.close());
  return door.address.port;
}

describe('a client that ends its side', () => {
  test('with the last byte of its body is answered', async () => {
    const { front } = await frontForSlowTls(300);
    const socket = await dial(front.port);
    const answer = readAll(socket);
    socket.end(`POST /ews/ HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello`);
    expect(await answer).toMatch(/^HTTP\/1\.1 200 OK/);
  });

  test('within its body is not', async () => {
    const { front, open } = await frontForSlowTls(300);
    const socket = await dial(front.port);
    const answer = readAll(socket);
    socket.end(`POST /ews/ HTTP/1.1\r\n${host}Content-Length: 6\r\n\r\nhello`);
    expect(await answer).toBe('');
    const { end, endReason } = await until('the record', () => front.records[0]);
    expect([end, endReason]).toEqual(['aborted', 'the client closed the connection within its request']);
    await until('the server to be let go', () => open() === 0);
  });

  test('after many requests gets all answers, those of the front end too', async () => {
    const front = await frontFor(answersLate);
    const socket = await dial(front.port);
    const answer = readAll(socket);
    const page = `GET /owa/healthcheck.htm HTTP/1.1\r\n${host}\r\n`;
    socket.end(`GET /owa/ HTTP/1.1\r\n${host}\r\n${page}${page}${page}`);
    expect((await answer).match(/HTTP\/1\.1 200/g)).toHaveLength(4);
  });
});

describe('a client that leaves', () => {
  test('while a connection of its own is made leaves none behind', async () => {
    const { front, open } = await frontForSlowTls(400);
    const socket = await dial(front.port);
    socket.write(`POST /ews/ HTTP/1.1\r\n${host}Authorization: NTLM abc\r\nContent-Length: 5\r\n\r\n`);
    await until('the server', () => open() === 1);
    socket.destroy();
    await until('the record', () => front.records.length === 1);
    await until('the server to be let go', () => open() === 0, 3000);
    expect(front.sessions.list()).toEqual([]);
  });

  test('because it is told to has its record', async () => {
    const front = await frontFor(() => undefined);
    const sockets = await Promise.all(Array.from({ length: 20 }, () => dial(front.port)));
    for (const socket of sockets) socket.write(`GET /owa/ HTTP/1.1\r\n${host}\r\n`);
    await until('all of them', () => front.sessions.list().filter(({ server }) => server !== null).length === 20);
    expect(await front.sessions.drain(50)).toBe(20);
    expect(front.records).toHaveLength(20);
  });

  test('may finish what it began at a listener that is gone', async () => {
    const front = await frontFor(answersLate);
    const running = ask(front.url, '/owa/');
    await until('the request', () => front.sessions.list().some(({ server }) => server !== null));
    front.change({ listener: { name: 'OTHER' } });
    expect((await running).status).toBe(200);
    await expect(ask(front.url, '/owa/')).rejects.toThrow(/hang up|ECONNRESET/);
  });
});

describe('a client that is slow', () => {
  test('gets all of its last answer, however long the rest of it waited here', async () => {
    let sent = 0;
    const port = await halfOf(20_000, (side) => {
      const send = (): void => {
        let takesMore = true;
        for (; takesMore; sent += 50_000) takesMore = side.sendData(Buffer.alloc(50_000));
      };
      side.sendHead({ status: 200, reason: '', fields: [], framing: { kind: 'until-close' } });
      send();
      let before = 0;
      const look = setInterval(() => {
        const isStuck = sent === before;
        before = sent;
        if (!isStuck) return;
        clearInterval(look);
        side.sendEnd([]);
      }, 100);
      stops.push(() => clearInterval(look));
      return { clientDrained: send };
    });
    const socket = await dial(port);
    let got = 0;
    socket.on('data', (chunk: Buffer) => (got += chunk.length));
    socket.pause();
    socket.write('GET /owa/ HTTP/1.0\r\n\r\n');
    await sleep(3500);
    socket.resume();
    await once(socket, 'close');
    expect(got).toBeGreaterThan(sent);
  }, 15_000);

  test('is given up when it takes nothing, even if it goes on asking', async () => {
    const gone: string[] = [];
    const port = await halfOf(400, (side) => {
      side.sendHead({ status: 200, reason: '', fields: [], framing: { kind: 'length', length: 1e9 } });
      for (let piece = 0; piece < 200; piece += 1) side.sendData(Buffer.alloc(100_000));
      return { clientGone: (reason) => void gone.push(reason) };
    });
    const socket = await dial(port);
    socket.pause();
    socket.write(`GET /owa/ HTTP/1.1\r\n${host}\r\n`);
    const drip = setInterval(() => socket.write('G'), 100);
    stops.push(() => clearInterval(drip));
    expect(await until('the end', () => gone[0], 25_000)).toBe('the client moved nothing for too long');
  }, 30_000);

  test('and still sends when its answer has come may read it', async () => {
    const front = await frontFor((socket, text) => {
      if (text.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno');
    });
    const socket = await dial(front.port);
    socket.pause();
    socket.write(`POST /ews/ HTTP/1.1\r\n${host}Content-Length: 1000\r\n\r\n`);
    const drip = setInterval(() => socket.write('x'), 100);
    stops.push(() => clearInterval(drip));
    await sleep(6000);
    const answer = readAll(socket);
    socket.resume();
    expect(await answer).toMatch(/^HTTP\/1\.1 403 /);
  }, 15_000);
});
