import { describe, expect, test } from 'vitest';
import { allUp } from '../../src/routing/availability.js';
import { resolveRecipients } from '../../src/routing/destinations.js';
import { routeServerMail } from '../../src/routing/route-server-mail.js';
import type { BuiltEstate, EstateParts } from './build-estate.js';
import { buildEstate } from './build-estate.js';

const address = (name: string): string => (name.includes('@') ? name : `${name}@contoso.com`);

/** `all: ann team; far @MBX2: ann`: groups with their members, and where they are expanded. */
function groupsOf(text: string): NonNullable<EstateParts['groups']> {
  return text
    .split(';')
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const [head = '', members = ''] = part.split(':');
      const [name = '', server] = head.trim().split(' @');
      const listed = members
        .split(' ')
        .filter((member) => member !== '')
        .map(address);
      return { address: address(name), members: listed, expansionServer: server ?? null };
    });
}

function estateWith(groups: string, contacts = ''): BuiltEstate {
  return buildEstate({
    sites: [{ name: 'A' }],
    servers: [
      { name: 'MBX1', site: 'A' },
      { name: 'MBX2', site: 'A' },
      { name: 'OWN', site: 'A', accepts: 'own' },
      { name: 'CAS', site: 'A', roles: ['frontend'] },
    ],
    databases: [{ name: 'DB1', copies: ['MBX1'] }],
    mailboxes: [
      { address: 'ann@contoso.com', aliases: ['ann.smith@contoso.com'], database: 'DB1' },
      { address: 'bob@contoso.com', database: 'DB1' },
    ],
    groups: groupsOf(groups),
    contacts: contacts
      .split(';')
      .filter(Boolean)
      .map((part) => {
        const [name = '', target = ''] = part.trim().split('=');
        return { address: address(name), target: address(target) };
      }),
    domains: [
      { name: 'contoso.com', type: 'authoritative' },
      { name: 'relay.test', type: 'external-relay' },
    ],
  });
}

function resolved({ topology, directory }: BuiltEstate, to: string): string {
  const found = resolveRecipients(topology, directory, 'MBX1', to.split(' ').map(address));
  return found
    .map(({ address: name, class: kind, destination }) => {
      const where =
        destination.kind === 'database'
          ? destination.database
          : destination.kind === 'expansion-server'
            ? destination.server
            : destination.kind === 'outside'
              ? destination.domain
              : destination.reason;
      return `${name.replace('@contoso.com', '')} ${kind} ${where}`;
    })
    .join(', ');
}

describe('recipients at MBX1', () => {
  test.each([
    ['a group is opened', 'all: ann bob', '', 'all', 'ann mailbox DB1, bob mailbox DB1'],
    ['groups in groups', 'all: team bob; team: ann', '', 'all', 'ann mailbox DB1, bob mailbox DB1'],
    ['a circle', 'all: team; team: all ann', '', 'all', 'ann mailbox DB1'],
    ['a group of itself', 'all: all', '', 'all', ''],
    ['an empty group', 'all:', '', 'all bob', 'bob mailbox DB1'],
    ['everybody once', 'all: ann ann team; team: ann', '', 'all ann', 'ann mailbox DB1'],
    ['a mailbox once, whatever it is called', 'all: ann.smith', '', 'ann all ann.smith ann+tag', 'ann mailbox DB1'],
    ['expanded elsewhere', 'far @MBX2: ann', '', 'far', 'far group MBX2'],
    ['expanded here', 'near @mbx1: ann', '', 'near', 'ann mailbox DB1'],
    [
      'a member that is expanded elsewhere',
      'all: far bob; far @MBX2: ann',
      '',
      'all',
      'far group MBX2, bob mailbox DB1',
    ],
    ['a contact', '', 'ext=kim@x.test', 'ext', 'ext contact x.test'],
    ['a contact for a mailbox', '', 'ext=ann', 'ext', 'ext contact DB1'],
    ['a contact of a contact', '', 'ext=two;two=kim@x.test', 'ext', 'ext contact x.test'],
    ['a contact for a group', 'all: ann bob', 'ext=all', 'ext', 'ext contact DB1, ext contact DB1'],
    ['contacts in a circle', '', 'ext=two;two=ext', 'ext bob', 'ext contact contact-loop, bob mailbox DB1'],
    [
      'members nobody knows',
      'all: nobody kim@x.test who@relay.test',
      '',
      'all',
      'nobody unknown unknown-recipient, kim@x.test external x.test, who@relay.test relay relay.test',
    ],
    ['no address', '', '', 'a@b@contoso.com', 'a@b null bad-address'],
  ])('%s', (_, groups, contacts, to, expected) => {
    expect(resolved(estateWith(groups, contacts), to)).toBe(expected);
  });

  test.each([
    [40, 'ann mailbox DB1'],
    [6000, 'g50 group nested-too-deep'],
  ])('%d groups, one in the other', (count, expected) => {
    const groups = Array.from(
      { length: count },
      (_, index) => `g${index}: ${index + 1 < count ? `g${index + 1}` : 'ann'}`,
    );
    expect(resolved(estateWith(groups.join(';')), 'g0')).toBe(expected);
  });

  test('a group of more members than a message may have is refused, not cut off', { timeout: 20_000 }, () => {
    const members = Array.from({ length: 100_001 }, (_, index) => `m${index}@x.test`).join(' ');
    expect(resolved(estateWith(`all: ${members}`), 'all bob')).toBe('all group too-many-members, bob mailbox DB1');
  });

  test.each([
    ['MBX2', 'relay MBX2'],
    ['mbx2', 'relay MBX2'],
    ['OWN', 'unreachable '],
    ['CAS', 'unreachable '],
    ['GONE', 'unreachable '],
  ])('a group that %s expands: %s', (server, expected) => {
    const { topology, directory } = estateWith(`far @${server}: ann`);
    const [source] = topology.servers;
    if (!source) throw new Error('no server');
    const question = {
      topology,
      directory,
      server: source,
      availability: allUp,
      to: ['far@contoso.com'],
      sizeBytes: null,
    };
    const { outcome, targets, trace } = routeServerMail(question);
    expect(`${outcome} ${targets.map((target) => target.server).join(' ')}`).toBe(expected);
    expect(trace.length).toBeGreaterThan(1);
  });

  test('a group whose server is away waits, and the trace names nobody else', () => {
    const { topology, directory } = estateWith('far @MBX2: ann');
    const [server] = topology.servers;
    if (!server) throw new Error('no server');
    const availability = { isDown: ({ name }: { name: string }) => name === 'MBX2' };
    const question = { topology, directory, server, availability, to: ['far@contoso.com'], sizeBytes: null };
    const decision = routeServerMail(question);
    expect(decision).toMatchObject({ outcome: 'defer', reason: 'no-candidate', targets: [], fallback: [], path: null });
    expect(decision.trace.map(({ rule }) => rule)).not.toContain('candidates/first');
  });
});
