import { describe, expect, test } from 'vitest';
import { downServers } from '../../src/routing/availability.js';
import type { Decision } from '../../src/routing/decision.js';
import { contactOf, readCallUri, routeCall } from '../../src/routing/route-call.js';
import type { BuiltEstate, EstateParts } from './build-estate.js';
import { buildEstate } from './build-estate.js';

const calls = {
  sites: [{ name: 'A' }, { name: 'B' }],
  links: [{ name: 'AB', sites: ['A', 'B'], cost: 10 }],
  dags: [{ name: 'G' }],
  servers: [
    { name: 'CAS', site: 'A', roles: ['frontend'] },
    { name: 'MBX1', host: 'mbx1.contoso.com', site: 'A', dag: 'G' },
    { name: 'MBX2', host: 'mbx2.contoso.com', site: 'A', dag: 'G' },
    { name: 'MBX3', host: 'fd00::3', site: 'B' },
  ],
  databases: [
    { name: 'DB1', copies: ['MBX1', 'MBX2'] },
    { name: 'DB3', copies: ['MBX3'] },
  ],
  mailboxes: [
    { address: 'ann@contoso.com', aliases: ['ann.smith@contoso.com'], database: 'DB1', extension: '5101' },
    { address: 'kim@contoso.com', database: 'DB3', extension: '+15551234' },
    { address: 'lost@contoso.com', database: 'GONE', extension: '5103' },
    { address: 'mute@contoso.com', database: 'DB1', extension: '5104', protocols: { um: false } },
    { address: 'long@contoso.com', database: 'DB1', extension: '51010' },
    { address: 'all@contoso.com', database: 'DB1', extension: '5105' },
    { address: 'safe@contoso.com', database: 'DB3', extension: '5105', dialPlan: 'SAFE' },
    { address: 'other@contoso.com', database: 'DB3', extension: '5106', dialPlan: 'Safe' },
  ],
  domains: [{ name: 'contoso.com', type: 'authoritative' }],
  callGateways: [
    { name: 'GW2', address: '10.9.9.8', enabled: false },
    { name: 'GW1', address: '10.9.9.9' },
    { name: 'GW3', address: '10.9.9.7' },
    { name: 'GW4', address: '10.9.9.6' },
  ],
  dialPlans: [
    { name: 'Extensions', uriType: 'extension', digits: 4 },
    { name: 'Names', uriType: 'sip' },
    { name: 'Numbers', uriType: 'e164' },
    { name: 'Safe', uriType: 'extension', digits: 4, security: 'sip-secured' },
  ],
  huntGroups: [
    { name: 'Voice', gateway: 'gw1', dialPlan: 'EXTENSIONS', pilot: '5000' },
    { name: 'By name', gateway: 'GW1', dialPlan: 'Names', pilot: '6000' },
    { name: 'By number', gateway: 'GW1', dialPlan: 'Numbers', pilot: '7000' },
    { name: 'Secret', gateway: 'GW1', dialPlan: 'Safe', pilot: '8000' },
    { name: 'Off', gateway: 'GW2', dialPlan: 'Extensions', pilot: '5000' },
    { name: 'Direct', gateway: 'GW4', dialPlan: 'Extensions', pilot: '9000' },
  ],
} as const satisfies EstateParts;

interface Given {
  readonly to?: string;
  readonly diversion?: string | null;
  readonly from?: string | null;
  readonly tls?: boolean;
  readonly down?: string;
}

function call({ topology, directory }: BuiltEstate, given: Given): Decision {
  const frontEnd = topology.server('CAS');
  if (!frontEnd) throw new Error('no front end');
  const { to = 'sip:5000@10.0.0.1', diversion = null, from = '10.9.9.9', tls = false, down = '' } = given;
  const availability = downServers(down.split(' '));
  return routeCall({
    topology,
    directory,
    frontEnd,
    availability,
    to,
    diversion,
    peer: { address: from, certificateNames: [] },
    tls,
  });
}

/** `302 mbx1`: status and hosts, with the sets after them. */
const words = ({ reply, targets, fallback }: Decision): string =>
  `${reply?.code} ${[targets, ...fallback].map((set) => set.map(({ server }) => server).join(' ')).join(' | ')}`.trim();

const estate = buildEstate(calls);

describe('a call', () => {
  test.each([
    ['for a pilot, diverted by an extension', { diversion: '<sip:5101@pbx>;reason=no-answer' }, '302 MBX1'],
    ['for a pilot', {}, '302 MBX1 MBX2 | MBX3'],
    ['for a pilot, one server away', { down: 'MBX1' }, '302 MBX2 | MBX3'],
    ['for a pilot, nobody there', { down: 'MBX1 MBX2 MBX3' }, '480'],
    ['from no gateway', { from: '10.9.9.10' }, '403'],
    ['from a gateway that is switched off', { from: '10.9.9.8' }, '403'],
    ['from a gateway without a hunt group', { from: '10.9.9.7' }, '403'],
    ['from a gateway in IPv6 clothes', { from: '::ffff:10.9.9.9' }, '302 MBX1 MBX2 | MBX3'],
    ['from anybody', { from: null }, '302 MBX1 MBX2 | MBX3'],
    ['from anybody, for the pilot of one gateway', { from: null, to: 'sip:9000@x' }, '302 MBX1 MBX2 | MBX3'],
    ['straight to an extension', { from: '10.9.9.6', to: 'sip:5101@x' }, '302 MBX1'],
    ['with a phone context', { from: '10.9.9.6', to: 'sip:5101;phone-context=x.test@10.0.0.1;user=phone' }, '302 MBX1'],
    ['to too many digits', { from: '10.9.9.6', to: 'sip:51010@x' }, '404'],
    ['to nobody', { from: '10.9.9.6', to: 'sip:5199@x' }, '404'],
    ['to an extension for every plan', { diversion: 'sip:5105@x' }, '302 MBX1'],
    ['to an extension of the plan', { to: 'sip:8000@x', diversion: 'sip:5105@x', tls: true }, '302 MBX3'],
    ['to an extension of another plan', { diversion: 'sip:5106@x' }, '404'],
    ['to a mailbox without calls', { diversion: 'sip:5104@x' }, '404'],
    ['to a mailbox whose database is nowhere', { diversion: 'sip:5103@x' }, '480'],
    ['diverted by nobody', { diversion: 'sip:5199@x' }, '404'],
    ['diverted by the pilot', { diversion: 'sip:5000@x' }, '404'],
    ['the server of the mailbox away', { diversion: 'sip:5101@x', down: 'MBX1' }, '480'],
    ['by name', { to: 'sip:6000@x', diversion: 'sip:ann@contoso.com' }, '302 MBX1'],
    [
      'by another name',
      { to: 'sip:6000@x', diversion: '"Smith <Ann>" <sip:Ann.Smith@Contoso.com;user=x>' },
      '302 MBX1',
    ],
    ['by a name of elsewhere', { to: 'sip:6000@x', diversion: 'sip:ann@fabrikam.com' }, '404'],
    ['by name where only extensions are known', { diversion: 'sip:ann@contoso.com' }, '404'],
    ['by number', { to: 'sip:7000@x', diversion: 'tel:+1-555-1234' }, '302 MBX3'],
    ['by number in a sip URI', { to: 'sip:7000@x', diversion: 'sip:+15551234@x;user=phone' }, '302 MBX3'],
    ['in the clear where TLS is asked for', { to: 'sip:8000@x' }, '488'],
    ['with TLS where it is asked for', { to: 'sip:8000@x', tls: true }, '302 MBX1 MBX2 | MBX3'],
    ['with TLS where none is spoken', { tls: true }, '488'],
    ['to what is no URI', { to: 'mailto:ann@contoso.com' }, '400'],
    ['to nothing', { to: '' }, '400'],
    ['diverted by what is no URI', { diversion: 'http://x' }, '400'],
  ] as const)('%s: %j is %s', (_, given, expected) => {
    const decision = call(estate, given);
    expect(words(decision)).toBe(expected);
    expect(decision.trace.length).toBeGreaterThan(0);
    expect(decision.location === null).toBe(!expected.startsWith('302'));
  });

  test('follows the active copy', () => {
    const moved = buildEstate({ ...calls, databases: [{ name: 'DB1', copies: ['MBX1', 'MBX2'], active: 'MBX2' }] });
    expect(words(call(moved, { diversion: 'sip:5101@x' }))).toBe('302 MBX2');
  });

  test.each([
    ['CAS', 'call-router', '503'],
    ['CAS', 'server-wide', '503'],
    ['MBX1', 'um', '302 MBX2 | MBX3'],
  ] as const)('with %s: %s draining it is %s', (name, component, expected) => {
    const components = [{ component, requester: 'maintenance', state: 'draining' }] as const;
    const servers = calls.servers.map((server) => (server.name === name ? { ...server, components } : server));
    expect(words(call(buildEstate({ ...calls, servers }), {}))).toBe(expected);
  });

  test('is answered alike in whatever order gateways and hunt groups are', () => {
    const { callGateways, huntGroups, dialPlans, ...rest } = calls;
    const around = buildEstate({
      ...rest,
      callGateways: callGateways.toReversed(),
      huntGroups: huntGroups.toReversed(),
      dialPlans: dialPlans.toReversed(),
    });
    for (const to of ['sip:5000@x', 'sip:5101@x', 'sip:ann@contoso.com']) {
      for (const from of ['10.9.9.9', null]) expect(call(around, { to, from })).toEqual(call(estate, { to, from }));
    }
  });

  test.each([
    [{ diversion: 'sip:5101@x' }, 'sip:5000@mbx1.contoso.com:5062;transport=tcp'],
    [{ to: 'sip:8000@x', diversion: 'sip:5101@x', tls: true }, 'sip:8000@mbx1.contoso.com:5063;transport=tls'],
    [{ to: 'sip:+15551234@x' }, 'sip:+15551234@[fd00::3]:5062;transport=tcp'],
    [{ to: 'sip:a%0d%0ab@x', diversion: 'sip:+15551234@x' }, 'sip:a%0D%0Ab@[fd00::3]:5062;transport=tcp'],
  ])('with %j is redirected to %s', (given, location) => {
    expect(call(estate, given).location).toBe(location);
  });
});

describe('the contact of a redirect', () => {
  const target = { server: 'M', host: 'm.test', port: 5062, site: 'A' };
  test.each([
    ['5000', 'sip:5000@m.test:5062;transport=tcp'],
    ['', 'sip:m.test:5062;transport=tcp'],
    ['+1555', 'sip:+1555@m.test:5062;transport=tcp'],
    ['a\r\nb', 'sip:a%0D%0Ab@m.test:5062;transport=tcp'],
    ['a@b>', 'sip:a%40b%3E@m.test:5062;transport=tcp'],
    ['\ud800x', 'sip:%EF%BF%BDx@m.test:5062;transport=tcp'],
  ])('for %j is %s', (user, expected) => expect(contactOf(target, user, 'sip')).toBe(expected));

  test('has an IPv6 address in brackets', () => {
    expect(contactOf({ ...target, host: 'fd00::3' }, '', 'sip-tls')).toBe('sip:[fd00::3]:5062;transport=tls');
    expect(contactOf({ ...target, host: 'fd00::3' }, '', 'sips')).toBe('sips:[fd00::3]:5062;transport=tls');
  });
});

describe('a URI of a call', () => {
  test.each([
    ['sip:5101@10.0.0.1', '5101 at 10.0.0.1'],
    ['SIPS:5101@x.test:5061;transport=tls', '5101 at x.test'],
    ['sip:5101;phone-context=x.test@y.test', '5101 at y.test'],
    ['sip:ann:secret@x.test', 'ann at x.test'],
    ['sip:a%20b@x.test', 'a b at x.test'],
    ['sip:50%@x.test', '50% at x.test'],
    ['sip:x.test', ' at x.test'],
    ['sip:5101@[fd00::1]:5060', '5101 at [fd00::1]'],
    ['sip:5101@x.test?subject=a', '5101 at x.test'],
    ['"A <b>" <sip:5101@x.test>;reason=busy', '5101 at x.test'],
    ['<sip:5101@x.test>', '5101 at x.test'],
    ['Ann <sip:5101@x.test>', '5101 at x.test'],
    ['tel:+1(555)12-34;ext=5', '+15551234 at '],
    ['sip:a b@x.test', undefined],
    ['sip:', undefined],
    ['sip:@x.test', undefined],
    ['tel:', undefined],
    ['tel:ann', undefined],
    ['5101', undefined],
    ['sip:5101@x.test:port', undefined],
    [`sip:${'5'.repeat(301)}@x.test`, undefined],
  ])('%j: %s', (text, expected) => {
    const uri = readCallUri(text);
    expect(uri && `${uri.user} at ${uri.host}`).toBe(expected);
  });
});
