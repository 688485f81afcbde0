import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkTopology } from '../../../src/topology/check/check-topology.js';
import { estateArbitrary } from '../../support/estate-arbitrary.js';
import { topologyOf } from '../../support/topology-of.js';

type Estate = Readonly<Record<string, readonly object[] | object>>;

const site = { name: 'A' };
const frontEnd = { name: 'FE1', site: 'A', roles: ['frontend'] };
const mailboxServer = { name: 'MBX1', site: 'A', roles: ['mailbox', 'frontend'] };
const place: Estate = { sites: [site], servers: [frontEnd] };
const inDag = (name: string, dag: string | null) => ({ name, site: 'A', dag, roles: ['mailbox', 'frontend'] });
const connector = (name: string, given: object = {}) => ({ name, ...given });
const listener = (name: string, given: object = {}) => ({ name, protocol: 'imap', bind: '0.0.0.0:143', ...given });
const state = (component: string) => ({ component, requester: 'maintenance', state: 'inactive' });
const voice: Estate = {
  callGateways: [
    { name: 'GW1', address: '10.9.9.9' },
    { name: 'GW2', address: '10.9.9.8' },
  ],
  dialPlans: [{ name: 'DP1' }],
};
const huntGroup = (name: string, given: object = {}) => ({
  name,
  gateway: 'GW1',
  dialPlan: 'DP1',
  pilot: '5000',
  ...given,
});

/** Each row: what the estate is, the estate, and its findings as `code noun name path`. */
const rows: ReadonlyArray<readonly [title: string, estate: Estate, findings: readonly string[]]> = [
  ['nothing at all', {}, []],
  ['one site with a front end', place, []],

  [
    'a server in a site that is not there',
    { servers: [{ ...frontEnd, site: 'B' }] },
    ['dangling-reference server FE1 site'],
  ],
  [
    'a server in a DAG that is not there',
    { ...place, servers: [inDag('MBX1', 'D')] },
    ['dangling-reference server MBX1 dag'],
  ],
  [
    'a link to a site that is not there',
    { ...place, links: [{ name: 'L', sites: ['A', 'B'] }] },
    ['dangling-reference link L sites.1'],
  ],
  [
    'a database whose only copy is on no server, which is also the active one',
    { ...place, databases: [{ name: 'DB1', copies: ['X'] }] },
    ['dangling-reference database DB1 copies.0', 'dangling-reference database DB1 active'],
  ],
  [
    'an organization with an arbitration database that is not there',
    { organization: { arbitrationDatabase: 'DB1' } },
    ['dangling-reference organization organization arbitrationDatabase'],
  ],
  [
    'doors of servers and with certificates that are not there',
    {
      ...place,
      sendConnectors: [{ name: 'S', sources: ['X'] }],
      receiveConnectors: [connector('R', { server: 'X', certificate: 'C' })],
      listeners: [listener('L', { server: 'X', certificate: 'C' })],
    },
    [
      'dangling-reference send-connector S sources.0',
      'dangling-reference receive-connector R server',
      'dangling-reference receive-connector R certificate',
      'dangling-reference listener L server',
      'dangling-reference listener L certificate',
    ],
  ],
  [
    'a hunt group without its gateway and dial plan',
    { huntGroups: [huntGroup('H')] },
    ['dangling-reference hunt-group H gateway', 'dangling-reference hunt-group H dialPlan'],
  ],
  ['references in another case', { sites: [site], servers: [{ ...frontEnd, site: 'a' }] }, []],

  ['a server without a role', { sites: [site], servers: [{ ...frontEnd, roles: [] }] }, ['no-role server FE1 roles']],
  [
    'two states of one component by one requester',
    {
      sites: [site],
      servers: [
        {
          ...frontEnd,
          components: [
            { component: 'imap-proxy', requester: 'health', state: 'inactive' },
            { component: 'imap-proxy', requester: 'functional', state: 'active' },
            { component: 'imap-proxy', requester: 'health', state: 'active' },
          ],
        },
      ],
    },
    ['state-twice server FE1 components.2'],
  ],
  [
    'a front end in a DAG',
    { ...place, dags: [{ name: 'D' }], servers: [{ ...frontEnd, dag: 'D' }] },
    ['dag-needs-mailbox-role server FE1 dag'],
  ],

  [
    'a database on a front end',
    { ...place, databases: [{ name: 'DB1', copies: ['FE1'] }] },
    ['no-mailbox-server database DB1 copies.0'],
  ],
  [
    'copies in one DAG',
    {
      ...place,
      dags: [{ name: 'D' }],
      servers: [inDag('M1', 'D'), inDag('M2', 'd')],
      databases: [{ name: 'DB1', copies: ['M1', 'M2'] }],
    },
    [],
  ],
  [
    'copies in two DAGs',
    {
      ...place,
      dags: [{ name: 'D' }, { name: 'E' }],
      servers: [inDag('M1', 'D'), inDag('M2', 'E'), inDag('M3', 'D')],
      databases: [{ name: 'DB1', copies: ['M1', 'M2', 'M3'] }],
    },
    ['copies-across-dags database DB1 copies.1'],
  ],
  [
    'copies in no DAG',
    { ...place, servers: [inDag('M1', null), inDag('M2', null)], databases: [{ name: 'DB1', copies: ['M1', 'M2'] }] },
    ['copies-across-dags database DB1 copies.0', 'copies-across-dags database DB1 copies.1'],
  ],
  [
    'one copy outside the DAG of the others',
    {
      ...place,
      dags: [{ name: 'D' }],
      servers: [inDag('M1', null), inDag('M2', 'D')],
      databases: [{ name: 'DB1', copies: ['M1', 'M2'] }],
    },
    ['copies-across-dags database DB1 copies.0'],
  ],
  [
    'an active server without a copy',
    {
      ...place,
      servers: [inDag('M1', null), inDag('M2', null)],
      databases: [{ name: 'DB1', copies: ['M1'], active: 'M2' }],
    },
    ['active-without-copy database DB1 active'],
  ],
  [
    'an active server in another case',
    { ...place, servers: [inDag('M1', null)], databases: [{ name: 'DB1', copies: ['M1'], active: 'm1' }] },
    [],
  ],

  [
    'one domain in two spellings',
    {
      domains: [
        { name: 'bücher.example', type: 'authoritative' },
        { name: 'xn--bcher-kva.example', type: 'internal-relay' },
      ],
    },
    ['same-domain domain xn--bcher-kva.example name'],
  ],
  [
    'a domain and its subdomain',
    {
      domains: [
        { name: 'contoso.com', type: 'authoritative' },
        { name: 'a.contoso.com', type: 'internal-relay' },
      ],
    },
    [],
  ],

  ['the usual connector', { ...place, receiveConnectors: [connector('R')] }, []],
  [
    'auth none beside another',
    { ...place, receiveConnectors: [connector('R', { auth: ['none', 'tls'] })] },
    ['connector-rule receive-connector R auth'],
  ],
  [
    'basic-require-tls without basic',
    { ...place, receiveConnectors: [connector('R', { auth: ['tls', 'basic-require-tls'] })] },
    ['connector-rule receive-connector R auth'],
  ],
  [
    'external-authoritative beside basic, and not for servers',
    {
      ...place,
      receiveConnectors: [
        connector('R', { auth: ['external-authoritative', 'basic'], permissionGroups: ['anonymous'] }),
      ],
    },
    ['connector-rule receive-connector R auth', 'connector-rule receive-connector R permissionGroups'],
  ],
  [
    'TLS demanded and not offered',
    { ...place, receiveConnectors: [connector('R', { auth: ['basic'], requireTls: true, implicitTls: true })] },
    ['connector-rule receive-connector R requireTls', 'connector-rule receive-connector R implicitTls'],
  ],
  [
    'no binding',
    { ...place, receiveConnectors: [connector('R', { bindings: [] })] },
    ['connector-rule receive-connector R bindings'],
  ],
  [
    'an inactivity timeout as long as the connection timeout',
    { ...place, receiveConnectors: [connector('R', { inactivityTimeout: '5m' })] },
    ['connector-rule receive-connector R inactivityTimeout'],
  ],
  [
    'two connectors on one binding with one range',
    { ...place, receiveConnectors: [connector('R'), connector('S', { remoteRanges: ['10.0.0.0/8', '0.0.0.0/0'] })] },
    ['connector-clash receive-connector S remoteRanges.1'],
  ],
  [
    'one binding in two spellings',
    {
      ...place,
      receiveConnectors: [connector('R', { bindings: ['[::]:25'] }), connector('S', { bindings: ['[0::0]:025'] })],
    },
    ['connector-clash receive-connector S remoteRanges.0'],
  ],
  [
    'a range within the range of another connector',
    { ...place, receiveConnectors: [connector('R'), connector('S', { remoteRanges: ['10.0.0.0/8'] })] },
    [],
  ],
  [
    'ranges that overlap',
    {
      ...place,
      receiveConnectors: [
        connector('R', { remoteRanges: ['10.0.0.0-10.0.0.9'] }),
        connector('S', { remoteRanges: ['10.0.0.5-10.0.0.20'] }),
      ],
    },
    ['connector-overlap receive-connector S remoteRanges.0'],
  ],
  [
    'one binding on two front ends',
    {
      ...place,
      servers: [frontEnd, { ...frontEnd, name: 'FE2' }],
      receiveConnectors: [connector('R', { server: 'FE1' }), connector('S', { server: 'FE2' })],
    },
    [],
  ],

  [
    'a size out of range',
    { ...place, listeners: [listener('L', { limits: { maxCommandSize: 1023 } })] },
    ['out-of-range listener L limits.maxCommandSize'],
  ],
  [
    'the same size for POP',
    { ...place, listeners: [listener('L', { protocol: 'pop', limits: { maxCommandSize: 1023 } })] },
    [],
  ],
  [
    'STARTTLS for http',
    { ...place, listeners: [listener('L', { protocol: 'http', tls: 'starttls' })] },
    ['no-starttls listener L tls'],
  ],
  [
    'udp for imap, and for sip with tls',
    {
      ...place,
      listeners: [
        listener('L', { transport: 'udp' }),
        listener('M', { protocol: 'sip', tls: 'implicit', transport: 'udp', bind: '0.0.0.0:5061' }),
      ],
    },
    ['no-udp listener L transport', 'no-udp listener M transport'],
  ],
  [
    'authorities of client certificates for what asks for none',
    {
      ...place,
      listeners: [
        listener('L', { tls: 'implicit', clientCa: '/etc/usher/gateways.pem' }),
        listener('M', { protocol: 'sip', tls: 'none', clientCa: '/etc/usher/gateways.pem', bind: '0.0.0.0:5060' }),
        listener('N', { protocol: 'sip', tls: 'implicit', clientCa: '/etc/usher/gateways.pem', bind: '0.0.0.0:5061' }),
      ],
    },
    ['no-client-certificates listener L clientCa', 'no-client-certificates listener M clientCa'],
  ],
  [
    'two listeners on one door',
    { ...place, listeners: [listener('L'), listener('M')] },
    ['door-clash listener M bind'],
  ],
  [
    'a wildcard and an address of it',
    {
      ...place,
      listeners: [listener('L'), listener('M', { bind: '127.0.0.1:143' }), listener('N', { bind: '[::]:143' })],
    },
    ['door-clash listener M bind'],
  ],
  [
    'a listener on the door of a connector',
    { ...place, receiveConnectors: [connector('R')], listeners: [listener('L', { bind: '0.0.0.0:25' })] },
    ['door-clash listener L bind'],
  ],
  [
    'a listener on the door of a connector that is off',
    {
      ...place,
      receiveConnectors: [connector('R', { enabled: false })],
      listeners: [listener('L', { bind: '0.0.0.0:25' })],
    },
    [],
  ],
  [
    'udp and tcp on one port',
    {
      ...place,
      listeners: [listener('L', { protocol: 'sip' }), listener('M', { protocol: 'sip', transport: 'udp' })],
    },
    [],
  ],

  [
    'one path for two services',
    {
      httpServices: [
        { name: 'a', path: '/dav' },
        { name: 'b', path: '/DAV' },
      ],
    },
    ['path-taken http-service b path'],
  ],
  [
    'paths inside built-in ones, in any case; paths beside and above them are free',
    {
      httpServices: [
        { name: 'a', path: '/OWA' },
        { name: 'b', path: '/ews/dav' },
        { name: 'c', path: '/dav/HealthCheck.htm' },
        { name: 'd', path: '/ews.dav' },
        { name: 'e', path: '/dav' },
        { name: 'f', path: '/dav/ews' },
      ],
    },
    ['path-taken http-service a path', 'path-taken http-service b path', 'path-taken http-service c path'],
  ],
  [
    'names of services that mean something else',
    {
      httpServices: ['OWA', 'imap', 'um', 'smtp', 'http', 'server-wide', 'dav-Proxy', 'dav'].map((name) => ({
        name,
        path: `/x-${name}`,
      })),
    },
    ['OWA', 'imap', 'um', 'smtp', 'http', 'server-wide', 'dav-Proxy'].map(
      (name) => `name-taken http-service ${name} name`,
    ),
  ],
  [
    'components of services that are there, and of one that is not',
    {
      ...place,
      httpServices: [{ name: 'dav', path: '/dav' }],
      servers: [
        { ...frontEnd, components: [state('dav-proxy'), state('dav'), state('cal-proxy'), state('DAV-proxy')] },
        { name: 'MBX1', site: 'A', components: [state('dav'), state('dav-proxy'), state('owas')] },
      ],
    },
    [
      'unknown-component server FE1 components.2.component',
      'unknown-component server FE1 components.3.component',
      'component-of-other-role server FE1 components.1',
      'unknown-component server MBX1 components.2.component',
      'component-of-other-role server MBX1 components.1',
    ],
  ],
  [
    'settings of web doors on doors that are none',
    {
      ...place,
      listeners: [
        listener('L', { redirectToHttps: true, hsts: '1d', serverHeaders: true, http2: false }),
        listener('M', { protocol: 'sip', bind: '0.0.0.0:5060', serverHeaders: true }),
      ],
    },
    [
      'no-redirect listener L redirectToHttps',
      'no-hsts listener L hsts',
      'no-web-door listener L serverHeaders',
      'no-web-door listener L http2',
      'no-web-door listener M serverHeaders',
    ],
  ],
  [
    'settings of web doors with TLS and without on the wrong ones',
    {
      ...place,
      listeners: [
        listener('L', { protocol: 'http', bind: '0.0.0.0:80', hsts: '0s', http2: false, redirectToHttps: true }),
        listener('M', { protocol: 'http', bind: '0.0.0.0:443', tls: 'implicit', redirectToHttps: true }),
        listener('N', { protocol: 'http', bind: '0.0.0.0:444', tls: 'implicit', hsts: '730d', http2: false }),
      ],
    },
    ['no-hsts listener L hsts', 'setting-without-effect listener L http2', 'no-redirect listener M redirectToHttps'],
  ],
  [
    'one pilot in two hunt groups of a gateway',
    { ...voice, huntGroups: [huntGroup('H'), huntGroup('I', { gateway: 'gw1' }), huntGroup('J', { gateway: 'GW2' })] },
    ['pilot-taken hunt-group I pilot'],
  ],
  [
    'more than 200 gateways of a dial plan',
    {
      dialPlans: [{ name: 'DP1' }],
      callGateways: Array.from({ length: 201 }, (_, index) => ({
        name: `G${index}`,
        address: `10.0.0.${index % 250}`,
      })),
      huntGroups: Array.from({ length: 201 }, (_, index) => huntGroup(`H${index}`, { gateway: `G${index}` })),
    },
    ['too-many-gateways dial-plan DP1 '],
  ],
  [
    'gateways that are asked all the time',
    {
      callGateways: ['0s', '999ms', '1s'].map((probe) => ({ name: `G${probe}`, address: '10.9.9.9', probe })),
    },
    ['out-of-range gateway G999ms probe'],
  ],

  [
    'a hub site without mailbox servers',
    { ...place, sites: [{ ...site, hub: true }] },
    ['hub-without-server site A hub'],
  ],
  [
    'mailbox servers without a front end',
    { sites: [site], servers: [{ ...mailboxServer, roles: ['mailbox'] }] },
    ['site-without-front-end site A '],
  ],
  [
    'two sites without a link',
    { ...place, sites: [site, { name: 'B' }] },
    ['site-without-link site A ', 'site-without-link site B '],
  ],
  ['two sites with a link', { ...place, sites: [site, { name: 'B' }], links: [{ name: 'L', sites: ['b', 'a'] }] }, []],

  [
    'two pairs of sites that no link connects',
    {
      sites: [{ name: 'A' }, { name: 'B' }, { name: 'C' }, { name: 'D' }],
      links: [
        { name: 'AB', sites: ['A', 'B'] },
        { name: 'CD', sites: ['C', 'd'] },
      ],
    },
    ['sites-apart site C '],
  ],
  [
    'states of components that a server does not have',
    {
      ...place,
      servers: [
        { ...frontEnd, components: [state('server-wide'), state('imap-proxy'), state('imap')] },
        { name: 'MBX1', site: 'A', components: [state('imap'), state('call-router')] },
      ],
    },
    ['component-of-other-role server FE1 components.2', 'component-of-other-role server MBX1 components.1'],
  ],
  [
    'a default domain that is not accepted',
    { organization: { defaultDomain: 'contoso.com' }, domains: [{ name: 'fabrikam.com', type: 'authoritative' }] },
    ['default-domain-not-accepted organization organization defaultDomain'],
  ],
  [
    'a default domain below one that matches subdomains',
    {
      organization: { defaultDomain: 'Mail.Contoso.com' },
      domains: [{ name: 'contoso.com', type: 'authoritative', matchSubdomains: true }],
    },
    [],
  ],

  [
    'a send connector whose sources are not all mailbox servers',
    {
      ...place,
      servers: [frontEnd, mailboxServer],
      sendConnectors: [{ name: 'S', sources: ['MBX1', 'FE1'], frontEndProxy: true }],
    },
    ['source-no-mailbox-server send-connector S sources.1'],
  ],
  [
    'a send connector through front ends that are not there',
    {
      sites: [site, { name: 'B' }],
      links: [{ name: 'L', sites: ['A', 'B'] }],
      servers: [mailboxServer, { name: 'MBX2', site: 'B', roles: ['mailbox'] }],
      sendConnectors: [{ name: 'S', sources: ['MBX1', 'MBX2'], frontEndProxy: true }],
    },
    ['site-without-front-end site B ', 'proxy-without-front-end send-connector S frontEndProxy'],
  ],
  [
    'doors of a server that is no front end',
    {
      ...place,
      servers: [{ name: 'MBX1', site: 'A' }, frontEnd],
      receiveConnectors: [connector('R', { server: 'mbx1' })],
      listeners: [listener('L', { server: 'MBX1' })],
    },
    ['door-without-front-end receive-connector R server', 'door-without-front-end listener L server'],
  ],
  [
    'a receive connector whose clients all belong to others',
    {
      ...place,
      receiveConnectors: [
        connector('R', { remoteRanges: ['10.0.0.0/8'] }),
        connector('S', { remoteRanges: ['10.0.0.0/9'] }),
        connector('T', { remoteRanges: ['10.128.0.0/9'] }),
      ],
    },
    ['receive-connector-shadowed receive-connector R remoteRanges'],
  ],
  [
    'the same where the others leave one address, are off, or are at another binding or front end',
    {
      ...place,
      servers: [frontEnd, { ...frontEnd, name: 'FE2' }],
      receiveConnectors: [
        ...[25, 26, 27].map((port) =>
          connector(`R${port}`, { bindings: [`0.0.0.0:${port}`], remoteRanges: ['10.0.0.0/24'] }),
        ),
        connector('S', { remoteRanges: ['10.0.0.0/25', '10.0.0.129-10.0.0.255'] }),
        connector('T', { bindings: ['0.0.0.0:26'], remoteRanges: ['10.0.0.0/25', '10.0.0.128/25'], enabled: false }),
        connector('U', { bindings: ['0.0.0.0:27'], remoteRanges: ['10.0.0.0/25', '10.0.0.128/25'], server: 'FE2' }),
      ],
    },
    [],
  ],
  [
    'a receive connector that no client of its family can reach',
    {
      ...place,
      receiveConnectors: [connector('R', { remoteRanges: ['fd00::/8'] }), connector('S', { remoteRanges: [] })],
    },
    [
      'receive-connector-without-clients receive-connector R remoteRanges',
      'receive-connector-without-clients receive-connector S remoteRanges',
    ],
  ],
];

describe('findings of', () => {
  test.each(rows)('%s', (_title, estate, expected) => {
    const findings = checkTopology(topologyOf(estate));
    expect(findings.map(({ code, noun, name, path }) => `${code} ${noun} ${name} ${path.join('.')}`)).toEqual(expected);
    for (const finding of findings) expect(finding.message).toMatch(/^\S.*\S$/);
  });
});

const warnings = [
  'hub-without-server',
  'site-without-front-end',
  'site-without-link',
  'sites-apart',
  'component-of-other-role',
  'setting-without-effect',
  'default-domain-not-accepted',
  'source-no-mailbox-server',
  'proxy-without-front-end',
  'door-without-front-end',
  'receive-connector-shadowed',
  'receive-connector-without-clients',
];

test('what may be odd is a warning, what cannot work an error', () => {
  const findings = rows.flatMap(([, estate]) => checkTopology(topologyOf(estate)));
  for (const finding of findings)
    expect([finding.code, finding.severity]).toEqual([
      finding.code,
      warnings.includes(finding.code) ? 'warning' : 'error',
    ]);
});

test('estates that are consistent have no errors', () => {
  fc.assert(
    fc.property(estateArbitrary(), (estate) => {
      expect(checkTopology(topologyOf(estate)).filter((finding) => finding.severity === 'error')).toEqual([]);
    }),
    { numRuns: 50 },
  );
});
