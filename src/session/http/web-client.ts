import type { ClientConnection } from '../admit-connection.js';
import type { Session } from '../session-registry.js';
import { BoundConnections } from './bound-connections.js';

/** What a client's connection can be told, whatever version of HTTP it speaks. */
export interface WebConnection {
  drain(): void;
  destroy(): void;
}

/** A client at a web door: its connection as the exchanges on it and the registry of sessions see it. */
export class WebClient implements Session {
  readonly protocol = 'http';
  readonly ends: ClientConnection;
  readonly scheme: 'http' | 'https';
  readonly startedAtMs = Date.now();
  /** Connections to servers that nobody else may use. */
  readonly bound = new BoundConnections();
  user: string | null = null;
  server: string | null = null;
  #connection: WebConnection | null = null;

  constructor(ends: ClientConnection, scheme: 'http' | 'https') {
    this.ends = ends;
    this.scheme = scheme;
  }

  get clientAddress(): string {
    return this.ends.clientAddress;
  }

  /** Tells who carries the connection. */
  carriedBy(connection: WebConnection): void {
    this.#connection = connection;
  }

  drain(): void {
    this.#connection?.drain();
  }

  destroy(): void {
    this.#connection?.destroy();
  }
}
