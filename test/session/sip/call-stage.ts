import { type SecureContext } from 'node:tls';
import { afterEach } from 'vitest';
import { type Door, openDoor } from '../../../src/net/accept.js';
import { openDatagramDoor } from '../../../src/net/open-datagram-door.js';
import type { CallRecord } from '../../../src/observability/call-record.js';
import type { LogFields, Logger } from '../../../src/observability/log.js';
import { allUp } from '../../../src/routing/availability.js';
import type { Target } from '../../../src/routing/decision.js';
import type { Snapshot } from '../../../src/session/door-services.js';
import { createSessionRegistry, type SessionRegistry } from '../../../src/session/session-registry.js';
import { type CallDoor, createCallDoor } from '../../../src/session/sip/call-door.js';
import type { CallServices } from '../../../src/session/sip/call-services.js';
import type { Listener } from '../../../src/topology/catalogue/catalogue.js';
import type { Directory, DirectoryEntry } from '../../../src/topology/directory.js';
import { topologyOf } from '../../support/topology-of.js';

type Fields = Readonly<Record<string, unknown>>;

/** Sections of an estate file. */
export type Sections = Readonly<Record<string, unknown>>;

export interface StageOptions {
  /** Sections that take the place of those of the usual estate. */
  readonly estate?: Sections;
  /** What the newest revision says, where it is another one. */
  readonly fresh?: Sections;
  /** Fields of every listener. */
  readonly listener?: Fields;
  /** Shorter than an estate may have them. */
  readonly limits?: Partial<Listener['limits']>;
  readonly directory?: Directory;
  readonly secureContext?: () => SecureContext;
  readonly recordCall?: (record: CallRecord) => void;
  readonly rotate?: (targets: readonly Target[]) => readonly Target[];
  /** Of the limit of strangers' answers. */
  readonly nowMs?: () => number;
  readonly host?: string;
}

export interface LogLine extends LogFields {
  readonly level: string;
  readonly message: string;
}

/** A front end's SIP doors on free ports. */
export interface CallStage {
  readonly door: CallDoor;
  readonly ports: { readonly tcp: number; readonly udp: number; readonly tls: number };
  readonly sessions: SessionRegistry;
  readonly records: readonly CallRecord[];
  readonly outcomes: readonly string[];
  readonly lines: readonly LogLine[];
  /** Puts other sections in force. */
  change(estate: Sections): void;
}

const mailboxes: Readonly<Record<string, string>> = { '5101': 'DB1', '5102': 'DB2', '5109': 'DB9' };

/** Extensions 5101 in DB1 and 5102 in DB2; that of 5109 is in no estate here. */
export const directory: Directory = {
  find: () => undefined,
  findByGuid: () => undefined,
  findByExtension: (extension): DirectoryEntry | undefined => {
    const database = mailboxes[extension];
    const address = `user${extension}@contoso.com`;
    return database === undefined ? undefined : { class: 'mailbox', address, database, guid: null, protocols: {} };
  },
  membersOf: () => [],
};

/** The usual estate: gateway GW1 is 127.0.0.1 and ::1, GW2 is switched off; 5000 is a plan in the clear, 6000 a TLS one. */
export const usualEstate: Sections = {
  sites: [{ name: 'A' }],
  dags: [{ name: 'DAG1' }],
  servers: [
    { name: 'CAS1', host: '10.1.0.5', site: 'A', roles: ['frontend'] },
    { name: 'MBX1', host: 'mbx1.contoso.com', site: 'A', dag: 'DAG1' },
    { name: 'MBX2', host: 'mbx2.contoso.com', site: 'A', dag: 'DAG1' },
  ],
  databases: [
    { name: 'DB1', copies: ['MBX1', 'MBX2'], active: 'MBX1' },
    { name: 'DB2', copies: ['MBX2', 'MBX1'], active: 'MBX2' },
  ],
  callGateways: [
    { name: 'GW1', address: '127.0.0.1' },
    { name: 'GW1v6', address: '::1' },
    { name: 'GW2', address: '127.0.0.2', enabled: false },
    { name: 'GW3', address: 'gw3.contoso.com' },
  ],
  dialPlans: [
    { name: 'DP1', digits: 4 },
    { name: 'DP2', digits: 4, security: 'sip-secured' },
  ],
  huntGroups: [
    { name: 'HG1', gateway: 'GW1', dialPlan: 'DP1', pilot: '5000' },
    { name: 'HG1S', gateway: 'GW1', dialPlan: 'DP2', pilot: '6000' },
    { name: 'HG1v6', gateway: 'GW1v6', dialPlan: 'DP1', pilot: '5000' },
    { name: 'HG2', gateway: 'GW2', dialPlan: 'DP1', pilot: '5000' },
    { name: 'HG3', gateway: 'GW3', dialPlan: 'DP2', pilot: '6000' },
  ],
};

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0).toReversed()) cleanup();
});

/** Something to be undone after the test, the last first. */
export function afterwards(cleanup: () => void): void {
  cleanups.push(cleanup);
}

/** Opens the three doors; closed after the test. */
export async function openCallStage(options: StageOptions = {}): Promise<CallStage> {
  const host = options.host ?? '127.0.0.1';
  const shared = { protocol: 'sip', bind: `127.0.0.1:5060`, ...options.listener };
  const listeners = [
    { name: 'SIP', ...shared },
    { name: 'SIPU', transport: 'udp', ...shared },
    { name: 'SIPS', tls: 'implicit', ...shared },
  ];
  const snapshotOf = (estate: Sections = {}): Snapshot => {
    const built = topologyOf({ ...usualEstate, listeners, ...options.estate, ...estate });
    const topology = {
      ...built,
      listeners: built.listeners.map((listener) => ({
        ...listener,
        limits: { ...listener.limits, ...options.limits },
      })),
    };
    const frontEnd = topology.server('CAS1');
    if (frontEnd === undefined) throw new Error('no front end');
    return { topology, directory: options.directory ?? directory, frontEnd };
  };
  let current = snapshotOf();
  const seen = { records: [] as CallRecord[], outcomes: [] as string[], lines: [] as LogLine[] };
  const sessions = createSessionRegistry();
  const services: CallServices = {
    snapshot: () => current,
    freshSnapshot: () => (current = snapshotOf(options.fresh)),
    availability: allUp,
    isHeld: () => false,
    rotate: options.rotate ?? ((targets) => targets),
    serverCapabilities: () => null,
    sessions,
    log: collectingLog(seen.lines),
    secureContext() {
      if (options.secureContext === undefined) throw new Error('no certificate');
      return options.secureContext();
    },
    recordCall: options.recordCall ?? ((record) => seen.records.push(record)),
    count: (_, { outcome = '' }) => seen.outcomes.push(outcome),
  };
  const door = createCallDoor(services, options.nowMs);
  afterwards(() => door.close());
  const opened = await Promise.all([
    openDoor({ host, port: 0, onConnection: (socket) => void door.handle('SIP', socket) }),
    openDatagramDoor({ host, port: 0, onDatagram: (bytes, from, at) => door.receive('SIPU', bytes, from, at) }),
    openDoor({ host, port: 0, onConnection: (socket) => void door.handle('SIPS', socket) }),
  ]);
  const [tcp, udp, tls] = opened.map((each: Door) => {
    afterwards(() => each.close());
    return each.address.port;
  });
  return {
    door,
    ports: { tcp: tcp ?? 0, udp: udp ?? 0, tls: tls ?? 0 },
    sessions,
    ...seen,
    change: (estate) => {
      current = snapshotOf(estate);
    },
  };
}

function collectingLog(lines: LogLine[]): Logger {
  const write = (level: string) => (fields: LogFields, message: string) =>
    void lines.push({ ...fields, level, message });
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}
