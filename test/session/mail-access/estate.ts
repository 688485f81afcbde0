import { composeObject } from '../../../src/estate/compose-object.js';
import type { Snapshot } from '../../../src/session/door-services.js';
import {
  catalogue,
  type EstateObject,
  type Listener,
  type ObjectTypes,
} from '../../../src/topology/catalogue/catalogue.js';
import type { Directory, DirectoryEntry } from '../../../src/topology/directory.js';
import { buildTopology } from '../../../src/topology/topology.js';

/** A complete object of a noun, as the store would hold it. */
function compose<N extends keyof ObjectTypes>(noun: N, given: EstateObject): ObjectTypes[N] {
  const composed = composeObject(catalogue[noun], undefined, given);
  if ('problems' in composed) throw new Error(JSON.stringify(composed.problems));
  return composed.object as unknown as ObjectTypes[N];
}

export interface EstateOptions {
  /** Estate form; the name is `Door`, the address free. */
  readonly listener?: EstateObject;
  /** Put onto the listener as it is: limits that are shorter than an estate may have. */
  readonly limits?: Partial<Listener['limits']>;
  readonly servers: readonly EstateObject[];
  readonly frontEnd?: EstateObject;
  /** Database name to active server. */
  readonly databases: Readonly<Record<string, string>>;
  readonly directory: Directory;
}

/** Addresses to databases, and what mailboxes have switched off. */
export function directoryOf(
  mailboxes: Readonly<Record<string, string>>,
  protocols: Record<string, boolean> = {},
): Directory {
  const entries = new Map<string, DirectoryEntry>(
    Object.entries(mailboxes).map(([address, database]) => [
      address,
      { class: 'mailbox', address, database, guid: null, protocols },
    ]),
  );
  return {
    find: (key) => entries.get(key),
    findByGuid: () => undefined,
    findByExtension: () => undefined,
    membersOf: () => [],
  };
}

/** A small estate with one site, a front end FE1 and one listener. */
export function snapshotOf(options: EstateOptions): Snapshot {
  const listener = compose('listener', { name: 'Door', protocol: 'imap', bind: '127.0.0.1:143', ...options.listener });
  const frontEnd = compose('server', {
    name: 'FE1',
    host: '127.0.0.1',
    site: 'A',
    roles: ['frontend'],
    ...options.frontEnd,
  });
  const topology = buildTopology(1, {
    organization: compose('organization', { defaultDomain: 'contoso.com' }),
    sites: [compose('site', { name: 'A' })],
    links: [],
    dags: [],
    servers: [
      frontEnd,
      ...options.servers.map((server) => compose('server', { host: '127.0.0.1', site: 'A', ...server })),
    ],
    databases: Object.entries(options.databases).map(([name, active]) =>
      compose('database', { name, copies: [active], active }),
    ),
    domains: [compose('domain', { name: 'contoso.com', type: 'authoritative' })],
    certificates: [],
    sendConnectors: [],
    receiveConnectors: [],
    filters: compose('filters', {}),
    listeners: [{ ...listener, limits: { ...listener.limits, ...options.limits } }],
    httpServices: [],
    callGateways: [],
    dialPlans: [],
    huntGroups: [],
  });
  return { topology, directory: options.directory, frontEnd };
}
