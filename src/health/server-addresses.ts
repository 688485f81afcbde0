import { lookup } from 'node:dns/promises';
import { reasonOf } from '../errors.js';
import type { Logger } from '../observability/log.js';
import { type HostAddresses, namedHosts, type Topology } from '../topology/topology.js';

export interface ServerAddressesOptions {
  /** The estate in force now. */
  readonly topology: () => Topology;
  /** Told of addresses that differ from those told before. */
  readonly onChange: (addresses: HostAddresses) => void;
  readonly log: Logger;
  /** How often all names are looked up again; default one minute. */
  readonly everyMs?: number;
  /** The addresses of a name; default: the system's lookup. */
  readonly addressesOf?: (name: string) => Promise<readonly string[]>;
}

/** Finds out which addresses the mailbox servers have that the estate gives by name, again and again. */
export interface ServerAddresses {
  /** Looks all names up now, those of a new revision for instance; a name that is not found keeps what was known. */
  refresh(): Promise<void>;
  close(): void;
}

const everyMsDefault = 60_000;
/** While there are names of which nothing is known: mail of their servers waits for it. */
const missingEveryMs = 5000;
/** A lookup of the system holds one of Node's four threads, which files need too. */
const atOnceMax = 2;

export function watchServerAddresses(options: ServerAddressesOptions): ServerAddresses {
  const { topology, onChange, log, everyMs = everyMsDefault, addressesOf = systemAddressesOf } = options;
  let known = new Map<string, readonly string[]>();
  let unknown = '';
  let running: Promise<void> = Promise.resolve();
  let isClosed = false;
  let soon: NodeJS.Timeout | undefined;
  const look = async (): Promise<void> => {
    const names = namedHosts(topology());
    const found = new Map<string, readonly string[]>();
    const missing: string[] = [];
    const queue = [...names];
    const work = async (): Promise<void> => {
      for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
        const before = known.get(name);
        try {
          found.set(name, [...(await addressesOf(name))].sort());
        } catch (error) {
          missing.push(`${name}: ${reasonOf(error)}`);
          if (before !== undefined) found.set(name, before);
        }
      }
    };
    await Promise.all(Array.from({ length: atOnceMax }, work));
    tell(missing.sort());
    clearTimeout(soon);
    if (found.size < names.length && !isClosed) soon = setTimeout(() => void refresh(), missingEveryMs).unref();
    const isSame =
      found.size === known.size && [...found].every(([name, list]) => list.join() === known.get(name)?.join());
    if (isSame) return;
    known = found;
    onChange(found);
  };
  const tell = (missing: readonly string[]): void => {
    const words = missing.join('; ');
    if (words === unknown) return;
    unknown = words;
    if (words !== '')
      log.warn({ missing }, 'mailbox servers or gateways are not known by their addresses: names were not found');
  };
  const refresh = (): Promise<void> => {
    running = running.then(look, look);
    return running;
  };
  const timer = setInterval(() => void refresh(), everyMs);
  timer.unref();
  return {
    refresh,
    close() {
      isClosed = true;
      clearTimeout(soon);
      clearInterval(timer);
    },
  };
}

async function systemAddressesOf(name: string): Promise<readonly string[]> {
  const answers = await lookup(name, { all: true });
  return answers.map(({ address }) => address);
}
