import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RecordingWebServer, startRecordingWebServer } from '../../support/peers/recording-web-server.js';
import { until } from '../../support/until.js';
import { dial, readAll } from './ask.js';
import { type FrontEnd, startFrontEnd } from './front-end.js';

const megabyte = 1024 * 1024;
const host = 'Host: mail.contoso.com\r\n';
const answerLength = 100_000;

let server: RecordingWebServer;
let front: FrontEnd;

beforeAll(async () => {
  server = await startRecordingWebServer('MBX1', {
    answer: () => `HTTP/1.1 200 OK\r\nContent-Length: ${answerLength}\r\n\r\n${'x'.repeat(answerLength)}`,
  });
  front = await startFrontEnd({
    servers: { MBX1: { endpoints: { http: { port: server.port, tls: 'none' } } } },
    databases: { DB1: 'MBX1' },
    mailboxes: { 'ann@contoso.com': 'DB1' },
    limits: { preAuthTimeout: 600, idleTimeout: 1000 },
  });
});
afterAll(() => {
  front?.close();
  server?.close();
});
beforeEach(() => server.forget());

interface Flood {
  /** Bytes that were taken before the connection was closed. */
  readonly taken: number;
  readonly answer: string;
  readonly tookMs: number;
}

/** Sends a beginning, and the same piece again and again until the door closes or 64 MB are through. */
async function flood(beginning: string, piece: string): Promise<Flood> {
  const began = performance.now();
  const socket = await dial(front.port);
  const answered = readAll(socket);
  socket.write(beginning, 'latin1');
  const block = Buffer.from(piece.repeat(Math.ceil(32_768 / piece.length)), 'latin1');
  while (!socket.destroyed && socket.bytesWritten < 64 * megabyte) {
    if (!socket.write(block)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
  }
  const taken = socket.bytesWritten - socket.writableLength;
  if (!socket.destroyed) await once(socket, 'close');
  return { taken, answer: await answered, tookMs: performance.now() - began };
}

const get = `GET /owa/ HTTP/1.1\r\n${host}`;
const chunkedPost = `POST /owa/ HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`;

describe('what has no end', () => {
  test.each([
    ['a request line', 'GET /owa/', 'x', [414]],
    ['a method', '', 'G', [400, 414]],
    ['a field', `${get}X: `, 'x', [431]],
    ['a field name', get, 'x', [400, 431]],
    ['fields', get, 'X: y\r\n', [431]],
    ['a cookie', `${get}Cookie: `, 'a=b; ', [431]],
    ['empty lines', '', '\r\n', [400]],
  ])('%s is refused before long, and no server hears of it', async (_, beginning, piece, statuses) => {
    const { taken, answer, tookMs } = await flood(beginning, piece);
    expect(statuses).toContain(Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]));
    // Most of it is in the sockets' buffers.
    expect(taken).toBeLessThan(16 * megabyte);
    expect(tookMs).toBeLessThan(5000);
    expect(server.requests).toEqual([]);
    expect(server.partial).toEqual([]);
  });

  test.each([
    ['a chunk extension', '5;a=', 'x'],
    ['a quoted chunk extension', '5;a="', 'x'],
    ['a chunk size', '', '0'],
    ['a trailer', '5\r\nhello\r\n0\r\nX: ', 'x'],
    ['trailers', '5\r\nhello\r\n0\r\n', 'X: y\r\n'],
  ])('%s is broken off before long, and the server gets no end of it', async (_, beginning, piece) => {
    const { taken, answer, tookMs } = await flood(chunkedPost + beginning, piece);
    expect(answer === '' || /^HTTP\/1\.1 4\d\d /.test(answer)).toBe(true);
    expect(taken).toBeLessThan(16 * megabyte);
    expect(tookMs).toBeLessThan(5000);
    await until('the server to see it', () => front.records.at(-1)?.end === 'aborted' || answer !== '');
    expect(server.requests).toEqual([]);
    expect(server.violations).toEqual([]);
  });

  test('chunks of one byte are passed on with flat memory', async () => {
    const pieces = 200_000;
    const socket = await dial(front.port);
    const answered = readAll(socket);
    socket.write(chunkedPost);
    const block = Buffer.from('1\r\nx\r\n'.repeat(1000));
    for (let sent = 0; sent < pieces; sent += 1000) if (!socket.write(block)) await once(socket, 'drain');
    socket.write('0\r\n\r\n');
    await until('the request', () => server.requests.length === 1);
    expect(server.requests[0]?.body.length).toBe(pieces);
    socket.end();
    await answered;
  }, 40_000);
});

describe('what does not come', () => {
  test('a head that drips is not waited for', async () => {
    const began = performance.now();
    const socket = await dial(front.port);
    const answered = readAll(socket);
    const drip = setInterval(() => socket.write('x'), 50);
    socket.write(`${get}X: `);
    const text = await answered;
    clearInterval(drip);
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
    expect(performance.now() - began).toBeLessThan(4000);
    expect(server.requests).toEqual([]);
  });

  test('a connection that says nothing, or nothing more, is closed', async () => {
    const silent = await dial(front.port);
    const used = await dial(front.port);
    used.write(`${get}\r\n`);
    let received = 0;
    used.on('data', (chunk: Buffer) => (received += chunk.length));
    const began = performance.now();
    silent.resume();
    await Promise.all([once(silent, 'close'), once(used, 'close')]);
    expect(received).toBeGreaterThan(answerLength);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  test('a thousand heads that stop half way hold little memory and are gone in time', async () => {
    const before = process.memoryUsage().rss;
    let closed = 0;
    const open = async (): Promise<void> => {
      const socket = await dial(front.port);
      socket.once('close', () => (closed += 1)).resume();
      socket.write(`${get}X: ${'x'.repeat(8000)}`);
    };
    await Promise.all(Array.from({ length: 1000 }, open));
    // Both ends of the connections are here.
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * megabyte);
    await until('the door to close them', () => closed === 1000, 5000);
    expect(server.requests).toEqual([]);
    await until('an empty registry', () => front.sessions.list().length === 0);
  });
});

describe('what is not taken', () => {
  test('requests on requests without reading an answer: the door stops reading', async () => {
    const socket = await dial(front.port);
    socket.pause();
    const requests = `${get}\r\n`.repeat(100);
    let written = 0;
    const deadline = performance.now() + 2000;
    while (performance.now() < deadline && written < 20_000) {
      socket.write(requests);
      written += 100;
      await sleep(1);
    }
    // Their answers are in the sockets' buffers.
    const served = server.requests.length;
    expect(served).toBeLessThan(300);
    await sleep(300);
    expect(server.requests.length - served).toBeLessThan(20);
    socket.destroy();
  });
});
