import { describe, expect, test } from 'vitest';
import { checkCompleteness } from '../../../src/topology/check/check-completeness.js';
import { topologyOf } from '../../support/topology-of.js';

type Estate = Readonly<Record<string, readonly object[] | object>>;

const frontEnd = { name: 'FE1', site: 'A', roles: ['frontend'] };
const mailboxServer = { name: 'MBX1', site: 'A' };
const place: Estate = { sites: [{ name: 'A' }], servers: [frontEnd, mailboxServer] };
const imap = { name: 'IMAP', protocol: 'imap', bind: '0.0.0.0:143' };
const sip = (tls: string) => ({ name: `SIP ${tls}`, protocol: 'sip', bind: '0.0.0.0:5060', tls });
const web = (name: string, given: object) => ({ name, protocol: 'http', bind: '0.0.0.0:80', ...given });
const domain = (name: string, type = 'authoritative') => ({ name, type });
const calls = (security: string): Estate => ({
  ...place,
  callGateways: [{ name: 'GW1', address: '10.9.9.9' }],
  dialPlans: [
    { name: 'DP1', security },
    { name: 'unused', security: 'secured' },
  ],
  huntGroups: [{ name: 'HG1', gateway: 'gw1', dialPlan: 'dp1', pilot: '5000' }],
});
const dag = (members: number): Estate => ({
  ...place,
  dags: [{ name: 'D' }],
  servers: [
    frontEnd,
    ...Array.from({ length: members }, (_, index) => ({ ...mailboxServer, name: `M${index}`, dag: 'd' })),
  ],
});
const users = (enabled: boolean) => ({ name: 'Client', enabled, permissionGroups: ['users'] });
const ownOnly = { ...mailboxServer, accepts: 'own' };
const twoSites: Estate = {
  sites: [{ name: 'A' }, { name: 'B' }],
  links: [{ name: 'AB', sites: ['A', 'B'] }],
};

/** Each row: what the estate is, the estate, and its findings as `code noun name path`. */
const rows: ReadonlyArray<readonly [title: string, estate: Estate, findings: readonly string[]]> = [
  ['nothing at all', {}, []],
  ['a front end and a mailbox server', place, []],
  ['a front end alone', { ...place, servers: [frontEnd] }, ['front-end-without-mailbox-server server FE1 site']],
  [
    'a front end with its mailbox server in the next site',
    { ...twoSites, servers: [frontEnd, { ...mailboxServer, site: 'b' }] },
    [],
  ],
  [
    'a front end and a mailbox server that no link connects',
    { ...twoSites, links: [], servers: [frontEnd, { ...mailboxServer, site: 'B' }] },
    ['front-end-without-mailbox-server server FE1 site', 'server-out-of-reach server MBX1 site'],
  ],
  ['mailbox servers and no front end anywhere', { ...place, servers: [mailboxServer] }, []],

  ['a DAG of two', dag(2), []],
  ['a DAG of one', dag(1), ['dag-of-one dag D ']],
  ['a DAG without members', { ...place, dags: [{ name: 'D' }] }, ['dag-without-members dag D ']],

  [
    'servers for their own mailboxes, and a relay domain',
    { ...place, servers: [frontEnd, ownOnly], domains: [domain('x.com', 'internal-relay')] },
    ['no-general-server site A '],
  ],
  [
    'servers for their own mailboxes, and mail for nobody else',
    { ...place, servers: [frontEnd, ownOnly], domains: [domain('x.com')] },
    [],
  ],
  [
    'one of the servers takes mail for all',
    {
      ...place,
      servers: [frontEnd, ownOnly, { ...mailboxServer, name: 'MBX2' }],
      domains: [domain('x.com', 'external-relay')],
    },
    [],
  ],

  ['a login door and one domain', { ...place, listeners: [imap], domains: [domain('a.com')] }, []],
  [
    'a login door and no domain',
    { ...place, listeners: [imap] },
    ['login-without-domain organization organization defaultDomain'],
  ],
  [
    'a connector for users and two domains',
    { ...place, receiveConnectors: [users(true)], domains: [domain('a.com'), domain('b.com')] },
    ['login-without-domain organization organization defaultDomain'],
  ],
  [
    'the same with a default domain',
    {
      ...place,
      organization: { defaultDomain: 'a.com' },
      listeners: [imap],
      domains: [domain('a.com'), domain('b.com')],
    },
    [],
  ],
  ['no door for logins', { ...place, receiveConnectors: [users(false), { name: 'In' }], listeners: [sip('none')] }, []],

  [
    'a gateway without a hunt group, and one that is switched off',
    {
      callGateways: [
        { name: 'GW1', address: '10.9.9.9' },
        { name: 'GW2', address: '10.9.9.8', enabled: false },
      ],
    },
    ['gateway-without-hunt-group gateway GW1 '],
  ],
  ['unsecured calls and their listener', { ...calls('unsecured'), listeners: [sip('none')] }, []],
  ['secured calls and their listener', { ...calls('sip-secured'), listeners: [sip('implicit')] }, []],
  [
    'secured calls and a listener without TLS',
    { ...calls('secured'), listeners: [sip('none')] },
    ['security-without-listener dial-plan DP1 security'],
  ],
  [
    'a door that sends everybody to https where there is such a door, and at a front end without one',
    {
      ...place,
      servers: [frontEnd, { ...frontEnd, name: 'FE2' }, { ...frontEnd, name: 'FE3' }, mailboxServer],
      domains: [domain('contoso.com')],
      listeners: [
        web('80 of all', { redirectToHttps: true }),
        web('443', { server: 'fe1', tls: 'implicit' }),
        web('81 of FE1', { server: 'FE1', redirectToHttps: true }),
        web('8080 behind a balancer', { server: 'FE3' }),
      ],
    },
    ['redirect-without-door listener 80 of all redirectToHttps'],
  ],
  [
    'a door that only sends elsewhere is no place to log on',
    {
      ...place,
      listeners: [web('80', { redirectToHttps: true })],
    },
    ['redirect-without-door listener 80 redirectToHttps'],
  ],
  ['unsecured calls and no listener', calls('unsecured'), ['security-without-listener dial-plan DP1 security']],
];

describe('what is still missing in', () => {
  test.each(rows)('%s', (_title, estate, expected) => {
    const findings = checkCompleteness(topologyOf(estate), { hasGroupsOrContacts: false });
    expect(findings.map(({ code, noun, name, path }) => `${code} ${noun} ${name} ${path.join('.')}`)).toEqual(expected);
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  });
});

test('groups and contacts need a server that takes mail for all', () => {
  const topology = topologyOf({
    ...twoSites,
    servers: [frontEnd, ownOnly, { ...mailboxServer, name: 'MBX2', site: 'B' }],
  });
  const [finding, ...others] = checkCompleteness(topology, { hasGroupsOrContacts: true });
  expect(others).toEqual([]);
  expect(finding).toMatchObject({ code: 'no-general-server', name: 'A' });
  expect(finding?.message).toContain('goes to another site (B)');
});
