import type { Socket } from 'node:net';
import type { ClientConnection } from '../admit-connection.js';
import type { Session } from '../session-registry.js';
import { createServerAgents, type ServerAgents } from './server-agents.js';

/** A request that is not over yet. */
export interface RunningRequest {
  /** Whether more of its body is to come. */
  readonly isUploading: boolean;
  /** The connection is gone. */
  finish(): void;
}

/** A client's connection with the requests that run on it. */
export class HttpConnection implements Session {
  readonly protocol = 'http';
  readonly clientAddress: string;
  readonly startedAtMs = Date.now();
  readonly socket: Socket;
  readonly scheme: 'http' | 'https';
  user: string | null = null;
  server: string | null = null;
  readonly #running = new Set<RunningRequest>();
  #phase: 'open' | 'draining' = 'open';
  #boundAgents: ServerAgents | null = null;
  #bytesAtRest: number;
  #counted = { received: 0, sent: 0 };

  constructor(socket: Socket, client: ClientConnection, scheme: 'http' | 'https') {
    this.socket = socket;
    this.clientAddress = client.clientAddress;
    this.scheme = scheme;
    this.#bytesAtRest = socket.bytesRead - socket.readableLength;
    socket.once('close', () => {
      for (const request of this.#running) request.finish();
      this.#boundAgents?.destroy();
    });
  }

  get runningCount(): number {
    return this.#running.size;
  }

  get isDraining(): boolean {
    return this.#phase === 'draining';
  }

  /** Nothing moves, and it is not a server that is being waited for. */
  get isStalled(): boolean {
    const isWaiting = this.#running.size > 0 && [...this.#running].every((request) => !request.isUploading);
    return !isWaiting || this.socket.writableLength > 0;
  }

  begin(request: RunningRequest): void {
    this.#running.add(request);
  }

  finish(request: RunningRequest): void {
    this.#running.delete(request);
    if (this.#running.size > 0) return;
    this.#bytesAtRest = this.socket.bytesRead;
    if (this.isDraining) this.socket.destroySoon();
  }

  /** Bytes on the wire since it was asked last. */
  countBytes(): { readonly received: number; readonly sent: number } {
    const { bytesRead, bytesWritten } = this.socket;
    const since = { received: bytesRead - this.#counted.received, sent: bytesWritten - this.#counted.sent };
    this.#counted = { received: bytesRead, sent: bytesWritten };
    return since;
  }

  /**
   * The server connections for its requests: the shared ones, but its own from the first request on whose credentials
   * hold for a connection, as nobody else may speak on one that such a client has logged in.
   */
  agents(shared: ServerAgents, isConnectionBound: boolean): ServerAgents {
    if (isConnectionBound) this.#boundAgents ??= createServerAgents({ connectionsMax: 1, idleConnectionsMax: 1 });
    return this.#boundAgents ?? shared;
  }

  drain(): void {
    this.#phase = 'draining';
    const isAtRest = this.#running.size === 0 && this.socket.bytesRead <= this.#bytesAtRest;
    if (isAtRest) this.socket.destroySoon();
  }

  destroy(): void {
    this.socket.destroy();
  }
}
