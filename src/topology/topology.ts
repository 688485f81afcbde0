import type {
  Certificate,
  Dag,
  Database,
  DialPlan,
  Domain,
  Filters,
  Gateway,
  HttpService,
  HuntGroup,
  Link,
  Listener,
  Organization,
  ReceiveConnector,
  SendConnector,
  Server,
  Site,
} from './catalogue/catalogue.js';
import { domainKey } from './mail-address.js';
import { compareNames, nameKey } from './names.js';
import { canonicalAddress, isAddress } from './ranges.js';

/** Everything of an estate but the directory: what a topology is built from. */
export interface TopologyObjects {
  readonly organization: Organization;
  readonly sites: readonly Site[];
  readonly links: readonly Link[];
  readonly dags: readonly Dag[];
  readonly servers: readonly Server[];
  readonly databases: readonly Database[];
  readonly domains: readonly Domain[];
  readonly certificates: readonly Certificate[];
  readonly sendConnectors: readonly SendConnector[];
  readonly receiveConnectors: readonly ReceiveConnector[];
  readonly filters: Filters;
  readonly listeners: readonly Listener[];
  readonly httpServices: readonly HttpService[];
  readonly callGateways: readonly Gateway[];
  readonly dialPlans: readonly DialPlan[];
  readonly huntGroups: readonly HuntGroup[];
}

/** An estate at one revision, indexed for routing. Never changes; a change makes a new one. */
export interface Topology extends TopologyObjects {
  readonly revision: number;
  site(name: string): Site | undefined;
  server(name: string): Server | undefined;
  database(name: string): Database | undefined;
  /** The accepted domain of a mail domain in A-labels: the one of that name, else the longest parent that matches subdomains. */
  acceptedDomain(domain: string): Domain | undefined;
  /** Mailbox servers of a site, by name. */
  mailboxServersOf(site: string): readonly Server[];
  /** Mailbox servers of a DAG, by name. */
  membersOf(dag: string): readonly Server[];
  /** The mailbox servers whose host has an address, given in canonical form, by name. */
  mailboxServersAt(address: string): readonly Server[];
  /** Whether the address of a mailbox server is not known, as its name was looked for and not found so far. */
  readonly hasUnplacedServers: boolean;
  /** The gateways that call from an address, given in canonical form, by name. */
  gatewaysAt(address: string): readonly Gateway[];
  /** Sites one link away, each with its links to here. */
  linksOf(site: string): ReadonlyArray<{ readonly to: Site; readonly link: Link }>;
}

export const isMailboxServer = (server: Server): boolean => server.roles.includes('mailbox');
export const isFrontEnd = (server: Server): boolean => server.roles.includes('frontend');

/** Finds objects by their names: as they were given at once, in another case too. */
function byName<T extends { readonly name: string }>(objects: readonly T[]): (name: string) => T | undefined {
  const given = new Map(objects.map((object) => [object.name, object]));
  const keyed = new Map(objects.map((object) => [nameKey(object.name), object]));
  return (name) => given.get(name) ?? keyed.get(nameKey(name));
}

function groupServers(servers: readonly Server[], keyOf: (server: Server) => string | null): Map<string, Server[]> {
  const groups = new Map<string, Server[]>();
  for (const server of servers) {
    const name = keyOf(server);
    if (name === null) continue;
    const group = groups.get(nameKey(name));
    if (group) group.push(server);
    else groups.set(nameKey(name), [server]);
  }
  return groups;
}

function neighbours(
  sites: readonly Site[],
  find: (name: string) => Site | undefined,
  links: readonly Link[],
): Map<string, { to: Site; link: Link }[]> {
  const bySite = new Map<string, { to: Site; link: Link }[]>(sites.map((site) => [nameKey(site.name), []]));
  for (const link of links) {
    for (const from of link.sites) {
      for (const name of link.sites) {
        const to = find(name);
        if (to && nameKey(name) !== nameKey(from)) bySite.get(nameKey(from))?.push({ to, link });
      }
    }
  }
  return bySite;
}

function findAcceptedDomain(domains: ReadonlyMap<string, Domain>, domain: string): Domain | undefined {
  const exact = domains.get(domain);
  if (exact) return exact;
  for (let dot = domain.indexOf('.'); dot >= 0; dot = domain.indexOf('.', dot + 1)) {
    const parent = domains.get(domain.slice(dot + 1));
    if (parent?.matchSubdomains) return parent;
  }
  return undefined;
}

/** What is at an address, where hosts are given by name or by address. */
function groupByAddress<T>(
  objects: readonly T[],
  hostOf: (object: T) => string,
  found: HostAddresses,
): Map<string, readonly T[]> {
  const groups = new Map<string, readonly T[]>();
  for (const object of objects) {
    const host = hostOf(object);
    for (const address of found.get(host.toLowerCase()) ?? [host]) {
      const key = canonicalAddress(address);
      groups.set(key, [...(groups.get(key) ?? []), object]);
    }
  }
  return groups;
}

/** Addresses of hosts that are given by name, in lower case: what was found out, not what the estate says; none so far: []. */
export type HostAddresses = ReadonlyMap<string, readonly string[]>;

const nobodyKnown: HostAddresses = new Map();

/** Hosts of mailbox servers and gateways that are names: to know these by their addresses, the names must be looked up. */
export function namedHosts({ servers, callGateways }: Pick<Topology, 'servers' | 'callGateways'>): string[] {
  const hosts = [
    ...servers.filter(isMailboxServer).map(({ host }) => host),
    ...callGateways.map(({ address }) => address),
  ];
  return [...new Set(hosts.map((host) => host.toLowerCase()))].filter((host) => !isAddress(host));
}

/** Indexes the objects of a revision. Takes any objects, also inconsistent ones; `checkTopology` says what is wrong. */
export function buildTopology(
  revision: number,
  objects: TopologyObjects,
  addresses: HostAddresses = nobodyKnown,
): Topology {
  const site = byName(objects.sites);
  const mailboxServers = objects.servers.filter(isMailboxServer).sort((a, b) => compareNames(a.name, b.name));
  const bySite = groupServers(mailboxServers, (server) => server.site);
  const byDag = groupServers(mailboxServers, (server) => server.dag);
  const domains = new Map(objects.domains.map((domain) => [domainKey(domain.name) ?? domain.name, domain]));
  const linksBySite = neighbours(objects.sites, site, objects.links);
  let hosts: ReadonlyMap<string, readonly Server[]> | undefined;
  let gateways: ReadonlyMap<string, readonly Gateway[]> | undefined;
  return {
    ...objects,
    revision,
    site,
    server: byName(objects.servers),
    database: byName(objects.databases),
    acceptedDomain: (domain) => findAcceptedDomain(domains, domain),
    mailboxServersOf: (site) => bySite.get(nameKey(site)) ?? [],
    membersOf: (dag) => byDag.get(nameKey(dag)) ?? [],
    hasUnplacedServers: mailboxServers.some(({ host }) => addresses.get(host.toLowerCase())?.length === 0),
    mailboxServersAt: (address) => {
      hosts ??= groupByAddress(mailboxServers, ({ host }) => host, addresses);
      return hosts.get(address) ?? [];
    },
    gatewaysAt: (address) => {
      gateways ??= groupByAddress(
        objects.callGateways.toSorted((a, b) => compareNames(a.name, b.name)),
        (gateway) => gateway.address,
        addresses,
      );
      return gateways.get(address) ?? [];
    },
    linksOf: (site) => linksBySite.get(nameKey(site)) ?? [],
  };
}
