import { reasonOf } from '../errors.js';
import type { Logger } from '../observability/log.js';
import type { Snapshot } from '../session/door-services.js';
import type { Store } from '../store/store.js';
import { openStore } from '../store/store.js';
import { chooseFrontEnd } from '../topology/choose-front-end.js';
import type { Directory } from '../topology/directory.js';
import { buildTopology } from '../topology/topology.js';

/** The estate in force: one pointer, swapped whole. */
export interface LiveEstate {
  snapshot(): Snapshot;
  /** Takes up the newest revision if it is not in force yet, and tells `onChange`. */
  takeUp(): Snapshot;
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
/** How often it is looked whether the file was replaced, in polls. */
const pollsPerFileCheck = 20;

/** Opens the store, builds the newest revision, and follows the store from then on. */
export function openLiveEstate(options: LiveEstateOptions): LiveEstate {
  let store = openStore(options.storePath, { purpose: 'runtime' });
  let seenVersion = store.dataVersion();
  let trouble: string | null = null;
  // Conversations keep the topology they began with; addresses are looked up as they are now.
  const directory: Directory = {
    find: (key) => store.directory.find(key),
    findByGuid: (guid) => store.directory.findByGuid(guid),
    findByExtension: (extension) => store.directory.findByExtension(extension),
    membersOf: (key) => store.directory.membersOf(key),
  };
  let current = buildSnapshot(store, directory, options.frontEnd, options.host);

  const takeUp = (): Snapshot => {
    seenVersion = store.dataVersion();
    if (store.revision() === current.topology.revision) return current;
    current = rebuild(store, directory, current);
    options.log.info({ revision: current.topology.revision }, 'revision taken up');
    options.onChange(current);
    return current;
  };
  const reopen = (): void => {
    const next = openStore(options.storePath, { purpose: 'runtime' });
    const old = store;
    store = next;
    old.close();
    current = rebuild(store, directory, current);
    seenVersion = store.dataVersion();
    options.log.warn({ revision: current.topology.revision }, 'the store file was replaced; its estate is taken up');
    options.onChange(current);
  };
  let polls = 0;
  const poll = (): void => {
    try {
      polls += 1;
      if (polls % pollsPerFileCheck === 0 && store.isReplaced()) reopen();
      else if (store.dataVersion() !== seenVersion) takeUp();
      trouble = null;
    } catch (error) {
      const reason = reasonOf(error);
      if (reason !== trouble)
        options.log.error({ reason }, 'the store cannot be followed; the last known estate stays in force');
      trouble = reason;
    }
  };
  const timer = setInterval(poll, pollMs);
  return {
    snapshot: () => current,
    takeUp,
    trouble: () => trouble,
    close() {
      clearInterval(timer);
      store.close();
    },
  };
}

function buildSnapshot(store: Store, directory: Directory, frontEnd: string | undefined, host: string): Snapshot {
  const { revision, objects } = store.topology();
  const topology = buildTopology(revision, objects);
  return { topology, directory, frontEnd: chooseFrontEnd(topology, frontEnd, host) };
}

/** The newest revision for the same front end; one that was deleted meanwhile stays as it was known. */
function rebuild(store: Store, directory: Directory, before: Snapshot): Snapshot {
  const { revision, objects } = store.topology();
  const topology = buildTopology(revision, objects);
  return { topology, directory, frontEnd: topology.server(before.frontEnd.name) ?? before.frontEnd };
}
