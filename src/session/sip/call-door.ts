import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { reasonOf } from '../../errors.js';
import { IdleWheel } from '../../net/idle-wheel.js';
import { keepErrorsHandled } from '../../net/keep-errors-handled.js';
import type { DatagramDoor, DatagramPeer } from '../../net/open-datagram-door.js';
import { ProxyHeaderFailure } from '../../net/read-proxy-header.js';
import { TlsRefused, terminateTls } from '../../net/terminate-tls.js';
import { readSipMessage } from '../../protocols/sip/read-message.js';
import type { SipReading } from '../../protocols/sip/sip-message.js';
import type { Listener } from '../../topology/catalogue/catalogue.js';
import { nameKey } from '../../topology/names.js';
import { canonicalAddress } from '../../topology/ranges.js';
import { admitConnection } from '../admit-connection.js';
import { KeyCounts } from '../key-counts.js';
import { CallRouter } from './call-router.js';
import type { CallServices, SipPeer } from './call-services.js';
import { certificateNames } from './certificate-names.js';
import { SipConnection } from './sip-connection.js';
import { createStrangerLimit } from './stranger-limit.js';
import { Transactions } from './transactions.js';

/** The SIP doors of a front end, on sockets that somebody else opens. */
export interface CallDoor {
  /** Serves an accepted socket of a listener; resolves when it is closed. Never rejects. */
  handle(listener: string, socket: Socket): Promise<void>;
  /** Takes a datagram of a UDP listener. */
  receive(listener: string, bytes: Buffer, from: DatagramPeer, door: DatagramDoor): void;
  /** Ends every connection. */
  close(): void;
}

const connectionsMaxDefault = 10_000;
const perSourceMaxDefault = 1000;
const messageTimeoutMs = 32_000;
const sipPort = 5060;
// RFC 5626 §4.4.1: peers that keep connections open send something every two minutes.
const idleTimeoutMsDefault = 30 * 60_000;

export function createCallDoor(services: CallServices, nowMs: () => number = Date.now): CallDoor {
  return new OpenCallDoor(services, nowMs);
}

class OpenCallDoor implements CallDoor {
  readonly #services: CallServices;
  readonly #transactions = new Transactions({ secret: randomBytes(16).toString('hex') });
  readonly #router: CallRouter;
  readonly #wheel = new IdleWheel(messageTimeoutMs);
  readonly #connections = new Set<SipConnection>();
  /** Of connections, also those that are not through with their PROXY header or TLS handshake. */
  readonly #sockets = new Set<Socket>();
  /** Those of them that are not known to be a gateway's, the oldest first: they make room for others. */
  readonly #strangers = new Set<Socket>();
  readonly #sources = new KeyCounts();
  #open = 0;
  #stage: 'open' | 'closed' = 'open';

  constructor(services: CallServices, nowMs: () => number) {
    this.#services = services;
    const strangers = createStrangerLimit({ nowMs });
    this.#router = new CallRouter({ services, transactions: this.#transactions, strangers, nowMs });
  }

  async handle(listenerName: string, socket: Socket): Promise<void> {
    keepErrorsHandled(socket);
    this.#sockets.add(socket);
    try {
      await this.#serve(listenerName, socket);
    } catch (error) {
      const fields = { listener: listenerName, client: socket.remoteAddress ?? null, reason: reasonOf(error) };
      const isOfClient = error instanceof ProxyHeaderFailure || error instanceof TlsRefused;
      if (isOfClient) this.#services.log.info(fields, 'connection not admitted');
      else this.#services.log.error(fields, 'fault in a SIP connection');
    } finally {
      socket.destroy();
      this.#sockets.delete(socket);
    }
  }

  receive(listener: string, bytes: Buffer, from: DatagramPeer, door: DatagramDoor): void {
    const address = canonicalAddress(from.address);
    const peer: SipPeer = { address, port: from.port, transport: 'udp', certificateNames: [], listener };
    try {
      const reading = readSipMessage(bytes);
      const to = { address: from.address, port: replyPortOf(reading, from.port) };
      this.#router.receive(reading, peer, { reliable: false, send: (answer) => door.send(answer, to) });
    } catch (error) {
      this.#fault(listener, address, error);
    }
  }

  close(): void {
    this.#stage = 'closed';
    this.#transactions.close();
    for (const connection of this.#connections) connection.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #serve(name: string, socket: Socket): Promise<void> {
    const listener = this.#listener(name);
    if (listener === undefined || this.#stage === 'closed') return;
    const { maxConnections, maxConnectionsPerSource } = listener.limits;
    if (this.#open >= (maxConnections ?? connectionsMaxDefault)) {
      const [oldest] = this.#strangers;
      this.#turnAway(name, oldest ?? socket, 'of all');
      if (oldest === undefined) return;
    }
    this.#open += 1;
    this.#strangers.add(socket);
    try {
      const { clientAddress, clientPort } = await admitConnection(socket, listener.proxyPeers);
      const perSourceMax = maxConnectionsPerSource ?? perSourceMaxDefault;
      if (!this.#sources.enter(clientAddress, perSourceMax)) return this.#turnAway(name, socket, 'of one address');
      try {
        this.#welcome(socket, { address: clientAddress, certificateNames: [] });
        const stream = await this.#secure(socket, listener);
        const peer = peerOf(stream, name, { address: clientAddress, port: clientPort });
        this.#welcome(socket, peer);
        await this.#converse(stream, listener, peer);
      } finally {
        this.#sources.leave(clientAddress);
      }
    } finally {
      this.#strangers.delete(socket);
      this.#open -= 1;
    }
  }

  #welcome(socket: Socket, peer: Pick<SipPeer, 'address' | 'certificateNames'>): void {
    if (this.#router.knows(peer)) this.#strangers.delete(socket);
  }

  async #secure(socket: Socket, { tls, certificate, clientCa, limits }: Listener): Promise<Socket> {
    if (tls === 'none') return socket;
    return terminateTls(socket, {
      contextFor: (serverName) => this.#services.secureContext(certificate, serverName, clientCa),
      asksCertificate: true,
      timeoutMs: limits.preAuthTimeout ?? messageTimeoutMs,
      pending: 'handshake',
    });
  }

  async #converse(stream: Socket, listener: Listener, peer: SipPeer): Promise<void> {
    if (stream.destroyed || this.#stage === 'closed') return;
    const { address } = peer;
    const { name, limits } = listener;
    const connection = new SipConnection(stream, {
      peer,
      router: this.#router,
      wheel: this.#wheel,
      idleTimeoutMs: limits.idleTimeout ?? idleTimeoutMsDefault,
      messageTimeoutMs: limits.preAuthTimeout ?? messageTimeoutMs,
      isWanted: () => this.#isAs(listener),
      onFault: (error) => this.#fault(name, address, error),
    });
    this.#connections.add(connection);
    const leave = this.#services.sessions.open({
      protocol: 'sip',
      clientAddress: address,
      startedAtMs: Date.now(),
      user: null,
      server: null,
      drain: () => connection.end(),
      destroy: () => connection.destroy(),
    });
    await connection.closed;
    leave();
    this.#connections.delete(connection);
  }

  #fault(listener: string, client: string, error: unknown): void {
    this.#services.log.error({ listener, client, error: reasonOf(error) }, 'fault in a SIP message');
  }

  #turnAway(listener: string, socket: Socket, which: string): void {
    this.#services.log.info({ listener, client: socket.remoteAddress ?? null }, `too many connections ${which}`);
    this.#strangers.delete(socket);
    socket.destroy();
  }

  /** Whether a listener is still there, and secured as it was: its connections call as long as they like. */
  #isAs({ name, tls, transport, clientCa }: Listener): boolean {
    const now = this.#listener(name);
    return now?.tls === tls && now.transport === transport && now.clientCa === clientCa;
  }

  #listener(name: string): Listener | undefined {
    const key = nameKey(name);
    return this.#services.snapshot().topology.listeners.find((listener) => nameKey(listener.name) === key);
  }
}

function peerOf(stream: Socket, listener: string, { address, port }: DatagramPeer): SipPeer {
  if (!(stream instanceof TLSSocket)) return { address, port, transport: 'tcp', certificateNames: [], listener };
  return { address, port, transport: 'tls', certificateNames: certificateNames(stream), listener };
}

/** RFC 3261 §18.2.2: to the port that the Via says, of the address it came from; RFC 3581 §4: with rport back to its own. */
function replyPortOf(reading: SipReading, sourcePort: number): number {
  const via = 'request' in reading ? reading.request.vias[0] : undefined;
  return via === undefined || via.wantsRport ? sourcePort : (via.port ?? sipPort);
}
