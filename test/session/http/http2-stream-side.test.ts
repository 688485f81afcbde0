import { execFile } from 'node:child_process';
import { once } from 'node:events';
import type { ClientHttp2Session } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { FieldLines } from '../../../src/protocols/http/http-message.js';
import type { ClientAnswer } from '../../../src/session/http/client-side.js';
import { findProgram } from '../../support/find-program.js';
import { until } from '../../support/until.js';
import { askHttp2, dialHttp2, gather, type Http2Door, type Http2DoorOptions, openHttp2Door } from './http2-door.js';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function open(options: Http2DoorOptions = {}): Promise<{ door: Http2Door; client: ClientHttp2Session }> {
  const door = await openHttp2Door(options);
  const client = dialHttp2(door);
  stops.push(
    () => door.close(),
    () => client.destroy(),
  );
  return { door, client };
}

const answerOf = (fields: FieldLines, framing: ClientAnswer['framing'] = { kind: 'chunked' }, status = 200) => ({
  status,
  reason: '',
  fields,
  framing,
});

describe('a request', () => {
  test('is told with its fields in order, its host and its framing, and its body comes back', async () => {
    const { door, client } = await open();
    const fields = { ':method': 'POST', cookie: ['a=1', 'b=2'], 'x-one': '1', 'content-length': '5' };
    const answer = await askHttp2(client, fields, 'hello');
    expect(answer.headers[':status']).toBe(200);
    expect(answer.headers['content-length']).toBe('5');
    expect(answer.body).toBe('hello');
    const request = door.told[0]?.side.request;
    expect(request).toMatchObject({
      method: 'POST',
      target: '/owa/',
      version: '2',
      host: `127.0.0.1:${door.port}`,
      framing: { kind: 'length', length: 5 },
      isPersistent: true,
      upgrade: null,
    });
    expect(request?.fields).toEqual([
      'host',
      `127.0.0.1:${door.port}`,
      'cookie',
      'a=1',
      'cookie',
      'b=2',
      'x-one',
      '1',
      'content-length',
      '5',
    ]);
    await until('the stream to be forgotten', () => door.connections[0]?.streamCount === 0);
    expect(door.told[0]?.events).toEqual(['bodyEnd']);
  });

  test('without a body, and HEAD, end at once and leave nothing behind', async () => {
    const { door, client } = await open();
    const [get, head] = await Promise.all([
      askHttp2(client, { ':method': 'GET' }),
      askHttp2(client, { ':method': 'HEAD' }),
    ]);
    expect(get?.headers['x-method']).toBe('GET');
    expect(head?.headers['x-method']).toBe('HEAD');
    expect(door.told.map(({ side }) => side.request.framing.kind)).toEqual(['none', 'none']);
    await until('the streams to be forgotten', () => door.connections[0]?.streamCount === 0);
    expect(door.told.map(({ events }) => events)).toEqual([['bodyEnd'], ['bodyEnd']]);
  });

  test('with trailers brings them', async () => {
    const { door, client } = await open();
    const stream = client.request({ ':path': '/', ':method': 'POST' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': 'abc' }));
    stream.end('body');
    expect((await gather(stream)).body).toBe('body');
    expect(door.told[0]?.side.request.framing).toEqual({ kind: 'chunked' });
    expect(door.told[0]?.trailers).toEqual(['x-sum', 'abc']);
  });

  test('waits for 100 and gets it', async () => {
    const { door, client } = await open({
      begin: (side, told) => {
        side.sendInterim(100, []);
        side.sendInterim(103, ['Link', '</a.css>; rel=preload']);
        side.resumeBody();
        return {
          bodyEnd() {
            side.sendHead(answerOf([], { kind: 'length', length: told.body.length }));
            side.sendData(Buffer.from(told.body));
            side.sendEnd([]);
          },
        };
      },
    });
    const stream = client.request({ ':path': '/', ':method': 'POST', expect: '100-continue' });
    await once(stream, 'continue');
    stream.end('now');
    const answer = await gather(stream);
    expect(answer.body).toBe('now');
    expect(door.told[0]?.side.request.expectsContinue).toBe(true);
  });

  test('that breaks off in its body is never told as whole', async () => {
    const { door, client } = await open();
    const stream = client.request({ ':path': '/', ':method': 'POST' }).on('error', () => undefined);
    stream.write('half');
    await until('the half', () => door.told[0]?.body === 'half');
    stream.destroy(new Error('changed my mind'));
    await until('the word', () => door.told[0]?.events.length === 1);
    expect(door.told[0]?.events).toEqual(['clientGone: the client broke the request off (INTERNAL_ERROR)']);
    await until('the stream to be forgotten', () => door.connections[0]?.streamCount === 0);
  });

  test('that breaks off while its body is held back is told as well', async () => {
    const { door, client } = await open({ begin: () => ({}) });
    const stream = client.request({ ':path': '/', ':method': 'POST' }).on('error', () => undefined);
    stream.write('half');
    await until('the request', () => door.told.length === 1);
    await sleep(30);
    expect(door.told[0]?.body).toBe('');
    stream.destroy();
    await until('the word', () => door.told[0]?.events.length === 1);
    await until('the stream to be forgotten', () => door.connections[0]?.streamCount === 0);
  });

  test('is broken off by a connection that ends', async () => {
    const { door, client } = await open({ begin: () => ({}) });
    client.request({ ':path': '/' }).on('error', () => undefined);
    await until('the request', () => door.told.length === 1);
    client.destroy();
    await door.connections[0]?.closed;
    expect(door.told[0]?.events).toEqual(['bodyEnd', 'clientGone: the client left']);
  });
});

describe('an answer', () => {
  test('has lower-case fields, none of the connection, and those that may come twice twice', async () => {
    const fields = [
      'Set-Cookie',
      'a=1',
      'SET-COOKIE',
      'b=2',
      'WWW-Authenticate',
      'Basic',
      'WWW-Authenticate',
      'Bearer',
    ];
    const bad = [
      'Connection',
      'close',
      'Transfer-Encoding',
      'chunked',
      'Bad Name',
      'x',
      ':status',
      '500',
      'X-Nul',
      'a\0b',
    ];
    const twice = ['Content-Type', 'text/html', 'content-type', 'text/plain', 'Content-Encoding', 'gzip'];
    const { client } = await open({
      begin: (side) => {
        side.sendHead(answerOf([...fields, ...bad, ...twice, 'X-Latin', 'caf\u00e9'], { kind: 'none' }));
        side.sendEnd([]);
        return {};
      },
    });
    const { headers } = await askHttp2(client, {});
    expect(Object.fromEntries(Object.entries(headers))).toEqual({
      ':status': 200,
      'set-cookie': ['a=1', 'b=2'],
      'www-authenticate': 'Basic, Bearer',
      'content-type': 'text/html',
      'content-encoding': 'gzip',
      'x-nul': 'a b',
      'x-latin': 'caf\u00e9',
    });
  });

  test('of any fields is sent or seen to be broken, and never throws', async () => {
    let next: FieldLines = [];
    const { client } = await open({
      begin: (side) => {
        side.sendHead(answerOf(next, { kind: 'length', length: 2 }));
        side.sendData(Buffer.from('ok'));
        side.sendEnd(next);
        return {};
      },
    });
    const name = fc.oneof(
      fc.string(),
      fc.constantFrom('Date', 'TE', 'etag', 'Upgrade', 'x', 'host', 'content-language'),
    );
    const lines = fc.array(fc.tuple(name, fc.string({ unit: 'binary', maxLength: 20 })), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(lines, async (pairs) => {
        next = pairs.flat();
        expect((await askHttp2(client, {})).body).toBe('ok');
      }),
      { numRuns: 150 },
    );
  });

  test('with a status that HTTP/2 does not have is seen to be broken', async () => {
    const { door, client } = await open({
      begin: (side) => {
        process.nextTick(() => side.sendHead(answerOf([], { kind: 'none' }, 999)));
        return {};
      },
    });
    await expect(askHttp2(client, {})).rejects.toThrow(/INTERNAL_ERROR/);
    expect(door.told[0]?.events[1]).toContain('clientGone: the answer cannot be sent over HTTP/2');
  });

  test('with a head as long as one may be goes out', async () => {
    const fields = Array.from({ length: 200 }, (_, index) => [`x-${index}`, 'v'.repeat(300)]).flat();
    const { client } = await open({
      begin: (side) => {
        side.sendHead(answerOf(fields, { kind: 'none' }));
        side.sendEnd([]);
        return {};
      },
    });
    expect((await askHttp2(client, {})).headers['x-199']).toHaveLength(300);
    expect((await askHttp2(client, {})).headers['x-0']).toHaveLength(300);
  });

  test('of 204 and 304 and to HEAD has no body, whatever is given', async () => {
    let status = 204;
    const { client, door } = await open({
      begin: (side) => {
        side.sendHead(answerOf(['content-length', '7'], { kind: 'length', length: 7 }, status));
        side.sendData(Buffer.from('ignored'));
        side.sendEnd([]);
        return {};
      },
    });
    for (status of [204, 304]) expect((await askHttp2(client, {})).body).toBe('');
    status = 200;
    const head = await askHttp2(client, { ':method': 'HEAD' });
    expect(head).toMatchObject({ body: '', headers: { 'content-length': '7' } });
    await until('the streams to be forgotten', () => door.connections[0]?.streamCount === 0);
  });

  test('ends with the trailers that it has announced', async () => {
    const { client, door } = await open({
      begin: (side) => {
        side.sendHead(answerOf(['Trailer', 'X-Sum']));
        side.sendData(Buffer.from('body'));
        side.sendEnd(['X-Sum', 'abc', 'Connection', 'x']);
        return {};
      },
    });
    const answer = await askHttp2(client, {}, 'never read');
    expect(answer.body).toBe('body');
    expect(Object.entries(answer.trailers ?? {})).toEqual([['x-sum', 'abc']]);
    await until('the stream to be forgotten', () => door.connections[0]?.streamCount === 0);
  });

  test('that cannot be finished is seen to be broken, before its head and in its body', async () => {
    const { client, door } = await open({
      begin: (side) => {
        if (side.request.target === '/late') {
          side.sendHead(answerOf([]));
          side.sendData(Buffer.from('half'));
          setTimeout(() => side.abort(), 20);
        } else side.abort();
        return {};
      },
    });
    await expect(askHttp2(client, { ':path': '/early' })).rejects.toThrow(/INTERNAL_ERROR/);
    await expect(askHttp2(client, { ':path': '/late' })).rejects.toThrow(/INTERNAL_ERROR/);
    await until('the streams to be forgotten', () => door.connections[0]?.streamCount === 0);
    expect(door.told.map(({ events }) => events)).toEqual([[], ['bodyEnd']]);
  });

  test('that comes before the body is whole ends the request', async () => {
    const { client, door } = await open({
      begin: (side) => {
        if (side.request.target === '/reading') side.resumeBody();
        setTimeout(() => {
          side.sendHead(answerOf([], { kind: 'length', length: 9 }, 413));
          side.sendData(Buffer.from('too large'));
          side.sendEnd([]);
        }, 30);
        return {};
      },
    });
    for (const path of ['/held', '/reading']) {
      const count = door.told.length;
      const stream = client.request({ ':path': path, ':method': 'POST' });
      stream.write(Buffer.alloc(300_000));
      const answer = await gather(stream);
      expect(answer).toMatchObject({ body: 'too large', headers: { ':status': 413 } });
      await until('the stream to be forgotten', () => door.connections[0]?.streamCount === 0);
      expect(door.told[count]?.events).toEqual(['clientGone: the answer came before the body was whole']);
    }
  });
});

describe('flow control', () => {
  test('holds a body that is not asked for to its window, while others go on', async () => {
    const { door, client } = await open({
      begin: (side, told) => {
        if (side.request.target !== '/held') side.resumeBody();
        return {
          bodyEnd() {
            side.sendHead(answerOf([], { kind: 'none' }));
            side.sendEnd([]);
            told.events.push(String(told.body.length));
          },
        };
      },
    });
    await new Promise((resolve) => client.once('remoteSettings', resolve));
    const held = client.request({ ':path': '/held', ':method': 'POST' });
    held.end(Buffer.alloc(3_000_000));
    await until('the request', () => door.told.length === 1);
    await Promise.all([1, 2, 3].map(() => askHttp2(client, { ':method': 'POST' }, Buffer.alloc(2_000_000))));
    const received = door.connections[0]?.bytesReceived ?? 0;
    expect(received).toBeGreaterThan(6_000_000);
    expect(received).toBeLessThan(6_000_000 + 262_144 + 65_536);
    door.told[0]?.side.resumeBody();
    await gather(held);
    expect(door.told[0]?.body.length).toBe(3_000_000);
  });

  test('asks for a pause when the client takes nothing, and goes on when it does', async () => {
    let blocked = 0;
    const { door, client } = await open({
      begin: (side) => {
        side.sendHead(answerOf([]));
        let left = 4_000_000;
        const pour = (): void => {
          while (left > 0) {
            left -= 50_000;
            if (side.sendData(Buffer.alloc(50_000))) continue;
            blocked += 1;
            return;
          }
          side.sendEnd([]);
        };
        setImmediate(pour);
        return { clientDrained: pour };
      },
    });
    const stream = client.request({ ':path': '/' });
    await once(stream, 'response');
    stream.pause();
    await sleep(200);
    expect(blocked).toBeGreaterThan(0);
    expect(door.connections[0]?.bytesSent).toBeLessThan(1_000_000);
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    stream.resume();
    await once(stream, 'close');
    expect(bytes).toBe(4_000_000);
    expect(door.told[0]?.events.filter((event) => event === 'clientDrained')).toHaveLength(blocked);
  });

  test('lets a body be paused and asked for again at any piece', async () => {
    const { client } = await open({
      begin: (side, told) => {
        side.resumeBody();
        return {
          bodyData() {
            side.pauseBody();
            setImmediate(() => side.resumeBody());
          },
          bodyEnd() {
            side.sendHead(answerOf(['x-bytes', String(told.body.length)], { kind: 'none' }));
            side.sendEnd([]);
          },
        };
      },
    });
    const answer = await askHttp2(client, { ':method': 'POST' }, Buffer.alloc(1_000_000));
    expect(answer.headers['x-bytes']).toBe('1000000');
  });
});

describe('a client that is waited for', () => {
  test('and sends nothing of its body is given up', async () => {
    const { door, client } = await open({
      limits: { silenceTimeoutMs: 200 },
      begin: (side) => {
        side.resumeBody();
        return {};
      },
    });
    const stream = client.request({ ':path': '/', ':method': 'POST' });
    stream.on('error', () => undefined).write('begun');
    await once(stream, 'close');
    expect(stream.rstCode).toBe(8);
    expect(door.told[0]?.events).toEqual(['clientGone: the client moved nothing for too long']);
  });

  test('and takes nothing of its answer is given up, but not one that waits for its answer', async () => {
    const { door, client } = await open({
      limits: { silenceTimeoutMs: 200 },
      begin: (side) => {
        if (side.request.target === '/wait') return {};
        side.sendHead(answerOf([]));
        side.sendData(Buffer.alloc(500_000));
        return {};
      },
    });
    const waiting = client.request({ ':path': '/wait', ':method': 'POST' }).on('error', () => undefined);
    waiting.write('held back');
    const stream = client.request({ ':path': '/' }).on('error', () => undefined);
    stream.pause();
    await until('the end', () => stream.closed);
    expect(door.told[1]?.events.at(-1)).toBe('clientGone: the client moved nothing for too long');
    expect(waiting.closed).toBe(false);
  });
});

test.skipIf(findProgram('curl') === undefined)('curl is served', async () => {
  const { door } = await open();
  const run = promisify(execFile);
  const { stdout: features } = await run('curl', ['--version']);
  const wanted = features.includes('HTTP2') ? '2' : '1.1';
  const args = ['-sk', '--http2', '-d', 'a=1', '-w', '\n%{http_version} %{http_code}', `${door.url}/owa/`];
  const { stdout } = await run('curl', args);
  expect(stdout).toBe(`a=1\n${wanted} 200`);
});
