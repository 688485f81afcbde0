import { describe, expect, test } from 'vitest';
import { downServers } from '../../src/routing/availability.js';
import type { Decision } from '../../src/routing/decision.js';
import { routeServerMail } from '../../src/routing/route-server-mail.js';
import type { BuiltEstate, EstateParts } from './build-estate.js';
import { buildEstate } from './build-estate.js';

/**
 * `A:a1,a2 B:b1/DAG1 C*:c1` as sites of mailbox servers, an asterisk for a hub; every server has a database and a
 * mailbox of its own name, and DAG members nothing else. `A-B=10/64000` is a link with its cost and size limit.
 */
function line(text: string, links: string, more: EstateParts = {}): BuiltEstate {
  const sites = text.split(' ').map((part) => {
    const [name = '', servers = ''] = part.split(':');
    return { name: name.replace('*', ''), hub: name.endsWith('*'), servers: servers.split(',').filter(Boolean) };
  });
  const servers = sites.flatMap((site) =>
    site.servers.map((server) => {
      const [name = '', dag] = server.split('/');
      return { name, site: site.name, dag: dag ?? null, host: `${name}.contoso.com` };
    }),
  );
  return buildEstate({
    sites: sites.map(({ name, hub }) => ({ name, hub })),
    links: links.split(' ').map((link) => {
      const [ends = '', cost, limit] = link.split(/[=/]/);
      return { name: link, sites: ends.split('-'), cost: Number(cost), maxMessageSize: limit ? Number(limit) : null };
    }),
    databases: servers.map(({ name }) => ({ name, copies: [name] })),
    mailboxes: servers.map(({ name }) => ({ address: `${name}@contoso.com`, database: name })),
    domains: [{ name: 'contoso.com', type: 'authoritative' }],
    ...more,
    servers: [...servers, ...(more.servers ?? [])],
  });
}

interface Given {
  readonly down?: string;
  readonly sizeBytes?: number;
}

function ask({ topology, directory }: BuiltEstate, on: string, to: string, given: Given = {}): Decision {
  const server = topology.server(on);
  if (!server) throw new Error(`no server ${on}`);
  const addresses = to.split(' ').map((name) => (name.includes('@') ? name : `${name}@contoso.com`));
  const availability = downServers((given.down ?? '').split(' '));
  return routeServerMail({
    topology,
    directory,
    server,
    availability,
    to: addresses,
    sizeBytes: given.sizeBytes ?? null,
  });
}

/** `relay b1 b2 | c1`: outcome, targets, then each fallback. */
const words = ({ outcome, targets, fallback }: Decision): string =>
  `${outcome} ${[targets, ...fallback].map((set) => set.map(({ server }) => server).join(' ')).join(' | ')}`.trim();

const queue = ({ deliveryType, nextHopDomain }: Decision): string => `${deliveryType} ${nextHopDomain}`;
const chain = 'A-B=10 B-C=10 C-D=10 D-E=10';
const plain = 'A:a1,a2 B:b1 C:c1,c2 D:d1 E:e1,e2';

describe('the next hop of one recipient', () => {
  test.each([
    [
      'straight to the last site',
      plain,
      'a1',
      'e1',
      '',
      'relay e1 e2 | d1 | c1 c2 | b1',
      'SmtpRelayToMailboxDeliveryGroup Site:E',
    ],
    [
      'the first hub on the way',
      'A:a1 B:b1 C*:c1,c2 D:d1 E:e1',
      'a1',
      'e1',
      '',
      'relay c1 c2 | b1',
      'SmtpRelayToRemoteActiveDirectorySite C',
    ],
    [
      'from the hub on',
      'A:a1 B:b1 C*:c1,c2 D:d1 E:e1',
      'c1',
      'e1',
      '',
      'relay e1 | d1',
      'SmtpRelayToMailboxDeliveryGroup Site:E',
    ],
    [
      'hub after hub',
      'A:a1 B*:b1 C:c1 D*:d1 E:e1',
      'b1',
      'e1',
      '',
      'relay d1 | c1',
      'SmtpRelayToRemoteActiveDirectorySite D',
    ],
    [
      'the last site is a hub',
      'A:a1 B:b1 C:c1 D:d1 E*:e1,e2/G',
      'a1',
      'e1',
      '',
      'relay e1 | e2 | d1 | c1 | b1',
      'SmtpRelayToMailboxDeliveryGroup Site:E',
    ],
    [
      'a hub without a server',
      'A:a1 B*: C:c1 D:d1 E:e1',
      'a1',
      'e1',
      '',
      'defer',
      'SmtpRelayToRemoteActiveDirectorySite B',
    ],
    ['as near as it gets', plain, 'a1', 'e1', 'e1 e2 d1', 'relay c1 c2 | b1', 'SmtpRelayToMailboxDeliveryGroup Site:E'],
    ['nobody on the way', plain, 'a1', 'e1', 'e1 e2 d1 c1 c2 b1', 'defer', 'SmtpRelayToMailboxDeliveryGroup Site:E'],
    ['next door: into the store', plain, 'a1', 'a2', '', 'deliver a2', 'SmtpDeliveryToMailbox a2'],
    ['here: into the store', plain, 'a1', 'a1', '', 'deliver a1', 'SmtpDeliveryToMailbox a1'],
    ['the store is away', plain, 'a1', 'a2', 'a2', 'defer', 'SmtpDeliveryToMailbox a2'],
    ['a DAG over sites', 'A:a1/G B:b1/G C:c1', 'a1', 'b1', '', 'deliver b1', 'SmtpDeliveryToMailbox b1'],
    ['a DAG next door', 'A:a1,a2/G B:b1/G C:c1', 'a1', 'a2', '', 'relay a2 | b1', 'SmtpRelayToDag G'],
    [
      'a DAG: near members, far ones, and no more',
      'A:a1,a2/G B:b1/G,b2 C:c1',
      'a1',
      'b1',
      'a2',
      'relay b1',
      'SmtpRelayToDag G',
    ],
    ['a DAG elsewhere', 'A:a1 B:b1/G,b2 C:c1/G D:d1', 'a1', 'c1', '', 'relay b1 | c1 | b2', 'SmtpRelayToDag G'],
    [
      'from a DAG to a server in none',
      'A:a1/G,a2 B:b1',
      'a1',
      'a2',
      '',
      'relay a2',
      'SmtpRelayToMailboxDeliveryGroup Site:A',
    ],
    ['nobody of that name', plain, 'a1', 'nobody', '', 'reject', 'Unreachable '],
    ['no address', plain, 'a1', 'a@b@contoso.com', '', 'reject', 'Unreachable '],
    ['no connector', plain, 'a1', 'kim@fabrikam.test', '', 'unreachable', 'Unreachable Unreachable Domain'],
  ])('%s', (_, sites, on, to, down, expected, named) => {
    const decision = ask(
      line(
        sites,
        chain
          .split(' ')
          .slice(0, sites.split(' ').length - 1)
          .join(' '),
      ),
      on,
      to,
      { down },
    );
    expect(words(decision)).toBe(expected);
    expect(queue(decision)).toBe(named);
    expect(decision.trace.length).toBeGreaterThan(0);
  });

  test.each([
    ['fewer hops of one cost', 'A-B=5 B-D=10 B-C=5 C-D=5', 'A-B-D 15'],
    ['the lower name before the end', 'A-B=10 B-D=10 A-C=10 C-D=10', 'A-B-D 20'],
    ['the cheaper of two links', 'A-D=30 A-D=20 A-B=15 B-D=15', 'A-D 20'],
  ])('goes by %s', (_, links, expected) => {
    const { path } = ask(line('A:a1 B:b1 C:c1 D:d1', links), 'a1', 'd1');
    expect(`${path?.sites.join('-')} ${path?.cost}`).toBe(expected);
  });

  test.each([
    [64_000, 'relay d1 | b1'],
    [64_001, 'reject'],
  ])('with %d bytes over links that take 64000: %s, and no other way is tried', (sizeBytes, expected) => {
    const estate = line('A:a1 B:b1 C:c1 D:d1', 'A-B=10/64000 B-D=10 A-C=30 C-D=30');
    const decision = ask(estate, 'a1', 'd1', { sizeBytes });
    expect(words(decision)).toBe(expected);
    expect(decision.reply?.code ?? null).toBe(expected === 'reject' ? 552 : null);
  });
});

describe('mail for the outside', () => {
  const out = (given: NonNullable<EstateParts['sendConnectors']>[number]): BuiltEstate =>
    line('A:a1,a2 B:b1,b2 C*:c1', 'A-C=10 C-B=10', {
      servers: [
        { name: 'cas2', site: 'A', roles: ['frontend'] },
        { name: 'cas1', site: 'A', roles: ['frontend'] },
      ],
      sendConnectors: [{ name: 'Out', sources: ['a1'], ...given }],
    });
  test.each([
    ['by MX', {}, 'a1', '', 'send', 'DnsConnectorDelivery x.test'],
    [
      'by smart hosts',
      { smartHosts: ['[10.20.30.40]', 'f.test'] },
      'a1',
      '',
      'send',
      'SmartHostConnectorDelivery [10.20.30.40],f.test',
    ],
    ['from next door', {}, 'a2', '', 'relay a1', 'SmtpRelayToConnectorSourceServers Out'],
    ['from next door, the source away', {}, 'a2', 'a1', 'defer', 'SmtpRelayToConnectorSourceServers Out'],
    ['from afar, by a hub', {}, 'b1', '', 'relay c1', 'SmtpRelayToRemoteActiveDirectorySite C'],
    [
      'to sources in two sites',
      { sources: ['a2', 'A1', 'a1', 'b2'] },
      'c1',
      '',
      'relay a2 a1 | b2',
      'SmtpRelayToConnectorSourceServers Out',
    ],
    ['by a front end', { frontEndProxy: true }, 'a1', '', 'proxy cas1 cas2', 'DnsConnectorDelivery x.test'],
    ['by the front end that is up', { frontEndProxy: true }, 'a1', 'cas1', 'proxy cas2', 'DnsConnectorDelivery x.test'],
    ['no front end', { frontEndProxy: true }, 'a1', 'cas1 cas2', 'defer', 'DnsConnectorDelivery x.test'],
  ])('%s', (_, given, on, down, expected, named) => {
    const decision = ask(out(given), on, 'kim@x.test', { down });
    expect(words(decision)).toBe(expected);
    expect(queue(decision)).toBe(named);
    expect(decision.connector).toBe('Out');
    for (const { port } of decision.targets) expect(port).toBe(expected.startsWith('proxy') ? 717 : 2525);
  });

  test('an unknown address of our own never goes out', () => {
    expect(ask(out({}), 'a1', 'nobody').reply).toMatchObject({ code: 550, enhanced: '5.1.1' });
  });

  test.each([
    [{}, ['x.test', 'y.test']],
    [{ smartHosts: ['f.test'] }, ['f.test']],
  ])('with %j the next hops are %j', (given, expected) => {
    const decision = ask(out(given), 'a1', 'kim@x.test lee@y.test max@x.test');
    expect((decision.routes ?? [decision]).map((route) => route.nextHopDomain)).toEqual(expected);
  });
});
