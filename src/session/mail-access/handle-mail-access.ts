import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { keepErrorsHandled } from '../../net/keep-errors-handled.js';
import { ProxyHeaderFailure } from '../../net/read-proxy-header.js';
import { relay } from '../../net/relay.js';
import type { LoginProtocol } from '../../protocols/sasl/login-protocol.js';
import { componentState } from '../../routing/availability.js';
import type { Listener } from '../../topology/catalogue/catalogue.js';
import { nameKey } from '../../topology/names.js';
import { admitConnection, type ClientConnection } from '../admit-connection.js';
import type { DoorServices, Snapshot } from '../door-services.js';
import { ClientSide, type Over } from './client-side.js';
import { isFull } from './connection-limits.js';
import { farewell } from './farewell.js';
import { type Joined, logInClient } from './log-in-client.js';
import { MailSession } from './mail-session.js';
import { RefusalPace, refusalDelayMs } from './refusal-delay.js';
import { SessionLog } from './session-log.js';

export interface MailAccessOptions {
  /** How long the answer to a refused login is held back, by how many were refused before and with it. */
  readonly refusalDelayMs?: (refusedCount: number) => number;
}

const preAuthTimeoutMs = 60_000;
const lingerMs = 2000;
const nothing: Buffer = Buffer.alloc(0);

/** One pace for all connections of a runtime. */
const paces = new WeakMap<DoorServices, RefusalPace>();

/**
 * Serves one accepted socket of an IMAP or POP listener: admits the client, talks to it until it logs in, logs in for
 * it at the server of its mailbox, and joins the two. Never rejects; the socket is closed when it resolves.
 */
export async function handleMailAccess(
  services: DoorServices,
  listenerName: string,
  protocol: LoginProtocol,
  socket: Socket,
  options: MailAccessOptions = {},
): Promise<void> {
  keepErrorsHandled(socket).setNoDelay(true);
  const session = new MailSession(protocol.name, socket);
  const remove = services.sessions.open(session);
  const log = new SessionLog(services.log, listenerName, session);
  try {
    const met = await meet({ services, listenerName, protocol, session, log, options });
    if (met.kind === 'joined') {
      await carry(met, session, log);
    } else {
      await farewell(session.socket, met.words, lingerMs);
      log.ended(met.by, met.detail, { fromClient: 0, fromServer: 0 });
    }
  } catch (error) {
    log.fault(error);
  } finally {
    session.destroy();
    remove();
  }
}

interface Arrival {
  readonly services: DoorServices;
  readonly listenerName: string;
  readonly protocol: LoginProtocol;
  readonly session: MailSession;
  readonly log: SessionLog;
  readonly options: MailAccessOptions;
}

/** Everything up to the login. Passwords live no longer than this. */
async function meet(arrival: Arrival): Promise<Joined | Over> {
  const { services, listenerName, protocol, session, log, options } = arrival;
  const snapshot = services.snapshot();
  const listener = snapshot.topology.listeners.find(({ name }) => nameKey(name) === nameKey(listenerName));
  if (!listener) return over('out-of-service', 'the listener is gone');
  const admitted = await admit(session, listener);
  if ('kind' in admitted) return admitted;
  log.admitted(admitted);
  const refused = refusal(arrival, snapshot, listener);
  if (refused) return refused;
  const endAtMs = performance.now() + (listener.limits.preAuthTimeout ?? preAuthTimeoutMs);
  const clientSide = new ClientSide({
    protocol,
    listener,
    session,
    serverName: snapshot.frontEnd.name,
    contextFor: (serverName) => services.secureContext(listener.certificate, serverName),
    endAtMs,
  });
  const delayMs = options.refusalDelayMs ?? refusalDelayMs;
  const pace = paceOf(services);
  return logInClient({
    services,
    snapshot,
    listener,
    protocol,
    client: admitted,
    clientSide,
    session,
    log,
    pace,
    delayMs,
  });
}

async function admit(session: MailSession, listener: Listener): Promise<ClientConnection | Over> {
  try {
    const connection = await admitConnection(session.socket, listener.proxyPeers);
    session.clientAddress = connection.clientAddress;
    return connection;
  } catch (error) {
    if (!(error instanceof ProxyHeaderFailure)) throw error;
    const by = session.endedBy === 'draining' ? 'draining' : error.stage === 'closed' ? 'client' : 'proxy-header';
    return over(by, error.message);
  }
}

/** The words of the protocol to those who are not let in; none where TLS would have to come first. */
function refusal(
  { services, protocol, session }: Arrival,
  { frontEnd }: Snapshot,
  listener: Listener,
): Over | undefined {
  const words = (kind: 'out-of-service' | 'limit'): Buffer =>
    listener.tls === 'implicit' ? nothing : protocol.refuseConnection(kind);
  const component = `${protocol.name}-proxy` as const;
  const state = componentState(frontEnd, component);
  if (state !== 'active') return over('out-of-service', `${component} is ${state}`, words('out-of-service'));
  const { maxConnections, maxConnectionsPerSource } = listener.limits;
  if (isFull(services.sessions, session, 'all', maxConnections)) {
    return over('limit', `more than ${maxConnections} ${protocol.name} connections`, words('limit'));
  }
  if (isFull(services.sessions, session, 'clientAddress', maxConnectionsPerSource)) {
    return over('limit', `more than ${maxConnectionsPerSource} connections from one address`, words('limit'));
  }
  return undefined;
}

function over(by: Over['by'], detail: string, words = nothing): Over {
  return { kind: 'over', by, detail, words };
}

function paceOf(services: DoorServices): RefusalPace {
  const known = paces.get(services) ?? new RefusalPace();
  paces.set(services, known);
  return known;
}

/** After the login: the bytes of both sides, until both have ended. */
async function carry(joined: Joined, session: MailSession, log: SessionLog): Promise<void> {
  const { server, idleTimeoutMs } = joined;
  const relayed = await relay(session.socket, server, { idleTimeoutMs, signal: session.signal });
  const fromClient = relayed.bytesFromClient + joined.bytesFromClient;
  const fromServer = relayed.bytesFromServer + joined.bytesFromServer;
  const by = relayed.ended === 'aborted' ? 'destroyed' : relayed.ended;
  log.ended(by, relayed.reason ?? null, { fromClient, fromServer });
}
