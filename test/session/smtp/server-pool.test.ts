import { afterEach, describe, expect, test } from 'vitest';
import { type Candidate, type OpenedServer, openServer } from '../../../src/session/smtp/open-server.js';
import { createServerPool, type ServerPool, type ServerPoolOptions } from '../../../src/session/smtp/server-pool.js';
import { makeCertificate } from '../../net/make-certificate.js';
import { until } from '../../support/until.js';
import { type Script, type ScriptedServer, startScriptedServer } from './scripted-server.js';
import { candidate, request } from './server-request.js';

const servers: ScriptedServer[] = [];
const pools: ServerPool[] = [];

async function start(script: Script = {}): Promise<ScriptedServer> {
  const server = await startScriptedServer(script);
  servers.push(server);
  return server;
}

function poolOf(options: ServerPoolOptions = {}): ServerPool {
  const pool = createServerPool(options);
  pools.push(pool);
  return pool;
}

afterEach(() => {
  for (const pool of pools.splice(0)) pool.close();
  for (const server of servers.splice(0)) server.close();
});

const body = Buffer.from('Subject: x\r\n\r\nhello\r\n.\r\n');

async function send(target: Candidate, pool: ServerPool): Promise<OpenedServer> {
  const opened = await openServer([target], request({ pool }));
  if (opened.kind !== 'taken') throw new Error(`refused: ${opened.reply.text}`);
  expect(await opened.transaction.finish(body)).toMatchObject({ kind: 'accepted' });
  return opened;
}

describe('one connection carries many messages', () => {
  test.each(['none', 'starttls'] as const)('tls %s', async (tls) => {
    const certificate = await makeCertificate(['mbx1.example']);
    const server = await start({ certificate });
    const pool = poolOf();
    for (let round = 0; round < 5; round += 1) await send(candidate(server.port, { tls, verify: false }), pool);
    expect([server.connections(), server.messages.length, pool.idleCount]).toEqual([1, 5, 1]);
    expect(server.secured).toEqual(Array.from({ length: 5 }, () => tls === 'starttls'));
  });

  test('a refused message too', async () => {
    let word = '554 5.6.0 spam';
    const server = await start({ answer: (line) => (line === '.' ? word : undefined) });
    const pool = poolOf();
    const opened = await openServer([candidate(server.port)], request({ pool }));
    if (opened.kind !== 'taken') throw new Error('refused');
    expect(await opened.transaction.finish(body)).toMatchObject({ kind: 'refused' });
    word = '250 ok';
    await send(candidate(server.port), pool);
    expect(server.connections()).toBe(1);
  });

  test('messages at the same time have one each', async () => {
    const server = await start();
    const pool = poolOf();
    await Promise.all(Array.from({ length: 4 }, () => send(candidate(server.port), pool)));
    expect([server.connections(), pool.idleCount]).toEqual([4, 4]);
    await Promise.all(Array.from({ length: 4 }, () => send(candidate(server.port), pool)));
    expect(server.connections()).toBe(4);
  });

  test('so many messages and no more', async () => {
    const server = await start();
    const pool = poolOf({ messagesMax: 2 });
    for (let round = 0; round < 5; round += 1) await send(candidate(server.port), pool);
    expect(server.connections()).toBe(3);
    await until('goodbye', () => server.commands.filter((line) => line === 'QUIT').length === 2);
  });

  test('what differs in how it is reached does not share', async () => {
    const server = await start();
    const pool = poolOf();
    await send(candidate(server.port), pool);
    await send({ ...candidate(server.port), server: 'OTHER' }, pool);
    await send(candidate(server.port, { tls: 'opportunistic' }), pool);
    await send(candidate(server.port, { proxyProtocol: 'v2' }), pool).catch(() => undefined);
    expect(pool.idleCount).toBe(3);
  });
});

describe('idle connections', () => {
  test('no more than allowed rest, and not for long', async () => {
    const server = await start();
    const pool = poolOf({ idleMax: 2, idleTimeoutMs: 80 });
    await Promise.all(Array.from({ length: 4 }, () => send(candidate(server.port), pool)));
    expect(pool.idleCount).toBe(2);
    await until('the connection to be closed', () => pool.idleCount === 0 && server.sockets.size === 0);
    expect(server.commands.filter((line) => line === 'QUIT')).toHaveLength(4);
  });

  test.each([
    ['closes', (server: ScriptedServer) => server.sockets.forEach((socket) => socket.end())],
    ['resets', (server: ScriptedServer) => server.sockets.forEach((socket) => socket.resetAndDestroy())],
    ['says goodbye', (server: ScriptedServer) => server.sockets.forEach((socket) => socket.end('421 4.4.2 idle\r\n'))],
    ['speaks unasked', (server: ScriptedServer) => server.sockets.forEach((socket) => socket.write('250 ok\r\n'))],
  ])('a server that %s is let go', async (_name, act) => {
    const server = await start();
    const pool = poolOf();
    await send(candidate(server.port), pool);
    expect(pool.idleCount).toBe(1);
    act(server);
    await until('the connection to be closed', () => pool.idleCount === 0 && server.sockets.size === 0);
    expect(await send(candidate(server.port), pool)).toMatchObject({ tried: [] });
  });

  test.each(['drop', '421 4.4.2 idle too long'])(
    'one that turns out dead at MAIL ("%s") is replaced, which counts as no failure',
    async (answer) => {
      let mails = 0;
      const server = await start({
        answer: (line) => {
          if (!line.startsWith('MAIL')) return undefined;
          mails += 1;
          return mails === 2 ? answer : undefined;
        },
      });
      const pool = poolOf();
      await send(candidate(server.port), pool);
      expect(await send(candidate(server.port), pool)).toMatchObject({ tried: [] });
      expect([server.connections(), server.messages.length]).toEqual([2, 2]);
    },
  );

  test('a new connection that fails the same way does count', async () => {
    const server = await start({ answer: (line) => (line.startsWith('MAIL') ? '421 4.3.2 busy' : undefined) });
    const opened = await openServer([candidate(server.port)], request({ pool: poolOf() }));
    expect(opened).toMatchObject({ kind: 'refused', tried: [{ reason: 'mail: 421 4.3.2 busy' }] });
    expect(server.connections()).toBe(1);
  });

  test('a server that took MAIL and then closed is a failure, not tried twice', async () => {
    let rcpts = 0;
    const server = await start({
      answer: (line) => {
        if (line.startsWith('RCPT')) rcpts += 1;
        return line.startsWith('RCPT') && rcpts === 2 ? 'drop' : undefined;
      },
    });
    const pool = poolOf();
    await send(candidate(server.port), pool);
    const opened = await openServer([candidate(server.port)], request({ pool }));
    expect(opened).toMatchObject({ kind: 'refused', tried: [{ reason: 'rcpt: the server closed the connection' }] });
    expect(server.connections()).toBe(1);
  });

  test('close() says goodbye to all, and to those given later', async () => {
    const server = await start();
    const pool = poolOf();
    await send(candidate(server.port), pool);
    const opened = await openServer([candidate(server.port)], request({ pool: poolOf() }));
    pool.close();
    expect(pool.idleCount).toBe(0);
    await until('goodbye', () => server.commands.at(-1) === 'QUIT');
    if (opened.kind === 'taken') opened.transaction.drop();
    await send(candidate(server.port), pool);
    expect(pool.idleCount).toBe(0);
    await until('the connection to be closed', () => server.sockets.size === 0);
  });
});

test('signals of messages that are over are not listened to any more', async () => {
  const server = await start();
  const pool = poolOf();
  const abort = new AbortController();
  let listeners = 0;
  const { signal } = abort;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners += 1;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners -= 1;
    remove(...args);
  };
  for (let round = 0; round < 3; round += 1) {
    const opened = await openServer([candidate(server.port)], request({ pool, signal }));
    if (opened.kind === 'taken') await opened.transaction.finish(body);
  }
  expect(listeners).toBe(0);
  abort.abort();
  await send(candidate(server.port), pool);
  expect(server.connections()).toBe(1);
});
