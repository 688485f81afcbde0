import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, test } from 'vitest';
import { until } from '../../support/until.js';
import { ask, dial, say } from './ask.js';
import { type FrontEnd, type FrontEndOptions, startFrontEnd } from './front-end.js';
import { type Origin, startOrigin } from './origin.js';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;
const heapBytes = (): number => {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

const host = 'Host: mail.contoso.com\r\n';
const bob = 'bob@contoso.com';

async function origin(name: string): Promise<Origin> {
  const started = await startOrigin(name);
  stops.push(() => started.stop());
  return started;
}

/** Bob is on MBX2; MBX1 is the first for whom nobody knows. */
async function frontOf(ports: readonly number[], options: Partial<FrontEndOptions> = {}): Promise<FrontEnd> {
  const servers = ports.map((port, index) => [`MBX${index + 1}`, { endpoints: { http: { port, tls: 'none' } } }]);
  const front = await startFrontEnd({
    servers: Object.fromEntries(servers) as FrontEndOptions['servers'],
    databases: { DB2: `MBX${ports.length}` },
    mailboxes: { [bob]: 'DB2' },
    ...options,
  });
  stops.push(() => front.close());
  return front;
}

test('a hint with a line feed in it is not taken for two hints', async () => {
  const [one, two] = await Promise.all([origin('MBX1'), origin('MBX2')]);
  const front = await frontOf([one.port, two.port]);
  const both = encodeURIComponent(`${bob}\nuser\n${bob}`);
  const other = encodeURIComponent(`${bob}\nuser ${bob.length} ${bob}`);
  for (const user of [both, other]) {
    expect((await ask(front.url, `/Microsoft-Server-ActiveSync?User=${user}`)).echo.server).toBe('MBX1');
  }
  const bobs = `/Microsoft-Server-ActiveSync?User=${encodeURIComponent(bob)}`;
  expect((await ask(front.url, bobs, { user: bob })).echo.server).toBe('MBX2');
});

test('a mailbox that is held while its request waits for the server is not reached', async () => {
  const held: string[] = [];
  const away = await startOrigin('MBX1');
  await away.stop();
  const front = await frontOf([away.port], { held });
  const answered = ask(front.url, '/owa/', { user: bob });
  await until('a try', () => front.log.length > 0);
  held.push(bob);
  const back = await startOrigin('MBX1', { port: away.port });
  stops.push(() => back.stop());
  expect((await answered).status).toBe(503);
  expect(back.requests).toEqual([]);
});

test.each(['/owa/..;/ews/', '/owa/..;x=y/ews/', '/owa/%2e%2e;a/ews/', '/owa/.;/..;/ews/'])(
  '%s, which leads elsewhere where `;` ends a name, leads nowhere',
  async (path) => {
    const front = await frontOf([(await origin('MBX1')).port]);
    expect(await say(front.port, `GET ${path} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 400/,
    );
  },
);

test('decisions that are remembered do not keep the heads that they were made from', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      if (chunk.toString('latin1').endsWith('\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(() => server.close());
  const address = server.address();
  const front = await frontOf([typeof address === 'object' && address !== null ? address.port : 0]);
  const socket = await dial(front.port);
  stops.push(() => socket.destroy());
  const filler = ['A', 'B', 'C', 'D'].map((name) => `X-${name}: ${'f'.repeat(15_000)}\r\n`).join('');
  const before = heapBytes();
  for (let count = 0; count < 500; count += 1) {
    socket.write(`GET /owa/ HTTP/1.1\r\n${host}X-AnchorMailbox: somebody-${count}@contoso.com\r\n${filler}\r\n`);
    await once(socket, 'data');
  }
  await until('the records', () => front.records.length === 500);
  (front.records as unknown[]).length = 0;
  expect(heapBytes() - before).toBeLessThan(10_000_000);
}, 20_000);

test('a body of tiny chunks that is kept takes little more than its bytes', async () => {
  const front = await frontOf([(await origin('MBX1')).port]);
  const sockets = await Promise.all(Array.from({ length: 10 }, () => dial(front.port)));
  stops.push(() => sockets.forEach((socket) => socket.destroy()));
  const before = heapBytes();
  for (const socket of sockets) {
    socket.write(`POST /autodiscover/autodiscover.xml HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`);
    socket.write('1\r\nx\r\n'.repeat(60_000));
  }
  await sleep(1500);
  expect(heapBytes() - before).toBeLessThan(10 * 2_000_000);
}, 20_000);
