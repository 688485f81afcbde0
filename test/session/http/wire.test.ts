import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, request as startRequest } from 'node:http';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { until } from '../../support/until.js';
import { ask, basic, dial, readAll, say } from './ask.js';
import { type FrontEnd, type FrontEndOptions, startFrontEnd } from './front-end.js';
import { type Origin, type OriginOptions, startOrigin } from './origin.js';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** One mailbox server behind the door. */
async function door(
  origin: OriginOptions & { readonly rawPort?: number } = {},
  options: Partial<FrontEndOptions> = {},
): Promise<{ one: Origin; front: FrontEnd }> {
  const one = await startOrigin('MBX1', origin);
  stops.push(() => one.stop());
  const front = await startFrontEnd({
    servers: { MBX1: { endpoints: { http: { port: origin.rawPort ?? one.port, tls: 'none' } } } },
    databases: { DB1: 'MBX1' },
    mailboxes: { 'ann@contoso.com': 'DB1' },
    ...options,
  });
  stops.push(() => front.close());
  return { one, front };
}

const host = 'Host: mail.contoso.com\r\n';

describe('bodies', () => {
  test('go both ways, with a length and in chunks, whatever the method', async () => {
    const { front } = await door({
      onRequest: (request, response) => {
        response.setHeader(
          'X-Framing',
          request.headers['transfer-encoding'] ?? request.headers['content-length'] ?? '',
        );
        request.pipe(response);
      },
    });
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'GET', 'PROPFIND']) {
      const text = `${method} says hello`;
      const length = { 'Content-Length': text.length };
      const whole = await ask(front.url, '/ews/', { method, body: text, headers: length });
      expect([whole.text, whole.headers['x-framing']]).toEqual([text, String(text.length)]);
      const chunked = { 'Transfer-Encoding': 'chunked' };
      const inChunks = await ask(front.url, '/ews/', { method, body: text, headers: chunked });
      expect([inChunks.text, inChunks.headers['x-framing']]).toEqual([text, 'chunked']);
    }
  });

  test('an empty POST stays empty', async () => {
    const { front } = await door();
    const { echo } = await ask(front.url, '/ews/', { method: 'POST' });
    expect(echo).toMatchObject({ bodyBytes: 0 });
    expect(echo.headers['transfer-encoding']).toBeUndefined();
  });

  test('stream with flat memory, held back by a slow reader at either end', async () => {
    const bytes = 160 * 1024 * 1024;
    const { front } = await door({ onRequest: (request, response) => void mirrorSlowly(request, response) });
    const request = startRequest(`${front.url}/ews/`, { method: 'POST', agent: false });
    const chunk = Buffer.alloc(65_536, 'x');
    let peak = 0;
    const before = process.memoryUsage().rss;
    const answered = once(request, 'response') as Promise<[IncomingMessage]>;
    const received = answered.then(async ([response]) => {
      let count = 0;
      for await (const part of response) {
        count += (part as Buffer).length;
        peak = Math.max(peak, process.memoryUsage().rss - before);
      }
      return count;
    });
    for (let sent = 0; sent < bytes; sent += chunk.length) {
      if (!request.write(chunk)) await once(request, 'drain');
    }
    request.end();
    expect(await received).toBe(bytes);
    // Client, door and server are one process here, with their garbage.
    expect(peak).toBeLessThan(100 * 1024 * 1024);
  });

  test('a stalled upload stops at the door: no more is read than the buffers hold', async () => {
    const { front } = await door({ onRequest: (request) => void request.pause() });
    const socket = await dial(front.port);
    stops.push(() => socket.destroy());
    socket.write(`POST /ews/ HTTP/1.1\r\n${host}Content-Length: 500000000\r\n\r\n`);
    const chunk = Buffer.alloc(1_000_000);
    for (let round = 0; round < 100; round += 1) socket.write(chunk);
    await sleep(300);
    expect(socket.writableLength).toBeGreaterThan(70_000_000);
  });

  test('a client that waits for 100 hears it from the server', async () => {
    const { front } = await door();
    const socket = await dial(front.port);
    const answer = readAll(socket);
    socket.write(
      `POST /ews/ HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n`,
    );
    await sleep(100);
    socket.write('hello');
    const text = await answer;
    expect(text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
    expect(text).toContain('"bodyBytes":5');
  });

  test('an answer before the end of the body leaves a usable connection', async () => {
    const { front } = await door({ onRequest: (_, response) => void response.writeHead(413).end('too large') });
    const socket = await dial(front.port);
    const answer = readAll(socket);
    socket.write(`POST /ews/ HTTP/1.1\r\n${host}Content-Length: 10\r\n\r\nhello`);
    await sleep(100);
    socket.write(`world`);
    socket.write(`GET /owa/healthcheck.htm HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
    const text = await answer;
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
    expect(text).toMatch(/HTTP\/1\.1 200 OK[^]*FE1\n/);
  });

  test('a client that sends all before it reads comes to the refusal', async () => {
    const { front } = await door();
    const body = Buffer.alloc(5_000_000, 'x');
    expect(await ask(front.url, '/unknown', { method: 'POST', body })).toMatchObject({ status: 404 });
  });

  test('a head comes through before its body does', async () => {
    const { front } = await door({ onRequest: (_, response) => response.writeHead(200).flushHeaders() });
    const request = startRequest(`${front.url}/owa/`, { agent: false });
    request.on('error', () => request.destroy());
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    request.destroy();
  });
});

async function mirrorSlowly(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let count = 0;
  for await (const part of request) {
    if (!response.write(part)) await once(response, 'drain');
    count += 1;
    if (count % 500 === 0) await sleep(2);
  }
  response.end();
}

describe('header fields', () => {
  test('those of the connection and those of front ends do not pass; ours are set', async () => {
    const { front } = await door();
    const { echo } = await ask(front.url, '/owa/', {
      method: 'POST',
      headers: {
        Host: 'mail.contoso.com',
        'Transfer-Encoding': 'chunked',
        Connection: 'keep-alive, X-Hop',
        'X-Hop': '1',
        'Keep-Alive': 'timeout=5',
        'Proxy-Authorization': 'Basic eA==',
        'Proxy-Connection': 'close',
        TE: 'trailers',
        Trailer: 'X-Sum',
        'X-BEResource': 'evil~1',
        'X-BEServer': 'evil',
        'X-BackEndOverride': 'evil',
        'X-AnonResource-BEResource': 'evil',
        'X-CommonAccessToken': 'evil',
        'X-SourceCafeServer': 'evil',
        'X-IsFromCafe': '1',
        'X-Forwarded-For': '6.6.6.6',
        X_Forwarded_For: '6.6.6.6',
        'X-Forwarded-Host': 'evil',
        Forwarded: 'for=6.6.6.6',
        'X-Request-Id': 'theirs',
        'X-AnchorMailbox': 'ann@contoso.com',
        Cookie: ['a=1', 'b=2'],
        'X-Twice': ['1', '2'],
        constructor: 'kept',
      },
    });
    const { 'x-request-id': id, ...headers } = echo.headers;
    expect(headers).toEqual({
      host: 'mail.contoso.com',
      connection: 'TE',
      te: 'trailers',
      trailer: 'X-Sum',
      forwarded: 'for=127.0.0.1;proto=http;host=mail.contoso.com',
      'transfer-encoding': 'chunked',
      'x-anchormailbox': 'ann@contoso.com',
      cookie: 'a=1; b=2',
      'x-twice': '1, 2',
      constructor: 'kept',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'mail.contoso.com',
    });
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(echo.raw.filter((name) => name.toLowerCase() === 'x-twice')).toHaveLength(2);
    await until('the log line', () => front.records.some((line) => line.requestId === id));
  });

  test('a server that is not to know the client is not told', async () => {
    const one = await startOrigin('MBX1');
    stops.push(() => one.stop());
    const { front } = await door(
      {},
      { servers: { MBX1: { endpoints: { http: { port: one.port, tls: 'none', clientAddress: 'none' } } } } },
    );
    const { echo } = await ask(front.url, '/owa/', { headers: { 'X-Forwarded-For': '6.6.6.6' } });
    expect(Object.keys(echo.headers).filter((name) => name.startsWith('x-forwarded'))).toEqual([]);
  });

  test('of an answer: as they came, without those of the connection', async () => {
    const { front } = await door({
      onRequest: (_, response) => {
        const cookies = [
          'Set-Cookie',
          'a=1',
          'Set-Cookie',
          'b=2',
          'WWW-Authenticate',
          'NTLM',
          'WWW-Authenticate',
          'Basic',
        ];
        response.writeHead(401, 'Who Are You', [...cookies, 'Connection', 'X-Hop', 'X-Hop', '1', 'X-MS-Mixed', 'Case']);
        response.end('no');
      },
    });
    const text = await say(front.port, `GET /owa/ HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
    const [head = '', body] = text.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 401 Who Are You\r\n/);
    expect(head).toContain('Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n');
    expect(head).toContain('WWW-Authenticate: NTLM\r\nWWW-Authenticate: Basic\r\n');
    expect(head).toContain('X-MS-Mixed: Case');
    expect(head).not.toContain('X-Hop');
    expect(body).toMatch(/no/);
  });

  test('an HTTP/1.0 client gets an answer that it can read', async () => {
    const { front } = await door({ onRequest: (_, response) => void response.end('plain') });
    const text = await say(front.port, `GET /owa/ HTTP/1.0\r\n\r\n`);
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text).toMatch(/\r\n\r\nplain$/);
    expect(text).not.toMatch(/chunked/i);
  });

  test('an answer that cannot be passed on is a 502', async () => {
    const raw = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('data', () => socket.end('HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n'));
    }).listen(0, '127.0.0.1');
    await once(raw, 'listening');
    stops.push(() => raw.close());
    const address = raw.address();
    const { front } = await door({ rawPort: typeof address === 'object' && address !== null ? address.port : 0 });
    expect((await ask(front.url, '/owa/')).status).toBe(502);
  });
});

describe('the request target', () => {
  test('arrives byte for byte', async () => {
    const { front } = await door();
    for (const path of [
      '/owa/%2e%2e/x?a=b%20c',
      '/owa//double///slash?u=http://x//y',
      '/OWA/./a/../b;v=1?x=?&y=%00',
      "/ews/(a)'b'*!$,~[]{}|^`",
      '/Microsoft-Server-ActiveSync?User=CONTOSO\\ann&Cmd=Ping',
      '/rpc/rpcproxy.dll?ann@contoso.com:6001',
    ]) {
      expect((await ask(front.url, path)).echo.url).toBe(path);
    }
  });

  test('in absolute form is taken as path and host', async () => {
    const { front } = await door();
    const line = `GET http://other.contoso.com/owa/x?y HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;
    const text = await say(front.port, line);
    expect(text).toContain('"url":"/owa/x?y"');
    expect(text).toContain('"host":"other.contoso.com"');
  });

  test.each([
    ['/owa/..%2fecp/'],
    ['/owa/../ecp/'],
    ['/owa\\..\\ecp/'],
    ['/owa/%252e%252e/ecp/'],
    ['//owa/'],
    ['/owa/#/../ecp'],
    ['/owa/\u0001'],
    ['owa/'],
  ])('%s is refused', async (target) => {
    const { front, one } = await door();
    const text = await say(front.port, `GET ${target} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(one.requests).toEqual([]);
  });
});

describe('what no client should send', () => {
  const post = `POST /ews/ HTTP/1.1\r\n${host}`;
  const inner = 'GET /owa/inner HTTP/1.1\r\nHost: x\r\n\r\n';

  test.each([
    ['both length and coding', 400, `${post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`],
    ['coding and length', 400, `${post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${inner}`],
    ['two lengths', 400, `${post}Content-Length: 1\r\nContent-Length: 40\r\n\r\n0${inner}`],
    ['another coding', 501, `${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    ['two hosts', 400, `GET /owa/ HTTP/1.1\r\n${host}${host}\r\n`],
    ['no host', 400, `GET /owa/ HTTP/1.1\r\n\r\n`],
    ['two users', 400, `GET /owa/ HTTP/1.1\r\n${host}Authorization: a\r\nAuthorization: b\r\n\r\n`],
    ['a folded field', 400, `GET /owa/ HTTP/1.1\r\n${host} folded: 1\r\n\r\n`],
    ['a bare LF', 400, `GET /owa/ HTTP/1.1\nHost: x\n\n`],
    ['another version', 505, `GET /owa/ HTTP/2.0\r\n${host}\r\n`],
    ['too many fields', 431, `GET /owa/ HTTP/1.1\r\n${host}${'A: b\r\n'.repeat(300)}\r\n`],
    ['too large a field', 431, `GET /owa/ HTTP/1.1\r\n${host}A: ${'b'.repeat(70_000)}\r\n\r\n`],
    ['bytes of TLS', 400, '\u0016\u0003\u0001\u0002\u0000\u0001\u0000'],
  ])('%s: %i', async (_, status, bytes) => {
    const { front, one } = await door();
    const socket = await dial(front.port);
    const answer = readAll(socket);
    socket.write(Buffer.from(bytes, 'latin1'));
    await until('an answer', () => socket.bytesRead > 0);
    socket.end();
    expect(await answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(one.requests).toEqual([]);
    await until('the connection to be gone', () => front.sessions.list().length === 0);
  });

  test('a body whose chunks break off takes the request to the server along', async () => {
    const { front, one } = await door();
    const text = await say(front.port, `${post}Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX\r\n0\r\n\r\n${inner}`);
    expect(text).not.toMatch(/200 OK/);
    await until('the server to be free', () => one.open() === 0);
    expect(one.requests.filter((line) => line.includes('inner'))).toEqual([]);
  });

  test('a head that does not come to its end is cut off, and so is silence', async () => {
    const { front } = await door({}, { limits: { preAuthTimeout: 400 } });
    const drip = await dial(front.port);
    const answer = readAll(drip);
    drip.write(`GET /owa/ HTTP/1.1\r\n`);
    const timer = setInterval(() => drip.write('A: b\r\n'), 50);
    stops.push(() => clearInterval(timer));
    const silent = readAll(await dial(front.port));
    expect(await answer).toMatch(/^HTTP\/1\.1 408 /);
    await silent;
    await until('an empty registry', () => front.sessions.list().length === 0);
  });

  test('a client that is silent after its answer is let go', async () => {
    const { front } = await door({}, { limits: { idleTimeout: 400 } });
    const startedAt = performance.now();
    const text = await say(front.port, `GET /owa/ HTTP/1.1\r\n${host}\r\n`);
    expect(text).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(performance.now() - startedAt).toBeGreaterThan(300);
  });

  test('requests sent ahead are answered in order', async () => {
    const { front } = await door({
      onRequest: (request, response) =>
        void setTimeout(() => response.end(request.url), request.url === '/owa/1' ? 60 : 0),
    });
    const last = `GET /owa/3 HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;
    const ahead = [1, 2, 3].map((number) => `GET /owa/${number} HTTP/1.1\r\n${host}\r\n`).join('');
    const socket = await dial(front.port);
    const answer = readAll(socket);
    socket.write(ahead);
    await sleep(200);
    socket.end();
    expect((await answer).match(/\/owa\/\d/g)).toEqual(['/owa/1', '/owa/2', '/owa/3']);
    const flood = await say(front.port, `GET /owa/2 HTTP/1.1\r\n${host}\r\n`.repeat(3000) + last);
    expect(flood.match(/\/owa\/\d/g)).toHaveLength(3001);
    await until('an empty registry', () => front.sessions.list().length === 0);
  });
});

describe('a balancer in front', () => {
  test('tells the address of the client, and must', async () => {
    const { front } = await door({}, { listener: { proxyPeers: ['127.0.0.1'] } });
    const request = `GET /owa/ HTTP/1.1\r\n${host}Authorization: ${basic('ann@contoso.com')}\r\nConnection: close\r\n\r\n`;
    const text = await say(front.port, `PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n${request}`);
    expect(text).toContain('"x-forwarded-for":"192.0.2.7"');
    const line = await until('the log line', () => front.records[0]);
    expect(line['client']).toBe('192.0.2.7');
    expect(await say(front.port, request)).toBe('');
    expect(front.log).toContainEqual(expect.objectContaining({ message: 'connection not admitted' }));
  });

  test('nobody else may', async () => {
    const { front } = await door();
    expect(await say(front.port, `PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\nGET /owa/ HTTP/1.1\r\n${host}\r\n`)).toMatch(
      / 400 /,
    );
  });
});
