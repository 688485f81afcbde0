import { type ConnectOptions, connectTo } from '../../net/connect.js';
import { ConnectFailure } from '../../net/connect-failure.js';
import { type ConnectionEnds, writeProxyHeader } from '../../net/write-proxy-header.js';
import type { Target } from '../../routing/decision.js';
import type { Endpoint } from '../../topology/endpoints.js';
import { nameKey } from '../../topology/names.js';
import { KeyCounts } from '../key-counts.js';
import { ServerConnection, type ServerConnectionEvents } from './server-connection.js';

export const connectTimeoutMs = 5000;
const idleTimeoutMs = 60_000;
const idleConnectionsMax = 256;
const probeEveryMs = 200;

/** The kept connections to everything that is reached in one way: host, port and TLS. */
export class ServerPool implements ServerConnectionEvents {
  readonly key: string;
  readonly #options: ConnectOptions;
  readonly #proxyProtocol: Endpoint['proxyProtocol'];
  readonly #idle: ServerConnection[] = [];
  readonly #open = new Set<ServerConnection>();
  /** The last one, and when it was over. */
  #probe: { readonly outcome: Promise<ConnectFailure | null>; atMs: number } | null = null;

  constructor(key: string, { host, port }: Pick<Target, 'host' | 'port'>, endpoint: Endpoint) {
    const { verify, ca, serverName, proxyProtocol } = endpoint;
    const tls = endpoint.tls === 'none' ? 'none' : 'implicit';
    this.key = key;
    this.#options = { host, port, tls, verify, ca, serverName, timeoutMs: connectTimeoutMs };
    this.#proxyProtocol = proxyProtocol;
  }

  /** Whether each connection tells the server whose it is, so that it cannot be another client's. */
  get isPerClient(): boolean {
    return this.#proxyProtocol !== 'none';
  }

  /** The connection used last, if it has been idle for no longer than told. */
  takeIdle(idleMsMax: number): ServerConnection | undefined {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) return undefined;
      if (!connection.isIdle) continue;
      if (performance.now() - connection.idleSinceMs <= idleMsMax) return connection;
      this.#idle.push(connection);
      return undefined;
    }
  }

  /** A new connection. Rejects with ConnectFailure. */
  async connect(ends: ConnectionEnds, events: ServerConnectionEvents = this): Promise<ServerConnection> {
    const preface = this.#proxyProtocol === 'none' ? null : writeProxyHeader(this.#proxyProtocol, ends);
    const socket = await connectTo({ ...this.#options, preface });
    const connection = new ServerConnection(socket, this.key, idleTimeoutMs, events);
    this.#open.add(connection);
    socket.once('close', () => this.#open.delete(connection));
    return connection;
  }

  /** One attempt for all who want a server that was not reached lately: why it still is not, or null. */
  async probe(ends: ConnectionEnds): Promise<ConnectFailure | null> {
    const known = this.#probe;
    if (known !== null && performance.now() - known.atMs < probeEveryMs) return known.outcome;
    const outcome = this.connect(ends).then(
      (connection) => {
        connection.destroy();
        return null;
      },
      (error: unknown) => {
        if (error instanceof ConnectFailure) return error;
        throw error;
      },
    );
    const probe = { outcome, atMs: Number.POSITIVE_INFINITY };
    this.#probe = probe;
    try {
      return await outcome;
    } finally {
      probe.atMs = performance.now();
    }
  }

  onIdle(connection: ServerConnection): void {
    this.#idle.push(connection);
    if (this.#idle.length > idleConnectionsMax) this.#idle.shift()?.destroy();
  }

  onClosed(connection: ServerConnection): void {
    const place = this.#idle.indexOf(connection);
    if (place >= 0) this.#idle.splice(place, 1);
  }

  destroy(): void {
    for (const connection of this.#open) connection.destroy();
  }
}

/** The connections of a front end to its mailbox servers, and how many requests each of them has to answer. */
export class ServerPools {
  readonly #pools = new Map<string, ServerPool>();
  readonly #known = new WeakMap<Target, ServerPool>();
  readonly #outstanding = new KeyCounts();

  poolOf(target: Target, endpoint: Endpoint): ServerPool {
    const known = this.#known.get(target);
    if (known !== undefined) return known;
    const { tls, verify, ca, serverName, proxyProtocol } = endpoint;
    const key = JSON.stringify([target.host, target.port, tls, verify, ca, serverName, proxyProtocol]);
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      pool = new ServerPool(key, target, endpoint);
      this.#pools.set(key, pool);
    }
    this.#known.set(target, pool);
    return pool;
  }

  /** Counts a request at a server, unless it has `max` to answer already. */
  enter(server: string, max: number | null): boolean {
    return this.#outstanding.enter(nameKey(server), max);
  }

  leave(server: string): void {
    this.#outstanding.leave(nameKey(server));
  }

  destroy(): void {
    for (const pool of this.#pools.values()) pool.destroy();
  }
}
