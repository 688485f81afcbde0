import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { ClientEvents } from '../../../src/session/http/client-side.js';
import { serveHttp2 } from '../../../src/session/http/http2-connection.js';
import { http2Limits } from '../../../src/session/http/http2-limits.js';
import { until } from '../../support/until.js';
import { askHttp2, dialHttp2, type Http2Door, type Http2DoorOptions, openHttp2Door } from './http2-door.js';
import {
  endHeaders,
  endStream,
  fieldBlock,
  frame,
  frameTypes,
  RawHttp2Client,
  requestBlock,
} from './http2-raw-client.js';

const codes = { no: 0, protocol: 1, internal: 2, refused: 7, cancel: 8, calm: 11, http1: 13 };
const whole = endHeaders | endStream;

const noEvents: ClientEvents = {
  bodyData: () => undefined,
  bodyEnd: () => undefined,
  clientDrained: () => undefined,
  clientGone: () => undefined,
};

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function open(options: Http2DoorOptions = {}): Promise<Http2Door> {
  const door = await openHttp2Door(options);
  stops.push(() => door.close());
  return door;
}

async function dial(door: Http2Door): Promise<RawHttp2Client> {
  const count = door.connections.length;
  const client = await RawHttp2Client.open(door.port);
  stops.push(() => client.destroy());
  await until('the connection', () => door.connections.length > count);
  return client;
}

/** `ok`, a status, or the code of a reset. */
async function outcomeOf(client: RawHttp2Client, stream: number): Promise<string> {
  const answer = await client.frame(
    `an end of ${stream}`,
    (one) => one.stream === stream && (one.type === frameTypes.headers || one.type === frameTypes.reset),
  );
  if (answer.type === frameTypes.reset) return `reset ${answer.payload.readUInt32BE(0)}`;
  // RFC 7541 appendix A: 8 is `:status: 200`, 12 is 400; others come as a literal with the name 8.
  const first = answer.payload[0] ?? 0;
  if (first === 0x88) return 'ok';
  return first === 0x8c ? '400' : 'other';
}

describe('requests that are wrong', () => {
  const cases: [string, [string, string][], string][] = [
    ['as they should be', [['te', 'trailers']], 'ok'],
    ['with a Host that agrees', [['host', 'Mail.contoso.com']], 'ok'],
    [
      'with a Host alone',
      [
        [':authority', ''],
        ['host', 'mail.contoso.com'],
      ],
      'ok',
    ],
    [
      'with OPTIONS *',
      [
        [':method', 'OPTIONS'],
        [':path', '*'],
      ],
      'ok',
    ],
    ['with two hosts', [['host', 'evil.example']], '400'],
    ['with user information', [[':authority', 'ann@mail.contoso.com']], '400'],
    ['with a path that is none', [[':path', 'http://x/owa/']], 'wrong'],
    ['with * for GET', [[':path', '*']], 'wrong'],
    ['without a path', [[':path', '']], 'wrong'],
    ['without a host', [[':authority', '']], 'wrong'],
    ['with another expectation', [['expect', '200-ok']], 'other'],
    ['with a space in the path', [[':path', '/owa/ HTTP/1.1']], 'wrong'],
    ['with another scheme', [[':scheme', 'ftp']], '400'],
    ['with CONNECT', [[':method', 'CONNECT']], 'wrong'],
    ['with a method that is none', [[':method', 'GET /']], 'wrong'],
    ['with connection', [['connection', 'close']], 'wrong'],
    ['with transfer-encoding', [['transfer-encoding', 'chunked']], 'wrong'],
    ['with upgrade', [['upgrade', 'websocket']], 'wrong'],
    ['with keep-alive', [['keep-alive', '1']], 'wrong'],
    ['with proxy-connection', [['proxy-connection', 'keep-alive']], 'wrong'],
    ['with another TE', [['te', 'gzip']], 'wrong'],
    ['with an upper-case name', [['X-Upper', '1']], 'wrong'],
    ['with a pseudo-field of nobody', [[':protocol', 'websocket']], 'wrong'],
    ['with a length that is none', [['content-length', '1x']], 'wrong'],
    [
      'with two lengths',
      [
        ['content-length', '0'],
        ['content-length', '0'],
      ],
      'wrong',
    ],
    ['with a length and no body', [['content-length', '5']], 'wrong'],
  ];

  test.each(cases)('%s', async (_name, fields, expected) => {
    const door = await open();
    const client = await dial(door);
    client.send(frameTypes.headers, whole, 1, requestBlock(...fields));
    const outcome = await outcomeOf(client, 1);
    if (expected === 'wrong') expect(outcome).toMatch(/^(?:400|other|reset 1)$/);
    else expect(outcome).toBe(expected);
    expect(door.told).toHaveLength(expected === 'ok' ? 1 : 0);
    // The connection goes on, for all of them.
    client.send(frameTypes.headers, whole, 3, requestBlock());
    expect(await outcomeOf(client, 3)).toBe('ok');
    if (expected !== 'ok') return;
    await until('the streams to be forgotten', () => door.connections[0]?.streamCount === 0);
    expect(client.frames.filter(({ type }) => type === frameTypes.reset)).toEqual([]);
  });

  test('in a byte of a name or a value never reach an exchange with it', async () => {
    const door = await open();
    const client = await dial(door);
    const wrong: [string, string][] = [
      ['x-lf', 'a\nb: c'],
      ['x-cr', 'a\rb'],
      ['x-nul', 'a\0b'],
      ['x-lead', ' a'],
      ['x-trail', 'a\t'],
      ['x lf\n', 'a'],
      ['x:colon', 'a'],
      ['', 'a'],
    ];
    for (const [index, field] of wrong.entries()) {
      client.send(frameTypes.headers, whole, 1 + 2 * index, requestBlock(field));
      await outcomeOf(client, 1 + 2 * index);
    }
    // The library may drop such a field before we see it.
    for (const { side } of door.told) expect(side.request.fields).toEqual(['host', 'mail.contoso.com']);
  });

  test('in the order of their fields are refused', async () => {
    const door = await open();
    const client = await dial(door);
    const block = fieldBlock([
      [':method', 'GET'],
      ['x-a', '1'],
      [':path', '/'],
      [':scheme', 'https'],
      [':authority', 'a'],
    ]);
    client.send(frameTypes.headers, whole, 1, block);
    expect(await outcomeOf(client, 1)).toBe('reset 1');
    expect(door.told).toHaveLength(0);
  });

  test.each([
    ['shorter', '5', 'abc'],
    ['longer', '2', 'abc'],
  ])('with a body %s than it was said to be are never told as whole', async (_name, length, body) => {
    const door = await open();
    const client = await dial(door);
    client.send(frameTypes.headers, endHeaders, 1, requestBlock([':method', 'POST'], ['content-length', length]));
    client.send(frameTypes.data, endStream, 1, Buffer.from(body));
    expect(await client.resetOf(1)).toBe(codes.protocol);
    await until('the word', () => (door.told[0]?.events.length ?? 0) > 0);
    expect(door.told[0]?.events).toEqual(['clientGone: the client broke the request off (PROTOCOL_ERROR)']);
  });

  test('reset with NO_ERROR in their bodies are never told as whole', async () => {
    for (const method of ['POST', 'HEAD']) {
      const door = await open();
      const client = await dial(door);
      client.send(frameTypes.headers, endHeaders, 1, requestBlock([':method', method]));
      client.send(frameTypes.data, 0, 1, Buffer.from('half'));
      await until('the half', () => door.told[0]?.body === 'half');
      client.send(frameTypes.reset, 0, 1, Buffer.alloc(4));
      await until('the word', () => (door.told[0]?.events.length ?? 0) > 0);
      expect(door.told[0]?.events).toEqual(['clientGone: the client broke the request off (NO_ERROR)']);
      await until('the stream to be forgotten', () => door.connections[0]?.streamCount === 0);
    }
  });

  test.each([
    ['a header too long', 1, 20_000],
    ['too much of a header', 8, 9000],
    ['too many fields', 300, 1],
  ])('with %s are turned away', async (_name, count, length) => {
    const door = await open();
    const client = await dial(door);
    const fields = Array.from({ length: count }, (_, index) => [`x-${index}`, 'v'.repeat(length)] as const);
    const block = requestBlock(...fields);
    const pieces = Math.ceil(block.length / 16_384);
    for (let piece = 0; piece < pieces; piece += 1) {
      const type = piece === 0 ? frameTypes.headers : frameTypes.continuation;
      const flags = (piece === 0 ? endStream : 0) | (piece === pieces - 1 ? endHeaders : 0);
      client.send(type, flags, 1, block.subarray(piece * 16_384, (piece + 1) * 16_384));
    }
    expect(await outcomeOf(client, 1)).toMatch(/^(?:reset 11|other)$/);
    expect(door.told).toHaveLength(0);
  });
});

describe('what only HTTP/1.1 carries', () => {
  test.each([
    [[':method', 'RPC_IN_DATA'] as const],
    [[':path', '/rpc/rpcproxy.dll?a@b:6001'] as const],
    [[':path', '/Rpc'] as const],
    [['authorization', 'NTLM TlRMTVNTUAAB'] as const],
    [['authorization', 'Negotiate YIIB'] as const],
  ])('is sent there: %s', async (field) => {
    const door = await open();
    const client = await dial(door);
    client.send(frameTypes.headers, whole, 1, requestBlock(field));
    expect(await client.resetOf(1)).toBe(codes.http1);
    client.send(frameTypes.headers, whole, 3, requestBlock(['authorization', 'Basic YTpi'], [':path', '/rpcs']));
    expect(await outcomeOf(client, 3)).toBe('ok');
    expect(door.told).toHaveLength(1);
  });

  test('is no tunnel and no WebSocket: extended CONNECT is not offered', async () => {
    const door = await open();
    const client = dialHttp2(door);
    stops.push(() => client.destroy());
    await once(client, 'remoteSettings');
    expect(client.remoteSettings).toMatchObject({ enableConnectProtocol: false, maxConcurrentStreams: 100 });
  });
});

describe('floods', () => {
  const quiet = { nuisancesMax: 100 };

  test('of requests that are reset at once end the connection', async () => {
    const door = await open();
    const client = await dial(door);
    for (let stream = 1; stream < 4001 && !client.isClosed; stream += 2) {
      client.write(
        Buffer.concat([
          frame(frameTypes.headers, whole, stream, requestBlock()),
          frame(frameTypes.reset, 0, stream, Buffer.from([0, 0, 0, 8])),
        ]),
      );
      if (stream % 101 === 0) await sleep(1);
    }
    expect(await client.goneWith()).toBe(codes.calm);
    expect(door.refusals.at(-1)).toEqual({ status: 429, text: 'too many streams broken off' });
    expect(door.told.length).toBeLessThan(400);
    await door.connections[0]?.closed;
    expect(door.connections[0]?.streamCount).toBe(0);
  });

  test('of requests that make us reset them end the connection', async () => {
    const door = await open();
    const client = await dial(door);
    for (let stream = 1; stream < 4001 && !client.isClosed; stream += 2) {
      const increment = Buffer.alloc(4);
      client.write(
        Buffer.concat([
          frame(frameTypes.headers, endHeaders, stream, requestBlock([':method', 'POST'])),
          // RFC 9113 §6.9: an increment of 0 is a stream error.
          frame(frameTypes.windowUpdate, 0, stream, increment),
        ]),
      );
      if (stream % 101 === 0) await sleep(1);
    }
    expect(await client.goneWith()).toBeGreaterThan(0);
    expect(door.told.length).toBeLessThan(400);
  });

  test.each([
    ['pings', frame(frameTypes.ping, 0, 0, Buffer.alloc(8)), codes.calm],
    ['settings changed', frame(frameTypes.settings, 0, 0), codes.calm],
  ])('of %s end the connection', async (name, bytes, code) => {
    const door = await open({ limits: quiet });
    const client = await dial(door);
    client.write(Buffer.concat(Array.from({ length: 150 }, () => bytes)));
    expect(await client.goneWith()).toBe(code);
    expect(door.refusals).toEqual([{ status: 429, text: `too many ${name}` }]);
  });

  test('of pings whose answers are not taken end the connection', async () => {
    const door = await open({ limits: { nuisancesMax: 1e9 } });
    const client = await dial(door);
    client.pause();
    const many = Buffer.concat(Array.from({ length: 20_000 }, () => frame(frameTypes.ping, 0, 0, Buffer.alloc(8))));
    const before = process.memoryUsage().rss;
    const filling = setInterval(() => client.write(many), 5);
    stops.push(() => clearInterval(filling));
    await Promise.race([door.connections[0]?.closed, sleep(1500)]);
    expect(client.isClosed || door.sockets[0]?.destroyed).toBe(true);
    expect(process.memoryUsage().rss - before).toBeLessThan(300_000_000);
  });

  test('of a body in small pieces that nobody asks for end the connection', async () => {
    const door = await open({ begin: () => ({}) });
    const client = await dial(door);
    client.send(frameTypes.headers, endHeaders, 1, requestBlock([':method', 'POST']));
    await until('the request', () => door.told.length === 1);
    const small = frame(frameTypes.data, 0, 1, Buffer.from('x'));
    for (let piece = 0; piece < 20; piece += 1) client.write(Buffer.concat(Array.from({ length: 100 }, () => small)));
    expect(await client.goneWith()).toBe(codes.calm);
    expect(door.refusals.at(-1)?.text).toBe('too many small frames');
    expect(door.told[0]?.events[0]).toMatch(/^clientGone: /);
  });

  test('of empty pieces of a body end the connection', async () => {
    const door = await open();
    const client = await dial(door);
    client.send(frameTypes.headers, endHeaders, 1, requestBlock([':method', 'POST']));
    client.write(Buffer.concat(Array.from({ length: 300 }, () => frame(frameTypes.data, 0, 1))));
    expect(await client.goneWith()).not.toBe(-1);
    expect(door.told[0]?.events[0]).toMatch(/^clientGone: /);
  });

  test('of CONTINUATION end the connection', async () => {
    const door = await open();
    const client = await dial(door);
    client.send(frameTypes.headers, endStream, 1, requestBlock());
    const block = fieldBlock([['x', 'y']]);
    for (let count = 0; count < 50 && !client.isClosed; count += 1) client.send(frameTypes.continuation, 0, 1, block);
    expect(await client.goneWith()).toBeGreaterThan(0);
    expect(door.told).toHaveLength(0);
  });

  test('of what is no frame end the connection', async () => {
    const door = await open();
    const client = await RawHttp2Client.silent(door.port);
    client.write(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
    await until('the connection to close', () => client.isClosed);
    await until('the word', () => door.refusals.length > 0);
    expect(door.refusals[0]).toMatchObject({ status: 400 });
  });

  test('of streams beyond those that are allowed do not begin', async () => {
    const door = await open({ begin: () => ({}), limits: { streamsMax: 10 } });
    const client = await dial(door);
    await client.frame('settings', (one) => one.type === frameTypes.settings && one.flags === 0);
    for (let stream = 1; stream < 61; stream += 2) client.send(frameTypes.headers, whole, stream, requestBlock());
    expect(await client.resetOf(59)).toBe(codes.refused);
    expect(door.told).toHaveLength(10);
    // A client that has acknowledged the settings knows better.
    client.send(frameTypes.settings, 1, 0);
    client.send(frameTypes.headers, whole, 61, requestBlock());
    await until('the connection to close', () => client.isClosed);
    expect(door.told).toHaveLength(10);
  });

  test('of bodies that nobody asks for are held to a number of bytes', async () => {
    const door = await open({ begin: () => ({}), limits: { heldBytesMax: 100_000 } });
    const client = await dial(door);
    const piece = frame(frameTypes.data, 0, 1, Buffer.alloc(10_000));
    for (const stream of [1, 3, 5]) {
      client.send(frameTypes.headers, endHeaders, stream, requestBlock([':method', 'POST']));
      piece.writeUInt32BE(stream, 5);
      for (let count = 0; count < 4; count += 1) client.write(Buffer.from(piece));
    }
    expect(await client.resetOf(5)).toBe(codes.calm);
    expect(door.told[2]?.events).toEqual(['clientGone: too much of the body came unasked for']);
    await until('the end of the third', () => door.connections[0]?.streamCount === 2);
    // What is asked for makes room.
    door.told[0]?.side.resumeBody();
    await until('the first body', () => door.told[0]?.body.length === 40_000);
    client.send(frameTypes.headers, endHeaders, 7, requestBlock([':method', 'POST']));
    client.send(frameTypes.data, endStream, 7, Buffer.alloc(10_000));
    await until('the next', () => door.told.length === 4);
    door.told[3]?.side.resumeBody();
    await until('its body', () => door.told[3]?.body.length === 10_000);
    expect(door.told[3]?.events).toEqual(['bodyEnd']);
  });
});

describe('the life of a connection', () => {
  test('ends when no request comes, and when none follows', async () => {
    const door = await open({ limits: { headTimeoutMs: 100, keepAliveTimeoutMs: 300 } });
    const silent = await RawHttp2Client.silent(door.port);
    const half = await dial(door);
    half.send(frameTypes.headers, endStream, 1, requestBlock());
    const used = dialHttp2(door);
    await askHttp2(used, {});
    const askedAt = performance.now();
    expect(await half.goneWith()).toBe(codes.no);
    await until('the silent one to close', () => silent.isClosed);
    if (!used.closed) await once(used, 'close');
    expect(performance.now() - askedAt).toBeGreaterThan(250);
    await Promise.all(door.connections.map(({ closed }) => closed));
  });

  test('ends after a client that does not go', async () => {
    const door = await open({ limits: { headTimeoutMs: 50 } });
    const client = await dial(door);
    client.pause();
    await door.connections[0]?.closed;
    expect(door.refusals).toEqual([]);
  });

  test('drains: what runs is finished, what comes is not begun', async () => {
    const door = await open();
    const client = dialHttp2(door);
    const running = client.request({ ':path': '/', ':method': 'POST' });
    running.write('first');
    await until('the request', () => door.told[0]?.body === 'first');
    const gone = once(client, 'goaway');
    door.connections[0]?.drain();
    await gone;
    expect(() => client.request({ ':path': '/' })).toThrow(/GOAWAY|closed/i);
    expect(door.connections[0]?.streamCount).toBe(1);
    let body = '';
    running.setEncoding('utf8').on('data', (piece: string) => {
      body += piece;
    });
    running.end(' second');
    await once(running, 'close');
    expect(body).toBe('first second');
    await door.connections[0]?.closed;
  });

  test('drains at once where nothing runs, and counts its bytes', async () => {
    const door = await open();
    const client = dialHttp2(door);
    await askHttp2(client, { ':method': 'POST' }, 'x'.repeat(10_000));
    const connection = door.connections[0];
    expect(connection?.bytesReceived).toBeGreaterThan(10_000);
    expect(connection?.bytesSent).toBeGreaterThan(10_000);
    connection?.drain();
    await connection?.closed;
    expect(connection?.bytesReceived).toBeGreaterThan(10_000);
  });

  test('ends at once when it is told to, and its exchanges hear of it', async () => {
    const door = await open({ begin: () => ({}) });
    const client = dialHttp2(door);
    client.request({ ':path': '/' }).on('error', () => undefined);
    await until('the request', () => door.told.length === 1);
    door.connections[0]?.destroy();
    await door.connections[0]?.closed;
    expect(door.told[0]?.events.at(-1)).toBe('clientGone: the client left');
    expect(door.connections[0]?.streamCount).toBe(0);
  });

  test('is over for a client that left before it was served', async () => {
    const door = await open();
    const client = await dial(door);
    const socket = door.sockets[0];
    if (socket === undefined) throw new Error('no socket');
    await until('the connection to be served', () => door.connections.length === 1);
    client.destroy();
    await door.connections[0]?.closed;
    const late = serveHttp2(socket, { limits: http2Limits, begin: () => noEvents, onRefused: () => undefined });
    await late.closed;
    expect(late.streamCount).toBe(0);
  });

  test('ends with a client that ends its side or says that it goes', async () => {
    const door = await open({ begin: () => ({}) });
    const client = await dial(door);
    client.send(frameTypes.headers, whole, 1, requestBlock());
    await until('the request', () => door.told.length === 1);
    client.end();
    await door.connections[0]?.closed;
    expect(door.told[0]?.events.at(-1)).toBe('clientGone: the client left');
    const going = await dial(door);
    going.send(frameTypes.goaway, 0, 0, Buffer.alloc(8));
    await until('the second', () => door.connections.length === 2);
    await door.connections[1]?.closed;
  });
});
