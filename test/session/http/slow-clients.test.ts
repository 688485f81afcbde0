import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { openDoor } from '../../../src/net/accept.js';
import type { ClientEvents, ClientSide } from '../../../src/session/http/client-side.js';
import { Http1Connection } from '../../../src/session/http/http1-connection.js';
import { until } from '../../support/until.js';
import { dial, readAll } from './ask.js';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** A connection's client half that waits 300 ms for a client, with what it tells of one request. */
async function halfOf(begin: (side: ClientSide) => void): Promise<{ port: number; told: string[] }> {
  const told: string[] = [];
  const events: ClientEvents = {
    bodyData: (chunk) => void told.push(`data ${chunk.length}`),
    bodyEnd: () => void told.push('end'),
    clientDrained: () => undefined,
    clientGone: (reason) => void told.push(`gone: ${reason}`),
  };
  const door = await openDoor({
    host: '127.0.0.1',
    port: 0,
    onConnection: (socket) =>
      new Http1Connection(socket, {
        headTimeoutMs: 300,
        keepAliveTimeoutMs: 300,
        silenceTimeoutMs: 300,
        begin(side) {
          begin(side);
          return events;
        },
        onRefused: ({ status }) => void told.push(`refused ${status}`),
        onClosed: () => void told.push('closed'),
      }).start(),
  });
  stops.push(() => door.close());
  return { port: door.address.port, told };
}

const head = 'POST /ews/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n';

describe('a client that is waited for', () => {
  test('is given up when nothing of its body comes', async () => {
    const { port, told } = await halfOf((side) => side.resumeBody());
    const socket = await dial(port);
    socket.write(head);
    await until('the end', () => told.at(-1) === 'closed');
    expect(told).toEqual(['gone: the client moved nothing for too long', 'closed']);
  });

  test('is given up when its body drips', async () => {
    const { port, told } = await halfOf((side) => side.resumeBody());
    const socket = await dial(port);
    socket.write(head);
    const drip = setInterval(() => socket.write('x'), 100);
    stops.push(() => clearInterval(drip));
    await until('the end', () => told.at(-1) === 'closed');
    expect(told.slice(-2)).toEqual(['gone: the client moved nothing for too long', 'closed']);
    expect(told.length).toBeLessThan(12);
  });

  test('is not given up while its body is held back here', async () => {
    const { port, told } = await halfOf(() => undefined);
    const socket = await dial(port);
    socket.write(`${head}xxx`);
    await sleep(900);
    expect(told).toEqual([]);
    socket.destroy();
    await until('the end', () => told.at(-1) === 'closed');
  });

  test('is given up when it takes nothing of its answer', async () => {
    const { port, told } = await halfOf((side) => {
      side.sendHead({ status: 200, reason: '', fields: [], framing: { kind: 'length', length: 1e9 } });
      for (let piece = 0; piece < 200; piece += 1) side.sendData(Buffer.alloc(100_000));
    });
    const socket = await dial(port);
    socket.pause();
    socket.write('GET /ews/ HTTP/1.1\r\nHost: x\r\n\r\n');
    await until('the end', () => told.at(-1) === 'closed');
    expect(told).toEqual(['end', 'gone: the client moved nothing for too long', 'closed']);
  });

  test('is let go without a word when it never speaks, and told 408 when it stops in a head', async () => {
    const { port, told } = await halfOf(() => undefined);
    const silent = readAll(await dial(port));
    const stopped = await dial(port);
    const answer = readAll(stopped);
    stopped.write('GET / HT');
    expect(await silent).toBe('');
    expect(await answer).toMatch(/^HTTP\/1\.1 408 /);
    await until('both ends', () => told.filter((word) => word === 'closed').length === 2);
    expect(told).toContain('refused 408');
  });

  test('hears the end of the connection once it has ended its side and had time to read', async () => {
    const { port, told } = await halfOf(() => undefined);
    const socket = await dial(port);
    socket.end('GET /ews/ HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'close');
    await until('the end', () => told.at(-1) === 'closed');
    expect(told[0]).toBe('end');
    expect(told[1]).toMatch(/^gone: /);
  });
});
