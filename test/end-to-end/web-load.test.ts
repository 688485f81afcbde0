import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePorts } from '../support/free-port.js';
import { type Nginx, startNginx } from '../support/peers/nginx.js';
import { processMemory } from '../support/peers/process-memory.js';
import { describePeer } from '../support/require-peer.js';
import { run } from '../support/run.js';
import { startUsher, type Usher } from '../support/usher.js';
import { mailboxEstate } from './mailbox-estate.js';
import { ask, basic } from './web-client.js';

const user = 'ann@example.org';
const megabyte = 1024 * 1024;

describePeer(['nginx', 'wrk', 'h2load'], 'load generators', () => {
  let servers: Nginx[];
  let usher: Usher;
  let ports: { http: number; https: number };
  let pid: number;

  beforeAll(async () => {
    servers = await Promise.all(['MBX1', 'MBX2'].map((name) => startNginx({ name })));
    const [http = 0, https = 0] = await freePorts(2);
    ports = { http, https };
    usher = await startUsher(
      mailboxEstate({
        servers: servers.map(({ port }) => ({ http: { port, tls: 'none' } })),
        mailboxes: { DB1: [user] },
        listeners: [
          { name: 'HTTP', protocol: 'http', bind: `127.0.0.1:${http}` },
          { name: 'HTTPS', protocol: 'http', bind: `127.0.0.1:${https}`, tls: 'implicit' },
        ],
      }),
    );
    ({ pid } = JSON.parse(await usher.cli('status', '--json')) as { pid: number });
  });
  afterAll(async () => {
    await usher?.stop();
    await Promise.all((servers ?? []).map((server) => server.stop()));
  });

  const credentials = `Authorization: ${basic(user)}`;

  test.each(['http', 'https'] as const)('wrk at the %s door sees no error', async (door) => {
    const url = `${door}://127.0.0.1:${ports[door]}/owa/`;
    const { code, stdout } = await run('wrk', ['-t1', '-c40', '-d3s', '--timeout', '3s', '-H', credentials, url]);
    expect(code).toBe(0);
    expect(stdout).not.toMatch(/Socket errors|Non-2xx/);
    expect(Number(/(\d+) requests in/.exec(stdout)?.[1])).toBeGreaterThan(1000);
  });

  test.each([
    ['HTTP/2', []],
    ['HTTP/1.1', ['--h1']],
  ])('h2load over %s sees no error', { timeout: 40_000 }, async (_, words) => {
    const load = ['-n', '8000', '-c', '20', '-m', '10', '-H', credentials, ...words];
    const { code, stdout } = await run('h2load', [...load, `https://127.0.0.1:${ports.https}/owa/`], {
      timeoutMs: 30_000,
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/8000 succeeded, 0 failed, 0 errored, 0 timeout/);
    expect(stdout).toMatch(/8000 2xx, 0 3xx, 0 4xx, 0 5xx/);
  });

  test('h2load with bodies sees no error', { timeout: 40_000 }, async () => {
    const words = ['-n', '2000', '-c', '10', '-m', '5', '-H', credentials, '-d', '/etc/services'];
    const { stdout } = await run('h2load', [...words, `https://127.0.0.1:${ports.https}/ews/exchange.asmx`], {
      timeoutMs: 30_000,
    });
    expect(stdout).toMatch(/2000 2xx, 0 3xx, 0 4xx, 0 5xx/);
  });

  test('5,000 connections opened and dropped leave nothing behind', { timeout: 60_000 }, async () => {
    const round = async (open: () => Promise<Socket>, count: number): Promise<void> => {
      for (let opened = 0; opened < count; opened += 250) {
        const sockets = await Promise.all(Array.from({ length: 250 }, open));
        for (const socket of sockets) socket.write('POST /owa/ HTTP/1.1\r\nHost: x\r\nContent-');
        for (const socket of sockets) socket.destroy();
      }
    };
    const plain = async (): Promise<Socket> => {
      const socket = connect({ port: ports.http, host: '127.0.0.1' });
      socket.on('error', () => socket.destroy());
      await once(socket, 'connect');
      return socket;
    };
    const secure = async (): Promise<Socket> => {
      const socket = connectTls({ port: ports.https, host: '127.0.0.1', rejectUnauthorized: false });
      socket.on('error', () => socket.destroy());
      await once(socket, 'secureConnect');
      return socket;
    };
    await round(plain, 1000);
    await round(secure, 250);
    const before = processMemory(pid);
    await round(plain, 5000);
    await round(secure, 500);
    await sleep(500);
    expect(processMemory(pid) - before).toBeLessThan(60 * megabyte);
    expect((await ask(`http://127.0.0.1:${ports.http}/owa/`, { user })).status).toBe(200);
  });
});
