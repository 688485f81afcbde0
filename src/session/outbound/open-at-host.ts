import { reasonOf } from '../../errors.js';
import type { ServerMemory } from '../../health/server-memory.js';
import { ConnectFailure } from '../../net/connect-failure.js';
import type { TlsIdentity } from '../../net/tls-settings.js';
import type { ProtocolLog } from '../../observability/protocol-log.js';
import type { Envelope } from '../../protocols/smtp/envelope.js';
import type { SendConnector } from '../../topology/catalogue/catalogue.js';
import { type Endpoint, endpointDefaults } from '../../topology/endpoints.js';
import { failureOf, type Negotiated, negotiate } from '../smtp/open-server.js';
import { ServerConnection, type ServerConnectionOptions } from '../smtp/server-connection.js';
import type { TransactionDeadlines } from '../smtp/server-transaction.js';
import type { ConnectorCredentials } from './connector-identity.js';
import { forgetSetup } from './connector-setup.js';
import { openConversationLog } from './conversation-log.js';
import type { Claim, OutboundConnections } from './outbound-connections.js';
import { hostWords, type OutboundHost } from './outbound-host.js';

/** What is demanded of TLS; `name` is what the certificate must be for, null where nobody looks. */
export interface TlsDemand {
  readonly kind: 'none' | 'opportunistic' | 'required' | 'verified';
  readonly name: string | null;
}

/** A message to be opened at hosts of a connector. */
export interface HostRequest {
  readonly connector: SendConnector;
  readonly envelope: Envelope;
  readonly until: 'recipients' | 'data';
  readonly heloName: string;
  readonly login: ConnectorCredentials;
  readonly identity: TlsIdentity | null;
  readonly deadlines: TransactionDeadlines;
  /** Raised: whatever is awaited is given up. */
  readonly signal: AbortSignal;
}

export interface HostParts {
  readonly connections: OutboundConnections;
  /** By `address:port`. */
  readonly memory: ServerMemory;
  /** For connectors that keep one. */
  readonly protocolLog: Pick<ProtocolLog, 'session'>;
}

/** `no-tls`: the host offers TLS and the handshake came to nothing, where none was demanded. */
export type OpenedHost = Exclude<Negotiated, { kind: 'stale' }> | { readonly kind: 'no-tls'; readonly reason: string };

/** In line for a connection to a host that has as many as may be. */
const claimTimeoutMs = 30_000;

/** A host as failures are remembered. */
export const memoryKey = ({ address, port }: OutboundHost): string => `${address} ${port}`;

/** Opens the message at one address of a host, over an idle connection of the same kind when there is one. Never rejects for faults of others. */
export async function openAtHost(
  host: OutboundHost,
  demand: TlsDemand,
  request: HostRequest,
  parts: HostParts,
): Promise<OpenedHost> {
  for (;;) {
    const claim = await claimFor(host, demand, request, parts.connections);
    if (claim === null) {
      const reason = `${request.connector.maxConnectionsPerHost} connections to it are in use`;
      return { kind: 'failed', reason, reply: null };
    }
    if (claim === 'aborted') return { kind: 'failed', reason: 'the message was given up', reply: null };
    if (claim.kind === 'leave') return openNew(host, demand, request, claim, parts);
    claim.connection.attach(request.signal);
    const outcome = await negotiate(claim.connection, request, claim.afterwards);
    if (outcome.kind !== 'stale') return outcome;
  }
}

async function claimFor(
  host: OutboundHost,
  demand: TlsDemand,
  request: HostRequest,
  connections: OutboundConnections,
): Promise<Claim | 'aborted' | null> {
  const { connector, signal, deadlines } = request;
  const limits = {
    connectionsMax: connector.maxConnectionsPerHost,
    messagesMax: connector.maxMessagesPerConnection,
    idleTimeoutMs: connector.idleTimeout,
    replyTimeoutMs: deadlines.replyTimeoutMs,
  };
  try {
    return await connections.claim(keyOf(host, demand, request), limits, { timeoutMs: claimTimeoutMs, signal });
  } catch (error) {
    if (signal.aborted) return 'aborted';
    throw error;
  }
}

/** All that connections must have in common to serve for one another. */
function keyOf({ name, address, port }: OutboundHost, demand: TlsDemand, request: HostRequest): string {
  const { connector, heloName, login, identity } = request;
  const { ca, implicitTls } = connector;
  const secrets = [login.id, identity?.certFile, identity?.keyFile];
  return JSON.stringify([connector.name, name, address, port, implicitTls, demand, ca, heloName, ...secrets]);
}

async function openNew(
  host: OutboundHost,
  demand: TlsDemand,
  request: HostRequest,
  leave: Extract<Claim, { kind: 'leave' }>,
  { memory, protocolLog }: HostParts,
): Promise<OpenedHost> {
  const { deadlines, signal, connector } = request;
  const log = openConversationLog(protocolLog, connector, host);
  let connection: ServerConnection;
  try {
    const options = connectionOptions(host, demand, request);
    connection = await ServerConnection.open({ ...options, trace: log?.trace ?? ignore, onSocket: log?.onSocket });
  } catch (error) {
    leave.failed();
    log?.remark(reasonOf(error));
    if (!(error instanceof ConnectFailure) && !signal.aborted) throw error;
    if (!signal.aborted) memory.noteFailure(memoryKey(host));
    return { kind: 'failed', reason: reasonOf(error), reply: null };
  }
  leave.opened(connection);
  const startedMs = performance.now();
  const step = await connection.next(deadlines.replyTimeoutMs);
  if (step.kind !== 'ready') {
    const isLogin = step.kind === 'failed' && step.stage === 'auth';
    if (isLogin) forgetSetup(connector);
    // What one connector asks of TLS and its password are nothing against a host, unless it takes its time to say no.
    const isFit = isLogin || (step.kind === 'failed' && step.stage === 'starttls');
    const isSlow = performance.now() - startedMs > slowMs;
    if (!signal.aborted && (!isFit || isSlow)) memory.noteFailure(memoryKey(host));
    if (step.kind === 'failed') log?.remark(`${step.stage}: ${step.reason}`);
    const failure = failureOf(connection, step, leave.afterwards);
    if (isLogin && failure.kind === 'failed') return { ...failure, reply: loginRefused };
    const isHandshake = step.kind === 'failed' && step.stage === 'starttls' && step.reply === null;
    if (!isHandshake || demand.kind !== 'opportunistic' || signal.aborted) return failure;
    return { kind: 'no-tls', reason: step.reason };
  }
  memory.noteSuccess(memoryKey(host));
  return withoutStale(await negotiate(connection, request, leave.afterwards));
}

const slowMs = 1000;
const loginRefused = { code: 451, enhanced: '4.7.0', text: 'The next hop did not let us log in; try again later' };

/** A dialogue with a trace finds our credentials in what a host says, and withholds them. */
const ignore = (): void => undefined;

/** A connection that was made for the message is not stale; it failed. */
function withoutStale(outcome: Negotiated): Exclude<Negotiated, { kind: 'stale' }> {
  return outcome.kind === 'stale' ? { kind: 'failed', reason: outcome.reason, reply: null } : outcome;
}

/** How a connection to a host is made. */
export function connectionOptions(
  host: OutboundHost,
  demand: TlsDemand,
  request: Pick<HostRequest, 'connector' | 'heloName' | 'login' | 'identity' | 'signal'> & {
    readonly deadlines: Pick<TransactionDeadlines, 'connectTimeoutMs'>;
  },
): ServerConnectionOptions {
  const { connector, heloName, login, identity, deadlines, signal } = request;
  return {
    server: hostWords(host),
    host: host.address,
    endpoint: endpointOf(host, demand, connector),
    heloName,
    connectTimeoutMs: deadlines.connectTimeoutMs,
    signal,
    credentials: login.credentials,
    identity,
    xclient: null,
    proxy: null,
  };
}

function endpointOf(host: OutboundHost, demand: TlsDemand, { implicitTls, ca }: SendConnector): Endpoint {
  const verify = demand.kind === 'verified';
  const startTls = {
    none: 'none',
    opportunistic: 'opportunistic',
    required: 'starttls',
    verified: 'starttls',
  } as const;
  const tls = implicitTls ? 'implicit' : startTls[demand.kind];
  return { ...endpointDefaults.smtp, port: host.port, tls, verify, ca, serverName: demand.name ?? host.name };
}
