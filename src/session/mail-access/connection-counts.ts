/** Which limit a connection runs into. */
export type ReachedLimit = 'all' | 'source';

export interface AdmissionLimits {
  readonly maxConnections: number | null;
  readonly maxConnectionsPerSource: number | null;
}

/** The connections of one protocol: in all, by client address and by user. */
export class ConnectionCounts {
  #all = 0;
  readonly #bySource = new Map<string, number>();
  readonly #byUser = new Map<string, number>();

  /** Counts a connection, which must `leave` again; one that is too many is not counted. */
  enter(source: string, { maxConnections, maxConnectionsPerSource }: AdmissionLimits): ReachedLimit | null {
    if (maxConnections !== null && this.#all >= maxConnections) return 'all';
    if (!add(this.#bySource, source, maxConnectionsPerSource)) return 'source';
    this.#all += 1;
    return null;
  }

  leave(source: string): void {
    this.#all -= 1;
    subtract(this.#bySource, source);
  }

  /** Counts a user's connection, which must `leaveUser` again; false when it is one too many, and not counted. */
  enterUser(user: string, max: number): boolean {
    return add(this.#byUser, user, max);
  }

  leaveUser(user: string): void {
    subtract(this.#byUser, user);
  }

  /** What is counted now: connections, addresses and users. */
  sizes(): { readonly all: number; readonly sources: number; readonly users: number } {
    return { all: this.#all, sources: this.#bySource.size, users: this.#byUser.size };
  }
}

function add(counts: Map<string, number>, key: string, max: number | null): boolean {
  const count = counts.get(key) ?? 0;
  if (max !== null && count >= max) return false;
  counts.set(key, count + 1);
  return true;
}

function subtract(counts: Map<string, number>, key: string): void {
  const count = counts.get(key) ?? 0;
  if (count > 1) counts.set(key, count - 1);
  else counts.delete(key);
}
