import { once } from 'node:events';
import { Agent } from 'node:https';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePorts } from '../support/free-port.js';
import { type LoggedOn, startWindowsLogonServer, type WindowsLogonServer } from '../support/peers/windows-logon.js';
import { describePeer } from '../support/require-peer.js';
import { type RunResult, run } from '../support/run.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';
import { mailboxEstate } from './mailbox-estate.js';
import { ask } from './web-client.js';

describePeer(['curl', 'curl-ntlm'], 'logons that hold for a connection', () => {
  let servers: WindowsLogonServer[];
  let usher: Usher;
  let ports: { http: number; https: number };

  beforeAll(async () => {
    servers = [await startWindowsLogonServer('MBX1'), await startWindowsLogonServer('MBX2')];
    const [http = 0, https = 0] = await freePorts(2);
    ports = { http, https };
    usher = await startUsher(
      mailboxEstate({
        servers: servers.map(({ port }) => ({ http: { port, tls: 'none' } })),
        mailboxes: { DB1: ['ann@example.org'], DB2: ['bob@example.org'] },
        listeners: [
          { name: 'HTTP', protocol: 'http', bind: `127.0.0.1:${http}` },
          { name: 'HTTPS', protocol: 'http', bind: `127.0.0.1:${https}`, tls: 'implicit' },
        ],
      }),
    );
  });
  afterAll(async () => {
    await usher?.stop();
    for (const server of servers ?? []) server.die();
  });

  const curl = (...words: readonly string[]): Promise<RunResult> =>
    run('curl', ['--silent', '--show-error', '--insecure', '--max-time', '10', ...words]);
  const at = (door: 'http' | 'https', path = '/ews/exchange.asmx'): string =>
    `${door}://127.0.0.1:${ports[door]}${path}`;
  const saidIn = ({ stdout }: RunResult): LoggedOn[] =>
    stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as LoggedOn);
  /** curl writes every answer on a line of its own. */
  const lines = ['--write-out', '\\n'] as const;
  const forBob = ['--header', 'X-AnchorMailbox: bob@example.org'] as const;

  test.each(['http', 'https'] as const)('NTLM works at the %s door, on the server of the mailbox', async (door) => {
    const [said] = saidIn(await curl('--ntlm', '--user', 'carol:secret', ...lines, ...forBob, at(door)));
    expect(said).toMatchObject({ server: 'MBX2', user: 'carol' });
  });

  test('NTLM works with a body, and for many requests of one client on one connection', async () => {
    const urls = Array.from({ length: 6 }, () => at('https'));
    const data = ['--data', 'x'.repeat(20_000)];
    const all = saidIn(await curl('--ntlm', '--user', 'carol:secret', ...data, ...lines, ...forBob, ...urls));
    expect(all.map(({ user }) => user)).toEqual(urls.map(() => 'carol'));
    expect(new Set(all.map(({ connection }) => connection)).size).toBe(1);
  });

  test('clients side by side are told apart, and no two share a connection', { timeout: 60_000 }, async () => {
    const users = Array.from({ length: 8 }, (_, index) => `user${index}`);
    const urls = Array.from({ length: 5 }, () => at('https'));
    for (let round = 0; round < 3; round += 1) {
      const all = await Promise.all(
        users.map(async (user) => saidIn(await curl('--ntlm', '--user', `${user}:x`, ...lines, ...forBob, ...urls))),
      );
      all.forEach((said, index) => expect(said.map(({ user }) => user)).toEqual(urls.map(() => users[index])));
      const used = all.map((said) => new Set(said.map(({ connection }) => connection)));
      const together = new Set(used.flatMap((numbers) => [...numbers]));
      expect(together.size).toBe(used.reduce((sum, { size }) => sum + size, 0));
    }
  });

  test('whoever comes without credentials is refused, however many others have logged on', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const known = await openClient(ports.https);
    expect(await known.logOn('NTLM', 'step2')).toBe(401);
    expect(await known.logOn('Negotiate', 'ticket')).toBe(200);
    try {
      for (let count = 0; count < 20; count += 1) {
        const headers = { 'X-AnchorMailbox': 'bob@example.org' };
        expect((await ask(at('https'), { headers, agent })).status).toBe(401);
        expect((await ask(at('https'), { headers })).status).toBe(401);
      }
      expect(await known.again()).toMatchObject({ server: 'MBX2', user: 'dave' });
    } finally {
      known.socket.destroy();
      agent.destroy();
    }
  });

  test.each([
    ['one leg', ['ticket']],
    ['two legs', ['step1', 'step2']],
  ])('Negotiate of %s makes the connection the client own until it leaves', async (_, steps) => {
    const client = await openClient(ports.https);
    const statuses: number[] = [];
    for (const step of steps) statuses.push(await client.logOn('Negotiate', step));
    expect(statuses).toEqual([...steps.slice(1).map(() => 401), 200]);
    const [first, second] = [await client.again(), await client.again()];
    expect([first.user, second.user, second.connection]).toEqual(['dave', 'dave', first.connection]);
    // A long silence of the client does not part the two.
    expect(servers[1]?.known()).toEqual(['dave']);
    client.socket.destroy();
    await until('the server connection to end', () => servers[1]?.known().length === 0, 3000);
  });

  test('the mailbox moves: a logged-on client is asked anew on the other server', async () => {
    const client = await openClient(ports.https);
    expect(await client.logOn('Negotiate', 'ticket')).toBe(200);
    await usher.cli('database', 'activate', 'DB2', '--to', 'MBX1');
    try {
      expect(await client.logOn('Negotiate', 'ticket')).toBe(200);
      expect(await client.again()).toMatchObject({ server: 'MBX1', user: 'dave' });
    } finally {
      client.socket.destroy();
      await usher.cli('database', 'activate', 'DB2', '--to', 'MBX2');
    }
  });

  test('a server that ends a logged-on connection costs the client a new logon, nothing else', async () => {
    const client = await openClient(ports.https);
    expect(await client.logOn('Negotiate', 'ticket')).toBe(200);
    servers[1]?.die();
    await servers[1]?.revive();
    const statuses = [await client.status(), await client.logOn('Negotiate', 'ticket')].filter((status) => status > 0);
    if (client.socket.destroyed) {
      const again = await openClient(ports.https);
      statuses.push(await again.logOn('Negotiate', 'ticket'));
      again.socket.destroy();
    }
    expect(statuses.at(-1)).toBe(200);
    expect(statuses.slice(0, -1).every((status) => status === 401 || status === 502)).toBe(true);
    client.socket.destroy();
  });

  test('curl picks what the server offers', async () => {
    const any = ['--anyauth', '--user', 'bob@example.org:secret', ...lines];
    expect(saidIn(await curl(...any, at('https', '/ews/basic/')))).toMatchObject([
      { server: 'MBX2', user: 'bob@example.org' },
    ]);
    expect(saidIn(await curl(...any, ...forBob, at('https', '/ews/ntlm/')))).toMatchObject([
      { server: 'MBX2', user: 'bob@example.org' },
    ]);
  });
});

interface Client {
  readonly socket: Socket;
  /** Sends a token for the user dave; the status. */
  logOn(scheme: string, step: string): Promise<number>;
  /** A request without credentials; the status, 0 where the connection ended. */
  status(): Promise<number>;
  /** What a request without credentials gives. @throws Error where it is not 200 */
  again(): Promise<LoggedOn>;
}

/** A client of one connection for bob's mailbox. */
async function openClient(port: number): Promise<Client> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  socket.on('error', () => socket.destroy());
  const send = async (fields: string): Promise<{ status: number; text: string }> => {
    let text = '';
    const whole = new Promise<void>((resolve) => {
      const take = (chunk: Buffer): void => {
        text += chunk.toString('latin1');
        if (!isWhole(text)) return;
        socket.off('data', take).off('close', resolve);
        resolve();
      };
      socket.on('data', take).once('close', resolve);
    });
    socket.write(
      `GET /ews/exchange.asmx HTTP/1.1\r\nHost: mail.example.org\r\nX-AnchorMailbox: bob@example.org\r\n${fields}\r\n`,
    );
    if (!socket.destroyed) await whole;
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
    return { status, text: text.slice(text.indexOf('\r\n\r\n') + 4) };
  };
  return {
    socket,
    async logOn(scheme, step) {
      const token = Buffer.from(`${step}:dave`).toString('base64');
      return (await send(`Authorization: ${scheme} ${token}\r\n`)).status;
    },
    status: async () => (await send('')).status,
    async again() {
      const { status, text } = await send('');
      if (status !== 200) throw new Error(`status ${status}: ${text}`);
      return JSON.parse(/\{.*\}/.exec(text)?.[0] ?? '') as LoggedOn;
    },
  };
}

/** Whether an answer with a length or in one chunk and the last is all there. */
function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return false;
  const length = /^content-length: (\d+)\r$/im.exec(text.slice(0, end + 2))?.[1];
  return length === undefined ? text.endsWith('0\r\n\r\n') : text.length >= end + 4 + Number(length);
}
