import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type ClaimWait,
  type ConnectionLimits,
  createOutboundConnections,
  type OutboundConnections,
  type OutboundConnectionsOptions,
} from '../../../src/session/outbound/outbound-connections.js';
import type { ServerConnection } from '../../../src/session/smtp/server-connection.js';
import type { ServerTransaction } from '../../../src/session/smtp/server-transaction.js';
import { freePort } from '../../support/free-port.js';
import { until } from '../../support/until.js';
import { type Script, type ScriptedServer, startScriptedServer } from '../smtp/scripted-server.js';
import { body, claimed, connect, use } from './outbound-connection-use.js';

const parts: { close(): void }[] = [];
const limits: ConnectionLimits = { connectionsMax: 2, messagesMax: 100, idleTimeoutMs: 5000 };
const soon = (timeoutMs = 5000): ClaimWait => ({ timeoutMs, signal: new AbortController().signal });
/** Every connection is asked before it is used again. */
const distrustful = { freshMs: -1 };

afterEach(() => {
  for (const part of parts.splice(0)) part.close();
});

async function start(script: Script = {}): Promise<ScriptedServer> {
  const server = await startScriptedServer(script);
  parts.push(server);
  return server;
}

function create(options: OutboundConnectionsOptions = {}): OutboundConnections {
  const connections = createOutboundConnections(options);
  parts.push(connections);
  return connections;
}

/** A script that gives the nth RSET (from 1) this answer. */
function atReset(answers: Readonly<Record<number, string | Promise<string>>>): Script {
  let resets = 0;
  return {
    answer: (line) => {
      if (line !== 'RSET') return undefined;
      resets += 1;
      return answers[resets];
    },
  };
}

const goodbyes = ({ commands }: ScriptedServer): number => commands.filter((line) => line === 'QUIT').length;

async function begin(
  connections: OutboundConnections,
  { port }: ScriptedServer,
  change: Partial<ConnectionLimits> = {},
) {
  const claim = await claimed(connections.claim('a', { ...limits, ...change }, soon()));
  const { connection, outcome } = await use(claim, port);
  if (outcome.kind !== 'taken') throw new Error(`not taken: ${JSON.stringify(outcome)}`);
  return { kind: claim.kind, connection, transaction: outcome.transaction };
}

const finish = async (transaction: ServerTransaction): Promise<void> =>
  expect(await transaction.finish(body)).toMatchObject({ kind: 'accepted' });

async function send(...args: Parameters<typeof begin>): Promise<ServerConnection> {
  const { connection, transaction } = await begin(...args);
  await finish(transaction);
  return connection;
}

const allGone = (connections: OutboundConnections): Promise<unknown> =>
  until('nothing to be left', () => connections.count === 0 && connections.keyCount === 0);

describe('reuse', () => {
  test('one connection carries many messages', async () => {
    const [server, connections] = [await start(), create()];
    for (let round = 0; round < 5; round += 1) await send(connections, server);
    expect([server.connections(), server.messages.length]).toEqual([1, 5]);
    expect([connections.count, connections.idleCount, connections.keyCount]).toEqual([1, 1, 1]);
    expect(server.commands).not.toContain('RSET');
  });

  test('keys do not share', async () => {
    const [server, connections] = [await start(), create()];
    await send(connections, server);
    const other = await claimed(connections.claim('b', limits, soon()));
    expect(other.kind).toBe('leave');
    expect([connections.count, connections.keyCount]).toEqual([2, 2]);
    if (other.kind === 'leave') other.failed();
    expect(connections.count).toBe(1);
  });

  test('so many messages and no more, and the line then moves on', async () => {
    const [server, connections] = [await start(), create()];
    const change = { messagesMax: 2, connectionsMax: 1 };
    await Promise.all(Array.from({ length: 6 }, () => send(connections, server, change)));
    expect([server.connections(), server.messages.length]).toEqual([3, 6]);
    await until('goodbye', () => goodbyes(server) === 3);
    await allGone(connections);
  });

  test('idle connections end in time, at once with 0', async () => {
    const [server, connections] = [await start(), create()];
    await send(connections, server, { idleTimeoutMs: 60 });
    expect(connections.idleCount).toBe(1);
    await allGone(connections);
    await send(connections, server, { idleTimeoutMs: 0 });
    expect(connections.idleCount).toBe(0);
    await allGone(connections);
    expect([server.connections(), goodbyes(server), server.sockets.size]).toEqual([2, 2, 0]);
  });

  test.each([
    ['closes', (server: ScriptedServer) => server.sockets.forEach((socket) => socket.end())],
    ['resets', (server: ScriptedServer) => server.sockets.forEach((socket) => socket.resetAndDestroy())],
    ['speaks unasked', (server: ScriptedServer) => server.sockets.forEach((socket) => socket.write('250 ok\r\n'))],
  ])('an idle connection whose server %s leaves', async (_name, act) => {
    const [server, connections] = [await start(), create()];
    await send(connections, server);
    act(server);
    await allGone(connections);
    expect((await begin(connections, server)).kind).toBe('leave');
  });

  test('close() ends those that rest, and those that come back', async () => {
    const [server, connections] = [await start(), create()];
    const busy = await begin(connections, server);
    await send(connections, server);
    connections.close();
    expect([connections.idleCount, goodbyes(server)]).toEqual([0, 0]);
    await finish(busy.transaction);
    await allGone(connections);
    expect(goodbyes(server)).toBe(2);
    await send(connections, server);
    await allGone(connections);
  });
});

describe('before it is used again', () => {
  test('a connection that rested for more than a second is asked', async () => {
    const [server, connections] = [await start(), create()];
    await send(connections, server);
    await sleep(1100);
    await send(connections, server);
    await send(connections, server);
    expect(server.commands.filter((line) => line === 'RSET')).toHaveLength(1);
    expect([server.connections(), connections.count]).toEqual([1, 1]);
  });

  test.each(['drop', '421 4.4.2 idle', '500 what'])('one that answers "%s" makes way for another', async (word) => {
    const [server, connections] = [await start(atReset({ 1: word })), create(distrustful)];
    const busy = await begin(connections, server);
    await send(connections, server);
    await finish(busy.transaction);
    const next = await begin(connections, server);
    expect([next.kind, server.connections()]).toEqual(['idle', 2]);
    expect(connections.count).toBe(1);
    await finish(next.transaction);
  });

  test('when none answers in time a new one is opened in its place', async () => {
    const silence = new Promise<string>(() => undefined);
    const server = await start(atReset({ 1: silence }));
    const connections = create(distrustful);
    await send(connections, server);
    const startMs = performance.now();
    const pending = begin(connections, server, { connectionsMax: 1, replyTimeoutMs: 150 });
    const second = connections.claim('a', { ...limits, connectionsMax: 1 }, soon());
    const next = await pending;
    expect(performance.now() - startMs).toBeLessThan(1500);
    expect([next.kind, connections.count, server.connections()]).toEqual(['leave', 1, 2]);
    await finish(next.transaction);
    expect(await second).toMatchObject({ kind: 'idle', connection: next.connection });
  });

  test('the signal ends the asking', async () => {
    const server = await start(atReset({ 1: new Promise<string>(() => undefined) }));
    const connections = create(distrustful);
    await send(connections, server);
    const abort = new AbortController();
    const pending = connections.claim('a', limits, { timeoutMs: 5000, signal: abort.signal });
    abort.abort(new Error('given up'));
    await expect(pending).rejects.toThrow('given up');
    await allGone(connections);
  });
});

describe('the line', () => {
  test('a connection goes to the first who waits', async () => {
    const [server, connections] = [await start(), create()];
    const change = { connectionsMax: 1 };
    const first = await begin(connections, server, change);
    const order: number[] = [];
    const waiting = [1, 2, 3].map(async (who) => {
      const next = await begin(connections, server, change);
      order.push(who);
      expect([next.connection, connections.count]).toEqual([first.connection, 1]);
      await finish(next.transaction);
    });
    await finish(first.transaction);
    await Promise.all(waiting);
    expect([order, server.connections()]).toEqual([[1, 2, 3], 1]);
  });

  test.each([
    ['is dropped', ({ transaction }: Awaited<ReturnType<typeof begin>>) => transaction.drop()],
    ['is cut by the server', (_use: unknown, server: ScriptedServer) => server.sockets.forEach((s) => s.destroy())],
  ])('a connection that %s during its message leaves its place', async (_name, act) => {
    const [server, connections] = [await start(), create()];
    const busy = await begin(connections, server, { connectionsMax: 1 });
    const next = connections.claim('a', { ...limits, connectionsMax: 1 }, soon());
    act(busy, server);
    expect((await claimed(next)).kind).toBe('leave');
    expect(connections.count).toBe(1);
  });

  test('a place that cannot be used goes to the next, and none is left over', async () => {
    const connections = create();
    const port = await freePort();
    const attempts = Array.from({ length: 5 }, async () => {
      const claim = await claimed(connections.claim('a', limits, soon()));
      expect(connections.count).toBeLessThanOrEqual(2);
      await connect(claim, port);
    });
    const outcomes = await Promise.allSettled(attempts);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(Array.from({ length: 5 }, () => 'rejected'));
    expect(outcomes).toMatchObject(Array.from({ length: 5 }, () => ({ reason: { name: 'ConnectFailure' } })));
    await allGone(connections);
  });

  test('one found stale at MAIL leaves its place', async () => {
    let mails = 0;
    const isSecond = (line: string): boolean => line.startsWith('MAIL') && ++mails === 2;
    const server = await start({ answer: (line) => (isSecond(line) ? '421 4.4.2 idle' : undefined) });
    const connections = create();
    await send(connections, server);
    const claim = await claimed(connections.claim('a', { ...limits, connectionsMax: 1 }, soon()));
    expect((await use(claim, server.port)).outcome.kind).toBe('stale');
    expect((await begin(connections, server, { connectionsMax: 1 })).kind).toBe('leave');
  });

  test('nobody waits longer than told, nor in a line of more than a thousand', async () => {
    const connections = create();
    const narrow = { ...limits, connectionsMax: 1 };
    const holder = await claimed(connections.claim('a', narrow, soon()));
    const startMs = performance.now();
    const waiting = Array.from({ length: 1000 }, () => connections.claim('a', narrow, soon(200)));
    expect(await connections.claim('a', narrow, soon())).toBeNull();
    expect(performance.now() - startMs).toBeLessThan(190);
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => null));
    expect(performance.now() - startMs).toBeLessThan(2000);
    if (holder.kind === 'leave') holder.failed();
    await allGone(connections);
  });

  test('the signal ends the waiting, and nothing is kept of it', async () => {
    const connections = create();
    const narrow = { ...limits, connectionsMax: 1 };
    const holder = await claimed(connections.claim('a', narrow, soon()));
    const abort = new AbortController();
    const pending = connections.claim('a', narrow, { timeoutMs: 5000, signal: abort.signal });
    abort.abort(new Error('given up'));
    await expect(pending).rejects.toThrow('given up');
    await expect(connections.claim('a', narrow, { timeoutMs: 5000, signal: abort.signal })).rejects.toThrow('given up');
    if (holder.kind === 'leave') holder.failed();
    await allGone(connections);
  });

  test('a leave is used once', async () => {
    const [server, connections] = [await start(), create()];
    const claim = await claimed(connections.claim('a', limits, soon()));
    const connection = await connect(claim, server.port);
    if (claim.kind !== 'leave') throw new Error('no leave');
    claim.failed();
    expect(connections.count).toBe(1);
    expect(() => claim.opened(connection)).toThrow('used twice');
    connection.drop();
    await allGone(connections);
  });
});
