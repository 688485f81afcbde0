import { setTimeout as pause } from 'node:timers/promises';
import { ConnectFailure } from '../../net/connect-failure.js';
import type { Target } from '../../routing/decision.js';
import type { Endpoint } from '../../topology/endpoints.js';
import { answerOf, unavailable } from './answers.js';
import type { AskedRequest } from './asked-request.js';
import type { Exchange } from './exchange.js';
import type { Routed } from './route-memory.js';
import type { ServerConnection, ServerConnectionEvents } from './server-connection.js';
import type { ServerPool } from './server-pools.js';

// Of one decision.
const targetsMax = 6;
// A server that restarts, or whose databases are just being activated elsewhere, is waited for so long.
const patienceMs = 5000;
const betweenRoundsMs = 250;
const idleMsMax = 60_000;
// A request that must not be sent twice does not take a connection that the server may just be closing.
const freshMsMax = 2000;
const harmless = new Set(['GET', 'HEAD', 'OPTIONS']);

/** A server to try, and how it is reached. */
interface Candidate {
  readonly target: Target;
  readonly endpoint: Endpoint;
  readonly pool: ServerPool;
}

/**
 * Gives the exchange a connection to the first server of the decision that can be reached; or, while none can, to one of
 * a newer decision, as the mailbox may be moving. When time is up the exchange answers for the front end.
 */
export function reachServer(
  exchange: Exchange,
  asked: AskedRequest,
  routed: Routed,
  wish: 'any-connection' | 'new-connection' = 'any-connection',
): void {
  const first = firstCandidate(exchange, routed);
  if (first === undefined || isHeld(exchange, routed)) return exchange.answer(unavailable);
  const { servers } = exchange.door.services;
  const isLikely = !servers.isFailing(first.target.server);
  if (wish === 'any-connection' && isLikely && enter(exchange, routed, first)) {
    const connection = openConnection(exchange, asked, first.pool);
    if (connection !== undefined) return give(exchange, connection, first);
  }
  connectToAny(exchange, asked, routed).catch((error: unknown) => exchange.fault(error));
}

const isHeld = ({ door }: Exchange, { decision: { mailbox } }: Routed): boolean =>
  mailbox !== null && door.services.isHeld(mailbox);

function firstCandidate(exchange: Exchange, routed: Routed): Candidate | undefined {
  for (const target of exchange.door.routes.targetsOf(routed)) {
    const candidate = candidateOf(exchange, routed, target);
    if (candidate !== undefined) return candidate;
  }
  return undefined;
}

function candidateOf({ door }: Exchange, { snapshot }: Routed, target: Target): Candidate | undefined {
  const endpoint = snapshot.topology.server(target.server)?.endpoints.http;
  return endpoint === undefined ? undefined : { target, endpoint, pool: door.pools.poolOf(target, endpoint) };
}

const enter = (exchange: Exchange, { snapshot }: Routed, { target }: Candidate): boolean =>
  exchange.enterServer(target.server, snapshot.topology.organization.maxRequestsPerServer);

/** A kept connection: the client's own where it has one, else a shared one. */
function openConnection(
  { client, side }: Exchange,
  { isConnectionBound }: AskedRequest,
  pool: ServerPool,
): ServerConnection | undefined {
  const own = client.bound.find(pool.key);
  if (own !== undefined || isConnectionBound || pool.isPerClient) return own;
  const { method, framing } = side.request;
  const isHarmless = framing.kind === 'none' && harmless.has(method);
  return pool.takeIdle(isHarmless ? idleMsMax : freshMsMax);
}

function give(exchange: Exchange, connection: ServerConnection, { target, endpoint }: Candidate): void {
  exchange.send(connection, target, endpoint.clientAddress === 'forwarded' ? 'forwarded' : 'untold');
}

async function connectToAny(exchange: Exchange, asked: AskedRequest, first: Routed): Promise<void> {
  const startedAtMs = performance.now();
  for (let routed = first; ; ) {
    const tried = await tryTargets(exchange, asked, routed);
    if (tried === 'settled' || exchange.isOver) return;
    const anew = exchange.door.routes.decideAnew(asked);
    exchange.facts.routed = anew;
    if (anew.decision.outcome !== 'proxy') return exchange.answer(answerOf(anew.decision));
    if (leadsAlike(exchange, routed, anew)) {
      const isLate = performance.now() >= giveUpAtMs(exchange, anew, startedAtMs);
      if (isLate || tried === 'hopeless') return exchange.answer(unavailable);
      await pause(betweenRoundsMs);
      if (exchange.isOver) return;
    }
    routed = anew;
  }
}

function leadsAlike({ door }: Exchange, before: Routed, anew: Routed): boolean {
  const placesOf = (routed: Routed): string =>
    JSON.stringify(
      door.routes
        .targetsOf(routed)
        .map(({ host, port }) => `${host} ${port}`)
        .sort(),
    );
  return placesOf(before) === placesOf(anew);
}

/** Until when a server may come back, or the mailbox be moved: what waited for it before has used up the time. */
function giveUpAtMs({ door }: Exchange, routed: Routed, startedAtMs: number): number {
  const since = door.routes.targetsOf(routed).map(({ server }) => door.services.servers.failingSinceMs(server));
  return Math.min(startedAtMs, ...since.filter((atMs) => atMs !== null)) + patienceMs;
}

/**
 * Whether the exchange got its connection or its answer; or else whether there is hope that it will get one: not where
 * a server has as many requests as it may have, or is not to be trusted.
 */
type Tried = 'settled' | 'hopeful' | 'hopeless';

async function tryTargets(exchange: Exchange, asked: AskedRequest, routed: Routed): Promise<Tried> {
  if (isHeld(exchange, routed)) {
    exchange.answer(unavailable);
    return 'settled';
  }
  let left: Tried = 'hopeless';
  for (const target of exchange.door.routes.targetsOf(routed).slice(0, targetsMax)) {
    const candidate = candidateOf(exchange, routed, target);
    if (candidate === undefined) continue;
    if (!enter(exchange, routed, candidate)) continue;
    const connected = await connect(exchange, asked, candidate);
    if (connected instanceof ConnectFailure) {
      // A server whose TLS is not to be trusted is not trusted in a second either.
      if (connected.stage !== 'tls') left = 'hopeful';
      if (exchange.isOver) return 'settled';
      continue;
    }
    if (exchange.isOver) connected.release();
    else give(exchange, connected, candidate);
    return 'settled';
  }
  return left;
}

async function connect(
  exchange: Exchange,
  asked: AskedRequest,
  { target, pool }: Candidate,
): Promise<ServerConnection | ConnectFailure> {
  const { client, door } = exchange;
  const { servers, log } = door.services;
  const isOwn = asked.isConnectionBound || pool.isPerClient || client.bound.has(pool.key);
  try {
    const failure = servers.isFailing(target.server) ? await pool.probe(client.ends) : null;
    if (failure !== null) throw failure;
    const connection = await pool.connect(client.ends, isOwn ? ownEvents(exchange, pool) : pool);
    if (isOwn) client.bound.add(connection);
    servers.noteSuccess(target.server);
    return connection;
  } catch (error) {
    if (!(error instanceof ConnectFailure)) throw error;
    const wasFailing = servers.isFailing(target.server);
    servers.noteFailure(target.server);
    exchange.tried(target.server, error.message);
    const fields = { listener: door.listener, requestId: exchange.facts.requestId, server: target.server };
    if (!wasFailing) log.warn({ ...fields, reason: error.message }, 'server cannot be connected to');
    return error;
  }
}

/**
 * A connection of one client. When the server ends one on which the client has logged in, the client's connection goes
 * too, as what the client takes for settled no longer holds.
 */
function ownEvents({ client }: Exchange, pool: ServerPool): ServerConnectionEvents {
  return {
    onIdle: () => undefined,
    onClosed(connection) {
      client.bound.forget(connection);
      if (!pool.isPerClient) client.drain();
    },
  };
}
