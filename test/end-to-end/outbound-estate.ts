import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TrackingRecord } from '../../src/observability/tracking.js';
import { stateFolder } from '../../src/settings.js';
import type { DnsZone } from '../support/dns-server.js';
import { freePorts } from '../support/free-port.js';
import { startUsher, type Usher } from '../support/usher.js';

type Fields = Readonly<Record<string, unknown>>;

/** The address of the mailbox server HQ1, which hands its outbound mail to the front end. */
export const hq1Address = '127.0.0.21';

export interface OutboundEstateParts {
  /** Whose sources are HQ1, unless they say otherwise. */
  readonly sendConnectors: readonly Fields[];
  /** The SMTP port of HQ1; nobody listens there by default. */
  readonly hq1Port?: number;
  /** Further settings of the two doors. */
  readonly doors?: Fields;
  /** Other sections of the estate file. */
  readonly rest?: Fields;
}

/** A running front end CAS1 and its doors on 127.0.0.1. */
export interface OutboundEstate {
  readonly usher: Usher;
  readonly ports: DoorPorts;
  /** All that the runtime has logged. */
  log(): string;
  tracked(...words: readonly string[]): Promise<TrackingRecord[]>;
}

export interface DoorPorts {
  /** Where servers hand over outbound mail: stands for 717. */
  readonly proxy: number;
  /** Where everybody may come: stands for 25. */
  readonly front: number;
}

/** Patience of a connector in tests where somebody does not answer. */
export const impatient: Fields = { connectTimeout: '1s', replyTimeout: '1s' };

/** Starts a front end with the mailbox ann@contoso.com on HQ1. */
export async function startOutboundEstate(parts: OutboundEstateParts, known?: DoorPorts): Promise<OutboundEstate> {
  const [proxy = 0, front = 0] = known === undefined ? await freePorts(2) : [known.proxy, known.front];
  const usher = await startUsher(outboundEstate(parts, { proxy, front }));
  const logFile = join(stateFolder(usher.store), 'usher.log');
  return {
    usher,
    ports: { proxy, front },
    log: () => readFileSync(logFile, 'utf8'),
    tracked: async (...words) => JSON.parse(await usher.cli('track', '--json', ...words)) as TrackingRecord[],
  };
}

function outboundEstate(parts: OutboundEstateParts, { proxy, front }: DoorPorts): object {
  const { sendConnectors, hq1Port = 9, doors = {}, rest = {} } = parts;
  const common = {
    maxConnectionsPerSource: 10_000,
    maxConnectionsPercentPerSource: 100,
    maxProtocolErrors: 1000,
    tarpit: '0s',
    ...doors,
  };
  return {
    estate: 1,
    sites: [{ name: 'A' }],
    servers: [
      { name: 'CAS1', host: 'front.contoso.com', site: 'A', roles: ['frontend'], endpoints: { outboundProxy: proxy } },
      { name: 'HQ1', host: hq1Address, site: 'A', endpoints: { smtp: { port: hq1Port, tls: 'none' } } },
    ],
    databases: [{ name: 'DB1', copies: ['HQ1'] }],
    mailboxes: [{ address: 'ann@contoso.com', database: 'DB1' }],
    domains: [{ name: 'contoso.com', type: 'authoritative' }],
    receiveConnectors: [
      {
        name: 'Outbound Proxy Frontend',
        bindings: [`127.0.0.1:${proxy}`],
        permissionGroups: ['servers'],
        ...common,
      },
      {
        name: 'Default Frontend',
        bindings: [`127.0.0.1:${front}`],
        permissionGroups: ['anonymous', 'servers'],
        ...common,
      },
    ],
    sendConnectors: sendConnectors.map((connector) => ({ sources: ['HQ1'], frontEndProxy: true, ...connector })),
    ...rest,
  };
}

/** A domain whose exchangers are addresses, the first with preference 10, the next with 20 and so on. */
export function mxZone(domain: string, addresses: readonly string[]): DnsZone {
  const host = (index: number): string => `mx${index + 1}.${domain}`;
  return {
    [`MX ${domain}`]: addresses.map((_, index) => `${(index + 1) * 10} ${host(index)}`),
    ...Object.fromEntries(addresses.map((address, index) => [`A ${host(index)}`, [address]])),
  };
}
