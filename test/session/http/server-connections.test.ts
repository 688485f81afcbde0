import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { ServerConnection } from '../../../src/session/http/server-connection.js';
import { ServerPool } from '../../../src/session/http/server-pools.js';
import type { AnswerOwner } from '../../../src/session/http/server-request.js';
import type { Endpoint } from '../../../src/topology/endpoints.js';
import { makeCertificate } from '../../net/make-certificate.js';
import { until } from '../../support/until.js';
import { ask, basic, dial, say } from './ask.js';
import { type FrontEnd, type FrontEndOptions, startFrontEnd } from './front-end.js';
import { gather } from './http2-door.js';
import { type Script, type ScriptedOrigin, startScriptedOrigin } from './scripted-origin.js';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const host = 'Host: mail.contoso.com\r\n';
const ann = `Authorization: ${basic('ann@contoso.com')}\r\n`;
const last = 'Connection: close\r\n\r\n';

async function door(
  script: Script,
  options: Partial<FrontEndOptions> = {},
  endpoint: object = {},
): Promise<{ origin: ScriptedOrigin; front: FrontEnd }> {
  const origin = await startScriptedOrigin(script);
  const front = await startFrontEnd({
    servers: { MBX1: { endpoints: { http: { port: origin.port, tls: 'none', ...endpoint } } } },
    databases: { DB1: 'MBX1' },
    mailboxes: { 'ann@contoso.com': 'DB1' },
    ...options,
  });
  stops.push(
    () => origin.stop(),
    () => front.close(),
  );
  return { origin, front };
}

async function http2Client(script: Script, endpoint: object = {}): Promise<ClientHttp2Session> {
  const tls = { certificate: await makeCertificate(['mail.contoso.com']), listener: { tls: 'implicit' } };
  const { front } = await door(script, tls, endpoint);
  const client = connectHttp2(front.url, { rejectUnauthorized: false }).on('error', () => undefined);
  stops.push(() => client.destroy());
  return client;
}

/** The same answer to every request whose head has come. */
const saying =
  (answer: string): Script =>
  (socket, text) => {
    if (text.endsWith('\r\n\r\n')) socket.write(answer, 'latin1');
  };

const numbered: Script = (socket, text, connection) => {
  if (!text.endsWith('\r\n\r\n')) return;
  const says = text.includes('/persist') ? 'Persistent-Auth: true\r\n' : '';
  socket.write(`HTTP/1.1 200 OK\r\n${says}X-Connection: ${connection}\r\nContent-Length: 2\r\n\r\nok`);
};

const connectionOf = (answer: string): string | undefined => /X-Connection: (\d+)/.exec(answer)?.[1];

describe('a connection to a server', () => {
  test('on which an answer was held back is read again for the next request', async () => {
    const body = 'x'.repeat(40_000);
    const { front, origin } = await door(saying(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`));
    for (let round = 0; round < 5; round += 1) {
      expect((await ask(front.url, '/owa/', { user: 'ann@contoso.com' })).text).toBe(body);
    }
    expect(origin.sockets).toHaveLength(1);
  });

  test('is let go when the answer came before a body that its client no longer sends', async () => {
    const { front, origin } = await door(saying('HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n'));
    const waiting = `POST /ews/ HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: 10\r\n\r\n`;
    for (let round = 0; round < 5; round += 1) expect(await say(front.port, waiting)).toMatch(/^HTTP\/1\.1 401 /);
    expect(front.records).toHaveLength(5);
    await until('none to be open', () => origin.open() === 0);
  }, 20_000);

  test('that takes nothing more after its answer does not make the door hold the body', async () => {
    const { front } = await door((socket, text) => {
      if (!text.includes('\r\n\r\n')) return;
      socket.write('HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n');
      socket.pause();
    });
    const socket = await dial(front.port);
    socket.resume();
    socket.write(`POST /ews/ HTTP/1.1\r\n${host}Content-Length: 4000000000\r\n\r\n`);
    const block = Buffer.alloc(1_000_000);
    const endAtMs = performance.now() + 2000;
    while (socket.writable && performance.now() < endAtMs) {
      if (!socket.write(block)) await Promise.race([once(socket, 'drain'), sleep(50)]);
    }
    // What the sockets' own buffers hold.
    expect(socket.bytesWritten - socket.writableLength).toBeLessThan(32_000_000);
    socket.destroy();
  }, 20_000);

  test('that changes the protocol unasked has not answered', async () => {
    const { front } = await door(
      saying('HTTP/1.1 101 Yes\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nHTTP/1.1'),
    );
    expect(await say(front.port, `GET /owa/ HTTP/1.1\r\n${host}${last}`)).toMatch(/^HTTP\/1\.1 502 /);
  });

  test('that says nothing is not asked again', async () => {
    const httpServices = [{ name: 'dav', path: '/dav', timeout: '1s' }];
    const { front, origin } = await door(() => undefined, { httpServices });
    expect((await ask(front.url, '/dav/', { user: 'ann@contoso.com' })).status).toBe(502);
    expect(origin.sockets).toHaveLength(1);
    expect(front.records[0]?.tried).toEqual([{ server: 'MBX1', reason: 'the server was silent for too long' }]);
  }, 30_000);

  test('is not found silent while its answer waits for the client', async () => {
    const size = 10_000_000;
    const origin = await startScriptedOrigin(
      saying(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`),
    );
    stops.push(() => origin.stop());
    const socket = await dial(origin.port);
    const connection = new ServerConnection(socket, 'key', 200, { onIdle: () => undefined, onClosed: () => undefined });
    const told: string[] = [];
    let got = 0;
    const owner: AnswerOwner = {
      answerInterim: () => undefined,
      answerHead: () => connection.pause(),
      answerData: (piece) => void (got += piece.length),
      answerEnd: () => void told.push('end'),
      answerPaused: () => undefined,
      upgraded: () => undefined,
      serverDrained: () => undefined,
      serverLost: (reason) => void told.push(reason),
    };
    const headText = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
    connection.begin(owner, { method: 'GET', headText, body: 'none', silenceTimeoutMs: 200 });
    await sleep(1000);
    expect(told).toEqual([]);
    connection.resume();
    await until('the end', () => told.length > 0);
    expect([told, got]).toEqual([['end'], size]);
    connection.destroy();
  });

  test('is counted for a request, and not for a WebSocket', async () => {
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
    const script: Script = (socket, text, connection) =>
      text.includes('websocket')
        ? void socket.write(`HTTP/1.1 101 Yes\r\n${upgrade}\r\n`)
        : numbered(socket, text, connection);
    const { front } = await door(script, { organization: { maxRequestsPerServer: 1 } });
    const socket = await dial(front.port);
    socket.write(`GET /owa/ HTTP/1.1\r\n${host}${upgrade}\r\n`);
    await once(socket, 'data');
    for (let round = 0; round < 3; round += 1) expect((await ask(front.url, '/owa/')).status).toBe(200);
    socket.destroy();
    await until('the records', () => front.records.length === 4);
  });
});

describe('a server that was not reached', () => {
  test('is tried once for all who wait for it, and not again at once', async () => {
    const origin = await startScriptedOrigin(() => undefined);
    stops.push(() => origin.stop());
    const target = { host: '127.0.0.1', port: origin.port };
    const check = { verify: false, ca: null, serverName: null } as const;
    const told = { proxyProtocol: 'none', clientAddress: 'none', auth: null } as const;
    const endpoint: Endpoint = { port: origin.port, tls: 'none', ...check, ...told };
    const pool = new ServerPool('key', target, endpoint);
    const ends = { clientAddress: '127.0.0.1', clientPort: 1, localAddress: '127.0.0.1', localPort: 2 };
    const probeAll = () => Promise.all(Array.from({ length: 50 }, () => pool.probe(ends)));
    expect(new Set(await probeAll())).toEqual(new Set([null]));
    await probeAll();
    await until('the one', () => origin.sockets.length === 1);
    await sleep(300);
    await probeAll();
    await until('another one', () => origin.sockets.length === 2);
    origin.stop();
    await sleep(300);
    const failures = new Set(await probeAll());
    expect([...failures].map((failure) => failure?.message)).toEqual([expect.stringContaining('refused')]);
  });
});

describe('interim answers', () => {
  test('keep no field of the connection', async () => {
    const early =
      'HTTP/1.1 103 Early\r\nLink: </a>\r\nContent-Length: 5\r\nConnection: keep-alive\r\nX-BEServer: MBX1\r\n\r\n';
    const { front } = await door(saying(`${early}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`));
    const text = await say(front.port, `GET /owa/ HTTP/1.1\r\n${host}${last}`);
    expect(text).toMatch(/^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>\r\n\r\nHTTP\/1\.1 200 OK/);
  });

  test('to HEAD no length is made up', async () => {
    const { front } = await door(saying('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'));
    expect(await say(front.port, `HEAD /owa/ HTTP/1.1\r\n${host}${last}`)).not.toMatch(/content-length/i);
  });
});

describe('a connection that other clients use, too', () => {
  test.each([
    'NTLM\tabc',
    'ntlm abc',
    'NTLM',
    'Negotiate,abc',
    'Negotiate=abc',
    'Negotiate:Kerberos abc',
    'Kerberos abc',
    'Nego2 abc',
    'Basic YTpi, NTLM abc',
    'Unknown abc',
  ])('does not carry credentials that may hold for a connection: %j', async (credentials) => {
    const { front } = await door(numbered);
    const own = await say(front.port, `GET /ews/ HTTP/1.1\r\n${host}Authorization: ${credentials}\r\n${last}`);
    const other = await say(front.port, `GET /ews/ HTTP/1.1\r\n${host}${last}`);
    expect([connectionOf(own), connectionOf(other)]).toEqual(['1', '2']);
  });

  test('is one no longer when the server says that it has authenticated it', async () => {
    const { front } = await door(numbered);
    const own = await say(front.port, `GET /ews/persist HTTP/1.1\r\n${host}${ann}${last}`);
    const other = await say(front.port, `GET /ews/ HTTP/1.1\r\n${host}${last}`);
    expect([connectionOf(own), connectionOf(other)]).toEqual(['1', '2']);
  });
});

describe('HTTP/2', () => {
  test.each(['NTLM\tabc', 'Kerberos abc', 'negotiate,abc'])('does not carry %j', async (authorization) => {
    const client = await http2Client(numbered);
    const stream = client.request({ ':path': '/ews/', authorization }).on('error', () => undefined);
    await until('the reset', () => stream.closed);
    expect(stream.rstCode).toBe(13);
  });

  test('requests side by side do not disturb each other where each connection tells of its client', async () => {
    const slowly: Script = (socket, text, connection) => void setTimeout(() => numbered(socket, text, connection), 200);
    const client = await http2Client(slowly, { proxyProtocol: 'v1' });
    const paths = ['/owa/1', '/owa/2', '/owa/3'];
    const answers = await Promise.all(paths.map((path) => gather(client.request({ ':path': path }))));
    expect(answers.map(({ headers }) => headers[':status'])).toEqual([200, 200, 200]);
  });

  test('a POST without a body tells the server so', async () => {
    const seen: string[] = [];
    const client = await http2Client((socket, text, connection) => {
      seen.push(text);
      numbered(socket, text, connection);
    });
    await gather(client.request({ ':path': '/ews/', ':method': 'POST', 'content-length': '0' }, { endStream: true }));
    await gather(client.request({ ':path': '/ews/', ':method': 'POST' }, { endStream: true }));
    await gather(client.request({ ':path': '/ews/' }));
    const lengths = seen.at(-1)?.match(/Content-Length: 0\r\n/g);
    expect(lengths).toHaveLength(2);
  });

  test.each([
    ['less', 'abc'],
    ['more', 'abcdefghij'],
  ])('a body that is %s than its length is no request', async (_, body) => {
    const seen: string[] = [];
    const client = await http2Client((_, text) => void seen.push(text));
    const fields = { ':path': '/ews/', ':method': 'POST', 'content-length': '5' };
    const stream = client.request(fields).on('error', () => undefined);
    stream.end(body);
    await until('the reset', () => stream.closed);
    expect(stream.rstCode).not.toBe(0);
    expect(seen.join('')).not.toContain('abcdef');
  });

  test('the record of each request tells whose it was', async () => {
    const script: Script = (socket, text, connection) =>
      void setTimeout(() => numbered(socket, text, connection), text.includes('/owa/slow') ? 300 : 1);
    const tls = { certificate: await makeCertificate(['mail.contoso.com']), listener: { tls: 'implicit' } };
    const { front } = await door(script, tls);
    const client = connectHttp2(front.url, { rejectUnauthorized: false }).on('error', () => undefined);
    stops.push(() => client.destroy());
    const slow = gather(client.request({ ':path': '/owa/slow', authorization: basic('ann@contoso.com') }));
    await until('the slow one', () => front.sessions.list()[0]?.server === 'MBX1');
    await gather(client.request({ ':path': '/owa/fast', authorization: basic('bob@contoso.com') }));
    await slow;
    const told = front.records.map(({ path, user }) => `${path} ${user}`);
    expect(told).toEqual(['/owa/fast bob@contoso.com', '/owa/slow ann@contoso.com']);
  });
});
