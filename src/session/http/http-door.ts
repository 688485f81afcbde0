import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { reasonOf } from '../../errors.js';
import { keepErrorsHandled } from '../../net/keep-errors-handled.js';
import { ProxyHeaderFailure } from '../../net/read-proxy-header.js';
import { TlsRefused, terminateTls } from '../../net/terminate-tls.js';
import type { Listener } from '../../topology/catalogue/catalogue.js';
import { nameKey } from '../../topology/names.js';
import { admitConnection } from '../admit-connection.js';
import type { DoorServices } from '../door-services.js';
import { HttpConnection } from './http-connection.js';
import { serveRequest } from './serve-request.js';
import { createServerAgents } from './server-agents.js';
import { createSourceCounts } from './source-counts.js';
import type { WebDoor } from './web-door.js';
import { createWebServer } from './web-server.js';
import { serveUpgrade } from './web-socket.js';

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
const runningPerConnectionMax = 64;
const serverConnectionsMax = 10_000;
const idleServerConnectionsMax = 256;

/** A web door for a listener of protocol `http`; what the listener says is read for each connection anew. */
export function createHttpDoor(services: DoorServices, listenerName: string): HttpDoor {
  return new OpenHttpDoor(services, listenerName);
}

class OpenHttpDoor implements HttpDoor {
  readonly #door: WebDoor;
  readonly #sockets = new Set<Socket>();
  readonly #sources = createSourceCounts();
  readonly #connections = new Map<Socket, HttpConnection>();
  #phase: 'open' | 'draining' | 'closed' = 'open';
  readonly #server = createWebServer({
    onRequest: (request, response, greeting) => {
      const connection = this.#connectionOf(request);
      if (connection) void serveRequest(this.#door, connection, request, response, greeting);
    },
    onUpgrade: (request, head) => {
      const connection = this.#connectionOf(request);
      // The answers before it are not out yet: nobody waits for them in a handshake.
      if (connection && connection.runningCount > 0) connection.destroy();
      else if (connection) void serveUpgrade(this.#door, connection, request, head);
    },
    onMalformed: (socket, { status, text }) => {
      const connection = this.#connections.get(socket);
      this.#log('malformed web request', { client: connection?.clientAddress ?? null, status, reason: text });
      return connection?.runningCount === 0 ? 'answer' : 'drop';
    },
    onSilence: (socket) => {
      if (this.#connections.get(socket)?.isStalled !== false) socket.destroy();
    },
  });

  constructor(services: DoorServices, listener: string) {
    const agents = createServerAgents({
      connectionsMax: serverConnectionsMax,
      idleConnectionsMax: idleServerConnectionsMax,
    });
    this.#door = { services, listener, agents };
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
    for (const connection of this.#connections.values()) connection.drain();
  }

  close(): void {
    this.#phase = 'closed';
    for (const socket of [...this.#connections.keys(), ...this.#sockets]) socket.destroy();
    this.#door.agents.destroy();
    this.#server.close();
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
    socket.setNoDelay(true);
    const client = await admitConnection(socket, listener.proxyPeers);
    const leave = this.#sources.enter(client.clientAddress, maxConnectionsPerSource);
    if (leave === null) {
      this.#log('too many connections of one address', { client: client.clientAddress });
      return;
    }
    try {
      const stream = await this.#secure(socket, listener);
      if (!stream.destroyed)
        await this.#converse(new HttpConnection(stream, client, stream === socket ? 'http' : 'https'));
    } finally {
      leave();
    }
  }

  /** The socket itself, or TLS on it where the listener has it from the first byte. */
  async #secure(socket: Socket, { tls, certificate, limits }: Listener): Promise<Socket> {
    if (tls === 'none') return socket;
    return terminateTls(socket, {
      contextFor: (serverName) => this.#door.services.secureContext(certificate, serverName),
      alpnProtocols: ['http/1.1'],
      timeoutMs: limits.preAuthTimeout ?? headTimeoutMs,
      pending: 'handshake',
    });
  }

  /** Leaves a connection to the HTTP server until it is closed. */
  #converse(connection: HttpConnection): Promise<void> {
    const { socket } = connection;
    return new Promise((resolve) => {
      const leave = this.#door.services.sessions.open(connection);
      this.#connections.set(socket, connection);
      socket.once('close', () => {
        this.#connections.delete(socket);
        leave();
        resolve();
      });
      const limits = this.#listener()?.limits;
      this.#server.headersTimeout = limits?.preAuthTimeout ?? headTimeoutMs;
      this.#server.keepAliveTimeout = limits?.idleTimeout ?? keepAliveTimeoutMs;
      this.#server.emit('connection', socket);
      if (this.#phase !== 'open') connection.drain();
    });
  }

  #connectionOf({ socket }: IncomingMessage): HttpConnection | undefined {
    const connection = this.#connections.get(socket);
    if (connection === undefined || connection.runningCount < runningPerConnectionMax) return connection;
    this.#log('too many requests ahead of their answers', { client: connection.clientAddress });
    connection.destroy();
    return undefined;
  }

  #listener(): Listener | undefined {
    const wanted = nameKey(this.#door.listener);
    return this.#door.services.snapshot().topology.listeners.find((listener) => nameKey(listener.name) === wanted);
  }

  #log(message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#door.services.log.info({ listener: this.#door.listener, ...fields }, message);
  }
}
