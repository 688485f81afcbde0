import { KeyCounts } from '../key-counts.js';

/** Which limit a connection runs into. */
export type ReachedLimit = 'all' | 'source';

export interface AdmissionLimits {
  readonly maxConnections: number | null;
  readonly maxConnectionsPerSource: number | null;
}

/** The connections of one protocol: in all, by client address and by user. */
export class ConnectionCounts {
  #all = 0;
  readonly #bySource = new KeyCounts();
  readonly #byUser = new KeyCounts();

  /** Counts a connection, which must `leave` again; one that is too many is not counted. */
  enter(source: string, { maxConnections, maxConnectionsPerSource }: AdmissionLimits): ReachedLimit | null {
    if (maxConnections !== null && this.#all >= maxConnections) return 'all';
    if (!this.#bySource.enter(source, maxConnectionsPerSource)) return 'source';
    this.#all += 1;
    return null;
  }

  leave(source: string): void {
    this.#all -= 1;
    this.#bySource.leave(source);
  }

  /** Counts a user's connection, which must `leaveUser` again; false when it is one too many, and not counted. */
  enterUser(user: string, max: number): boolean {
    return this.#byUser.enter(user, max);
  }

  leaveUser(user: string): void {
    this.#byUser.leave(user);
  }

  /** What is counted now: connections, addresses and users. */
  sizes(): { readonly all: number; readonly sources: number; readonly users: number } {
    return { all: this.#all, sources: this.#bySource.size, users: this.#byUser.size };
  }
}
