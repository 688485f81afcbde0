import { componentStates, requesters, webServices } from '../components.js';
import type { Endpoint } from '../endpoints.js';
import { endpointDefaults } from '../endpoints.js';
import * as f from '../fields.js';

const minute = 60_000;
const hour = 60 * minute;
const megabyte = 1024 ** 2;
const name = () => f.text('name');

export const organization = {
  defaultDomain: f.optional(f.text('domain')),
  arbitrationDatabase: f.optional(f.reference('database')),
  clientProxy: f.choice(['sender-server', 'any-active-in-dag'], 'sender-server'),
  maxRecipients: f.integer(1, 100_000, 500),
  maxMessageSize: f.size(1024, 36 * megabyte),
  internalSmtpServers: f.list(f.text('range')),
  resolvers: f.list(f.text('resolver'), { countMax: 16 }),
  maxRequestsPerServer: f.optional(f.integer(1, 1_000_000)),
};

const siteService = f.object({
  externalUrl: f.optional(f.text('url')),
  crossSite: f.optional(f.choice(['proxy', 'redirect'])),
});

export const site = {
  name: name(),
  hub: f.boolean(false),
  acceptInbound: f.boolean(true),
  services: f.record(webServices, siteService),
};

export const link = {
  name: name(),
  sites: f.list(f.reference('site'), { countMin: 2, countMax: 1000 }),
  cost: f.integer(1, 99_999, 100),
  mailCost: f.optional(f.integer(1, 99_999)),
  maxMessageSize: f.optional(f.size(64 * 1024)),
};

export const dag = { name: name() };

const endpoint = (of: keyof typeof endpointDefaults) => f.special<Endpoint>('endpoint', endpointDefaults[of]);

const componentState = f.object({
  component: f.text('component'),
  requester: f.choice(requesters),
  state: f.choice(componentStates),
});

export const server = {
  name: name(),
  host: f.derived(f.text('host'), (server) => server['name'], false),
  site: f.reference('site'),
  dag: f.optional(f.reference('dag')),
  roles: f.list(f.choice(['mailbox', 'frontend']), { initial: ['mailbox'], countMax: 2 }),
  accepts: f.choice(['any', 'own'], 'any'),
  endpoints: f.object({
    smtp: endpoint('smtp'),
    submission: endpoint('submission'),
    imap: endpoint('imap'),
    pop: endpoint('pop'),
    http: endpoint('http'),
    sip: endpoint('sip'),
    sips: endpoint('sips'),
    outboundProxy: endpoint('outboundProxy'),
  }),
  components: f.list(componentState, { countMax: 500 }),
};

export const database = {
  name: name(),
  copies: f.list(f.reference('server'), { countMin: 1, countMax: 64 }),
  active: f.derived(f.reference('server'), (database) => (database['copies'] as string[] | undefined)?.[0], false),
};

export const mailbox = {
  address: f.text('address'),
  aliases: f.list(f.text('address'), { countMax: 1000 }),
  database: f.reference('database'),
  guid: f.optional(f.text('guid')),
  extension: f.optional(f.text('digits')),
  /** Null: the extension holds for every plan. */
  dialPlan: f.optional(f.reference('dial-plan')),
  protocols: f.record(['imap', 'pop', 'smtp', ...webServices, 'um'] as const, f.boolean(true)),
};

export const group = {
  address: f.text('address'),
  members: f.list(f.text('address')),
  expansionServer: f.optional(f.reference('server')),
};

export const contact = { address: f.text('address'), target: f.text('address') };

export const domain = {
  name: f.text('domain'),
  type: f.choice(['authoritative', 'internal-relay', 'external-relay']),
  matchSubdomains: f.boolean(false),
  validateRecipients: f.derived(f.boolean(true), (domain) => domain['type'] === 'authoritative'),
};

export const httpService = {
  name: name(),
  path: f.text('urlPath', undefined, 256),
  endpoint: f.choice(['http'], 'http'),
  port: f.optional(f.integer(1, 65_535)),
  timeout: f.duration(1000, 24 * hour, 60_000),
};

export const certificate = { name: name(), certFile: f.text('path'), keyFile: f.text('path') };

export const gateway = {
  name: name(),
  address: f.text('host'),
  enabled: f.boolean(true),
  port: f.derived(f.integer(1, 65_535, 5060), (gateway) => (gateway['transport'] === 'tls' ? 5061 : 5060)),
  transport: f.choice(['udp', 'tcp', 'tls'], 'tcp'),
  /** How often it is asked whether it is there; 0: never. */
  probe: f.duration(0, 24 * hour, minute),
};

export const dialPlan = {
  name: name(),
  uriType: f.choice(['extension', 'sip', 'e164'], 'extension'),
  security: f.choice(['unsecured', 'sip-secured', 'secured'], 'unsecured'),
  digits: f.integer(1, 20, 4),
};

export const huntGroup = {
  name: name(),
  gateway: f.reference('gateway'),
  dialPlan: f.reference('dial-plan'),
  pilot: f.text('digits'),
};
