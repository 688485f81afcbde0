import { createSecureContext, type SecureContext } from 'node:tls';
import { composeObject } from '../../../src/estate/compose-object.js';
import { createServerMemory } from '../../../src/health/server-memory.js';
import { openDoor } from '../../../src/net/accept.js';
import type { HttpRecord } from '../../../src/observability/http-record.js';
import type { Logger } from '../../../src/observability/log.js';
import { type Availability, allUp } from '../../../src/routing/availability.js';
import { createHttpDoor, type HttpDoor } from '../../../src/session/http/http-door.js';
import { ServerPools } from '../../../src/session/http/server-pools.js';
import type { WebServices } from '../../../src/session/http/web-door.js';
import { createSessionRegistry, type SessionRegistry } from '../../../src/session/session-registry.js';
import { catalogue, type EstateObject, type Listener } from '../../../src/topology/catalogue/catalogue.js';
import type { Directory, DirectoryEntry } from '../../../src/topology/directory.js';
import { buildTopology, type Topology, type TopologyObjects } from '../../../src/topology/topology.js';

export interface FrontEndOptions {
  /** Names of mailbox servers and what the estate says of them besides the name. */
  readonly servers: Readonly<Record<string, EstateObject>>;
  /** Database to the server it is active on. */
  readonly databases: Readonly<Record<string, string>>;
  /** Address to database. */
  readonly mailboxes: Readonly<Record<string, string>>;
  /** Address to the protocols of its mailbox. */
  readonly protocols?: Readonly<Record<string, EstateObject>>;
  readonly siteB?: EstateObject;
  readonly listener?: EstateObject;
  readonly limits?: Partial<Listener['limits']>;
  readonly availability?: Availability;
  readonly organization?: EstateObject;
  readonly httpServices?: readonly EstateObject[];
  readonly held?: readonly string[];
  readonly routeKeys?: readonly Buffer[];
  readonly certificate?: { readonly key: string; readonly cert: string };
}

export interface LogLine extends Readonly<Record<string, unknown>> {
  readonly level: string;
  readonly message: string;
}

const routeKey = Buffer.alloc(32, 7);

export interface FrontEnd {
  readonly port: number;
  readonly url: string;
  readonly door: HttpDoor;
  readonly sessions: SessionRegistry;
  readonly log: readonly LogLine[];
  /** What became of the requests that are over. */
  readonly records: readonly HttpRecord[];
  /** Puts another estate in force, or leaves it to be taken up by whoever asks for the newest. */
  change(options: Partial<FrontEndOptions>, takenUp?: 'at-once' | 'when-asked'): void;
  close(): void;
}

const compose = (noun: keyof typeof catalogue, given: EstateObject): EstateObject => {
  const composed = composeObject(catalogue[noun], undefined, given);
  if ('problems' in composed) throw new Error(JSON.stringify(composed.problems));
  return composed.object;
};

function topologyOf(revision: number, options: FrontEndOptions): Topology {
  const servers = Object.entries(options.servers).map(([name, given]) =>
    compose('server', { name, host: '127.0.0.1', site: 'A', ...given }),
  );
  const listener = compose('listener', { name: 'WEB', protocol: 'http', bind: '127.0.0.1:80', ...options.listener });
  const objects = {
    organization: compose('organization', { defaultDomain: 'contoso.com', ...options.organization }),
    sites: [compose('site', { name: 'A' }), compose('site', { name: 'B', ...options.siteB })],
    links: [compose('link', { name: 'AB', sites: ['A', 'B'] })],
    dags: [],
    servers: [...servers, compose('server', { name: 'FE1', site: 'A', roles: ['frontend'] })],
    databases: Object.entries(options.databases).map(([name, active]) =>
      compose('database', { name, copies: [active], active }),
    ),
    domains: [compose('domain', { name: 'contoso.com', type: 'authoritative' })],
    certificates: [],
    sendConnectors: [],
    receiveConnectors: [],
    filters: compose('filters', {}),
    listeners: [{ ...listener, limits: { ...(listener['limits'] as object), ...options.limits } }],
    httpServices: (options.httpServices ?? []).map((service) => compose('http-service', service)),
    callGateways: [],
    dialPlans: [],
    huntGroups: [],
  };
  return buildTopology(revision, objects as unknown as TopologyObjects);
}

function directoryOf(options: FrontEndOptions): Directory {
  const entries = new Map<string, DirectoryEntry>();
  for (const [address, database] of Object.entries(options.mailboxes)) {
    const mailbox = compose('mailbox', { address, database, protocols: options.protocols?.[address] ?? {} });
    const protocols = mailbox['protocols'] as Extract<DirectoryEntry, { class: 'mailbox' }>['protocols'];
    entries.set(address, { class: 'mailbox', address, database, guid: null, protocols });
  }
  return {
    find: (key) => entries.get(key),
    findByGuid: () => undefined,
    findByExtension: () => undefined,
    membersOf: () => [],
  };
}

function collectingLog(lines: LogLine[]): Logger {
  const at = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) => {
    lines.push({ ...fields, level, message });
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** A web door of front end FE1 in site A (site B is linked to it) on a free loopback port. */
export async function startFrontEnd(given: FrontEndOptions): Promise<FrontEnd> {
  let options = given;
  let revision = 1;
  const snapshotOf = () => {
    const topology = topologyOf(revision, options);
    const frontEnd = topology.server('FE1');
    if (frontEnd === undefined) throw new Error('no front end');
    return { topology, directory: directoryOf(options), frontEnd };
  };
  let current = snapshotOf();
  const log: LogLine[] = [];
  const sessions = createSessionRegistry();
  const records: HttpRecord[] = [];
  const pools = new ServerPools();
  const services: WebServices = {
    snapshot: () => current,
    isHeld: (mailbox) => given.held?.includes(mailbox) === true,
    freshSnapshot: () => (current = snapshotOf()),
    availability: given.availability ?? allUp,
    rotate: (targets) => targets,
    serverCapabilities: () => null,
    sessions,
    log: collectingLog(log),
    routeKeys: () => given.routeKeys ?? [routeKey],
    servers: createServerMemory(() => performance.now()),
    recordRequest: (record) => records.push(record),
    secureContext: (): SecureContext => createSecureContext(given.certificate ?? {}),
  };
  const door = createHttpDoor(services, 'web', pools);
  const opened = await openDoor({
    host: '127.0.0.1',
    port: 0,
    onConnection: (socket) => void door.handle(socket),
  });
  const { port } = opened.address;
  return {
    port,
    url: `${given.listener?.['tls'] === 'implicit' ? 'https' : 'http'}://127.0.0.1:${port}`,
    door,
    sessions,
    log,
    records,
    change(changes, takenUp = 'at-once') {
      options = { ...options, ...changes };
      revision += 1;
      if (takenUp === 'at-once') current = snapshotOf();
    },
    close() {
      opened.close();
      door.close();
      pools.destroy();
    },
  };
}
