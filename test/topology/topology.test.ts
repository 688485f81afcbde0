import { describe, expect, test } from 'vitest';
import type { UsherError } from '../../src/errors.js';
import { chooseFrontEnd, requireServers } from '../../src/topology/choose-front-end.js';
import { refusal } from '../support/refusal.js';
import { topologyOf } from '../support/topology-of.js';

const topology = topologyOf({
  sites: [{ name: 'A' }, { name: 'B' }, { name: 'C' }],
  links: [
    { name: 'AB', sites: ['a', 'B'] },
    { name: 'mesh', sites: ['A', 'B', 'C'], cost: 7 },
  ],
  dags: [{ name: 'D' }],
  servers: [
    { name: 'mbx2', site: 'A', dag: 'd' },
    { name: 'MBX1', site: 'a', dag: 'D', roles: ['frontend', 'mailbox'] },
    { name: 'FE1', site: 'A', roles: ['frontend'] },
  ],
  databases: [{ name: 'DB1', copies: ['MBX1'] }],
  domains: [
    { name: 'contoso.com', type: 'authoritative', matchSubdomains: true },
    { name: 'de.contoso.com', type: 'internal-relay' },
    { name: 'BÜCHER.example', type: 'external-relay' },
  ],
});

const names = (objects: readonly { readonly name: string }[]): string[] => objects.map((object) => object.name);

test('objects are found without regard to case', () => {
  expect(topology.site('a')?.name).toBe('A');
  expect(topology.server('Mbx2')?.name).toBe('mbx2');
  expect(topology.database('db1')?.name).toBe('DB1');
  expect(topology.server('toString')).toBeUndefined();
});

test('servers of a site and of a DAG are mailbox servers, by name', () => {
  expect(names(topology.mailboxServersOf('A'))).toEqual(['MBX1', 'mbx2']);
  expect(names(topology.membersOf('d'))).toEqual(['MBX1', 'mbx2']);
  expect(topology.mailboxServersOf('B')).toEqual([]);
});

test('a link is a full mesh of its sites', () => {
  const from = (site: string) => topology.linksOf(site).map(({ to, link }) => `${link.name} ${to.name}`);
  expect(from('a')).toEqual(['AB B', 'mesh B', 'mesh C']);
  expect(from('C')).toEqual(['mesh A', 'mesh B']);
  expect(from('Z')).toEqual([]);
});

test.each([
  ['contoso.com', 'contoso.com'],
  ['fr.contoso.com', 'contoso.com'],
  ['a.b.contoso.com', 'contoso.com'],
  ['de.contoso.com', 'de.contoso.com'],
  ['x.de.contoso.com', 'contoso.com'],
  ['notcontoso.com', undefined],
  ['com', undefined],
  ['xn--bcher-kva.example', 'BÜCHER.example'],
  ['', undefined],
])('the accepted domain of %s is %s', (domain, expected) =>
  expect(topology.acceptedDomain(domain)?.name).toBe(expected),
);

describe('which front end is meant', () => {
  const one = topologyOf({
    sites: [{ name: 'A' }],
    servers: [
      { name: 'FE1', site: 'A', roles: ['frontend'] },
      { name: 'MBX1', site: 'A' },
    ],
  });
  const kindAndCode = ({ kind, code }: UsherError) => [kind, code];

  test('the named one, the only one, the one of this host', () => {
    expect(chooseFrontEnd(topology, 'fe1', 'x').name).toBe('FE1');
    expect(chooseFrontEnd(one, undefined, 'x').name).toBe('FE1');
    expect(chooseFrontEnd(topology, undefined, 'MBX1').name).toBe('MBX1');
  });

  test('none, several, another kind of server, a mistyped one', () => {
    expect(kindAndCode(refusal(() => chooseFrontEnd(topologyOf({}), undefined, 'x')))).toEqual([
      'invalid',
      'no-front-end',
    ]);
    const several = refusal(() => chooseFrontEnd(topology, undefined, 'x'));
    expect(kindAndCode(several)).toEqual(['usage', 'which-front-end']);
    expect(several.suggestions).toEqual(['MBX1', 'FE1']);
    expect(kindAndCode(refusal(() => chooseFrontEnd(one, 'MBX1', 'x')))).toEqual(['invalid', 'no-front-end']);
    const mistyped = refusal(() => chooseFrontEnd(one, 'FE2', 'x'));
    expect(kindAndCode(mistyped)).toEqual(['missing', 'not-found']);
    expect(mistyped.suggestions).toEqual(['FE1']);
  });

  test('servers by name', () => {
    expect(names(requireServers(topology, ['fe1', 'MBX2']))).toEqual(['FE1', 'mbx2']);
    expect(refusal(() => requireServers(topology, ['MBX3'])).message).toContain('MBX');
  });
});
