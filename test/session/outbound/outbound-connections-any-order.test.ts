import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Claim,
  createOutboundConnections,
  type OutboundConnections,
} from '../../../src/session/outbound/outbound-connections.js';
import type { ServerConnection } from '../../../src/session/smtp/server-connection.js';
import { release } from '../../../src/session/smtp/server-transaction.js';
import { freePort } from '../../support/free-port.js';
import { until } from '../../support/until.js';
import { type ScriptedServer, startScriptedServer } from '../smtp/scripted-server.js';
import { body, connect, use } from './outbound-connection-use.js';

const connectionsMax = 3;

/** What happens to a claim once it is granted. */
const fate = fc.constantFrom('send', 'linger', 'drop', 'abandon', 'return', 'never-opened', 'not-reached');
const actions = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('claim' as const),
      key: fc.constantFrom('a', 'b'),
      fate,
      timeoutMs: fc.constantFrom(0, 3, 20, 2000),
      abortAfterMs: fc.constantFrom(null, null, null, 0, 4),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('pause' as const), durationMs: fc.integer({ min: 0, max: 8 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('cut' as const), how: fc.constantFrom('end', '421', 'reset') }),
  },
);

type Action = typeof actions extends fc.Arbitrary<infer A> ? A : never;
type ClaimAction = Extract<Action, { kind: 'claim' }>;

interface Surroundings {
  readonly idleTimeoutMs: number;
  readonly live: number;
  readonly dead: number;
  readonly seen: Readonly<Record<ClaimAction['key'], Set<ServerConnection>>>;
}

const shareOf = (seen: ReadonlySet<ServerConnection>): number => [...seen].filter(({ isLost }) => !isLost).length;

function cut({ sockets }: ScriptedServer, how: string): void {
  for (const socket of sockets) {
    if (how === 'end') socket.end();
    else if (how === '421') socket.end('421 4.3.2 going down\r\n');
    else socket.resetAndDestroy();
  }
}

async function meet(
  claim: Claim,
  { key, fate: what }: ClaimAction,
  { live: port, dead, seen }: Surroundings,
): Promise<void> {
  if (what === 'never-opened' && claim.kind === 'leave') return claim.failed();
  const isReachable = what !== 'not-reached' || claim.kind === 'idle';
  const connection = await connect(claim, isReachable ? port : dead).catch(() => null);
  if (connection === null) return;
  seen[key].add(connection);
  if (what === 'return') {
    if (connection.isIdle) release(connection, claim.afterwards);
    else connection.drop();
    return;
  }
  const { outcome } = await use({ ...claim, kind: 'idle', connection }, port);
  if (outcome.kind !== 'taken') return;
  const { transaction } = outcome;
  if (what === 'linger') await sleep(15);
  if (what === 'send' || what === 'linger') await transaction.finish(body);
  else if (what === 'abandon') transaction.abandon();
  else transaction.drop();
}

/** Claims, and does with the claim as told; what came of the claim. */
async function live(
  connections: OutboundConnections,
  action: ClaimAction,
  surroundings: Surroundings,
): Promise<'granted' | 'in-vain' | 'aborted'> {
  const { key, timeoutMs, abortAfterMs } = action;
  const { idleTimeoutMs } = surroundings;
  const abort = new AbortController();
  const timer = abortAfterMs === null ? undefined : setTimeout(() => abort.abort(new Error('given up')), abortAfterMs);
  const limits = { connectionsMax, messagesMax: 4, idleTimeoutMs, replyTimeoutMs: 500 };
  let claim: Claim | null;
  try {
    claim = await connections.claim(key, limits, { timeoutMs, signal: abort.signal });
  } catch (error) {
    expect(error).toBe(abort.signal.reason);
    return 'aborted';
  } finally {
    clearTimeout(timer);
  }
  if (claim === null) return 'in-vain';
  await meet(claim, action, surroundings);
  return 'granted';
}

test('whatever order things happen in, no key has more than its share, all claims settle and nothing is left', async () => {
  const server = await startScriptedServer();
  const dead = await freePort();
  const ends = { granted: 0, 'in-vain': 0, aborted: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(actions, { minLength: 5, maxLength: 40 }),
      fc.constantFrom(-1, 1000),
      fc.constantFrom(0, 5, 1000),
      async (course, freshMs, idleTimeoutMs) => {
        const connections = createOutboundConnections({ freshMs });
        const seen = { a: new Set<ServerConnection>(), b: new Set<ServerConnection>() };
        const counts: number[] = [];
        const shares: number[] = [];
        const look = (): void => {
          counts.push(connections.count);
          shares.push(shareOf(seen.a), shareOf(seen.b));
        };
        const looking = setInterval(look, 1);
        const surroundings = { idleTimeoutMs, live: server.port, dead, seen };
        const lives: ReturnType<typeof live>[] = [];
        for (const one of course) {
          if (one.kind === 'claim') lives.push(live(connections, one, surroundings));
          else if (one.kind === 'pause') await sleep(one.durationMs);
          else cut(server, one.how);
          look();
        }
        for (const end of await Promise.all(lives)) ends[end] += 1;
        connections.close();
        await until('nothing to be left', () => connections.count === 0 && connections.keyCount === 0);
        clearInterval(looking);
        expect(Math.max(...shares)).toBeLessThanOrEqual(connectionsMax);
        expect(Math.max(...counts)).toBeLessThanOrEqual(2 * connectionsMax);
        expect(Math.min(...counts)).toBeGreaterThanOrEqual(0);
        await until('the server to be alone', () => [...server.sockets].every((socket) => socket.destroyed));
      },
    ),
    { numRuns: 40, endOnFailure: true },
  );
  server.close();
  expect(Math.min(...Object.values(ends))).toBeGreaterThan(0);
});
