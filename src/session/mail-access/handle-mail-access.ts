import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { keepErrorsHandled } from '../../net/keep-errors-handled.js';
import { ProxyHeaderFailure } from '../../net/read-proxy-header.js';
import type { LoginProtocol } from '../../protocols/sasl/login-protocol.js';
import { componentState } from '../../routing/availability.js';
import type { Listener } from '../../topology/catalogue/catalogue.js';
import { nameKey } from '../../topology/names.js';
import { admitConnection, type ClientConnection } from '../admit-connection.js';
import type { DoorServices, Snapshot } from '../door-services.js';
import { ClientSide, type Over } from './client-side.js';
import { type DoorMemory, doorMemoryOf } from './door-memory.js';
import { farewell } from './farewell.js';
import type { ServerObserver } from './log-in.js';
import { type Joined, logInClient } from './log-in-client.js';
import { MailSession } from './mail-session.js';
import { refusalDelayMs } from './refusal-delay.js';
import { ImapServerStream, PopServerStream } from './server-stream.js';
import { nextSessionId } from './session-id.js';
import { SessionLog } from './session-log.js';

export interface MailAccessOptions {
  /** How long the answer to a refused login is held back, by how many were refused lately, with it. */
  readonly refusalDelayMs?: (refusedCount: number) => number;
  /** The clock of what is remembered across connections; the first connection's counts. */
  readonly nowMs?: () => number;
  readonly observe?: ServerObserver;
}

const preAuthTimeoutMs = 60_000;
// RFC 9051 §5.4: a server must wait 30 minutes at least, and clients renew IDLE just before (RFC 2177 §3). The door
// waits longer than its servers, so that theirs is the goodbye and it only clears away what no side has ended.
const idleTimeoutMs = 35 * 60_000;
const lingerMs = 2000;
const nothing: Buffer = Buffer.alloc(0);

/**
 * Serves one accepted socket of an IMAP or POP listener: admits the client, talks to it until it logs in, logs in for
 * it at the server of its mailbox, and joins the two. Never rejects; the socket is closed when it resolves.
 */
export function handleMailAccess(
  services: DoorServices,
  listenerName: string,
  protocol: LoginProtocol,
  socket: Socket,
  options: MailAccessOptions = {},
): Promise<void> {
  return new Promise((resolve) => {
    const onOver = (): void => {
      remove();
      resolve();
    };
    const session = new MailSession(protocol.name, nextSessionId(), keepErrorsHandled(socket), onOver);
    const remove = services.sessions.open(session);
    const log = new SessionLog(services.log, listenerName, session);
    const memory = doorMemoryOf(services, options.nowMs ?? Date.now);
    void serve({ services, listenerName, protocol, session, log, memory, options });
  });
}

interface Arrival {
  readonly services: DoorServices;
  readonly listenerName: string;
  readonly protocol: LoginProtocol;
  readonly session: MailSession;
  readonly log: SessionLog;
  readonly memory: DoorMemory;
  readonly options: MailAccessOptions;
}

/** Until the conversation is over, or goes on without us. */
async function serve(arrival: Arrival): Promise<void> {
  const { session, log } = arrival;
  try {
    const met = await meet(arrival);
    if (met.kind === 'joined') return;
    await farewell(session.socket, met.words, lingerMs);
    log.ended(met.by, met.detail, { fromClient: 0, fromServer: 0 });
  } catch (error) {
    log.fault(error);
  }
  session.close();
}

/** Everything up to the login. Passwords live no longer than this. */
async function meet(arrival: Arrival): Promise<Joined | Over> {
  const { services, listenerName, protocol, session, log, memory, options } = arrival;
  const snapshot = services.snapshot();
  const listener = snapshot.topology.listeners.find(({ name }) => nameKey(name) === nameKey(listenerName));
  if (!listener) return over('out-of-service', 'the listener is gone');
  const admitted = await admit(session, listener);
  if ('kind' in admitted) return admitted;
  log.admitted(admitted);
  const refused = refusal(arrival, snapshot, listener);
  if (refused) return refused;
  const clientSide = new ClientSide({
    protocol,
    listener,
    session,
    serverName: snapshot.frontEnd.name,
    serverCapabilities: services.serverCapabilities(protocol.name),
    contextFor: (serverName) => services.secureContext(listener.certificate, serverName),
    endAtMs: performance.now() + (listener.limits.preAuthTimeout ?? preAuthTimeoutMs),
  });
  const met = await logInClient({
    services,
    snapshot,
    listener,
    protocol,
    client: admitted,
    clientSide,
    session,
    log,
    memory,
    delayMs: options.refusalDelayMs ?? refusalDelayMs,
    observe: options.observe,
  });
  if (met.kind === 'joined') carry(met, session, log, listener.limits.idleTimeout ?? idleTimeoutMs);
  return met;
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
function refusal({ protocol, session, memory }: Arrival, { frontEnd }: Snapshot, listener: Listener): Over | undefined {
  const words = (kind: 'out-of-service' | 'limit'): Buffer =>
    listener.tls === 'implicit' ? nothing : protocol.refuseConnection(kind);
  const component = `${protocol.name}-proxy` as const;
  const state = componentState(frontEnd, component);
  if (state !== 'active') return over('out-of-service', `${component} is ${state}`, words('out-of-service'));
  const { maxConnections, maxConnectionsPerSource } = listener.limits;
  const counts = memory.counts[protocol.name];
  switch (counts.enter(session.clientAddress, { maxConnections, maxConnectionsPerSource })) {
    case null:
      session.countedIn(counts);
      return undefined;
    case 'all':
      return over('limit', `more than ${maxConnections} ${protocol.name} connections`, words('limit'));
    case 'source':
      return over('limit', `more than ${maxConnectionsPerSource} connections from one address`, words('limit'));
  }
}

function over(by: Over['by'], detail: string, words = nothing): Over {
  return { kind: 'over', by, detail, words };
}

/** After the login: the bytes of both sides, until both have ended. */
function carry(
  { server, toClient, toServer }: Joined,
  session: MailSession,
  log: SessionLog,
  idleTimeoutMs: number,
): void {
  const stream = session.protocol === 'imap' ? new ImapServerStream() : new PopServerStream();
  stream.push(toClient);
  session.socket.write(toClient);
  if (toServer.length > 0) server.write(toServer);
  const bytesBefore = { fromClient: toServer.length, fromServer: toClient.length };
  session.carry({ server, idleTimeoutMs, stream, bytesBefore }, log);
}
