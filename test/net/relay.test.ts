import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { openDoor } from '../../src/net/accept.js';
import { connectTo } from '../../src/net/connect.js';
import { Relay, type Relayed, type RelayOptions } from '../../src/net/relay.js';
import { startTls } from '../../src/net/start-tls.js';
import { terminateTls } from '../../src/net/terminate-tls.js';
import { connectedPair, listenOnLoopback, readBytes, readToEnd } from './loopback.js';
import { makeCertificate } from './make-certificate.js';

type Options = Partial<Omit<RelayOptions, 'client' | 'server'>>;

const anything = { push: () => undefined, isComplete: true };

function startRelay(client: Socket, server: Socket, options: Options = {}): { relay: Relay; done: Promise<Relayed> } {
  let relayEnded: (relayed: Relayed) => void = () => undefined;
  const done = new Promise<Relayed>((resolve) => (relayEnded = resolve));
  const relay = new Relay(
    { client, server, idleTimeoutMs: 5000, stream: anything, ...options },
    { relayEnded: (relayed) => relayEnded(relayed) },
  );
  relay.start();
  return { relay, done };
}

/** `client` and `server` are the far ends; `inside` are the two sockets that the relay joins. */
async function joined(options: Options = {}) {
  const [left, right] = await Promise.all([connectedPair(), connectedPair()]);
  const inside = { client: left.far, server: right.near };
  const { relay, done } = startRelay(inside.client, inside.server, options);
  return { client: left.near, server: right.far, inside, relay, done };
}

const tick = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function expectDestroyed(inside: { client: Socket; server: Socket }): void {
  expect([inside.client.destroyed, inside.server.destroyed]).toEqual([true, true]);
}

test('bytes go both ways and are counted', async () => {
  const { client, server, inside, done } = await joined();
  client.write('a LOGIN x y\r\n');
  expect(await readBytes(server, 13)).toBe('a LOGIN x y\r\n');
  server.write('a OK\r\n');
  expect(await readBytes(client, 6)).toBe('a OK\r\n');
  client.end();
  server.end();
  expect(await done).toEqual({ bytesFromClient: 13, bytesFromServer: 6, ended: 'client', reason: null });
  expectDestroyed(inside);
});

test('an end on one side is passed on and the other side goes on', async () => {
  const { client, server, done } = await joined();
  client.end('a LOGOUT\r\n');
  expect(await readToEnd(server)).toBe('a LOGOUT\r\n');
  const answer = readToEnd(client);
  await tick(30);
  server.end('* BYE\r\n');
  expect(await answer).toBe('* BYE\r\n');
  expect(await done).toMatchObject({ ended: 'client', bytesFromServer: 7 });
});

test('a server that ends first is named', async () => {
  const { client, server, done } = await joined();
  server.end('* BYE\r\n');
  expect(await readToEnd(client)).toBe('* BYE\r\n');
  client.end();
  expect(await done).toMatchObject({ ended: 'server' });
});

test('bytes and an end that came before the relay are carried', async () => {
  const [left, right] = await Promise.all([connectedPair(), connectedPair()]);
  left.near.end('early');
  await once(left.far, 'readable');
  left.far.unshift(Buffer.from('very '));
  const done = startRelay(left.far, right.near).done;
  expect(await readToEnd(right.far)).toBe('very early');
  right.far.end();
  expect(await done).toMatchObject({ bytesFromClient: 10, ended: 'client' });
});

test('a client that had ended before the relay began', async () => {
  const [left, right] = await Promise.all([connectedPair(), connectedPair()]);
  const ended = once(left.far.resume(), 'end');
  left.near.end();
  await ended;
  const done = startRelay(left.far, right.near).done;
  right.far.resume().on('end', () => right.far.end('bye'));
  expect(await readToEnd(left.near)).toBe('bye');
  expect(await done).toMatchObject({ ended: 'client', bytesFromServer: 3 });
});

test('a socket that was closed before the relay began ends the other', async () => {
  const [left, right] = await Promise.all([connectedPair(), connectedPair()]);
  left.far.destroy();
  await once(left.far, 'close');
  expect(await startRelay(left.far, right.near).done).toMatchObject({ ended: 'client' });
  expect(right.near.destroyed).toBe(true);
  expect(await readToEnd(right.far)).toBe('');
});

test('a reset of one side ends the other, after what was on its way', async () => {
  const { client, server, inside, done } = await joined();
  server.write('last words');
  expect(await readBytes(client, 10)).toBe('last words');
  server.resetAndDestroy();
  expect(await readToEnd(client)).toBe('');
  const relayed = await done;
  expect(relayed.ended).toBe('error');
  expect(relayed.reason).toMatch(/^server: .*ECONNRESET/);
  expectDestroyed(inside);
});

test('a slow reader holds the sender back: what is buffered stays bounded and nothing is lost', async () => {
  const { client, server, inside, done } = await joined();
  const total = 64 * 1024 * 1024;
  const chunk = Buffer.alloc(65_536, 'x');
  let sent = 0;
  const send = (): void => {
    while (sent < total) {
      sent += chunk.length;
      if (!server.write(chunk)) return void server.once('drain', send);
    }
    server.end();
  };
  send();
  let held = 0;
  const watch = setInterval(() => {
    held = Math.max(held, inside.client.writableLength + inside.server.readableLength);
  }, 5);
  await tick(300);
  expect(sent).toBeLessThan(total);
  let got = 0;
  client.on('data', (data: Buffer) => (got += data.length));
  await once(client, 'end');
  client.end();
  clearInterval(watch);
  expect(got).toBe(total);
  expect(held).toBeGreaterThan(0);
  expect(held).toBeLessThan(512 * 1024);
  expect(await done).toMatchObject({ bytesFromServer: total, ended: 'server' });
});

test('silence on both sides ends it, bytes of either side put it off', async () => {
  const { server, inside, done } = await joined({ idleTimeoutMs: 150 });
  const begun = performance.now();
  for (let count = 0; count < 4; count += 1) {
    await tick(80);
    server.write('.');
  }
  expect(await done).toMatchObject({ ended: 'idle', bytesFromServer: 4, reason: 'no bytes for 150 ms' });
  expect(performance.now() - begun).toBeGreaterThan(400);
  expectDestroyed(inside);
});

test('a client that stays after the server has ended is not kept for ever', async () => {
  const { server, inside, done } = await joined({ idleTimeoutMs: 100 });
  server.end('* BYE');
  expect(await done).toMatchObject({ ended: 'server', bytesFromServer: 5, reason: 'no bytes for 100 ms' });
  expectDestroyed(inside);
});

test('an abort ends it', async () => {
  const { inside, relay, done } = await joined({ bytesBefore: { fromClient: 3, fromServer: 4 } });
  await tick(20);
  relay.abort('told to');
  expect(await done).toEqual({ bytesFromClient: 3, bytesFromServer: 4, ended: 'aborted', reason: 'told to' });
  expectDestroyed(inside);
});

describe('a polite end', () => {
  const bye = Buffer.from('* BYE\r\n');

  test('comes when nothing was said for a while, and what the client still says goes nowhere', async () => {
    const { client, server, inside, relay, done } = await joined();
    server.write('* 1 EXISTS\r\n');
    expect(await readBytes(client, 12)).toBe('* 1 EXISTS\r\n');
    const begun = performance.now();
    relay.endWhenQuiet(bye);
    relay.endWhenQuiet(bye);
    const [toClient, toServer] = [readToEnd(client), readToEnd(server)];
    const late = setInterval(() => client.write('a NOOP\r\n'), 5);
    await tick(100);
    clearInterval(late);
    server.write('a OK\r\n');
    expect(await toClient).toBe('a OK\r\n* BYE\r\n');
    expect(performance.now() - begun).toBeGreaterThan(340);
    client.end();
    expect(await toServer).toContain('a NOOP');
    expect(await done).toMatchObject({ ended: 'drained', reason: null });
    expectDestroyed(inside);
  });

  test('waits for the answer that the server owes', async () => {
    const { client, server, relay, done } = await joined();
    client.write('a FETCH\r\n');
    await readBytes(server, 9);
    relay.endWhenQuiet(bye);
    const all = readToEnd(client);
    await tick(600);
    server.write('a OK\r\n');
    expect(await all).toBe('a OK\r\n* BYE\r\n');
    client.end();
    expect(await done).toMatchObject({ ended: 'drained' });
  });

  test('says nothing in the middle of a response, and does not wait for its end for ever', async () => {
    const stream = { push: () => undefined, isComplete: false };
    const { client, server, relay, done } = await joined({ stream });
    server.write('* 1 FETCH (BODY[] {9}\r\n');
    const all = readToEnd(client);
    const begun = performance.now();
    relay.endWhenQuiet(bye, 500);
    expect(await all).toBe('* 1 FETCH (BODY[] {9}\r\n');
    expect(performance.now() - begun).toBeGreaterThan(450);
    client.end();
    expect(await done).toMatchObject({ ended: 'drained' });
  });

  test('without words is a close', async () => {
    const { client, relay, done } = await joined();
    relay.endWhenQuiet(Buffer.alloc(0));
    expect(await readToEnd(client)).toBe('');
    client.end();
    expect(await done).toMatchObject({ ended: 'drained' });
  });
});

test('between TLS on one side and plain on the other', async () => {
  const pem = await makeCertificate(['mbx1.example']);
  const [left, right] = await Promise.all([connectedPair(), connectedPair()]);
  const accepting = terminateTls(left.far, {
    contextFor: () => createSecureContext(pem),
    timeoutMs: 2000,
    pending: 'handshake',
  });
  const client = await startTls(left.near, { verify: false, ca: null, serverName: 'mbx1.example', timeoutMs: 2000 });
  const done = startRelay(await accepting, right.near).done;
  const text = 'y'.repeat(3_000_000);
  client.end(text);
  const arrived = await readToEnd(right.far);
  expect(arrived.length).toBe(text.length);
  right.far.end('thanks');
  expect(await readToEnd(client)).toBe('thanks');
  expect(await done).toMatchObject({ bytesFromClient: text.length, bytesFromServer: 6, ended: 'client' });
});

test('small writes are not held back on the way', async () => {
  const server = await listenOnLoopback((socket) => {
    socket.setNoDelay(true).on('data', (chunk: Buffer) => {
      for (const byte of chunk) if (byte === 10) socket.write('ok');
    });
  });
  const door = await openDoor({
    host: '127.0.0.1',
    port: 0,
    onConnection: (socket) => {
      const options = { tls: 'none', verify: false, ca: null, serverName: null, timeoutMs: 1000 } as const;
      void connectTo({ ...options, host: '127.0.0.1', port: server.port }).then(
        (backend) => startRelay(socket, backend).done,
      );
    },
  });
  const client = connect({ ...door.address, noDelay: true });
  await once(client, 'connect');
  const begun = performance.now();
  for (let round = 0; round < 20; round += 1) {
    for (const piece of ['a', 'b', '\n']) {
      client.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await readBytes(client, 2);
  }
  // With Nagle's algorithm on the way to the server each round takes the 40 ms of a delayed acknowledgement.
  expect(performance.now() - begun).toBeLessThan(400);
  client.destroy();
  door.close();
  server.close();
});
