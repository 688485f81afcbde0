import { reasonOf } from '../errors.js';
import type { Logger } from '../observability/log.js';
import type { Snapshot } from '../session/door-services.js';
import type { Store } from '../store/store.js';
import { openStore } from '../store/store.js';
import { chooseFrontEnd } from '../topology/choose-front-end.js';
import type { Directory } from '../topology/directory.js';
import { buildTopology, type HostAddresses, namedHosts } from '../topology/topology.js';

/** The estate in force: one pointer, swapped whole. */
export interface LiveEstate {
  snapshot(): Snapshot;
  /** Takes up the newest revision if it is not in force yet, and tells `onChange`. */
  takeUp(): Snapshot;
  /** The same for who needs some estate: the last known one while the store cannot be followed. Never throws. */
  newest(): Snapshot;
  /** From now on servers whose hosts are names are known by these addresses. */
  placeServers(addresses: HostAddresses): void;
  /** What signs and checks route cookies, newest first. */
  routeKeys(): readonly Buffer[];
  /** Why the store cannot be followed at the moment; the last known estate stays in force meanwhile. */
  trouble(): string | null;
  close(): void;
}

export interface LiveEstateOptions {
  readonly storePath: string;
  readonly frontEnd: string | undefined;
  readonly host: string;
  readonly log: Logger;
  readonly onChange: (snapshot: Snapshot) => void;
}

/** How often the store is asked whether somebody has committed, when nobody said so. */
const pollMs = 50;
/** How often it is looked whether the file was replaced, and what could not be read is tried again, in polls. */
const pollsPerFileCheck = 20;

/** Opens the store, builds the newest revision, and follows the store from then on. */
export function openLiveEstate(options: LiveEstateOptions): LiveEstate {
  return new FollowedEstate(options);
}

class FollowedEstate implements LiveEstate {
  readonly #options: LiveEstateOptions;
  readonly #directory = directoryOf(() => this.#store);
  readonly #timer: NodeJS.Timeout;
  #store: Store;
  #seenVersion: number;
  #current: Snapshot;
  #routeKeys: readonly Buffer[];
  #addresses: HostAddresses = new Map();
  #trouble: string | null = null;
  #polls = 0;

  constructor(options: LiveEstateOptions) {
    this.#options = options;
    this.#store = openStore(options.storePath, { purpose: 'runtime' });
    this.#seenVersion = this.#store.dataVersion();
    this.#current = buildSnapshot(this.#store, this.#directory, options.frontEnd, options.host);
    this.#routeKeys = this.#store.routeKeys();
    this.#timer = setInterval(() => this.#follow(() => this.#poll()), pollMs);
  }

  snapshot(): Snapshot {
    return this.#current;
  }

  takeUp(): Snapshot {
    const version = this.#store.dataVersion();
    const isNew = this.#store.revision() !== this.#current.topology.revision;
    if (isNew) this.#rebuild(this.#store);
    this.#seenVersion = version;
    this.#trouble = null;
    if (!isNew) return this.#current;
    this.#options.log.info({ revision: this.#current.topology.revision }, 'revision taken up');
    this.#options.onChange(this.#current);
    return this.#current;
  }

  newest(): Snapshot {
    this.#follow(() => void this.takeUp());
    return this.#current;
  }

  placeServers(addresses: HostAddresses): void {
    this.#addresses = addresses;
    const { topology, directory, frontEnd } = this.#current;
    // The objects stay the same ones, so that whoever compares them sees no change.
    const placed = buildTopology(topology.revision, topology, allNames(topology, addresses));
    this.#current = { topology: placed, directory, frontEnd };
  }

  routeKeys(): readonly Buffer[] {
    return this.#routeKeys;
  }

  trouble(): string | null {
    return this.#trouble;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#store.close();
  }

  #poll(): void {
    this.#polls += 1;
    const isFileLookedAt = this.#polls % pollsPerFileCheck === 0;
    if (isFileLookedAt && this.#store.isReplaced()) this.#reopen();
    else if (this.#store.dataVersion() !== this.#seenVersion || (isFileLookedAt && this.#trouble !== null))
      this.takeUp();
  }

  #follow(step: () => void): void {
    try {
      step();
    } catch (error) {
      const reason = reasonOf(error);
      if (reason !== this.#trouble)
        this.#options.log.error({ reason }, 'the store cannot be followed; the last known estate stays in force');
      this.#trouble = reason;
    }
  }

  /** The old file is read until the new one can be. */
  #reopen(): void {
    const next = openStore(this.#options.storePath, { purpose: 'runtime' });
    try {
      this.#rebuild(next);
    } catch (error) {
      next.close();
      throw error;
    }
    const old = this.#store;
    this.#store = next;
    old.close();
    this.#seenVersion = next.dataVersion();
    this.#trouble = null;
    const { revision } = this.#current.topology;
    this.#options.log.warn({ revision }, 'the store file was replaced; its estate is taken up');
    this.#options.onChange(this.#current);
  }

  /** The newest revision for the same front end; one that was deleted meanwhile stays as it was known. */
  #rebuild(store: Store): void {
    const { revision, objects } = store.topology();
    const topology = buildTopology(revision, objects, allNames(objects, this.#addresses));
    const routeKeys = store.routeKeys();
    const { frontEnd } = this.#current;
    this.#current = { topology, directory: this.#directory, frontEnd: topology.server(frontEnd.name) ?? frontEnd };
    this.#routeKeys = routeKeys;
  }
}

/** Conversations keep the topology they began with; addresses are looked up as they are now. */
function directoryOf(store: () => Store): Directory {
  return {
    find: (key) => store().directory.find(key),
    findByGuid: (guid) => store().directory.findByGuid(guid),
    findByExtension: (extension, dialPlan) => store().directory.findByExtension(extension, dialPlan),
    membersOf: (key) => store().directory.membersOf(key),
  };
}

function buildSnapshot(store: Store, directory: Directory, frontEnd: string | undefined, host: string): Snapshot {
  const { revision, objects } = store.topology();
  const topology = buildTopology(revision, objects, allNames(objects, new Map()));
  return { topology, directory, frontEnd: chooseFrontEnd(topology, frontEnd, host) };
}

/** What was found of all names that are to be found; of those that were not, nothing. */
function allNames(objects: Parameters<typeof namedHosts>[0], found: HostAddresses): HostAddresses {
  return new Map(namedHosts(objects).map((name) => [name, found.get(name) ?? []]));
}
