import type { Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { composeObject } from '../../../src/estate/compose-object.js';
import { builtInAgents } from '../../../src/filtering/built-in-agents.js';
import type { ProtocolAgent } from '../../../src/filtering/protocol-agent.js';
import type { SpfChecker } from '../../../src/filtering/spf-filter.js';
import { openDoor } from '../../../src/net/accept.js';
import type { Logger } from '../../../src/observability/log.js';
import type { TrackingRecord } from '../../../src/observability/tracking.js';
import { type Availability, allUp } from '../../../src/routing/availability.js';
import type { Snapshot } from '../../../src/session/door-services.js';
import { createSessionRegistry, type SessionRegistry } from '../../../src/session/session-registry.js';
import type { TransactionDeadlines } from '../../../src/session/smtp/server-transaction.js';
import { createSmtpDoor, type SmtpDoor } from '../../../src/session/smtp/smtp-door.js';
import type { SmtpServices } from '../../../src/session/smtp/smtp-services.js';
import { catalogue, type EstateObject, nouns } from '../../../src/topology/catalogue/catalogue.js';
import type { DirectoryEntry } from '../../../src/topology/directory.js';
import { addressKey } from '../../../src/topology/mail-address.js';
import type { DnsAnswer } from '../../../src/topology/resolver.js';
import type { Topology } from '../../../src/topology/topology.js';
import { buildTopology, type TopologyObjects } from '../../../src/topology/topology.js';

export interface LogLine {
  readonly message: string;
  readonly [field: string]: unknown;
}

export interface DoorUnderTest {
  readonly port: number;
  readonly log: LogLine[];
  /** What `track` would find. */
  readonly tracked: TrackingRecord[];
  /** Lines of the protocol log: event and data. */
  readonly protocol: string[];
  readonly sessions: SessionRegistry;
  readonly door: SmtpDoor;
  /** Accepted sockets, in order. */
  readonly accepted: Socket[];
  /** Conversations that `handle` has not done with. */
  readonly open: () => number;
  /** The estate in force from now on. */
  estate(estate: Estate): void;
  close(): void;
}

/** Parts of an estate in estate form, by section; what every test has is there already. */
export type Estate = Readonly<Record<string, readonly EstateObject[]>>;

export interface DoorSetting {
  readonly estate?: Estate;
  /** Port of the mailbox servers MBX1, MBX2, ... of site A. */
  readonly ports?: readonly number[];
  readonly endpoint?: EstateObject;
  /** Fields of the endpoint for mail of users, at the same ports; without them there is none. */
  readonly submission?: EstateObject;
  /** Fields of the only receive connector. */
  readonly connector?: EstateObject;
  readonly availability?: Availability;
  /** The estate that `freshSnapshot()` finds; the others see it only then. */
  readonly newest?: Estate;
  /** Mailboxes that are being moved. */
  readonly held?: readonly string[];
  readonly certificate?: { readonly key: string; readonly cert: string };
  readonly nowMs?: () => number;
  readonly deadlines?: Partial<TransactionDeadlines>;
  /** What DNS says; every other name is nobody's. */
  readonly dns?: Readonly<Record<string, DnsAnswer | Promise<DnsAnswer>>>;
  /** Agents beside the built-in ones. */
  readonly agents?: readonly ProtocolAgent[];
  readonly checkSpf?: SpfChecker;
}

const mailboxes = ['ann', 'bob', 'cid'].map((name) => ({ address: `${name}@contoso.com`, database: 'DB1' }));

/** A door over a loopback socket, in front of mailbox servers that listen on the given ports. */
export async function openTestDoor(setting: DoorSetting = {}): Promise<DoorUnderTest> {
  const { ports = [], certificate, availability = allUp, newest, nowMs, deadlines } = setting;
  const log: LogLine[] = [];
  const accepted: Socket[] = [];
  const sessions = createSessionRegistry();
  let open = 0;
  let smtp: SmtpDoor | undefined;
  const listening = await openDoor({
    host: '127.0.0.1',
    port: 0,
    onConnection(socket) {
      accepted.push(socket);
      open += 1;
      void smtp?.handle(socket).then(() => {
        open -= 1;
      });
    },
  });
  const { port } = listening.address;
  const usual = usualEstate(port, ports, setting);
  let current = snapshotOf({ ...usual, ...setting.estate });
  const tracked: TrackingRecord[] = [];
  const protocol: string[] = [];
  const services: SmtpServices = {
    snapshot: () => current,
    freshSnapshot() {
      if (newest !== undefined) current = snapshotOf({ ...usual, ...newest });
      return current;
    },
    availability,
    rotate: (targets) => targets,
    serverCapabilities: () => null,
    isHeld: (mailbox) => setting.held?.includes(mailbox) ?? false,
    sessions,
    log: collectingLog(log),
    agentsOf: agentsFor(setting),
    outbound: { open: () => Promise.reject(new Error('no mail leaves the estate here')) },
    tracking: { record: (record) => tracked.push(record) },
    protocolLog: { session: () => ({ record: (event, data) => protocol.push(`${event} ${data}`) }) },
    count: () => undefined,
    secureContext() {
      if (certificate === undefined) throw new Error('there is no certificate');
      return createSecureContext(certificate);
    },
  };
  const door = createSmtpDoor(services, { nowMs, deadlines });
  smtp = door;
  return {
    port,
    log,
    tracked,
    protocol,
    sessions,
    door,
    accepted,
    open: () => open,
    estate(estate) {
      current = snapshotOf({ ...usual, ...estate });
    },
    close() {
      listening.close();
      door.close();
      for (const socket of accepted) socket.destroy();
    },
  };
}

function agentsFor({
  dns = {},
  agents = [],
  checkSpf,
  nowMs = Date.now,
}: DoorSetting): (topology: Topology) => readonly ProtocolAgent[] {
  const known = new Map<Topology, readonly ProtocolAgent[]>();
  return (topology) => {
    const { filters, organization } = topology;
    const { internalSmtpServers } = organization;
    const resolver = { addresses: (name: string) => dns[name] ?? ({ kind: 'nxdomain' } as const) };
    const all = known.get(topology) ?? [
      ...builtInAgents({ filters, internalSmtpServers, resolver, checkSpf: checkSpf ?? null, nowMs }),
      ...agents,
    ];
    known.set(topology, all);
    return all;
  };
}

function usualEstate(port: number, ports: readonly number[], { endpoint, submission, connector }: DoorSetting): Estate {
  const names = ports.map((_, index) => `MBX${index + 1}`);
  return {
    sites: [{ name: 'A' }],
    dags: [{ name: 'DAG1' }],
    servers: serversAt(ports, (port) => ({
      smtp: { port, tls: 'none', ...endpoint },
      ...(submission && { submission: { port, tls: 'none', ...submission } }),
    })),
    databases: [{ name: 'DB1', copies: names }],
    mailboxes,
    domains: [{ name: 'contoso.com', type: 'authoritative' }],
    receiveConnectors: [
      { name: 'Inbound', bindings: [`127.0.0.1:${port}`], permissionGroups: ['anonymous'], tarpit: '0s', ...connector },
    ],
  };
}

/** The front end FE1 and the mailbox servers MBX1, MBX2, ... of site A at these ports, all in DAG1. */
export function serversAt(
  ports: readonly number[],
  endpointsAt = (port: number): EstateObject => ({ smtp: { port, tls: 'none' } }),
): EstateObject[] {
  return [
    { name: 'FE1', host: 'front.contoso.com', site: 'A', roles: ['frontend'] },
    ...ports.map((port, index) => ({
      name: `MBX${index + 1}`,
      host: '127.0.0.1',
      site: 'A',
      dag: 'DAG1',
      endpoints: endpointsAt(port),
    })),
  ];
}

/** Two delivery groups, so that no recipient alone makes the server certain: the mailboxes are on MBX1, none on MBX2. */
export function twoGroups(ports: readonly number[]): Estate {
  return {
    dags: [{ name: 'DAG1' }, { name: 'DAG2' }],
    servers: serversAt(ports).map((server) => (server['name'] === 'MBX2' ? { ...server, dag: 'DAG2' } : server)),
    databases: [
      { name: 'DB1', copies: ['MBX1'] },
      { name: 'DB2', copies: ['MBX2'] },
    ],
  };
}

/** The estate as a runtime on FE1 sees it. */
export function snapshotOf(estate: Estate): Snapshot {
  const objects: Record<string, unknown> = {};
  for (const noun of nouns) {
    if (noun.inDirectory) continue;
    const given = noun.nameField === null ? [estate[noun.section]?.[0] ?? {}] : (estate[noun.section] ?? []);
    const composed = given.map((object) => compose(noun.name, object));
    objects[noun.section] = noun.nameField === null ? composed[0] : composed;
  }
  const topology = buildTopology(1, objects as unknown as TopologyObjects);
  const entries = new Map<string, DirectoryEntry>();
  for (const given of estate['mailboxes'] ?? []) {
    const mailbox = compose('mailbox', given);
    for (const name of [mailbox['address'], ...(mailbox['aliases'] as string[])]) {
      entries.set(addressKey(String(name)) ?? '', { class: 'mailbox', ...mailbox } as never);
    }
  }
  const frontEnd = topology.server('FE1');
  if (frontEnd === undefined) throw new Error('no front end');
  return {
    topology,
    frontEnd,
    directory: {
      find: (key) => entries.get(key),
      findByGuid: () => undefined,
      findByExtension: () => undefined,
      membersOf: () => [],
    },
  };
}

function compose(name: keyof typeof catalogue, given: EstateObject): EstateObject {
  const composed = composeObject(catalogue[name], undefined, given);
  if ('problems' in composed) throw new Error(`${name}: ${JSON.stringify(composed.problems)}`);
  return composed.object;
}

function collectingLog(lines: LogLine[]): Logger {
  const add = (fields: Readonly<Record<string, unknown>>, message: string): void => {
    lines.push({ ...fields, message });
  };
  return { debug: () => undefined, info: add, warn: add, error: add };
}
