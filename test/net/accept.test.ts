import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { UsherError } from '../../src/errors.js';
import { type DoorTrouble, openDoor } from '../../src/net/accept.js';
import { until } from '../support/until.js';
import { readToEnd } from './loopback.js';

test('a door accepts until it is closed, and its connections go on after', async () => {
  const door = await openDoor({
    host: '127.0.0.1',
    port: 0,
    onConnection: (socket) => socket.on('data', (chunk: Buffer) => socket.end(chunk)),
  });
  const client = connect(door.address);
  await once(client, 'connect');
  door.close();
  const refused = connect(door.address);
  expect(await once(refused, 'error')).toMatchObject([{ code: 'ECONNREFUSED' }]);
  const answer = readToEnd(client);
  client.write('still here');
  expect(await answer).toBe('still here');
});

test('an address can be opened again as soon as it is closed', async () => {
  const first = await openDoor({ host: '127.0.0.1', port: 0, onConnection: (socket) => socket.destroy() });
  first.close();
  const second = await openDoor({ ...first.address, onConnection: (socket) => socket.destroy() });
  expect(second.address).toEqual(first.address);
  second.close();
});

test('an address in use is named in words', async () => {
  const door = await openDoor({ host: '127.0.0.1', port: 0, onConnection: (socket) => socket.destroy() });
  const failure = await openDoor({ ...door.address, onConnection: (socket) => socket.destroy() }).catch(
    (e: unknown) => e,
  );
  expect(failure).toBeInstanceOf(UsherError);
  expect(failure).toMatchObject({
    kind: 'failed',
    code: 'door-not-open',
    message: `127.0.0.1:${door.address.port} is in use by another program (EADDRINUSE)`,
  });
  door.close();
});

test('an address of another machine is named in words', async () => {
  const opening = openDoor({ host: '192.0.2.1', port: 2525, onConnection: (socket) => socket.destroy() });
  await expect(opening).rejects.toThrow('192.0.2.1:2525 is not an address of this machine (EADDRNOTAVAIL)');
});

test('IPv4 and IPv6 can be opened on the same port', async () => {
  const six = await openDoor({ host: '::', port: 0, onConnection: (socket) => socket.destroy() });
  const four = await openDoor({ host: '0.0.0.0', port: six.address.port, onConnection: (socket) => socket.destroy() });
  expect(four.address.port).toBe(six.address.port);
  four.close();
  six.close();
});

test('a full door closes what comes and says so', async () => {
  const troubles: DoorTrouble[] = [];
  const door = await openDoor({
    host: '127.0.0.1',
    port: 0,
    connectionsMax: 1,
    onConnection: (socket) => socket.write('in'),
    onTrouble: (trouble) => troubles.push(trouble),
  });
  const first = connect(door.address);
  await once(first, 'data');
  const second = connect(door.address);
  second.on('error', () => second.destroy());
  expect(await readToEnd(second)).toBe('');
  expect(troubles).toEqual([{ kind: 'full', address: '127.0.0.1' }]);
  first.destroy();
  door.close();
});

test('a client that ends its side still gets its answer', async () => {
  const door = await openDoor({
    host: '127.0.0.1',
    port: 0,
    onConnection: (socket) => socket.resume().on('end', () => setTimeout(() => socket.end('bye'), 20)),
  });
  const client = connect(door.address);
  client.end('a LOGOUT\r\n');
  expect(await readToEnd(client)).toBe('bye');
  door.close();
});

test('a client that resets at once does not end the process', async () => {
  let accept: (socket: Socket) => void = () => undefined;
  const accepted = new Promise<Socket>((resolve) => {
    accept = resolve;
  });
  const door = await openDoor({ host: '127.0.0.1', port: 0, onConnection: (socket) => accept(socket) });
  const client = connect(door.address);
  const socket = await accepted;
  const closed = new Promise((resolve) => socket.on('close', resolve));
  client.resetAndDestroy();
  await closed;
  expect(socket.errored).toMatchObject({ code: 'ECONNRESET' });
  door.close();
});

test.skipIf(process.platform !== 'linux')('the kernel watches over accepted connections', async () => {
  const sockets: Socket[] = [];
  const door = await openDoor({ host: '127.0.0.1', port: 0, onConnection: (socket) => sockets.push(socket) });
  const client = connect(door.address).on('error', () => client.destroy());
  const socket = await until('a connection', () => sockets[0]);
  door.close();
  const hex = (port = 0): string => port.toString(16).toUpperCase().padStart(4, '0');
  const [local, remote] = [hex(socket.localPort), hex(socket.remotePort)];
  const line = new RegExp(`:${local} [0-9A-F]+:${remote} 01 \\S+ 02:`);
  expect(readFileSync('/proc/net/tcp', 'latin1')).toMatch(line);
  socket.destroy();
});
