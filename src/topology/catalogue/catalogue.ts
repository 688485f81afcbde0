import type { Fields, NounName, ObjectOf } from '../fields.js';
import * as doors from './doors.js';
import * as places from './places.js';

/** One noun of the estate: its section in the estate file, the field that names an object, and its fields. */
export interface Noun {
  readonly name: NounName;
  readonly section: string;
  /** Null where there is only one such object. */
  readonly nameField: 'name' | 'address' | null;
  /** Held by the directory (looked up one by one) and not by the topology in memory. */
  readonly inDirectory: boolean;
  readonly fields: Fields;
}

const noun = <const S extends string, const F extends Fields>(
  name: NounName,
  section: S,
  fields: F,
  nameField: Noun['nameField'] = 'name',
) => ({ name, section, nameField, inDirectory: nameField === 'address', fields });

/** Every noun, in the order in which objects can be made: what is referred to comes first. */
export const catalogue = {
  organization: noun('organization', 'organization', places.organization, null),
  site: noun('site', 'sites', places.site),
  link: noun('link', 'links', places.link),
  dag: noun('dag', 'dags', places.dag),
  server: noun('server', 'servers', places.server),
  database: noun('database', 'databases', places.database),
  mailbox: noun('mailbox', 'mailboxes', places.mailbox, 'address'),
  group: noun('group', 'groups', places.group, 'address'),
  contact: noun('contact', 'contacts', places.contact, 'address'),
  domain: noun('domain', 'domains', places.domain),
  certificate: noun('certificate', 'certificates', places.certificate),
  'send-connector': noun('send-connector', 'sendConnectors', doors.sendConnector),
  'receive-connector': noun('receive-connector', 'receiveConnectors', doors.receiveConnector),
  filters: noun('filters', 'filters', doors.filters, null),
  listener: noun('listener', 'listeners', doors.listener),
  'http-service': noun('http-service', 'httpServices', places.httpService),
  gateway: noun('gateway', 'callGateways', places.gateway),
  'dial-plan': noun('dial-plan', 'dialPlans', places.dialPlan),
  'hunt-group': noun('hunt-group', 'huntGroups', places.huntGroup),
} as const satisfies Readonly<Record<NounName, Noun>>;

export const nouns: readonly Noun[] = Object.values(catalogue);

export type Organization = ObjectOf<typeof places.organization>;
export type Site = ObjectOf<typeof places.site>;
export type Link = ObjectOf<typeof places.link>;
export type Dag = ObjectOf<typeof places.dag>;
export type Server = ObjectOf<typeof places.server>;
export type Database = ObjectOf<typeof places.database>;
export type Mailbox = ObjectOf<typeof places.mailbox>;
export type Group = ObjectOf<typeof places.group>;
export type Contact = ObjectOf<typeof places.contact>;
export type Domain = ObjectOf<typeof places.domain>;
export type HttpService = ObjectOf<typeof places.httpService>;
export type Certificate = ObjectOf<typeof places.certificate>;
export type Gateway = ObjectOf<typeof places.gateway>;
export type DialPlan = ObjectOf<typeof places.dialPlan>;
export type HuntGroup = ObjectOf<typeof places.huntGroup>;
export type SendConnector = ObjectOf<typeof doors.sendConnector>;
export type ReceiveConnector = ObjectOf<typeof doors.receiveConnector>;
export type Filters = ObjectOf<typeof doors.filters>;
export type Listener = ObjectOf<typeof doors.listener>;

/** The type of an object of each noun, in stored form. */
export interface ObjectTypes {
  organization: Organization;
  site: Site;
  link: Link;
  dag: Dag;
  server: Server;
  database: Database;
  mailbox: Mailbox;
  group: Group;
  contact: Contact;
  domain: Domain;
  'send-connector': SendConnector;
  'receive-connector': ReceiveConnector;
  filters: Filters;
  listener: Listener;
  'http-service': HttpService;
  certificate: Certificate;
  gateway: Gateway;
  'dial-plan': DialPlan;
  'hunt-group': HuntGroup;
}

/** Any object of the estate, in stored form. */
export type EstateObject = Readonly<Record<string, unknown>>;

/** The name of an object, or of the noun where there is only one. */
export function objectName(noun: Noun, object: EstateObject): string {
  return noun.nameField === null ? noun.name : String(object[noun.nameField]);
}
