import fc from 'fast-check';
import type { ObjectTypes } from '../../src/topology/catalogue/catalogue.js';
import { componentStates, requesters } from '../../src/topology/components.js';
import { endpointDefaults } from '../../src/topology/endpoints.js';
import type { EstateObjects, EstateParts } from './build-estate.js';
import { completeEstate } from './build-estate.js';
import { describeAsked } from './describe-asked.js';
import { type Draw, drawFrom, numbersOf, spelled } from './draw.js';
import type { Asked, OracleQuestion } from './oracle/oracle-question.js';
import { makeSendConnectors, outsideAddresses } from './random-send-connectors.js';

type Part<K extends keyof EstateParts> = NonNullable<EstateParts[K]>;

const siteNames = ['Bern', 'aarau', 'Chur', 'davos', 'Egg', 'flims', 'Gais'];
const kilobyte = 1024;
const otherDoor = { ...endpointDefaults.outboundProxy, port: 2717 };
const sizes = [64 * kilobyte, 1024 * kilobyte];
/** Of a message; beside the limits of links, of connectors and of the organization. */
export const messageSizes = [
  null,
  null,
  null,
  null,
  null,
  null,
  1000,
  64 * kilobyte,
  64 * kilobyte + 1,
  2048 * kilobyte,
  40_000 * kilobyte,
];
const ranges = [
  '0.0.0.0-255.255.255.255',
  '::/0',
  '10.0.0.0/8',
  '10.1.0.0-10.1.0.255',
  '10.1.0.1',
  '203.0.113.0/24',
  'fd00::/8',
];
const clients = [null, '10.1.0.1', '10.1.0.9', '10.9.9.9', '203.0.113.77', '198.51.100.1', 'fd00::7', '2001:db8::1'];
const bindings = [
  '0.0.0.0:25',
  '[::]:25',
  '10.0.0.5:25',
  '[fd00::5]:25',
  '0.0.0.0:587',
  '10.0.0.5:587',
  '0.0.0.0:717',
  '0.0.0.0:717',
];

function makeSites(draw: Draw, countMax: number): Part<'sites'> {
  return draw.some(siteNames, countMax, countMax).map((name) => ({
    name,
    hub: draw.oneIn(3),
    acceptInbound: !draw.oneIn(20),
  }));
}

/** Links with few different costs, so that ways tie: a chain or a tree with gaps, and some more across it. */
function makeLinks(draw: Draw, sites: readonly string[]): Part<'links'> {
  if (sites.length < 2) return [];
  const tree = sites.slice(1).flatMap((site, index) => {
    const before = draw.oneIn(3) ? draw.from(sites.slice(0, index + 1)) : (sites[index] ?? site);
    return draw.oneIn(8) ? [] : [[before, site]];
  });
  const across = Array.from({ length: draw.int(0, 3) }, () => draw.some(sites, 2, draw.oneIn(3) ? 4 : 2));
  return [...tree, ...across].map((members, index) => ({
    name: `link${index}`,
    sites: members,
    cost: draw.int(1, 3),
    mailCost: draw.oneIn(4) ? draw.int(1, 4) : null,
    maxMessageSize: draw.oneIn(5) ? draw.from(sizes) : null,
  }));
}

function makeComponents(draw: Draw, names: readonly string[]): ObjectTypes['server']['components'] {
  if (!draw.oneIn(4)) return [];
  return Array.from({ length: draw.int(1, 2) }, () => ({
    component: draw.from(names) as 'hub-transport',
    requester: draw.from(requesters),
    state: draw.from(componentStates),
  }));
}

function makeServers(draw: Draw, countMax: number, sites: readonly string[], dags: readonly string[]): Part<'servers'> {
  const mailboxServers = Array.from({ length: countMax }, (_, index) => ({
    name: `${draw.from(['mbx', 'MBX'])}${index}`,
    host: `10.1.0.${index}`,
    site: spelled(draw, draw.from(draw.oneIn(4) ? sites : sites.slice(-3))),
    dag: dags.length > 0 && draw.oneIn(2) ? spelled(draw, draw.from(dags)) : null,
    accepts: draw.oneIn(6) ? ('own' as const) : ('any' as const),
    roles: draw.oneIn(6) ? (['mailbox', 'frontend'] as const) : (['mailbox'] as const),
    components: makeComponents(draw, ['hub-transport', 'hub-transport', 'submission', 'imap', 'owa', 'server-wide']),
  }));
  const frontEnds = Array.from({ length: draw.int(1, 3) }, (_, index) => ({
    name: `cas${index}`,
    host: `10.2.0.${index}`,
    site: draw.oneIn(3) ? draw.from(sites) : (sites[0] ?? ''),
    roles: ['frontend'] as const,
    components: draw.oneIn(3) ? makeComponents(draw, ['frontend-transport', 'imap-proxy', 'server-wide']) : [],
    endpoints: draw.oneIn(6) ? { ...endpointDefaults, outboundProxy: otherDoor } : endpointDefaults,
  }));
  return [...frontEnds, ...mailboxServers];
}

function makeDatabases(draw: Draw, countMax: number, servers: Part<'servers'>): Part<'databases'> {
  const holders = servers.filter((server) => server.roles?.includes('mailbox'));
  if (holders.length === 0) return [];
  return Array.from({ length: countMax }, (_, index) => {
    const active = draw.from(holders);
    const mates = holders.filter((server) => server.dag && server.dag.toLowerCase() === active.dag?.toLowerCase());
    const copies = [active, ...mates.filter((server) => server !== active)].map((server) => server.name ?? '');
    return { name: `DB${index}`, copies, active: spelled(draw, copies[0] ?? '') };
  });
}

function makeConnectors(draw: Draw, frontEnds: readonly string[]): Part<'receiveConnectors'> {
  const everywhere = { name: 'Default Frontend', bindings: ['0.0.0.0:25', '[::]:25', '0.0.0.0:587'] };
  const further = Array.from({ length: draw.oneIn(3) ? draw.int(1, 3) : 0 }, (_, index) => ({
    name: draw.from([`custom ${index}`, `Custom ${index}`]),
    server: draw.oneIn(3) ? draw.from(frontEnds) : null,
    enabled: !draw.oneIn(5),
    bindings: draw.some(bindings, 1, 3),
    remoteRanges: draw.some(ranges, 1, 3),
    permissionGroups: draw.some(['anonymous', 'users', 'servers', 'partners'] as const, 1, 4),
    auth: draw.oneIn(5) ? (['tls', 'external-authoritative'] as const) : (['tls', 'basic'] as const),
    anonymousRelay: draw.oneIn(3),
    maxRecipients: draw.oneIn(3) ? draw.int(1, 5) : 200,
    maxMessageSize: draw.oneIn(3) ? 1024 * kilobyte : 36_864 * kilobyte,
  }));
  const outbound = {
    name: 'Outbound Proxy',
    bindings: draw.oneIn(6) ? ['0.0.0.0:717', '10.0.0.5:25'] : ['0.0.0.0:717', '[::]:717'],
    permissionGroups: ['servers'] as const,
    auth: draw.oneIn(2) ? (['tls', 'external-authoritative'] as const) : (['tls'] as const),
  };
  const usual = draw.oneIn(16) ? [] : [{ ...everywhere, anonymousRelay: draw.oneIn(3) }];
  return [...usual, ...(draw.oneIn(6) ? [] : [outbound]), ...further];
}

export function makeEstate(draw: Draw, scale: Scale): EstateObjects {
  const sites = makeSites(draw, scale.siteMax);
  const named = sites.map((site) => site.name ?? '');
  const dags = draw.some(['Dag1', 'dag2', 'Bern'], 0, 3).map((name) => ({ name }));
  const servers = makeServers(
    draw,
    scale.serverMax,
    named,
    dags.map((dag) => dag.name),
  );
  const databases = makeDatabases(draw, scale.databaseMax, servers);
  const databaseNames = databases.map((database) => database.name ?? '');
  return completeEstate({
    organization: {
      defaultDomain: 'contoso.test',
      arbitrationDatabase: databaseNames.length > 0 && draw.oneIn(2) ? draw.from(databaseNames) : null,
      clientProxy: draw.from(['sender-server', 'any-active-in-dag'] as const),
      maxRecipients: draw.oneIn(6) ? draw.int(1, 25) : 500,
      maxMessageSize: draw.oneIn(6) ? 1024 * kilobyte : 36_864 * kilobyte,
    },
    sites,
    links: makeLinks(draw, named),
    dags,
    servers,
    databases,
    domains: [
      { name: 'contoso.test', type: 'authoritative' },
      { name: 'branch.test', type: 'internal-relay', matchSubdomains: true },
      { name: 'partner.test', type: 'external-relay' },
    ],
    receiveConnectors: makeConnectors(
      draw,
      servers.filter((server) => server.roles?.includes('frontend')).map(({ name }) => name ?? ''),
    ),
    sendConnectors: makeSendConnectors(
      draw,
      servers.filter((server) => server.roles?.includes('mailbox') || draw.oneIn(8)).map(({ name }) => name ?? ''),
    ),
    mailboxes: databaseNames.flatMap((database, index) => [
      { address: `user${index}@contoso.test`, aliases: [`alias${index}@contoso.test`], database },
      { address: `second${index}@contoso.test`, database },
    ]),
    groups: [{ address: 'all@contoso.test' }],
    contacts: [{ address: 'friend@contoso.test', target: 'friend@elsewhere.test' }],
  });
}

/** The estate with some servers on one machine, or behind one address. */
function withSharedHosts(draw: Draw, estate: EstateObjects): EstateObjects {
  const servers = estate.objects.servers.map((server) =>
    server.host.startsWith('10.1.') && draw.oneIn(4) ? { ...server, host: '10.1.0.1' } : server,
  );
  return { ...estate, objects: { ...estate.objects, servers } };
}

/** Addresses without a mailbox: a group, a contact, relayed, unknown and foreign ones. */
const otherAddresses = [
  'all@contoso.test',
  'friend@contoso.test',
  'nobody@contoso.test',
  'someone@branch.test',
  'someone@deep.branch.test',
  'someone@partner.test',
  'stranger@elsewhere.test',
];

function makeQuestion(draw: Draw, { objects, mailboxes }: EstateObjects, scale: Scale): OracleQuestion {
  const own = mailboxes.flatMap(({ address, aliases }) => [address, ...aliases]);
  const holders = objects.servers.filter((server) => server.roles.includes('mailbox'));
  const isOutbound = draw.oneIn(3);
  const count = draw.oneIn(3) ? scale.recipientMax : Math.min(scale.recipientMax, draw.int(1, 3));
  const others = isOutbound ? [...outsideAddresses, ...otherAddresses] : draw.oneIn(3) ? otherAddresses : [];
  const mostly = isOutbound && !draw.oneIn(3) ? draw.some(outsideAddresses, 1, 3) : [...own, ...others];
  const to = Array.from({ length: count }, () =>
    draw.from(own.length === 0 || draw.oneIn(8) ? ['all@contoso.test', ...others] : mostly),
  );
  const user = draw.oneIn(isOutbound ? 12 : 4) ? draw.from([...own, 'svc@contoso.test', 'all@contoso.test']) : null;
  const frontEnds = objects.servers.filter((server) => server.roles.includes('frontend'));
  return {
    frontEnd: draw.from(frontEnds).name,
    down: !draw.oneIn(3) ? [] : objects.servers.filter(() => draw.oneIn(4)).map((server) => spelled(draw, server.name)),
    localAddress: draw.from([null, null, null, null, '10.0.0.5', '10.0.0.6', 'fd00::5', '::1']),
    port: draw.from(isOutbound ? [25, 717, 717] : [25, 25, 25, 587]),
    clientAddress: isOutbound && holders.length > 0 && !draw.oneIn(4) ? draw.from(holders).host : draw.from(clients),
    user,
    from: draw.oneIn(6) ? draw.from([...own, '', 'stranger@elsewhere.test']) : (user ?? 'kim@elsewhere.test'),
    to: draw.oneIn(5) ? to.map((address) => address.toUpperCase()) : to,
    sizeBytes: draw.from(messageSizes),
  };
}

/** How large an estate may be; a counterexample is made smaller by these. */
export const scales = fc.noBias(
  fc.record({
    seed: fc.noShrink(fc.nat(2 ** 31 - 1)),
    siteMax: fc.integer({ min: 1, max: siteNames.length }),
    serverMax: fc.integer({ min: 0, max: 14 }),
    databaseMax: fc.integer({ min: 1, max: 8 }),
    recipientMax: fc.integer({ min: 1, max: 30 }),
  }),
);

export type Scale = typeof scales extends fc.Arbitrary<infer S> ? S : never;

/** An estate and a question to it. Small, so that every way can be walked, and full of ties. */
export const askedEstates: fc.Arbitrary<Asked> = scales.map((scale) => {
  const draw = drawFrom(numbersOf(scale.seed));
  const estate = withSharedHosts(draw, makeEstate(draw, scale));
  const asked = { estate, question: makeQuestion(draw, estate, scale) };
  return Object.assign(asked, { [fc.toStringMethod]: () => `${JSON.stringify(scale)}\n${describeAsked(asked)}` });
});
