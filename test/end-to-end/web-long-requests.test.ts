import { once } from 'node:events';
import { truncateSync, writeFileSync } from 'node:fs';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { freePorts } from '../support/free-port.js';
import { processMemory } from '../support/peers/process-memory.js';
import { type RecordingWebServer, startRecordingWebServer } from '../support/peers/recording-web-server.js';
import { startWebServer, type WebServer } from '../support/peers/web-server.js';
import { describePeer } from '../support/require-peer.js';
import { run } from '../support/run.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';
import { mailboxEstate } from './mailbox-estate.js';
import { ask, basic, begin } from './web-client.js';

const user = 'ann@example.org';
const megabyte = 1024 * 1024;

/** What a server is doing with one request. */
interface Held {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  state: 'open' | 'broken off';
}

describePeer('curl', 'requests that take their time', () => {
  let server: WebServer;
  let dav: RecordingWebServer;
  let usher: Usher;
  let url: string;
  let secureUrl: string;
  let port: number;
  let pid: number;
  let held: Held[] = [];
  let sent = 0;

  beforeAll(async () => {
    server = await startWebServer('MBX1', { onRequest: serve, onExpect: expectation });
    dav = await startRecordingWebServer('DAV');
    const [http = 0, https = 0] = await freePorts(2);
    port = http;
    url = `http://127.0.0.1:${http}`;
    secureUrl = `https://127.0.0.1:${https}`;
    usher = await startUsher(
      mailboxEstate({
        servers: [{ http: { port: server.port, tls: 'none' } }],
        mailboxes: { DB1: [user] },
        listeners: [
          { name: 'HTTP', protocol: 'http', bind: `127.0.0.1:${http}` },
          { name: 'HTTPS', protocol: 'http', bind: `127.0.0.1:${https}`, tls: 'implicit' },
        ],
        rest: { httpServices: [{ name: 'dav', path: '/dav', endpoint: 'http', port: dav.port }] },
      }),
    );
    ({ pid } = JSON.parse(await usher.cli('status', '--json')) as { pid: number });
  });
  afterAll(async () => {
    await usher?.stop();
    server?.die();
    dav?.close();
  });
  beforeEach(() => {
    for (const { response } of held) response.destroy();
    held = [];
    sent = 0;
  });

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? '').replace(/\?.*/, '');
    if (path === '/ews/upload') void takeUpload(request, response);
    else if (path === '/ews/download') void download(response);
    else if (path === '/ews/mirror') mirror(request, response);
    else hold(request, response);
  }

  function hold(request: IncomingMessage, response: ServerResponse): void {
    const one: Held = { request, response, state: 'open' };
    held.push(one);
    response.once('close', () => {
      if (!response.writableFinished) one.state = 'broken off';
    });
    request.on('error', () => response.destroy()).resume();
  }

  function expectation(request: IncomingMessage, response: ServerResponse): void {
    if (request.url === '/ews/too-large') {
      response.writeHead(413, { 'Content-Length': 0, Connection: 'close' }).end();
      return;
    }
    response.writeContinue();
    serve(request, response);
  }

  async function takeUpload(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let count = 0;
    request.on('data', (chunk: Buffer) => (count += chunk.length)).on('error', () => response.destroy());
    await new Promise((resolve) => request.once('close', resolve));
    if (request.complete) response.end(String(count));
  }

  async function download(response: ServerResponse): Promise<void> {
    response.writeHead(200, { 'Content-Length': 200 * megabyte });
    const piece = Buffer.alloc(65_536, 'd');
    for (sent = 0; sent < 200 * megabyte && !response.destroyed; sent += piece.length) {
      if (!response.write(piece)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
    }
    response.end();
  }

  function mirror(request: IncomingMessage, response: ServerResponse): void {
    response.writeHead(200, { Trailer: 'X-Sum', 'X-Expected': request.headers['trailer'] ?? '' });
    request.on('data', (chunk: Buffer) => response.write(chunk));
    request.once('end', () => {
      response.addTrailers({ 'X-Sum': request.trailers['x-sum'] ?? 'none' });
      response.end();
    });
  }

  const answerOf = async (request: ClientRequest): Promise<IncomingMessage> =>
    ((await once(request, 'response')) as [IncomingMessage])[0];

  /** How much memory it takes at most beyond what it took before. */
  async function growthDuring(work: () => Promise<void>): Promise<number> {
    const before = processMemory(pid);
    let peak = before;
    const timer = setInterval(() => (peak = Math.max(peak, processMemory(pid))), 30);
    try {
      await work();
    } finally {
      clearInterval(timer);
    }
    return peak - before;
  }

  test('an ActiveSync Ping is held for as long as the server holds it', async () => {
    const asked = ask(`${secureUrl}/Microsoft-Server-ActiveSync?Cmd=Ping&User=${user}&DeviceId=d1&DeviceType=phone`, {
      method: 'POST',
      user,
      body: 'ping',
      headers: { 'Content-Type': 'application/vnd.ms-sync.wbxml' },
    });
    const ping = await until('the ping', () => held[0]);
    await sleep(3000);
    expect(ping.state).toBe('open');
    ping.response.end('changes');
    expect(await asked).toMatchObject({ status: 200, text: 'changes' });
  });

  test('a streaming notification is passed on chunk by chunk, at once', async () => {
    const request = begin(`${secureUrl}/ews/exchange.asmx`, { method: 'POST', user });
    request.end('<GetStreamingEvents/>');
    const { response } = await until('the subscription', () => held[0]);
    response.writeHead(200, { 'Content-Type': 'text/xml' }).flushHeaders();
    const answer = await answerOf(request);
    const took: number[] = [];
    for (let count = 0; count < 20; count += 1) {
      const event = `<event>${count}</event>`;
      const came = once(answer, 'data') as Promise<[Buffer]>;
      const began = performance.now();
      response.write(event);
      expect(String((await came)[0])).toBe(event);
      took.push(performance.now() - began);
      await sleep(10);
    }
    took.sort((a, b) => a - b);
    expect(took[10]).toBeLessThan(20);
    expect(took[19]).toBeLessThan(200);
    response.end();
    await once(answer, 'end');
  });

  test.each(['url', 'secureUrl'] as const)('a client that gives up a long poll is seen to go (%s)', async (which) => {
    const request = begin(`${which === 'url' ? url : secureUrl}/mapi/emsmdb`, { method: 'POST', user });
    request.on('error', () => request.destroy());
    request.end('wait');
    const poll = await until('the poll', () => held[0]);
    expect(poll.state).toBe('open');
    request.destroy();
    await until('the server to see it', () => poll.state === 'broken off');
  });

  test('an upload that the client breaks off is broken off at the server', async () => {
    const request = begin(`${url}/ews/x`, { method: 'POST', user, headers: { 'Content-Length': '1000000' } });
    request.on('error', () => request.destroy());
    request.write('x'.repeat(1000));
    const upload = await until('the upload', () => held[0]);
    expect(upload.state).toBe('open');
    request.destroy();
    await until('the server to see it', () => upload.state === 'broken off', 2000);
  });

  test.each([
    ['a length', { 'Content-Length': '1000' }],
    ['chunks', {}],
  ])('an answer with %s that the server breaks off is seen to be broken', async (_, fields) => {
    for (const base of [url, secureUrl]) {
      held = [];
      const request = begin(`${base}/ews/x`, { user });
      request.on('error', () => request.destroy());
      request.end();
      const { response } = await until('the request', () => held[0]);
      response.writeHead(200, fields);
      response.write('half of it');
      const answer = await answerOf(request);
      answer.once('data', () => response.destroy());
      const [error] = (await once(answer, 'error')) as [NodeJS.ErrnoException];
      expect(error.code).toBe('ECONNRESET');
      expect(answer.complete).toBe(false);
    }
  });

  test('100 MB go up by curl, that waits for 100, with flat memory', { timeout: 60_000 }, async () => {
    const file = join(tempDir('upload'), 'body');
    writeFileSync(file, '');
    truncateSync(file, 100 * megabyte);
    for (const base of [url, secureUrl]) {
      const growth = await growthDuring(async () => {
        const words = ['--silent', '--show-error', '--insecure', '--max-time', '30', '--upload-file', file];
        const { stdout, stderr } = await run('curl', [
          ...words,
          '--verbose',
          '--user',
          `${user}:secret`,
          '--header',
          'Expect: 100-continue',
          `${base}/ews/upload`,
        ]);
        expect(stdout, stderr.slice(-2000)).toBe(String(100 * megabyte));
        expect(stderr).toMatch(/< HTTP\/(?:1\.1|2) 100/);
      });
      expect(growth).toBeLessThan(80 * megabyte);
    }
  });

  test('a server that declines before the body came spares the client the upload', async () => {
    const file = join(tempDir('upload'), 'body');
    writeFileSync(file, 'x'.repeat(5 * megabyte));
    const words = ['--silent', '--max-time', '10', '--user', `${user}:secret`, '--upload-file', file];
    const wanted = ['--header', 'Expect: 100-continue', '--write-out', '%{http_code} %{size_upload}'];
    const { stdout } = await run('curl', [...words, ...wanted, `${url}/ews/too-large`]);
    expect(stdout).toBe('413 0');
  });

  test('a slow reader of 200 MB holds the server back, not the memory full', { timeout: 60_000 }, async () => {
    for (const base of [url, secureUrl]) {
      sent = 0;
      const growth = await growthDuring(async () => {
        const request = begin(`${base}/ews/download`, { user });
        request.end();
        const answer = await answerOf(request);
        answer.pause();
        await sleep(1500);
        // What fits into the sockets' buffers on the way, and no more.
        expect(sent).toBeLessThan(30 * megabyte);
        const held = sent;
        await sleep(500);
        expect(sent - held).toBeLessThan(megabyte);
        let count = 0;
        for await (const chunk of answer) count += (chunk as Buffer).length;
        expect(count).toBe(200 * megabyte);
      });
      expect(growth).toBeLessThan(80 * megabyte);
    }
  });

  test('trailers go both ways', async () => {
    const headers = { 'Transfer-Encoding': 'chunked', Trailer: 'X-Sum' };
    const request = begin(`${url}/ews/mirror`, { method: 'POST', user, headers });
    request.write('one ');
    request.addTrailers({ 'X-Sum': '42' });
    request.end('two');
    const answer = await answerOf(request);
    let text = '';
    for await (const chunk of answer) text += String(chunk);
    expect([text, answer.headers['x-expected'], answer.trailers['x-sum']]).toEqual(['one two', 'X-Sum', '42']);
  });

  test.each(['PROPFIND', 'REPORT', 'BPROPFIND', 'MKCOL', 'X-NEW-METHOD'])(
    '%s goes to a service that the administrator names',
    async (method) => {
      dav.forget();
      const body = '<propfind/>';
      const socket = connect({ port, host: '127.0.0.1' });
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
      socket.write(
        `${method} /dav/calendars/ann/ HTTP/1.1\r\nHost: mail.example.org\r\nAuthorization: ${basic(user)}\r\n` +
          `Depth: 1\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      );
      await once(socket, 'close');
      expect(text).toMatch(/^HTTP\/1\.1 200 /);
      expect(dav.violations).toEqual([]);
      expect(dav.requests).toMatchObject([{ method, target: '/dav/calendars/ann/', body }]);
      expect(dav.requests[0]?.fields).toContainEqual(['depth', '1']);
    },
  );
});
