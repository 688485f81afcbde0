import { describe, expect, test } from 'vitest';
import { checkTopology } from '../../../src/topology/check/check-topology.js';
import { checkSendConnectorLoops } from '../../../src/topology/check/send-connector-loops.js';
import { checkSendConnectorRules } from '../../../src/topology/check/send-connector-rules.js';
import { checkSendConnectorSpaces } from '../../../src/topology/check/send-connector-spaces.js';
import { topologyOf } from '../../support/topology-of.js';

const place = {
  sites: [{ name: 'A' }],
  servers: [
    { name: 'MBX1', site: 'A', roles: ['mailbox'] },
    { name: 'FE1', host: '192.0.2.1', site: 'A', roles: ['frontend'] },
    { name: 'FE2', host: 'FE2.contoso.com', site: 'A', roles: ['frontend'] },
  ],
  receiveConnectors: [
    { name: 'In', bindings: ['0.0.0.0:25', '[::]:25'] },
    { name: 'Out', server: 'FE1', bindings: ['[2001:db8::7]:717', '192.0.2.7:717'] },
    { name: 'Off', enabled: false, bindings: ['0.0.0.0:2500'] },
  ],
};

function findingsOf(given: object): string[] {
  const estate = { ...place, sendConnectors: [{ name: 'S', sources: ['MBX1'], ...given }] };
  return checkTopology(topologyOf(estate)).map(({ severity, code, path }) => `${severity} ${code} ${path.join('.')}`);
}

const smartHosts = ['relay.fabrikam.com'];
const inFile = { user: 'usher', passwordFile: '/etc/usher/relay' };
const inEnvironment = { user: 'usher', passwordEnv: 'RELAY_PASSWORD' };
const safe = { smartHosts, tls: 'verify' };
const rule = (field: string): string => `error connector-rule ${field}`;

const rows: ReadonlyArray<readonly [title: string, given: object, findings: readonly string[]]> = [
  ['every default', {}, []],
  ['a password in a file', { ...safe, auth: inFile }, []],
  ['a password in the environment', { ...safe, auth: inEnvironment }, []],
  ['no password', { ...safe, auth: { user: 'usher' } }, [rule('auth')]],
  ['two passwords', { ...safe, auth: { ...inFile, ...inEnvironment } }, [rule('auth')]],
  ['a password and MX', { tls: 'verify', auth: inFile }, [rule('auth')]],
  ['no password and MX', { auth: { user: 'usher' } }, [rule('auth'), rule('auth')]],
  ['a password without TLS', { smartHosts, tls: 'none', auth: inFile }, ['warning password-in-clear tls']],
  ['a password and TLS where there is some', { smartHosts, auth: inFile }, ['warning password-needs-tls tls']],
  ['a password and TLS from the first byte', { smartHosts, implicitTls: true, auth: inFile }, []],
  ['a password and encryption', { smartHosts, tls: 'encrypt', auth: inFile }, []],
  ['a password and a name', { smartHosts, tls: 'domain:relay.fabrikam.com', auth: inFile }, []],
  ['TLS from the first byte and none', { smartHosts, implicitTls: true, tls: 'none' }, [rule('implicitTls')]],
  ['the same with a password', { smartHosts, implicitTls: true, tls: 'none', auth: inFile }, [rule('implicitTls')]],
  ['TLS from the first byte', { smartHosts, implicitTls: true, tls: 'encrypt' }, []],
  ['a certificate that is not there', { certificate: 'mail' }, ['error dangling-reference certificate']],
  ['policies and smart hosts', { smartHosts, mtaSts: true }, []],
  [
    'one address space at two costs',
    { addressSpaces: ['*;1', 'x.com', '*;2'] },
    ['warning address-space-repeated addressSpaces.2'],
  ],
  [
    'address spaces that are written otherwise',
    { addressSpaces: ['Bücher.example', '*.x.com', 'smtp:*.X.com;1', 'xn--bcher-kva.example.;9', '*.x.com'] },
    ['warning address-space-repeated addressSpaces.2'],
  ],
  ['address spaces that look alike', { addressSpaces: ['*', '*.x.com', 'x.com', '*.a.x.com'] }, []],
  ['a front end by its address', { smartHosts: ['[192.0.2.1]'] }, ['warning smart-host-loops smartHosts.0']],
  ['the same mapped into IPv6', { smartHosts: ['[::ffff:192.0.2.1]:25'] }, ['warning smart-host-loops smartHosts.0']],
  [
    'a front end by its name',
    { smartHosts: ['relay', 'fe2.contoso.com:25'] },
    ['warning smart-host-loops smartHosts.1'],
  ],
  ['the address that is bound', { smartHosts: ['[2001:DB8:0::7]:717'] }, ['warning smart-host-loops smartHosts.0']],
  ['the port of the connector', { smartHosts: ['192.0.2.7'], port: 717 }, ['warning smart-host-loops smartHosts.0']],
  ['another port of a front end', { smartHosts: ['[192.0.2.1]:2525', '[192.0.2.1]:717'] }, []],
  ['another front end of the same port', { smartHosts: ['fe2.contoso.com:717'] }, []],
  ['a door that is off', { smartHosts: ['[192.0.2.1]:2500'] }, []],
  ['a mailbox server', { smartHosts: ['MBX1'] }, []],
];

describe('findings of a send connector with', () => {
  test.each(rows)('%s', (_title, given, expected) => expect(findingsOf(given)).toEqual(expected));
});

describe('messages', () => {
  const messageOf = (given: object): string | undefined =>
    checkTopology(topologyOf({ ...place, sendConnectors: [{ name: 'S', sources: ['MBX1'], ...given }] }))[0]?.message;

  test.each<[object, RegExp]>([
    [{ ...safe, auth: { user: 'usher' } }, /^auth needs passwordFile .* or passwordEnv /],
    [{ ...safe, auth: { ...inFile, ...inEnvironment } }, /^auth has both .*--unset auth\.passwordFile/],
    [{ tls: 'verify', auth: inFile }, /^auth needs smartHosts: /],
    [{ smartHosts, tls: 'none', auth: inFile }, /^sends its password in clear, .*"encrypt" or "verify"$/],
    [{ smartHosts, auth: inFile }, /^has a password .* mail stops /],
    [{ smartHosts, tls: 'none', implicitTls: true }, /^implicitTls .* set tls to /],
    [{ addressSpaces: ['*;5', '*;2'] }, /^has address spaces more than once; only the least cost counts: \*;2$/],
    [{ addressSpaces: ['*', 'x.com', '*', 'x.com;3'] }, /; of each only the least cost counts: \*;1, x\.com;1$/],
    [
      { smartHosts: ['[192.0.2.1]'] },
      /^has smart host \[192\.0\.2\.1\], .* connector "In" of front end FE1; .* outside$/,
    ],
  ])('of %j say what is wrong and the way out', (given, expected) => expect(messageOf(given)).toMatch(expected));

  test('show nothing of where a password is', () => {
    const secret = { user: 'usher', passwordFile: '/secret/path', passwordEnv: 'SECRET' };
    for (const auth of [secret, { ...secret, passwordEnv: null }]) {
      expect(messageOf({ smartHosts, auth })).not.toMatch(/secret/i);
    }
  });
});

test.each(['*contoso.com', '**', '*.', '--', '*;0', '*;101', 'X400:c=us', 'contoso.com;1;2', 'a b'])(
  'address space %j is refused by its name, with what is right',
  (space) => {
    const addressSpaces = ['*.x.com;1', space];
    const attempt = () => topologyOf({ ...place, sendConnectors: [{ name: 'S', sources: ['MBX1'], addressSpaces }] });
    expect(attempt).toThrow(JSON.stringify(JSON.stringify(space)).slice(1, -1));
    expect(attempt).toThrow(/expected \*, \*\.domain or domain for SMTP, and ;cost from 1 to 100 /);
    expect(attempt).toThrow(/"path":\["addressSpaces",1\]/);
  },
);

test('many connectors and smart hosts that are well have no findings', () => {
  const frontEnds = Array.from({ length: 200 }, (_, index) => ({ name: `FE${index}`, site: 'A', roles: ['frontend'] }));
  const bindings = Array.from({ length: 100 }, (_, index) => `0.0.0.0:${2000 + index}`);
  const topology = topologyOf({
    sites: [{ name: 'A' }],
    servers: [{ name: 'MBX1', site: 'A' }, ...frontEnds],
    receiveConnectors: [{ name: 'In', bindings }],
    sendConnectors: Array.from({ length: 100 }, (_, index) => ({
      name: `S${index}`,
      sources: ['MBX1'],
      addressSpaces: Array.from({ length: 200 }, (__, domain) => `d${domain}.s${index}.example`),
      smartHosts: Array.from({ length: 100 }, (__, host) => `relay${host}.fabrikam.com`),
    })),
  });
  const checks = [checkSendConnectorLoops, checkSendConnectorRules, checkSendConnectorSpaces];
  expect(checks.flatMap((check) => check(topology))).toEqual([]);
});
