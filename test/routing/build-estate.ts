import type { Noun, ObjectTypes } from '../../src/topology/catalogue/catalogue.js';
import { catalogue } from '../../src/topology/catalogue/catalogue.js';
import { defaultObject } from '../../src/topology/default-object.js';
import type { Directory, DirectoryEntry } from '../../src/topology/directory.js';
import type { Fields, NounName } from '../../src/topology/fields.js';
import { addressKey } from '../../src/topology/mail-address.js';
import type { Topology, TopologyObjects } from '../../src/topology/topology.js';
import { buildTopology } from '../../src/topology/topology.js';

/** What an estate is made of; what is not given has its default. */
export interface EstateParts {
  readonly organization?: Partial<ObjectTypes['organization']>;
  readonly sites?: ReadonlyArray<Partial<ObjectTypes['site']>>;
  readonly links?: ReadonlyArray<Partial<ObjectTypes['link']>>;
  readonly dags?: ReadonlyArray<Partial<ObjectTypes['dag']>>;
  readonly servers?: ReadonlyArray<Partial<ObjectTypes['server']>>;
  readonly databases?: ReadonlyArray<Partial<ObjectTypes['database']>>;
  readonly domains?: ReadonlyArray<Partial<ObjectTypes['domain']>>;
  readonly receiveConnectors?: ReadonlyArray<Partial<ObjectTypes['receive-connector']>>;
  readonly sendConnectors?: ReadonlyArray<Partial<ObjectTypes['send-connector']>>;
  readonly filters?: Partial<ObjectTypes['filters']>;
  readonly httpServices?: ReadonlyArray<Partial<ObjectTypes['http-service']>>;
  readonly callGateways?: ReadonlyArray<Partial<ObjectTypes['gateway']>>;
  readonly dialPlans?: ReadonlyArray<Partial<ObjectTypes['dial-plan']>>;
  readonly huntGroups?: ReadonlyArray<Partial<ObjectTypes['hunt-group']>>;
  readonly mailboxes?: ReadonlyArray<Partial<ObjectTypes['mailbox']>>;
  readonly groups?: ReadonlyArray<Partial<ObjectTypes['group']>>;
  readonly contacts?: ReadonlyArray<Partial<ObjectTypes['contact']>>;
}

/** An estate in stored form: the topology's objects and the directory's. */
export interface EstateObjects {
  readonly objects: TopologyObjects;
  readonly mailboxes: ReadonlyArray<ObjectTypes['mailbox']>;
  readonly groups: ReadonlyArray<ObjectTypes['group']>;
  readonly contacts: ReadonlyArray<ObjectTypes['contact']>;
}

export interface BuiltEstate extends EstateObjects {
  readonly topology: Topology;
  readonly directory: Directory;
}

/** An object in stored form, with the defaults of its noun. */
function complete<N extends NounName>(name: N, given: Partial<ObjectTypes[N]>): ObjectTypes[N] {
  const noun: Noun = catalogue[name];
  const object: Record<string, unknown> = { ...defaultObject(noun), ...given };
  const fields: Fields = noun.fields;
  for (const [key, field] of Object.entries(fields)) {
    if (field.derived && !(key in given)) object[key] = field.derived.from(object);
  }
  return object as ObjectTypes[N];
}

function completeAll<N extends NounName>(
  name: N,
  given: ReadonlyArray<Partial<ObjectTypes[N]>> | undefined,
): Array<ObjectTypes[N]> {
  return (given ?? []).map((object) => complete(name, object));
}

/** The objects of an estate of which only what matters is given. */
export function completeEstate(parts: EstateParts): EstateObjects {
  const objects: TopologyObjects = {
    organization: complete('organization', parts.organization ?? {}),
    sites: completeAll('site', parts.sites),
    links: completeAll('link', parts.links),
    dags: completeAll('dag', parts.dags),
    servers: completeAll('server', parts.servers),
    databases: completeAll('database', parts.databases),
    domains: completeAll('domain', parts.domains),
    receiveConnectors: completeAll('receive-connector', parts.receiveConnectors),
    certificates: [],
    sendConnectors: completeAll('send-connector', parts.sendConnectors),
    filters: complete('filters', parts.filters ?? {}),
    listeners: [],
    httpServices: completeAll('http-service', parts.httpServices),
    callGateways: completeAll('gateway', parts.callGateways),
    dialPlans: completeAll('dial-plan', parts.dialPlans),
    huntGroups: completeAll('hunt-group', parts.huntGroups),
  };
  const mailboxes = completeAll('mailbox', parts.mailboxes);
  return {
    objects,
    mailboxes,
    groups: completeAll('group', parts.groups),
    contacts: completeAll('contact', parts.contacts),
  };
}

/** The topology and the directory of an estate. */
export function indexEstate(estate: EstateObjects): BuiltEstate {
  return { ...estate, topology: buildTopology(1, estate.objects), directory: directoryOf(estate) };
}

/** An estate of which only what matters is given. */
export const buildEstate = (parts: EstateParts): BuiltEstate => indexEstate(completeEstate(parts));

const extensionKey = (extension: string, dialPlan: string | null): string =>
  `${extension} ${dialPlan?.toLowerCase() ?? ''}`;

function directoryOf({ mailboxes, groups, contacts }: EstateObjects): Directory {
  const byAddress = new Map<string, DirectoryEntry>();
  const byGuid = new Map<string, DirectoryEntry>();
  const byExtension = new Map<string, DirectoryEntry>();
  const memberLists = new Map<string, readonly string[]>();
  const add = (address: string, entry: DirectoryEntry) => byAddress.set(addressKey(address) ?? address, entry);
  for (const { address, aliases, database, guid, extension, dialPlan, protocols } of mailboxes) {
    const entry: DirectoryEntry = { class: 'mailbox', address, database, guid, protocols };
    for (const name of [address, ...aliases]) add(name, entry);
    if (guid !== null) byGuid.set(guid.toLowerCase(), entry);
    if (extension !== null) byExtension.set(extensionKey(extension, dialPlan), entry);
  }
  for (const { address, expansionServer, members } of groups) {
    add(address, { class: 'group', address, expansionServer });
    memberLists.set(addressKey(address) ?? address, members);
  }
  for (const { address, target } of contacts) add(address, { class: 'contact', address, target });
  return {
    find: (key) => byAddress.get(key),
    findByGuid: (guid) => byGuid.get(guid.toLowerCase()),
    findByExtension: (extension, dialPlan) =>
      byExtension.get(extensionKey(extension, dialPlan ?? null)) ?? byExtension.get(extensionKey(extension, null)),
    membersOf: (key) => memberLists.get(key) ?? [],
  };
}
