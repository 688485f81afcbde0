import { describe, expect, test } from 'vitest';
import { downServers } from '../../src/routing/availability.js';
import type { Decision } from '../../src/routing/decision.js';
import { routeMail } from '../../src/routing/route-mail.js';
import type { BuiltEstate, EstateParts } from './build-estate.js';
import { buildEstate } from './build-estate.js';
import { mailTo } from './contoso.js';

type Servers = NonNullable<EstateParts['servers']>;

/**
 * `A:a1,a2 B:b1/DAG1 C*:c1` as servers of sites; a front end CAS in A; every server has a database and a mailbox of its
 * own name. An asterisk makes a hub.
 */
function line(text: string, links: string): BuiltEstate {
  const sites = text.split(' ').map((part) => {
    const [name = '', servers = ''] = part.split(':');
    return {
      name: name.replace('*', ''),
      hub: name.endsWith('*'),
      servers: servers.split(',').filter((server) => server !== ''),
    };
  });
  const servers: Servers = sites.flatMap((site) =>
    site.servers.map((server) => {
      const [name = '', dag] = server.split('/');
      return { name, site: site.name, dag: dag ?? null };
    }),
  );
  const names = servers.map((server) => server.name ?? '');
  return buildEstate({
    sites: sites.map(({ name, hub }) => ({ name, hub })),
    links: links.split(' ').map((link) => {
      const [ends = '', cost, limit] = link.split(/[=/]/);
      return {
        name: link,
        sites: ends.split('-'),
        cost: Number(cost),
        maxMessageSize: limit === undefined ? null : Number(limit),
      };
    }),
    servers: [{ name: 'CAS', site: 'A', roles: ['frontend'] }, ...servers],
    databases: names.map((name) => ({ name, copies: [name] })),
    mailboxes: names.map((name) => ({ address: `${name}@contoso.com`, database: name })),
    groups: [{ address: 'all@contoso.com' }],
    domains: [{ name: 'contoso.com', type: 'authoritative' }],
    receiveConnectors: [{ name: 'Door', auth: ['external-authoritative'], permissionGroups: ['servers'] }],
  });
}

function ask(estate: BuiltEstate, to: string, { down = '', sizeBytes = null as number | null } = {}): Decision {
  const availability = downServers(down.split(' '));
  const addresses = to.split(' ').map((name) => `${name}@contoso.com`);
  return routeMail(mailTo(estate, { on: 'CAS', to: addresses, availability, sizeBytes }));
}

/** `b1 b2 | c1 | a1`: targets, then each fallback. */
const orderOf = ({ targets, fallback }: Decision): string =>
  [targets, ...fallback].map((set) => set.map((target) => target.server).join(' ')).join(' | ');

const chain = 'A-B=10 B-C=10 C-D=10 D-E=10';

describe('whom a message may go to, and in which order', () => {
  const cases: ReadonlyArray<readonly [what: string, sites: string, links: string, to: string, order: string]> = [
    ['the own site', 'A:a1,a2 B:b1', 'A-B=10', 'a1', 'a1 a2'],
    ['another site, then the own', 'A:a1 B:b1,b2', 'A-B=10', 'b1', 'b1 b2 | a1'],
    ['back along the way', 'A:a1 B:b1 C:c1 D:d1 E:e1', chain, 'e1', 'e1 | d1 | c1 | b1 | a1'],
    ['nearer members of a DAG first', 'A:a1 B:b1/D,b2/D C:c1/D', 'A-B=10 B-C=10', 'c1', 'b1 b2 | c1 | a1'],
    ['neighbours of the members', 'A:a1 B:b1/D,b9 C:c1/D', 'A-B=10 B-C=10', 'c1', 'b1 | c1 | b9 | a1'],
    ['a member in the own site ends it; the own site is left', 'A:a1/D,a9 B:b1/D,b9', 'A-B=10', 'b1', 'a1 | b1 | a9'],
    ['the same where the own site is a hub', 'A*:a1/D,a9 B:b1/D,b9', 'A-B=10', 'b1', 'a1 | b1 | a9'],
    ['the own site has a DAG and lone servers', 'A:a1/D,a2/D,a8,a9', 'A-A=1', 'a8', 'a8 a9 | a1 a2'],
    ['a hub on the way', 'A:a1 B:b1 C*:c1,c2 D:d1 E:e1', chain, 'e1', 'c1 c2 | b1 | a1'],
    ['the first hub of two', 'A:a1 B*:b1 C:c1 D*:d1 E:e1', chain, 'e1', 'b1 | a1'],
    ['the own site being a hub is nothing', 'A*:a1 B:b1 C:c1 D:d1 E:e1', chain, 'c1', 'c1 | b1 | a1'],
    [
      'a hub at the end: its servers before other members',
      'A:a1 B*:b1/D,b9 C:c1/D',
      'A-B=10 B-C=10',
      'c1',
      'b1 | b9 | c1 | a1',
    ],
    ['a hub aside', 'A:a1 B:b1 C*:c1', 'A-B=10 A-C=10 C-B=1', 'b1', 'b1 | a1'],
    ['a hub without servers: back along the way', 'A:a1 B:b1 C*: D:d1 E:e1', chain, 'e1', 'b1 | a1'],
    ['an own site without servers: the nearest that has some', 'A: B: C:c1 D:d1 E:e1', chain, 'e1', 'e1 | d1 | c1'],
    ['no mailbox, own site', 'A:a1,a2 B:b1', 'A-B=10', 'all', 'a1 a2'],
    ['no mailbox, own site without servers', 'A: B: C:c1 D:d1 E:e1', chain, 'all', 'c1'],
    ['no way there', 'A:a1 B:b1 C:c1', 'A-B=10', 'c1', 'a1'],
  ];
  test.each(cases)('%s', (_what, sites, links, to, order) => {
    expect(orderOf(ask(line(sites, links), to))).toBe(order);
  });

  test('a DAG that is down gives way to all that is left', () => {
    const estate = line('A:a1 B:b1/D,b9 C:c1/D', 'A-B=10 B-C=10');
    expect(orderOf(ask(estate, 'c1', { down: 'b1 c1' }))).toBe('b9 | a1');
    expect(orderOf(ask(estate, 'c1', { down: 'b1 b9' }))).toBe('c1 | a1');
    expect(ask(estate, 'c1', { down: 'b1 b9' }).path).toEqual({ sites: ['A', 'B', 'C'], cost: 20 });
    expect(ask(estate, 'c1', { down: 'a1 b1 b9 c1' })).toMatchObject({
      outcome: 'defer',
      reason: 'no-candidate',
      reply: { code: 451, enhanced: '4.4.1' },
    });
  });

  test('mail without a mailbox waits for the own site rather than go to another', () => {
    expect(ask(line('A:a1 B:b1', 'A-B=10'), 'all', { down: 'a1' }).outcome).toBe('defer');
  });
});

describe('which group takes a message for several', () => {
  const cases: ReadonlyArray<readonly [what: string, sites: string, links: string, to: string, group: string]> = [
    ['the nearer one', 'A: B:b1 C:c1', 'A-B=10 A-C=9', 'b1 c1', 'mailbox C'],
    ['fewer hops', 'A: B:b1 C: D:d1', 'A-B=10 A-C=5 C-D=5', 'd1 b1', 'mailbox B'],
    ['the lower name of the site', 'A: B:b1 C:c1', 'A-B=10 A-C=10', 'c1 c1 b1', 'mailbox B'],
    ['in one site, the one that serves more', 'A: B:b1/ATOLL,b2', 'A-B=10', 'b1 b2 b2', 'mailbox B'],
    ['in one site and as many, the lower name', 'A: B:b1/DAG,b2/ATOLL', 'A-B=10', 'b1 b2', 'dag ATOLL'],
    ['a DAG and a site of one name', 'A: B:b1/B,b2', 'A-B=10', 'b2 b1', 'dag B'],
    ['one that can be reached', 'A: B:b1 C:c1', 'A-C=10', 'b1 b1 c1', 'mailbox C'],
    ['a member of the DAG in the own site', 'A:a1/DAG B:b1/DAG C:c1', 'A-B=10 A-C=1', 'c1 c1 b1', 'dag DAG'],
  ];
  test.each(cases)('%s', (_what, sites, links, to, group) => {
    const { deliveryGroup } = ask(line(sites, links), to);
    expect(`${deliveryGroup?.kind} ${deliveryGroup?.name}`).toBe(group);
  });
});

describe('links that take no large messages', () => {
  const tooLarge = 'reject 552 5.3.4';
  const cases: ReadonlyArray<
    readonly [what: string, sites: string, links: string, to: string, bytes: number | null, expected: string]
  > = [
    ['just fits', 'A:a1 B:b1', 'A-B=1/70000', 'b1', 70_000, 'proxy'],
    ['one byte more', 'A:a1 B:b1', 'A-B=1/70000', 'b1', 70_001, tooLarge],
    ['no size announced', 'A:a1 B:b1', 'A-B=1/70000', 'b1', null, 'proxy'],
    ['any link of the way', 'A:a1 B:b1 C:c1', 'A-B=1 B-C=1/70000', 'c1', 70_001, tooLarge],
    ['no other way is looked for', 'A:a1 B:b1', 'A-B=1/70000 A-B=2', 'b1', 70_001, tooLarge],
    ['a dearer link is of no account', 'A:a1 B:b1', 'A-B=1 A-B=2/70000', 'b1', 70_001, 'proxy'],
    ['of two alike the wider one', 'A:a1 B:b1', 'A-B=1/70000 A-B=1', 'b1', 70_001, 'proxy'],
    ['of two alike the wider one, the other way round', 'A:a1 B:b1', 'A-B=1 A-B=1/70000', 'b1', 70_001, 'proxy'],
    ['of two narrow ones the wider', 'A:a1 B:b1', 'A-B=1/70000 A-B=1/80000', 'b1', 70_001, 'proxy'],
    ['a link beyond the hub', 'A:a1 B*:b1 C:c1', 'A-B=1 B-C=1/70000', 'c1', 70_001, tooLarge],
    ['the own site', 'A:a1 B:b1', 'A-B=1/70000', 'a1', 70_001, 'proxy'],
    ['on the way to the nearest site with servers', 'A: B:b1', 'A-B=1/70000', 'all', 70_001, tooLarge],
  ];
  test.each(cases)('%s', (_what, sites, links, to, sizeBytes, expected) => {
    const { outcome, reason, reply } = ask(line(sites, links), to, { sizeBytes });
    expect(reason === 'link-size' ? `${outcome} ${reply?.code} ${reply?.enhanced}` : outcome).toBe(expected);
  });
});

describe('a user who logged on', () => {
  const servers = 'A:a1,a2 B:b1/DAG,b2/DAG,b3/DAG C:c1/DAG';
  const send = (user: string, organization: EstateParts['organization'], down = ''): Decision => {
    const { objects, ...rest } = line(servers, 'A-B=10 B-C=10');
    const estate = buildEstate({
      ...objects,
      ...rest,
      organization: { ...objects.organization, defaultDomain: 'contoso.com', ...organization },
      databases: objects.databases.filter(({ name }) => name !== 'b3'),
    });
    const availability = downServers(down.split(' '));
    return routeMail(mailTo(estate, { on: 'CAS', user, from: user, to: ['a1@contoso.com'], availability }));
  };
  const spread = { clientProxy: 'any-active-in-dag' } as const;
  test.each([
    ['the active server, then its DAG', 'b1', {}, '', 'b1 | b2 b3 c1'],
    ['the active server alone', 'a2', {}, '', 'a2'],
    ['the DAG, when the active server is down', 'b1', {}, 'b1 c1', 'b2 b3'],
    ['nobody, when the only server is down', 'a2', {}, 'a2', ''],
    ['spread: servers of the DAG with active copies', 'b1', spread, '', 'b1 b2 c1'],
    ['spread, in no DAG', 'a2', spread, '', 'a2'],
    ['no mailbox: the arbitration database', 'svc', { arbitrationDatabase: 'c1' }, '', 'c1 | b1 b2 b3'],
    ['no mailbox, no arbitration database: the own site', 'svc', {}, '', 'a1 a2'],
    ['a mailbox in an unknown database: nobody', 'b3', { arbitrationDatabase: 'c1' }, '', ''],
  ])('%s', (_what, user, organization, down, order) => {
    const decision = send(user, organization, down);
    expect(orderOf(decision)).toBe(order);
    expect(decision.outcome).toBe(order === '' ? 'defer' : 'proxy');
    expect(new Set(decision.targets.map((target) => target.port))).toEqual(new Set(order === '' ? [] : [465]));
  });
});
