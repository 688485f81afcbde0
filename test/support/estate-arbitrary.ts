import fc from 'fast-check';
import { catalogue } from '../../src/topology/catalogue/catalogue.js';
import { components, requesters } from '../../src/topology/components.js';
import { formats } from '../../src/topology/formats.js';
import { addressKey, domainKey } from '../../src/topology/mail-address.js';
import { nameKey } from '../../src/topology/names.js';

/** An estate in the form of the estate file: any part of it, consistent in itself. */
export type EstateDocument = Readonly<Record<string, unknown>>;

/**
 * `wide`: any names, for round trips. `narrow`: a few names in several spellings, so that estates made one after the
 * other share objects, addresses and references.
 */
export type NameChoice = 'wide' | 'narrow';

const shared = ['A', 'b', 'Site Ü', 'MBX1', '😀 x', 'yes', 'null', 'Ⅷ-Wien', 'ﬂ', "o'neil", 'a: b #c'];
const odd = [
  ...shared,
  ...[
    '~',
    'true',
    'NO',
    '1e3',
    '0x1F',
    '007',
    '2026-01-01',
    '- a',
    '? b',
    '*',
    '&a',
    '!tag',
    '%x',
    '@y',
    '`',
    '|',
    '>',
  ],
  ...[
    '"quoted"',
    '{a: 1}',
    '[a, b]',
    'a,b',
    '#c',
    '\\n',
    'É',
    'é',
    'K',
    '\u212a',
    'İ',
    'ß',
    'ſ',
    '名前',
    '\u{1F469}\u200D\u{1F4BB}',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'estate',
    'name',
    '\uFB01\uF8FF',
    '\u{10FFFF}',
    'ééé  é',
    '...',
    '<<',
    '=',
  ],
];

const recase = (name: string): fc.Arbitrary<string> =>
  fc.constantFrom(
    name,
    name.replace(/[a-z]/g, (letter) => letter.toUpperCase()),
    nameKey(name),
  );

function nameArbitrary(choice: NameChoice): fc.Arbitrary<string> {
  const named = fc.constantFrom(...(choice === 'narrow' ? shared : odd));
  if (choice === 'narrow') return named.chain(recase);
  const words = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
  return fc.oneof(named, named.chain(recase), words).filter((name) => formats.name.fits(name));
}

const namesArbitrary = (choice: NameChoice, minLength: number, maxLength: number): fc.Arbitrary<string[]> =>
  fc.uniqueArray(nameArbitrary(choice), { selector: nameKey, minLength, maxLength });

const locals = [
  'ann',
  'Bob',
  'o.neil',
  '"a b"',
  '"ann"',
  'jörg',
  'JÖRG',
  'x+y',
  '"q@q"',
  'İ',
  'n\u0303',
  'null',
  '007',
];
const mailDomains = [
  'contoso.com',
  'Fabrikam.COM',
  'bücher.example',
  'xn--bcher-kva.example',
  'sub.contoso.com',
  'BÜCHER.example',
];

const addressArbitrary = fc
  .tuple(
    fc.oneof(fc.constantFrom(...locals), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })),
    fc.constantFrom(...mailDomains),
  )
  .map(([local, domain]) => `${local}@${domain}`)
  .filter((address) => addressKey(address) !== undefined);

const addressesArbitrary = (choice: NameChoice, maxLength: number): fc.Arbitrary<string[]> => {
  const few = fc.tuple(
    fc.constantFrom('ann', 'ANN', 'bob', 'jörg'),
    fc.constantFrom('contoso.com', 'Contoso.com', 'bücher.example'),
  );
  const address = choice === 'narrow' ? few.map((parts) => parts.join('@')) : addressArbitrary;
  return fc.uniqueArray(address, { selector: (text) => addressKey(text) ?? text, maxLength });
};

const range = fc.constantFrom(
  '10.0.0.0/8',
  '192.168.0.1',
  '10.0.0.1-10.0.0.9',
  '::1',
  '2001:db8::/32',
  '::ffff:10.0.0.1',
);
const ranges = fc.array(range, { maxLength: 3 });
const size = fc.constantFrom<string | number>('36MB', '64KB', '1GB', 65_537, '100 kb', '1.5MB');
const portNumber = fc.integer({ min: 1, max: 65_535 });
const line = fc.constantFrom('a line', 'null', '  spaces ', '# no comment', 'ümlaut: "x"', '*');
const domainName = fc.constantFrom(...mailDomains);

const tls = fc.constantFrom('none', 'opportunistic', 'starttls', 'implicit');
const endpointObject = fc.record(
  {
    port: portNumber,
    tls,
    verify: fc.boolean(),
    ca: fc.constantFrom(null, '/etc/ca bundle.pem'),
    serverName: fc.constantFrom(null, 'mail.contoso.com'),
    proxyProtocol: fc.constantFrom('none', 'v1', 'v2'),
    clientAddress: fc.constantFrom('none', 'id', 'xclient', 'forwarded'),
    auth: fc.constantFrom(null, 'PLAIN'),
  },
  { requiredKeys: [] },
);
const endpoint = fc.oneof(portNumber, endpointObject);
const endpoints = fc.record(
  {
    smtp: endpoint,
    submission: endpoint,
    imap: endpoint,
    pop: endpoint,
    http: endpoint,
    sip: endpoint,
    sips: endpoint,
    outboundProxy: endpoint,
  },
  { requiredKeys: [] },
);

/** The names of all objects that others refer to. */
interface Pools {
  readonly choice: NameChoice;
  readonly sites: readonly string[];
  readonly dags: readonly string[];
  readonly servers: readonly { readonly name: string; readonly dag: string | null; readonly isMailbox: boolean }[];
  readonly databases: readonly string[];
  readonly certificates: readonly string[];
  readonly gateways: readonly string[];
  readonly dialPlans: readonly string[];
  readonly httpServices: readonly string[];
  readonly addresses: readonly string[];
}

function poolsArbitrary(choice: NameChoice): fc.Arbitrary<Pools> {
  const names = fc.record({
    sites: namesArbitrary(choice, 1, 4),
    dags: namesArbitrary(choice, 0, 2),
    serverNames: namesArbitrary(choice, 1, 5),
    databases: namesArbitrary(choice, 0, 4),
    certificates: namesArbitrary(choice, 0, 2),
    gateways: namesArbitrary(choice, 0, 2),
    dialPlans: namesArbitrary(choice, 0, 2),
    httpServices: namesArbitrary(choice, 0, 2),
    addresses: addressesArbitrary(choice, 8),
    places: fc.array(fc.tuple(fc.boolean(), fc.nat()), { minLength: 5, maxLength: 5 }),
  });
  return names.map(({ serverNames, places, databases, ...pools }) => {
    const servers = serverNames.map((name, index) => {
      const [isMailbox, draw] = places[index] ?? [true, 0];
      const dag = isMailbox ? (pools.dags[draw % (pools.dags.length + 1)] ?? null) : null;
      return { name, dag, isMailbox };
    });
    return { ...pools, choice, servers, databases: servers.some((server) => server.isMailbox) ? databases : [] };
  });
}

const pick = (names: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...names).chain(recase);
const pickOrNull = (names: readonly string[]): fc.Arbitrary<string | null> =>
  names.length === 0 ? fc.constant(null) : fc.option(pick(names));
const some = (names: readonly string[], minLength: number): fc.Arbitrary<string[]> =>
  fc.shuffledSubarray([...names], { minLength }).chain((chosen) => fc.tuple(...chosen.map(recase)));

/** One object a name, each with its name and what `fields` draws for it. */
const each = <T>(
  names: readonly T[],
  fields: (name: T, index: number) => fc.Arbitrary<EstateDocument>,
): fc.Arbitrary<EstateDocument[]> => fc.tuple(...names.map(fields));

/** A record of which only the required keys must be drawn. */
const partial = (model: Record<string, fc.Arbitrary<unknown>>, requiredKeys: string[]): fc.Arbitrary<EstateDocument> =>
  fc.record(model, { requiredKeys }) as fc.Arbitrary<EstateDocument>;

function organization(pools: Pools): fc.Arbitrary<EstateDocument> {
  return partial(
    {
      defaultDomain: fc.option(domainName),
      arbitrationDatabase: pickOrNull(pools.databases),
      clientProxy: fc.constantFrom('sender-server', 'any-active-in-dag'),
      maxRecipients: fc.integer({ min: 1, max: 100_000 }),
      maxMessageSize: size,
      internalSmtpServers: ranges,
      resolvers: fc.array(fc.constantFrom('10.0.0.53', '10.0.0.53:5353', '[::1]:53'), { maxLength: 2 }),
      maxRequestsPerServer: fc.constantFrom(null, 1, 150),
    },
    ['arbitrationDatabase'],
  );
}

function sites(pools: Pools): fc.Arbitrary<EstateDocument[]> {
  const service = partial(
    {
      externalUrl: fc.constantFrom(null, 'https://mail.contoso.com/owa?a=b#c'),
      crossSite: fc.constantFrom(null, 'proxy', 'redirect'),
    },
    [],
  );
  const services = partial({ owa: service, eas: service, powershell: service }, []);
  return each(pools.sites, (name) =>
    partial({ name: fc.constant(name), hub: fc.boolean(), acceptInbound: fc.boolean(), services }, ['name']),
  );
}

function links(pools: Pools): fc.Arbitrary<EstateDocument[]> {
  if (pools.sites.length < 2) return fc.constant([]);
  const cost = fc.integer({ min: 1, max: 99_999 });
  return namesArbitrary(pools.choice, 0, 3).chain((names) =>
    each(names, (name) =>
      partial(
        {
          name: fc.constant(name),
          sites: some(pools.sites, 2),
          cost,
          mailCost: fc.option(cost),
          maxMessageSize: fc.option(size),
        },
        ['name', 'sites'],
      ),
    ),
  );
}

function servers(pools: Pools): fc.Arbitrary<EstateDocument[]> {
  const state = fc.record({
    component: fc.constantFrom(...components, ...pools.httpServices.flatMap((name) => [name, `${name}-proxy`])),
    requester: fc.constantFrom(...requesters),
    state: fc.constantFrom('active', 'draining', 'inactive'),
  });
  const states = fc.uniqueArray(state, {
    selector: ({ component, requester }) => `${component} ${requester}`,
    maxLength: 3,
  });
  return each(pools.servers, ({ name, dag, isMailbox }) =>
    partial(
      {
        name: fc.constant(name),
        host: fc.constantFrom('mbx1.contoso.com', '10.1.2.3', '2001:db8::1', 'bücher.example'),
        site: pick(pools.sites),
        dag: dag === null ? fc.constant(null) : recase(dag),
        roles: isMailbox
          ? fc.constantFrom(['mailbox'], ['mailbox', 'frontend'], ['frontend', 'mailbox'])
          : fc.constant(['frontend']),
        accepts: fc.constantFrom('any', 'own'),
        endpoints,
        components: states,
      },
      ['name', 'host', 'site', 'dag', 'roles'],
    ),
  );
}

/** Copies in one DAG, or one server alone. */
function copiesArbitrary(pools: Pools): fc.Arbitrary<string[]> {
  const mailboxServers = pools.servers.filter((server) => server.isMailbox);
  const groups = pools.dags
    .map((dag) => mailboxServers.filter((server) => server.dag === dag).map((server) => server.name))
    .filter((members) => members.length > 0);
  const single = pick(mailboxServers.map((server) => server.name)).map((name) => [name]);
  return fc.oneof(single, ...groups.map((members) => some(members, 1)));
}

function databases(pools: Pools): fc.Arbitrary<EstateDocument[]> {
  return each(pools.databases, (name) =>
    copiesArbitrary(pools).chain((copies) =>
      partial({ name: fc.constant(name), copies: fc.constant(copies), active: pick(copies) }, [
        'name',
        'copies',
        'active',
      ]),
    ),
  );
}

const guidOf = (number: number): string => `5b1c9e70-1F6e-4f0e-9a53-${number.toString(16).padStart(12, '0')}`;

type Directory = Record<'mailboxes' | 'groups' | 'contacts', EstateDocument[]>;

/** Deals the addresses out to mailboxes with aliases, groups and contacts. */
function directory(pools: Pools): fc.Arbitrary<Directory> {
  const kinds =
    pools.databases.length > 0
      ? (['mailbox', 'mailbox', 'alias', 'alias', 'group', 'contact'] as const)
      : (['group', 'contact'] as const);
  const deal = fc.array(fc.constantFrom(...kinds), {
    minLength: pools.addresses.length,
    maxLength: pools.addresses.length,
  });
  const protocols = partial({ imap: fc.boolean(), pop: fc.boolean(), um: fc.boolean(), owa: fc.boolean() }, []);
  const numbers = fc.shuffledSubarray([1, 2, 3, 4, 5, 6, 7, 8], { minLength: 8 });
  return fc.tuple(deal, numbers).chain(([dealt, order]) => {
    const of = (kind: string): string[] => pools.addresses.filter((_, index) => dealt[index] === kind);
    const aliases = of('alias');
    const mailbox = (address: string, index: number): fc.Arbitrary<EstateDocument> =>
      partial(
        {
          address: fc.constant(address),
          aliases: fc.constant(aliases.filter((_, position) => position % of('mailbox').length === index)),
          database: pick(pools.databases),
          guid: fc.option(fc.constant(guidOf(order[index] ?? 0))),
          extension: fc.option(fc.constant(`+${order[index]}00`)),
          dialPlan: pickOrNull(pools.dialPlans),
          protocols,
        },
        ['address', 'aliases', 'database', 'guid', 'extension', 'dialPlan'],
      );
    const members = fc.array(addressArbitrary, { maxLength: 4 });
    const group = (address: string) =>
      partial(
        { address: fc.constant(address), members, expansionServer: pickOrNull(pools.servers.map(({ name }) => name)) },
        ['address', 'expansionServer'],
      );
    const contact = (address: string) =>
      partial({ address: fc.constant(address), target: addressArbitrary }, ['address', 'target']);
    return fc.record({
      mailboxes: each(of('mailbox'), mailbox),
      groups: each(of('group'), group),
      contacts: each(of('contact'), contact),
    });
  });
}

const domains = fc
  .uniqueArray(domainName, { selector: (name) => domainKey(name) ?? name, maxLength: 3 })
  .chain((names) =>
    each(names, (name) =>
      partial(
        {
          name: fc.constant(name),
          type: fc.constantFrom('authoritative', 'internal-relay', 'external-relay'),
          matchSubdomains: fc.boolean(),
          validateRecipients: fc.boolean(),
        },
        ['name', 'type'],
      ),
    ),
  );

const smartHosts = fc.constantFrom('relay.fabrikam.com', '[10.0.0.1]:2525', '[::1]');
const password = fc.constantFrom(
  { passwordFile: '/etc/usher/pass word', passwordEnv: null },
  { passwordFile: null, passwordEnv: 'RELAY_PASSWORD' },
);

/** Rules that hold between fields: TLS from the first byte, and whom a password may be sent to. */
const handover = fc.oneof(
  fc.record({
    smartHosts: fc.array(smartHosts, { maxLength: 2 }),
    tls: fc.constantFrom('none', 'opportunistic', 'encrypt', 'verify', 'domain:mx.fabrikam.com'),
    implicitTls: fc.constant(false),
    auth: fc.constant(null),
  }),
  fc.record({
    smartHosts: fc.array(smartHosts, { minLength: 1, maxLength: 2 }),
    tls: fc.constantFrom('encrypt', 'verify', 'domain:mx.fabrikam.com'),
    implicitTls: fc.boolean(),
    auth: fc.tuple(line, password).map(([user, place]) => ({ user, ...place })),
  }),
);

function sendConnectors(pools: Pools): fc.Arbitrary<EstateDocument[]> {
  const space = fc.constantFrom('*', '*;1', '*.contoso.com;100', 'contoso.com;5', 'SMTP:bücher.example;2');
  const fields = {
    enabled: fc.boolean(),
    addressSpaces: fc.array(space, { maxLength: 3 }),
    sources: some(
      pools.servers.map(({ name }) => name),
      1,
    ),
    scoped: fc.boolean(),
    frontEndProxy: fc.boolean(),
    maxMessageSize: size,
    port: portNumber,
    mtaSts: fc.boolean(),
    ca: fc.constantFrom(null, '/etc/ca bundle.pem'),
    certificate: pickOrNull(pools.certificates),
    heloName: fc.option(domainName),
    resolvers: fc.array(fc.constantFrom('10.0.0.53', '10.0.0.53:5353', '[::1]:53'), { maxLength: 2 }),
    allowPrivateAddresses: fc.boolean(),
    maxMessagesPerConnection: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    maxConnectionsPerHost: fc.integer({ min: 1, max: 10_000 }),
    connectTimeout: fc.constantFrom('1s', '90s', '1500ms'),
    replyTimeout: fc.constantFrom('1s', '1h'),
    idleTimeout: fc.constantFrom<string | number>('0s', 0, '5s', '1ms'),
    protocolLog: fc.boolean(),
  };
  return namesArbitrary(pools.choice, 0, 2).chain((names) =>
    each(names, (name) =>
      fc
        .tuple(partial({ name: fc.constant(name), ...fields }, ['name', 'sources', 'certificate']), handover)
        .map(([connector, rules]) => ({ ...connector, ...rules })),
    ),
  );
}

/** Rules that hold between fields: who may authenticate how. */
const trust = fc.constantFrom(
  { auth: ['tls', 'basic', 'basic-require-tls'], permissionGroups: ['users', 'anonymous'], requireTls: true },
  { auth: ['tls'], permissionGroups: [], implicitTls: true },
  {
    auth: ['none'],
    permissionGroups: ['anonymous', 'users', 'servers', 'partners'],
    requireTls: false,
    implicitTls: false,
  },
  { auth: ['external-authoritative', 'tls'], permissionGroups: ['servers'], anonymousRelay: true },
);

function receiveConnectors(pools: Pools): fc.Arbitrary<EstateDocument[]> {
  const fields = {
    server: pickOrNull(pools.servers.map(({ name }) => name)),
    enabled: fc.boolean(),
    remoteRanges: ranges,
    maxMessageSize: size,
    maxRecipients: fc.integer({ min: 1, max: 100_000 }),
    maxConnectionsPercentPerSource: fc.integer({ min: 1, max: 100 }),
    messagesPerMinute: fc.option(fc.integer({ min: 1, max: 1000 })),
    maxProtocolErrors: fc.constantFrom(0, -0, 5),
    maxHeaderSize: size,
    connectionTimeout: fc.constantFrom('10m', '1d', '3600s'),
    inactivityTimeout: fc.constantFrom('1s', '90s', '1500ms'),
    tarpit: fc.constantFrom<string | number>('0s', 0, '5s', '1ms', '0.5s'),
    banner: fc.constantFrom(null, '220 mail.contoso.com "ready" #1'),
    certificate: pickOrNull(pools.certificates),
    proxyPeers: ranges,
    xclientPeers: ranges,
    protocolLog: fc.boolean(),
  };
  return namesArbitrary(pools.choice, 0, 3).chain((names) =>
    each(names, (name, index) => {
      const own = {
        name: fc.constant(name),
        bindings: fc.constant([`0.0.0.0:${2500 + index}`, `[::]:${2500 + index}`]),
      };
      const required = ['name', 'bindings', 'server', 'connectionTimeout', 'inactivityTimeout'];
      return fc
        .tuple(partial({ ...own, ...fields }, required), trust)
        .map(([connector, rules]) => ({ ...connector, ...rules }));
    }),
  );
}

const listenerKinds = [
  { protocol: 'imap', tls: 'starttls', maxCommandSize: '8KB' },
  { protocol: 'imap' },
  { protocol: 'pop', tls: 'none', maxCommandSize: 255 },
  { protocol: 'http', tls: 'implicit', hsts: '365d', serverHeaders: true, http2: false },
  { protocol: 'http', tls: 'implicit', hsts: null, http2: true },
  { protocol: 'http', redirectToHttps: true },
  { protocol: 'http' },
  { protocol: 'sip', tls: 'none', transport: 'udp' },
] as const;

function listeners(pools: Pools): fc.Arbitrary<EstateDocument[]> {
  const one = (name: string, index: number): fc.Arbitrary<EstateDocument> =>
    fc.constantFrom<EstateDocument>(...listenerKinds).chain(({ maxCommandSize, ...kind }) => {
      const limits = partial(
        {
          maxConnections: fc.option(fc.integer({ min: 1, max: 9999 })),
          ...(maxCommandSize !== undefined && { maxCommandSize: fc.constant(maxCommandSize) }),
          idleTimeout: fc.constantFrom(null, '30m', '1d'),
        },
        [],
      );
      const model = {
        name: fc.constant(name),
        server: pickOrNull(pools.servers.map((server) => server.name)),
        bind: fc.constantFrom(`0.0.0.0:${3000 + index}`, `[::1]:${3000 + index}`),
        plaintextLogin: fc.boolean(),
        certificate: pickOrNull(pools.certificates),
        proxyPeers: ranges,
        limits,
      };
      return partial(model, ['name', 'server', 'bind', 'limits']).map((listener) => ({ ...listener, ...kind }));
    });
  return namesArbitrary(pools.choice, 0, 3).chain((names) => each(names, one));
}

const ipEntries = fc.array(
  partial(
    { range, comment: fc.constantFrom('', 'a comment: "x"'), expires: fc.constantFrom(null, '2026-12-31T00:00:00Z') },
    ['range'],
  ),
  { maxLength: 2 },
);

function providers(choice: NameChoice, isBlock: boolean): fc.Arbitrary<EstateDocument[]> {
  const match = fc.constantFrom('any', { mask: 4 }, { addresses: ['127.0.0.2', '127.0.0.3'] });
  const model = {
    zone: domainName,
    priority: fc.integer({ min: 1, max: 10_000 }),
    enabled: fc.boolean(),
    match,
    ...(isBlock && { response: fc.constantFrom(null, 'go away, %s') }),
  };
  return namesArbitrary(choice, 0, 2).chain((names) =>
    each(names, (name) => partial({ name: fc.constant(name), ...model }, ['name', 'zone'])),
  );
}

function filters(choice: NameChoice): fc.Arbitrary<EstateDocument> {
  const addresses = fc.array(addressArbitrary, { maxLength: 2 });
  const someDomains = fc.array(domainName, { maxLength: 2 });
  const action = fc.constantFrom('stamp', 'reject', 'delete');
  const agent = partial(
    {
      name: fc.constantFrom('agent', 'Ägent 2'),
      module: fc.constantFrom('/opt/a b.js'),
      enabled: fc.boolean(),
      priority: fc.integer({ min: 1, max: 10_000 }),
      settings: fc.jsonValue({ maxDepth: 3 }),
    },
    ['name', 'module'],
  );
  return partial(
    {
      enabled: partial(
        { connection: fc.boolean(), sender: fc.boolean(), recipient: fc.boolean(), spf: fc.boolean() },
        [],
      ),
      ipAllow: ipEntries,
      ipBlock: ipEntries,
      allowProviders: providers(choice, false),
      blockProviders: providers(choice, true),
      bypassedRecipients: addresses,
      senders: partial(
        {
          blocked: addresses,
          blockedDomains: someDomains,
          blockBlank: fc.boolean(),
          action: fc.constantFrom('reject', 'stamp'),
        },
        [],
      ),
      recipients: partial({ blocked: addresses, validate: fc.boolean() }, []),
      spf: partial({ fail: action, tempError: action, bypassedDomains: someDomains }, []),
      agents: fc.array(agent, { maxLength: 2 }),
    },
    [],
  );
}

function calls(pools: Pools): fc.Arbitrary<Record<'callGateways' | 'dialPlans' | 'huntGroups', EstateDocument[]>> {
  const gateway = (name: string) =>
    partial(
      {
        name: fc.constant(name),
        address: fc.constantFrom('10.9.9.9', 'gw.contoso.com'),
        enabled: fc.boolean(),
        port: portNumber,
        transport: fc.constantFrom('udp', 'tcp', 'tls'),
        probe: fc.constantFrom('0s', '1s', '90s', '1d'),
      },
      ['name', 'address'],
    );
  const plan = (name: string) =>
    partial(
      {
        name: fc.constant(name),
        uriType: fc.constantFrom('extension', 'sip', 'e164'),
        security: fc.constantFrom('unsecured', 'sip-secured', 'secured'),
        digits: fc.integer({ min: 1, max: 20 }),
      },
      ['name'],
    );
  const group = (name: string, index: number) =>
    fc.record({
      name: fc.constant(name),
      gateway: pick(pools.gateways),
      dialPlan: pick(pools.dialPlans),
      pilot: fc.constant(`${5000 + index}`),
    });
  const groups =
    pools.gateways.length > 0 && pools.dialPlans.length > 0
      ? namesArbitrary(pools.choice, 0, 2).chain((names) => each(names, group))
      : fc.constant<EstateDocument[]>([]);
  return fc.record({
    callGateways: each(pools.gateways, gateway),
    dialPlans: each(pools.dialPlans, plan),
    huntGroups: groups,
  });
}

function httpServices(pools: Pools): fc.Arbitrary<EstateDocument[]> {
  return each(pools.httpServices, (name, index) =>
    partial(
      {
        name: fc.constant(name),
        path: fc.constant(`/dav${index}`),
        endpoint: fc.constant('http'),
        port: fc.constantFrom(null, 8443),
        timeout: fc.constantFrom('1s', '90m'),
      },
      ['name', 'path'],
    ),
  );
}

/**
 * Estates that can be applied: every reference is met and every rule between objects holds.
 * All sections of the catalogue occur; fields with a default are given or left out.
 */
export function estateArbitrary(choice: NameChoice = 'wide'): fc.Arbitrary<EstateDocument> {
  return poolsArbitrary(choice).chain((pools) => {
    const certificate = (name: string): fc.Arbitrary<EstateDocument> =>
      fc.constant({ name, certFile: '/etc/usher/mail cert.pem', keyFile: '/etc/usher/mail.key' });
    const sections = fc.record({
      [catalogue.organization.section]: organization(pools),
      [catalogue.site.section]: sites(pools),
      [catalogue.link.section]: links(pools),
      [catalogue.dag.section]: fc.constant(pools.dags.map((name) => ({ name }))),
      [catalogue.server.section]: servers(pools),
      [catalogue.database.section]: databases(pools),
      [catalogue.domain.section]: domains,
      [catalogue['send-connector'].section]: sendConnectors(pools),
      [catalogue['receive-connector'].section]: receiveConnectors(pools),
      [catalogue.filters.section]: filters(choice),
      [catalogue.listener.section]: listeners(pools),
      [catalogue['http-service'].section]: httpServices(pools),
      [catalogue.certificate.section]: each(pools.certificates, certificate),
    });
    return fc
      .tuple(sections, directory(pools), calls(pools))
      .map(([objects, addresses, voice]) => ({ estate: 1, ...objects, ...addresses, ...voice }));
  });
}
