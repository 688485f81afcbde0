import * as f from '../fields.js';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const kilobyte = 1024;
const megabyte = 1024 * kilobyte;
const countMax = 2 ** 31 - 1;
const ranges = (initial: readonly string[] = []) => f.list(f.text('range'), { initial, countMax: 1300 });
const name = () => f.text('name');

const smartHostAuth = f.object({
  user: f.text('line'),
  passwordFile: f.optional(f.text('path')),
  /** Name of the environment variable that holds it. */
  passwordEnv: f.optional(f.text('variable')),
});

export const sendConnector = {
  name: name(),
  enabled: f.boolean(true),
  addressSpaces: f.list(f.text('addressSpace'), { initial: ['*;1'], countMax: 10_000 }),
  sources: f.list(f.reference('server'), { countMin: 1, countMax: 1000 }),
  scoped: f.boolean(false),
  frontEndProxy: f.boolean(false),
  maxMessageSize: f.size(kilobyte, 35 * megabyte),
  smartHosts: f.list(f.text('smartHost'), { countMax: 100 }),
  port: f.integer(1, 65_535, 25),
  implicitTls: f.boolean(false),
  tls: f.text('connectorTls', 'opportunistic'),
  mtaSts: f.boolean(true),
  ca: f.optional(f.text('path')),
  certificate: f.optional(f.reference('certificate')),
  auth: f.optional(smartHostAuth),
  heloName: f.optional(f.text('domain')),
  resolvers: f.list(f.text('resolver'), { countMax: 16 }),
  allowPrivateAddresses: f.boolean(false),
  maxMessagesPerConnection: f.integer(1, countMax, 20),
  maxConnectionsPerHost: f.integer(1, 10_000, 20),
  connectTimeout: f.duration(second, 5 * minute, 10 * second),
  replyTimeout: f.duration(second, hour, minute),
  idleTimeout: f.duration(0, hour, 5 * second),
  protocolLog: f.boolean(false),
};

const authMechanisms = ['tls', 'basic', 'basic-require-tls', 'external-authoritative', 'none'] as const;
const permissionGroups = ['anonymous', 'users', 'servers', 'partners'] as const;

export const receiveConnector = {
  name: name(),
  server: f.optional(f.reference('server')),
  enabled: f.boolean(true),
  bindings: f.list(f.text('binding'), { initial: ['0.0.0.0:25'], countMax: 100 }),
  implicitTls: f.boolean(false),
  remoteRanges: ranges(['0.0.0.0-255.255.255.255', '::/0']),
  auth: f.list(f.choice(authMechanisms), { initial: ['tls', 'basic', 'basic-require-tls'], countMax: 5 }),
  permissionGroups: f.list(f.choice(permissionGroups), { initial: ['anonymous', 'servers'], countMax: 4 }),
  anonymousRelay: f.boolean(false),
  requireTls: f.boolean(false),
  maxMessageSize: f.size(kilobyte, 36 * megabyte),
  maxRecipients: f.integer(1, 100_000, 200),
  maxConnections: f.integer(1, 1_000_000, 5000),
  maxConnectionsPerSource: f.integer(1, 1_000_000, 20),
  maxConnectionsPercentPerSource: f.integer(1, 100, 2),
  messagesPerMinute: f.optional(f.integer(1, countMax)),
  maxProtocolErrors: f.integer(0, countMax, 5),
  maxLogonFailures: f.integer(0, 10, 3),
  maxHeaderSize: f.size(1, 256 * kilobyte),
  rejectReservedDomains: f.boolean(false),
  rejectSingleLabelDomains: f.boolean(false),
  maxHopCount: f.integer(1, 500, 60),
  maxLocalHopCount: f.integer(0, 50, 5),
  connectionTimeout: f.duration(second, day, 5 * minute),
  inactivityTimeout: f.duration(second, day, minute),
  tarpit: f.duration(0, 10 * minute, 5 * second),
  banner: f.optional(f.text('banner')),
  certificate: f.optional(f.reference('certificate')),
  proxyPeers: ranges(),
  xclientPeers: ranges(),
  protocolLog: f.boolean(false),
};

const ipEntry = f.object({
  range: f.text('range'),
  comment: f.text('comment', ''),
  expires: f.optional(f.text('timestamp')),
});

/** Which answers of a DNS list count as a match. */
export type ProviderMatch = 'any' | { readonly mask: number } | { readonly addresses: readonly string[] };

const provider = {
  name: name(),
  zone: f.text('domain'),
  priority: f.integer(1, 10_000, 1),
  enabled: f.boolean(true),
  match: f.special<ProviderMatch>('match', 'any'),
};

const blockProvider = { ...provider, response: f.optional(f.text('line', undefined, 240)) };

const agent = f.object({
  name: name(),
  module: f.text('path'),
  enabled: f.boolean(true),
  priority: f.integer(1, 10_000, 100),
  settings: f.special<unknown>('any', {}),
});

const spfAction = () => f.choice(['stamp', 'reject', 'delete'], 'stamp');
const addresses = (max: number) => f.list(f.text('address'), { countMax: max });
const domains = (max: number) => f.list(f.text('domain'), { countMax: max });

export const filters = {
  enabled: f.object({
    connection: f.boolean(true),
    sender: f.boolean(true),
    recipient: f.boolean(true),
    spf: f.boolean(false),
  }),
  ipAllow: f.list(ipEntry),
  ipBlock: f.list(ipEntry),
  allowProviders: f.list(f.object(provider), { countMax: 100 }),
  blockProviders: f.list(f.object(blockProvider), { countMax: 100 }),
  bypassedRecipients: addresses(800),
  senders: f.object({
    blocked: addresses(800),
    blockedDomains: domains(800),
    blockedDomainsAndSubdomains: domains(800),
    blockBlank: f.boolean(false),
    action: f.choice(['reject', 'stamp'], 'reject'),
  }),
  recipients: f.object({ blocked: addresses(800), validate: f.boolean(false) }),
  spf: f.object({
    fail: spfAction(),
    tempError: spfAction(),
    bypassedRecipients: addresses(100),
    bypassedDomains: domains(100),
  }),
  agents: f.list(agent, { countMax: 100 }),
};

const limits = f.object({
  maxConnections: f.optional(f.integer(1, countMax)),
  maxConnectionsPerUser: f.optional(f.integer(1, countMax)),
  maxConnectionsPerSource: f.optional(f.integer(1, countMax)),
  maxCommandSize: f.optional(f.size(40)),
  preAuthTimeout: f.optional(f.duration(30 * second, hour)),
  idleTimeout: f.optional(f.duration(30 * second, day)),
});

export const listener = {
  name: name(),
  server: f.optional(f.reference('server')),
  protocol: f.choice(['imap', 'pop', 'http', 'sip']),
  bind: f.text('binding'),
  tls: f.derived(f.choice(['none', 'starttls', 'implicit'], 'none'), (listener) =>
    listener['protocol'] === 'imap' || listener['protocol'] === 'pop' ? 'starttls' : 'none',
  ),
  transport: f.choice(['tcp', 'udp'], 'tcp'),
  plaintextLogin: f.boolean(false),
  certificate: f.optional(f.reference('certificate')),
  clientCa: f.optional(f.text('path')),
  proxyPeers: ranges(),
  redirectToHttps: f.boolean(false),
  hsts: f.optional(f.duration(0, 730 * day)),
  serverHeaders: f.boolean(false),
  http2: f.boolean(true),
  limits,
};
