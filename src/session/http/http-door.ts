import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { reasonOf } from '../../errors.js';
import { keepErrorsHandled } from '../../net/keep-errors-handled.js';
import { ProxyHeaderFailure } from '../../net/read-proxy-header.js';
import { TlsRefused, terminateTls } from '../../net/terminate-tls.js';
import type { Refusal } from '../../protocols/http/http-message.js';
import type { Listener } from '../../topology/catalogue/catalogue.js';
import { nameKey } from '../../topology/names.js';
import type { Topology } from '../../topology/topology.js';
import { admitConnection } from '../admit-connection.js';
import { KeyCounts } from '../key-counts.js';
import type { ClientEvents, ClientSide } from './client-side.js';
import { beginExchange } from './exchange.js';
import { Http1Connection } from './http1-connection.js';
import { serveHttp2 } from './http2-connection.js';
import { http2Limits } from './http2-limits.js';
import { RouteMemory } from './route-memory.js';
import type { ServerPools } from './server-pools.js';
import { WebClient, type WebConnection } from './web-client.js';
import type { WebDoor, WebServices } from './web-door.js';
import { silenceTimeoutMs } from './web-limits.js';

/** A door for web clients, on sockets that somebody else accepts. */
export interface HttpDoor {
  /** Serves an accepted socket; resolves when it is closed. Never rejects. */
  handle(socket: Socket): Promise<void>;
  /** Running requests are finished, idle connections closed, and no new ones served. */
  drain(): void;
  /** Ends everything at once. */
  close(): void;
}

const headTimeoutMs = 30_000;
const keepAliveTimeoutMs = 120_000;

/** A web door for a listener of protocol `http`; what the listener says is read for each connection anew. */
export function createHttpDoor(services: WebServices, listenerName: string, pools: ServerPools): HttpDoor {
  return new OpenHttpDoor(services, listenerName, pools);
}

class OpenHttpDoor implements HttpDoor {
  readonly #door: WebDoor;
  readonly #sockets = new Set<Socket>();
  readonly #sources = new KeyCounts();
  readonly #clients = new Set<WebClient>();
  #phase: 'open' | 'draining' | 'closed' = 'open';

  constructor(services: WebServices, listener: string, pools: ServerPools) {
    const settings = listenerFinder(listener);
    this.#door = {
      services,
      listener,
      pools,
      routes: new RouteMemory(services),
      settings: ({ topology }) => settings(topology),
    };
  }

  async handle(socket: Socket): Promise<void> {
    keepErrorsHandled(socket);
    try {
      await this.#serve(socket);
    } catch (error) {
      const fields = { client: socket.remoteAddress ?? null, reason: reasonOf(error) };
      if (error instanceof ProxyHeaderFailure || error instanceof TlsRefused)
        this.#log('connection not admitted', fields);
      else this.#door.services.log.error({ listener: this.#door.listener, ...fields }, 'web connection failed');
    } finally {
      socket.destroy();
    }
  }

  drain(): void {
    if (this.#phase === 'open') this.#phase = 'draining';
    for (const client of this.#clients) client.drain();
  }

  close(): void {
    this.#phase = 'closed';
    for (const client of this.#clients) client.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #serve(socket: Socket): Promise<void> {
    const listener = this.#listener();
    if (listener === undefined || this.#phase !== 'open' || socket.destroyed) return;
    const { maxConnections, maxConnectionsPerSource } = listener.limits;
    if (maxConnections !== null && this.#sockets.size >= maxConnections) {
      this.#log('too many connections', { client: socket.remoteAddress ?? null });
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    const ends = await admitConnection(socket, listener.proxyPeers);
    if (!this.#sources.enter(ends.clientAddress, maxConnectionsPerSource)) {
      this.#log('too many connections of one address', { client: ends.clientAddress });
      return;
    }
    try {
      const stream = await this.#secure(socket, listener);
      if (!stream.destroyed) await this.#converse(new WebClient(ends, stream === socket ? 'http' : 'https'), stream);
    } finally {
      this.#sources.leave(ends.clientAddress);
    }
  }

  /** The socket itself, or TLS on it where the listener has it from the first byte. */
  async #secure(socket: Socket, { tls, certificate, limits, http2 }: Listener): Promise<Socket> {
    if (tls === 'none') return socket;
    return terminateTls(socket, {
      contextFor: (serverName) => this.#door.services.secureContext(certificate, serverName),
      alpnProtocols: http2 ? ['h2', 'http/1.1'] : ['http/1.1'],
      timeoutMs: limits.preAuthTimeout ?? headTimeoutMs,
      pending: 'handshake',
    });
  }

  /** Answers what comes on a connection until it is closed. */
  #converse(client: WebClient, stream: Socket): Promise<void> {
    return new Promise((resolve) => {
      const leave = this.#door.services.sessions.open(client);
      this.#clients.add(client);
      const onClosed = (): void => {
        this.#clients.delete(client);
        client.bound.destroy();
        leave();
        resolve();
      };
      client.carriedBy(this.#carry(client, stream, onClosed));
      if (this.#phase !== 'open') client.drain();
    });
  }

  #carry(client: WebClient, stream: Socket, onClosed: () => void): WebConnection {
    const limits = this.#listener()?.limits;
    const patience = {
      headTimeoutMs: limits?.preAuthTimeout ?? headTimeoutMs,
      keepAliveTimeoutMs: limits?.idleTimeout ?? keepAliveTimeoutMs,
      silenceTimeoutMs,
    };
    const begin = (side: ClientSide): ClientEvents => beginExchange(this.#door, client, side);
    const onRefused = ({ status, text }: Refusal): void =>
      this.#log('malformed web request', { client: client.clientAddress, status, reason: text });
    if (stream instanceof TLSSocket && stream.alpnProtocol === 'h2') {
      const connection = serveHttp2(stream, { limits: { ...http2Limits, ...patience }, begin, onRefused });
      void connection.closed.then(onClosed);
      return connection;
    }
    const connection = new Http1Connection(stream, { ...patience, begin, onRefused, onClosed });
    connection.start();
    return connection;
  }

  #listener(): Listener | undefined {
    return this.#door.settings(this.#door.services.snapshot());
  }

  #log(message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#door.services.log.info({ listener: this.#door.listener, ...fields }, message);
  }
}

/** Finds the listener of a name; the last answer is kept, as each request asks. */
function listenerFinder(name: string): (topology: Topology) => Listener | undefined {
  const key = nameKey(name);
  let known: { readonly topology: Topology; readonly listener: Listener | undefined } | null = null;
  return (topology) => {
    if (known?.topology !== topology) {
      known = { topology, listener: topology.listeners.find((listener) => nameKey(listener.name) === key) };
    }
    return known.listener;
  };
}
