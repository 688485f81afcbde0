import { nameKey } from '../topology/names.js';

/** What conversations saw of the servers they wanted to reach, for a short time. */
export interface ServerMemory {
  noteFailure(server: string): void;
  noteSuccess(server: string): void;
  isFailing(server: string): boolean;
  /** When the first of its failures was, on the clock that was given; null for a server that is not failing. */
  failingSinceMs(server: string): number | null;
  /** Another number after each change. */
  readonly version: number;
}

// A server that comes back is used again after so long, or sooner when somebody reaches it.
const rememberedMs = 10_000;
/** Servers outside are whoever a domain names. */
const countMax = 10_000;

interface Failures {
  readonly firstAtMs: number;
  readonly lastAtMs: number;
}

export function createServerMemory(nowMs: () => number): ServerMemory {
  const failures = new Map<string, Failures>();
  let version = 0;
  const forget = (key: string): void => {
    if (failures.delete(key)) version += 1;
  };
  const find = (server: string): Failures | undefined => {
    if (failures.size === 0) return undefined;
    const key = nameKey(server);
    const found = failures.get(key);
    if (found === undefined || nowMs() - found.lastAtMs < rememberedMs) return found;
    forget(key);
    return undefined;
  };
  return {
    noteFailure(server) {
      const atMs = nowMs();
      const before = find(server);
      if (before === undefined) version += 1;
      failures.delete(nameKey(server));
      failures.set(nameKey(server), { firstAtMs: before?.firstAtMs ?? atMs, lastAtMs: atMs });
      // The one whose last failure is the longest ago comes first.
      const [oldest] = failures.keys();
      if (failures.size > countMax && oldest !== undefined) forget(oldest);
    },
    noteSuccess(server) {
      if (failures.size > 0) forget(nameKey(server));
    },
    isFailing: (server) => find(server) !== undefined,
    failingSinceMs: (server) => find(server)?.firstAtMs ?? null,
    get version() {
      return version;
    },
  };
}
