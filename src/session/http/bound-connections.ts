import type { ServerConnection } from './server-connection.js';

/**
 * The server connections of one client connection that nobody else may speak on, by server: those on which the client
 * has logged in with credentials that hold for a connection (NTLM, Negotiate: RFC 4559 §6), and those that began with a
 * PROXY header of its own.
 */
export class BoundConnections {
  #connections: Map<string, readonly ServerConnection[]> | null = null;
  #state: 'open' | 'closed' = 'open';

  /** One to a server, by the key of its pool, that is free; undefined when there is none. */
  find(key: string): ServerConnection | undefined {
    return this.#connections?.get(key)?.find(({ isIdle }) => isIdle);
  }

  has(key: string): boolean {
    return this.#connections?.has(key) === true;
  }

  holds(connection: ServerConnection | null): boolean {
    return connection !== null && this.#connections?.get(connection.key)?.includes(connection) === true;
  }

  /** When the client has left meanwhile, it is destroyed. */
  add(connection: ServerConnection): void {
    if (this.#state === 'closed') return connection.destroy();
    const { key } = connection;
    this.#connections ??= new Map();
    this.#connections.set(key, [...(this.#connections.get(key) ?? []), connection]);
  }

  forget(connection: ServerConnection): void {
    const left = this.#connections?.get(connection.key)?.filter((other) => other !== connection) ?? [];
    if (left.length > 0) this.#connections?.set(connection.key, left);
    else this.#connections?.delete(connection.key);
  }

  destroy(): void {
    const connections = this.#connections;
    this.#connections = null;
    this.#state = 'closed';
    for (const connection of [...(connections?.values() ?? [])].flat()) connection.destroy();
  }
}
