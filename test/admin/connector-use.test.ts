import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { connectorUse } from '../../src/admin/connector-use.js';
import { selectSendConnector } from '../../src/routing/send-connectors.js';
import type { Topology } from '../../src/topology/topology.js';
import { topologyOf } from '../support/topology-of.js';

const place = {
  sites: [{ name: 'A' }, { name: 'B' }],
  links: [{ name: 'AB', sites: ['A', 'B'], cost: 50 }],
  servers: [
    { name: 'HQ1', site: 'A' },
    { name: 'HQ2', site: 'A' },
    { name: 'BR1', site: 'B' },
    { name: 'FE1', site: 'B', roles: ['frontend'] },
  ],
};

function useOf(connectors: readonly object[], name = 'X'): string[] {
  const topology = topologyOf({ ...place, sendConnectors: connectors });
  const connector = topology.sendConnectors.find((other) => other.name === name);
  if (!connector) throw new Error(`there is no ${name}`);
  return connectorUse(topology, connector);
}

const everywhere = 'from site A (HQ1, HQ2), site B (BR1)';
const big = { name: 'Y', sources: ['BR1'], maxMessageSize: '35MB' };

const rows: ReadonlyArray<readonly [title: string, connectors: readonly object[], lines: readonly string[]]> = [
  [
    'a connector by itself is used from everywhere',
    [{ name: 'X', sources: ['HQ1'] }],
    [`used for: any other domain, ${everywhere}`],
  ],
  [
    'address spaces that are alike stand together',
    [{ name: 'X', sources: ['HQ1'], addressSpaces: ['*', '*.x.com;3', 'y.com;3'] }],
    [`used for: any other domain, *.x.com, y.com, ${everywhere}`],
  ],
  [
    'the nearer one is used from each site',
    [
      { name: 'X', sources: ['HQ1'] },
      { name: 'Y', sources: ['BR1'] },
    ],
    ['used for: any other domain, from site A (HQ1, HQ2); elsewhere "Y" (cost 0+1, 0 hops) comes first'],
  ],
  [
    'this server comes before a neighbour',
    [
      { name: 'X', sources: ['HQ1'] },
      { name: 'Y', sources: ['HQ2'] },
    ],
    ['used for: any other domain, from site A (HQ1), site B (BR1); elsewhere "Y" (cost 0+1, 0 hops) comes first'],
  ],
  [
    'one that is never chosen names what is, and by what it was compared',
    [
      { name: 'X', sources: ['HQ1'], addressSpaces: ['*.contoso.com;9', 'z.com'] },
      { name: 'Y', sources: ['HQ1'], addressSpaces: ['*.contoso.com;1'] },
    ],
    ['never used for *.contoso.com: "Y" (cost 0+1, 0 hops) comes first', `used for: z.com, ${everywhere}`],
  ],
  [
    'one that is never chosen for two others',
    [
      { name: 'X', sources: ['HQ1'], addressSpaces: ['*;100'] },
      { name: 'Y', sources: ['HQ1'] },
      { name: 'Z', sources: ['BR1'] },
    ],
    ['never used for any other domain: "Y" (cost 0+1, 0 hops), "Z" (cost 0+1, 0 hops) come first'],
  ],
  [
    'a scoped one is used from its sites alone',
    [{ name: 'X', sources: ['HQ1'], scoped: true }],
    ['used for: any other domain, from site A (HQ1, HQ2)'],
  ],
  [
    'one that takes more than those before it is used for that',
    [
      { name: 'X', sources: ['HQ1'], addressSpaces: ['*;80'] },
      { ...big, maxMessageSize: '5MB' },
    ],
    [`used for: any other domain over 5MB, ${everywhere}`],
  ],
  [
    'one that is before one of two smaller ones is used over the other',
    [
      { name: 'X', sources: ['HQ1'], addressSpaces: ['*;60'] },
      { ...big, maxMessageSize: '5MB' },
      { ...big, name: 'Z', maxMessageSize: '10MB', addressSpaces: ['*;20'] },
    ],
    [
      `used for: any other domain over 5MB, from site A (HQ1, HQ2)`,
      'used for: any other domain over 10MB, from site B (BR1)',
    ],
  ],
  [
    'a smaller one after a larger one is never used',
    [{ name: 'X', sources: ['HQ1'], addressSpaces: ['*;60'], maxMessageSize: '1MB' }, big],
    ['never used for any other domain: "Y" (cost 50+1, 2 hops) comes first'],
  ],
  [
    'one that is off is not used',
    [{ name: 'X', sources: ['HQ1'], enabled: false }],
    ['not used: it is switched off (enabled is false)'],
  ],
  [
    'one without address spaces is not used',
    [{ name: 'X', sources: ['HQ1'], addressSpaces: [] }],
    ['not used: it has no address space'],
  ],
  [
    'one without mailbox servers is not used',
    [{ name: 'X', sources: ['FE1'] }],
    ['not used: none of its sources is a mailbox server'],
  ],
  [
    "one that is off stands in nobody's way",
    [
      { name: 'X', sources: ['HQ1'], addressSpaces: ['*;9'] },
      { name: 'Y', sources: ['HQ1'], enabled: false },
    ],
    [`used for: any other domain, ${everywhere}`],
  ],
];

describe('what a send connector is used for', () => {
  test.each(rows)('%s', (_title, connectors, lines) => expect(useOf(connectors)).toEqual(lines));

  test('is told of odd names', () => {
    const name = 'Y" (cost 9+9, 9 hops) for x';
    const connectors = [
      { name: 'X', sources: ['HQ1'], addressSpaces: ['*;2'] },
      { name, sources: ['HQ1'] },
    ];
    expect(useOf(connectors)).toEqual([`never used for any other domain: "${name}" (cost 0+1, 0 hops) comes first`]);
  });
});

const sites = ['A', 'B', 'C'];
const serverNames = ['M1', 'M2', 'M3', 'M4'];
const patterns = ['*', '*.x.com', 'x.com', '*.a.x.com', 'y.com'];
/** For each pattern a domain that it matches and none of the narrower ones does. */
const domains: Readonly<Record<string, string>> = {
  '*': 'z.org',
  '*.x.com': 'b.x.com',
  'x.com': 'x.com',
  '*.a.x.com': 'c.a.x.com',
  'y.com': 'y.com',
};

const estate = fc.record({
  links: fc.array(
    fc.record({
      sites: fc.uniqueArray(fc.constantFrom(...sites), { minLength: 2, maxLength: 3 }),
      cost: fc.integer({ min: 1, max: 2 }),
    }),
    { maxLength: 3 },
  ),
  places: fc.array(fc.constantFrom(...sites), { minLength: serverNames.length, maxLength: serverNames.length }),
  accepts: fc.array(fc.constantFrom('any', 'any', 'own'), { minLength: 4, maxLength: 4 }),
  connectors: fc.array(
    fc.record({
      enabled: fc.constantFrom(true, true, true, false),
      scoped: fc.constantFrom(false, false, true),
      addressSpaces: fc
        .array(fc.tuple(fc.constantFrom(...patterns), fc.integer({ min: 1, max: 2 })), { minLength: 1, maxLength: 3 })
        .map((spaces) => spaces.map(([pattern, cost]) => `${pattern};${cost}`)),
      sources: fc.uniqueArray(fc.constantFrom(...serverNames), { minLength: 1, maxLength: 2 }),
      maxMessageSize: fc.constantFrom('1MB', '2MB', '3MB', '4MB'),
    }),
    { minLength: 1, maxLength: 5 },
  ),
});

type EstateParts = typeof estate extends fc.Arbitrary<infer T> ? T : never;

const topologyFrom = ({ links, places, accepts, connectors }: EstateParts): Topology =>
  topologyOf({
    sites: sites.map((name) => ({ name })),
    links: links.map((link, index) => ({ name: `L${index}`, ...link })),
    servers: serverNames.map((name, index) => ({ name, site: places[index], accepts: accepts[index] })),
    sendConnectors: connectors.map((connector, index) => ({ name: `S${index}`, ...connector })),
  });

const megabyte = 1024 ** 2;

/** `pattern server size` of all that a connector is chosen for; the size is the largest of those before it. */
function chosenFor(topology: Topology, name: string): Set<string> {
  const chosen = new Set<string>();
  for (const [pattern, domain] of Object.entries(domains)) {
    for (const server of topology.servers) {
      const over = [0, 1, 2, 3].find((size) => {
        const choice = selectSendConnector({ topology, server, domain, sizeBytes: size * megabyte + 1 });
        return choice.kind === 'chosen' && choice.connector.name === name;
      });
      if (over !== undefined && isNamed(topology, name, pattern)) chosen.add(`${pattern} ${server.name} ${over}`);
    }
  }
  return chosen;
}

/** Whether a pattern is one of the connector's own; what a wider one takes of it is told with that. */
function isNamed(topology: Topology, name: string, pattern: string): boolean {
  const connector = topology.sendConnectors.find((other) => other.name === name);
  return connector?.addressSpaces.some((space) => space.split(';')[0] === pattern) ?? false;
}

/** The same, read from the lines. */
function toldFor(lines: readonly string[]): Set<string> {
  const told = new Set<string>();
  for (const line of lines) {
    const match = /^used for: (.+?)(?: over (\d)MB)?, from (site [^;]+)/.exec(line);
    if (!match) continue;
    for (const words of (match[1] ?? '').split(', ')) {
      for (const [, names = ''] of (match[3] ?? '').matchAll(/\(([^)]+)\)/g)) {
        const pattern = words === 'any other domain' ? '*' : words;
        for (const name of names.split(', ')) told.add(`${pattern} ${name} ${match[2] ?? 0}`);
      }
    }
  }
  return told;
}

test('what is told of any connector is what the selection does, for each address space, server and size', () => {
  let used = 0;
  fc.assert(
    fc.property(estate, (parts) => {
      const topology = topologyFrom(parts);
      for (const connector of topology.sendConnectors) {
        const lines = connectorUse(topology, connector);
        expect(lines.length).toBeGreaterThan(0);
        const told = toldFor(lines);
        expect([...told].sort()).toEqual([...chosenFor(topology, connector.name)].sort());
        used += told.size;
      }
    }),
    { numRuns: 400 },
  );
  expect(used).toBeGreaterThan(100);
});

describe('a large estate', () => {
  test('of many address spaces is told in few lines and in no time', () => {
    const spaces = (cost: (index: number) => number): string[] =>
      Array.from({ length: 10_000 }, (_, index) => `d${index}.example;${cost(index)}`);
    const connectors = [
      { name: 'X', sources: ['HQ1'], addressSpaces: spaces((index) => 1 + (index % 100)) },
      { name: 'Y', sources: ['HQ1'], addressSpaces: spaces((index) => 1 + (index % 99)) },
    ];
    const began = performance.now();
    const lines = useOf(connectors);
    expect(performance.now() - began).toBeLessThan(3000);
    expect(lines.length).toBeLessThanOrEqual(22);
    expect(lines.join('\n')).toMatch(/ and \d+ more/);
    expect(lines.at(-1)).toMatch(/^\d+ more address spaces were not looked at$/);
  });

  test('of many sites and sources is told in no time', () => {
    const many = Array.from({ length: 150 }, (_, index) => index);
    const topology = topologyOf({
      sites: many.map((index) => ({ name: `S${index}` })),
      links: many.slice(1).map((index) => ({ name: `L${index}`, sites: ['S0', `S${index}`] })),
      servers: many.map((index) => ({ name: `M${index}`, site: `S${index}` })),
      sendConnectors: ['X', 'Y'].map((name) => ({ name, sources: many.map((index) => `M${index}`) })),
    });
    const [connector] = topology.sendConnectors;
    if (!connector) throw new Error('no connector');
    const began = performance.now();
    const [line] = connectorUse(topology, connector);
    expect(performance.now() - began).toBeLessThan(5000);
    expect(line).toMatch(/^used for: any other domain, from site S0 \(M0\), .* and 145 more$/);
  });
});
