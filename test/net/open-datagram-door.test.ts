import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { UsherError } from '../../src/errors.js';
import { type DatagramDoor, type DatagramPeer, openDatagramDoor } from '../../src/net/open-datagram-door.js';
import { until } from '../support/until.js';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const ignore = (): void => undefined;

async function opened(
  onDatagram: (bytes: Buffer, from: DatagramPeer, door: DatagramDoor) => void = ignore,
  host = '127.0.0.1',
  port = 0,
): Promise<DatagramDoor> {
  const door = await openDatagramDoor({ host, port, onDatagram });
  cleanups.push(() => door.close());
  return door;
}

async function client(host = '127.0.0.1') {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.bind(0, host);
  await once(socket, 'listening');
  const heard: { text: string; port: number }[] = [];
  socket.on('message', (bytes, { port }) => heard.push({ text: bytes.toString(), port }));
  cleanups.push(() => socket.close());
  return { socket, heard, port: socket.address().port };
}

test.each(['127.0.0.1', '::1'])('%s: answers come from the port that was asked', async (host) => {
  const door = await opened(
    (bytes, from, door) => void door.send(Buffer.concat([bytes, Buffer.from('!')]), from),
    host,
  );
  const { socket, heard } = await client(host);
  for (const text of ['one', '', 'x'.repeat(60_000)]) socket.send(text, door.address.port, host);
  await until('three answers', () => heard.length === 3);
  expect(heard.map(({ text }) => text.length)).toStrictEqual([4, 1, 60_001]);
  expect(new Set(heard.map(({ port }) => port))).toStrictEqual(new Set([door.address.port]));
  expect(door.address.host).toBe(host);
});

test('who sends is told by address and port', async () => {
  const seen: DatagramPeer[] = [];
  const door = await opened((_, from) => seen.push(from));
  const { socket, port } = await client('127.0.0.5');
  socket.send('hello', door.address.port, '127.0.0.1');
  await until('it to come', () => seen.length > 0);
  expect(seen).toStrictEqual([{ address: '127.0.0.5', port }]);
});

test('an address in use, or one that is not ours, is refused in words', async () => {
  const { port } = (await opened()).address;
  await expect(opened(ignore, '127.0.0.1', port)).rejects.toThrow(UsherError);
  await expect(opened(ignore, '127.0.0.1', port)).rejects.toThrow(`127.0.0.1:${port}`);
  await expect(opened(ignore, '203.0.113.1')).rejects.toMatchObject({ code: 'door-not-open' });
});

test('a wildcard of IPv4 and one of IPv6 stand side by side', async () => {
  const { port } = (await opened(ignore, '0.0.0.0')).address;
  expect((await opened(ignore, '::', port)).address.port).toBe(port);
});

test('what nobody takes harms nothing: no port, nobody there, too long, closed', async () => {
  const door = await opened((bytes, from, door) => void door.send(bytes, from));
  const { socket, heard, port } = await client();
  expect(door.send(Buffer.from('a'), { address: '127.0.0.1', port: 0 })).toBe(false);
  expect(door.send(Buffer.from('a'), { address: '127.0.0.1', port: 1 })).toBe(true);
  expect(door.send(Buffer.alloc(70_000), { address: '127.0.0.1', port })).toBe(true);
  socket.send('still here', door.address.port, '127.0.0.1');
  await until('an answer', () => heard.length > 0);
  expect(heard[0]?.text).toBe('still here');
  door.close();
  door.close();
  expect(door.send(Buffer.from('a'), { address: '127.0.0.1', port })).toBe(false);
  // The port is free again.
  await opened(ignore, '127.0.0.1', door.address.port);
});
