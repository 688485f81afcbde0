import { connect as connectHttp2 } from 'node:http2';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { makeCertificate } from '../../net/make-certificate.js';
import { until } from '../../support/until.js';
import { ask, basic, dial } from './ask.js';
import { type FrontEnd, startFrontEnd } from './front-end.js';
import { startScriptedOrigin } from './scripted-origin.js';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** Numbers from 0 to 1 that are the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

type Random = () => number;
const pick = <T>(random: Random, ...from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

/** A server's answer to the request of an id, as bytes, and what it does then. */
function answerOf(
  random: Random,
  id: string,
  method: string,
): { readonly bytes: string; readonly then: 'stay' | 'close' | 'reset' } {
  const body = `<${id}>${'x'.repeat(pick(random, 0, 10, 3000, 70_000, 300_000))}</${id}>`;
  const sized = `Content-Length: ${body.length}\r\n`;
  const shown = method === 'HEAD' ? '' : body;
  const evil = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<evil>';
  const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const whole = `HTTP/1.1 200 OK\r\n${sized}\r\n${shown}`;
  return pick<() => ReturnType<typeof answerOf>>(
    random,
    () => ({ bytes: whole, then: 'stay' }),
    () => ({ bytes: whole, then: 'stay' }),
    () => ({ bytes: whole, then: 'stay' }),
    () => ({ bytes: whole, then: 'close' }),
    () => ({
      bytes: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${method === 'HEAD' ? '' : chunked}`,
      then: 'stay',
    }),
    () => ({ bytes: `HTTP/1.1 200 OK\r\n\r\n${shown}`, then: 'close' }),
    () => ({ bytes: `HTTP/1.0 200 OK\r\n\r\n${shown}`, then: 'close' }),
    () => ({ bytes: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: <${id}>\r\n\r\n${whole}`, then: 'stay' }),
    () => ({ bytes: `HTTP/1.1 204 No\r\nX-Id: <${id}>\r\n\r\n`, then: 'stay' }),
    () => ({ bytes: `HTTP/1.1 304 Not\r\nX-Id: <${id}>\r\n${sized}\r\n`, then: 'stay' }),
    () => ({ bytes: `HTTP/1.1 204 No\r\nContent-Length: ${evil.length}\r\n\r\n${evil}`, then: 'stay' }),
    () => ({
      bytes: `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${method === 'HEAD' ? '' : 'ok'}${evil}`,
      then: 'stay',
    }),
    () => ({ bytes: whole.slice(0, Math.floor(random() * whole.length)), then: pick(random, 'close', 'reset') }),
    () => ({ bytes: '', then: pick(random, 'close', 'reset') }),
    () => ({ bytes: `HTTP/1.1 101 No\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n<tunnel>`, then: 'stay' }),
    () => ({ bytes: 'nonsense\r\n\r\n', then: 'stay' }),
    () => ({
      bytes: `HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${evil}`,
      then: 'stay',
    }),
  )();
}

/** Answers at once when a head has come, or when the whole request has; now and then cut into pieces. */
function hostileServer(random: Random, seen: string[]) {
  return startScriptedOrigin((socket, text) => {
    const carrying = socket as Socket & { done?: number };
    for (;;) {
      const from = carrying.done ?? 0;
      const head = /^(?:PROXY [^\r]*\r\n)?([A-Z]+) [^ ]*\?id=(\w+) HTTP\/1\.1\r\n[^]*?\r\n\r\n/.exec(text.slice(from));
      if (head === null) return;
      const [whole, method = '', id = ''] = head;
      const length = Number(/content-length: (\d+)/i.exec(whole)?.[1] ?? 0);
      const isChunked = /transfer-encoding/i.test(whole);
      const rest = text.slice(from + whole.length);
      const end = isChunked ? rest.indexOf('0\r\n\r\n') + 5 : length;
      const isWhole = isChunked ? end >= 5 : rest.length >= length;
      const isEarly = id.charCodeAt(id.length - 1) % 5 === 0;
      if (!isWhole && !(isEarly && !seen.includes(id))) return;
      if (!(isEarly && seen.includes(id))) {
        seen.push(id);
        const { bytes, then } = answerOf(random, id, method);
        const cut = Math.floor(random() * bytes.length);
        socket.cork();
        socket.write(bytes.slice(0, cut), 'latin1');
        socket.write(bytes.slice(cut), 'latin1');
        socket.uncork();
        if (then === 'close') socket.end();
        else if (then === 'reset') socket.resetAndDestroy();
      }
      if (!isWhole) return;
      carrying.done = from + whole.length + end;
    }
  });
}

let idNext = 1;

/** One request as bytes. */
function requestOf(random: Random, id: string): string {
  const method = pick(random, 'GET', 'GET', 'HEAD', 'POST', 'POST', 'OPTIONS', 'TRACE', 'PUT');
  const version = pick(random, '1.1', '1.1', '1.1', '1.0');
  const user = `${pick(random, 'ann', 'bob', 'nobody')}@contoso.com`;
  const auth = pick(
    random,
    `Authorization: ${basic(user)}\r\n`,
    '',
    `X-AnchorMailbox: ${user}\r\nAuthorization: NTLM abc\r\n`,
  );
  const connection = pick(
    random,
    '',
    '',
    '',
    'Connection: keep-alive\r\n',
    'Connection: close\r\n',
    'Connection: Upgrade\r\nUpgrade: websocket\r\n',
  );
  const path = pick(random, '/owa/', '/ews/', '/autodiscover/', '/owa/healthcheck.htm', '/nowhere');
  const body = 'y'.repeat(pick(random, 0, 5, 5000, 200_000));
  const isBare = method === 'GET' || method === 'HEAD' || random() < 0.1;
  const framing = isBare
    ? '\r\n'
    : version === '1.1' && random() < 0.4
      ? `Transfer-Encoding: chunked\r\n\r\n${body.length > 0 ? `${body.length.toString(16)}\r\n${body}\r\n` : ''}0\r\n\r\n`
      : `Content-Length: ${body.length}\r\n${random() < 0.2 ? 'Expect: 100-continue\r\n' : ''}\r\n${body}`;
  return `${method} ${path}?id=${id} HTTP/${version}\r\nHost: mail.contoso.com\r\n${auth}${connection}${framing}`;
}

/** A client that sends one to four requests, all or some of their bytes, and what it has read by then. */
async function hostileClient(random: Random, port: number): Promise<{ ids: string[]; bytes: string; text: string }> {
  const ids = Array.from({ length: pick(random, 1, 1, 2, 4) }, () => `r${(idNext += 1)}q`);
  let bytes = ids.map((id) => requestOf(random, id)).join('');
  if (random() < 0.3) bytes = bytes.slice(0, Math.floor(random() * bytes.length));
  const socket = await dial(port);
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  const cut = Math.floor(random() * bytes.length);
  socket.write(bytes.slice(0, cut), 'latin1');
  if (random() < 0.3) await sleep(Math.floor(random() * 20));
  if (random() < 0.1) socket.pause();
  socket.write(bytes.slice(cut), 'latin1');
  const leave = pick<() => void>(
    random,
    () => socket.end(),
    () => socket.destroy(),
    () => socket.resetAndDestroy(),
    () => undefined,
  );
  await sleep(Math.floor(random() * pick(random, 3, 60)));
  leave();
  if (!socket.destroyed) await Promise.race([new Promise((resolve) => socket.once('close', resolve)), sleep(400)]);
  socket.destroy();
  return { ids, bytes, text };
}

/** That nobody was told what was another's, and nothing is left of it all. */
async function settle(front: FrontEnd, seen: readonly string[], open: () => number): Promise<void> {
  await until('an empty registry', () => front.sessions.list().length === 0);
  const ids = front.records.map(({ requestId }) => requestId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(front.log.filter(({ level }) => level === 'error')).toEqual([]);
  expect(front.records.length).toBeGreaterThanOrEqual(new Set(seen).size);
  // Where nothing is counted any more, one is not too many.
  front.change({ organization: { maxRequestsPerServer: 1 } });
  for (let round = 0; round < 40; round += 1) {
    const { status } = await ask(front.url, `/owa/?id=last${round}a`, { user: 'ann@contoso.com' }).catch(() => ({
      status: 0,
    }));
    expect(status).not.toBe(503);
  }
  // Those that are kept; no others.
  expect(open()).toBeLessThanOrEqual(40);
}

test.each([1, 2, 3])(
  'whatever clients and servers do, nobody gets what is another’s, and nothing is left (%d)',
  async (seed) => {
    const random = randomFrom(seed * 7919);
    const seen: string[] = [];
    const [one, two] = await Promise.all([hostileServer(random, seen), hostileServer(random, seen)]);
    stops.push(
      () => one.stop(),
      () => two.stop(),
    );
    const proxy = seed % 3 === 0 ? { proxyProtocol: 'v1' } : {};
    const front = await startFrontEnd({
      servers: {
        MBX1: { endpoints: { http: { port: one.port, tls: 'none', ...proxy } } },
        MBX2: { endpoints: { http: { port: two.port, tls: 'none', ...proxy } } },
      },
      databases: { DB1: 'MBX1', DB2: 'MBX2' },
      mailboxes: { 'ann@contoso.com': 'DB1', 'bob@contoso.com': 'DB2' },
      organization: { maxRequestsPerServer: 1000 },
    });
    stops.push(() => front.close());
    for (let round = 0; round < 12; round += 1) {
      const clients = await Promise.all(Array.from({ length: 25 }, () => hostileClient(random, front.port)));
      for (const { ids, text } of clients) {
        expect(text).not.toContain('<evil>');
        const told = [...text.matchAll(/<(r\d+q)>/g)].map(([, id = '']) => id);
        expect(told.filter((id) => !ids.includes(id))).toEqual([]);
        const order = [...new Set(told)].map((id) => ids.indexOf(id));
        expect(order).toEqual([...order].sort((a, b) => a - b));
      }
      if (round % 4 === 3)
        front.change({ databases: { DB1: pick(random, 'MBX1', 'MBX2'), DB2: pick(random, 'MBX1', 'MBX2') } });
    }
    await settle(front, seen, () => one.open() + two.open());
  },
  60_000,
);

test.each([1, 2])(
  'nor over HTTP/2 (%d)',
  async (seed) => {
    const random = randomFrom(seed * 104_729);
    const seen: string[] = [];
    const server = await hostileServer(random, seen);
    const proxy = seed % 2 === 0 ? { proxyProtocol: 'v1' } : {};
    const front = await startFrontEnd({
      servers: { MBX1: { endpoints: { http: { port: server.port, tls: 'none', ...proxy } } } },
      databases: { DB1: 'MBX1' },
      mailboxes: { 'ann@contoso.com': 'DB1' },
      organization: { maxRequestsPerServer: 1000 },
      certificate: await makeCertificate(['mail.contoso.com']),
      listener: { tls: 'implicit' },
    });
    stops.push(
      () => server.stop(),
      () => front.close(),
    );
    for (let round = 0; round < 8; round += 1) {
      const client = connectHttp2(front.url, { rejectUnauthorized: false }).on('error', () => undefined);
      const answers = Array.from({ length: 40 }, async () => {
        const id = `r${(idNext += 1)}q`;
        const method = pick(random, 'GET', 'HEAD', 'POST', 'PUT');
        const headers = { ':path': `/owa/?id=${id}`, ':method': method, authorization: basic('ann@contoso.com') };
        const hasBody = method === 'POST' || method === 'PUT';
        const stream = client.request(headers, { endStream: !hasBody }).on('error', () => undefined);
        if (hasBody) stream.end('y'.repeat(pick(random, 0, 10, 100_000)));
        let text = '';
        stream.on('response', (fields) => (text += JSON.stringify(fields)));
        stream.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
        if (random() < 0.2) setTimeout(() => stream.close(8), Math.floor(random() * 20));
        await Promise.race([new Promise((resolve) => stream.once('close', resolve)), sleep(3000)]);
        expect(text).not.toContain('<evil>');
        expect([...text.matchAll(/<(r\d+q)>/g)].map(([, found]) => found).filter((found) => found !== id)).toEqual([]);
        return stream.closed;
      });
      if (random() < 0.3) await sleep(10).then(() => client.destroy());
      const closed = await Promise.all(answers);
      expect(closed.filter((isClosed) => !isClosed)).toEqual([]);
      client.destroy();
    }
    await settle(front, seen, () => server.open());
  },
  60_000,
);
