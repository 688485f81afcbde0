import { describe, expect, test } from 'vitest';
import type { Metric } from '../../src/routing/paths.js';
import { narrowLink, pathsFrom, pathWords } from '../../src/routing/paths.js';
import { buildEstate } from './build-estate.js';

/** `A-B=10 B-C-D=5(7)`: the links of a few sites; the number in brackets is the mail cost. */
function topologyOf(links: string) {
  const parts = links.split(' ').map((text) => {
    const [, ends = '', cost, mailCost] = /^(.*)=(\d+)(?:\((\d+)\))?$/.exec(text) ?? [];
    return {
      name: text,
      sites: ends.split('-'),
      cost: Number(cost),
      mailCost: mailCost === undefined ? null : Number(mailCost),
    };
  });
  const names = new Set(parts.flatMap((link) => link.sites));
  return buildEstate({ sites: [...names].map((name) => ({ name })), links: parts }).topology;
}

describe('the way between two sites', () => {
  const cases: ReadonlyArray<
    readonly [what: string, links: string, metric: Metric, to: string, way: string | undefined]
  > = [
    ['nowhere to go', 'A-B=1', 'mail', 'A', 'A (own site)'],
    ['one link', 'A-B=7', 'mail', 'B', 'A-B (cost 7)'],
    ['links add up', 'A-B=7 B-C=8', 'mail', 'C', 'A-B-C (cost 15)'],
    ['the cheaper way round', 'A-C=20 A-B=7 B-C=8', 'mail', 'C', 'A-B-C (cost 15)'],
    ['the cheaper of two links', 'A-B=9 A-B=7', 'mail', 'B', 'A-B (cost 7)'],
    ['a link of many is a mesh', 'A-B-C-D=5', 'mail', 'D', 'A-D (cost 5)'],
    ['fewer hops, whatever the names', 'A-C=5 C-B=5 B-D=5 C-D=10', 'mail', 'D', 'A-C-D (cost 15)'],
    ['the lower name before the end', 'A-C=5 C-D=5 A-B=5 B-D=5', 'mail', 'D', 'A-B-D (cost 10)'],
    [
      'the lower name before the end, though it is dearer to reach',
      'A-C=1 C-D=9 A-B=5 B-D=5',
      'mail',
      'D',
      'A-B-D (cost 10)',
    ],
    ['names from the end, not from the start', 'A-B=1 B-Y=1 Y-D=1 A-C=1 C-X=1 X-D=1', 'mail', 'D', 'A-C-X-D (cost 3)'],
    ['names without regard to case', 'A-b=5 b-D=5 A-C=5 C-D=5', 'mail', 'D', 'A-b-D (cost 10)'],
    ['the mail cost in place of the cost', 'A-B=1(50) A-C=10 C-B=10', 'mail', 'B', 'A-C-B (cost 20)'],
    ['clients go by the cost', 'A-B=1(50) A-C=10 C-B=10', 'client', 'B', 'A-B (cost 1)'],
    ['no way', 'A-B=1 C-D=1', 'mail', 'C', undefined],
  ];
  test.each(cases)('%s', (_what, links, metric, to, way) => {
    const path = pathsFrom(topologyOf(links), 'a', metric).get(to.toLowerCase());
    expect(path && pathWords(path)).toBe(way);
  });

  test('from a site that nobody knows leads nowhere', () => {
    expect(pathsFrom(topologyOf('A-B=1'), 'X', 'mail').size).toBe(0);
  });

  test('a way without limits is never too narrow', () => {
    const path = pathsFrom(topologyOf('A-B=1'), 'A', 'mail').get('b');
    expect(path && narrowLink(path, Number.MAX_SAFE_INTEGER)).toBeUndefined();
  });

  test('a mesh of 300 sites is walked in time', { timeout: 5000 }, () => {
    const names = Array.from({ length: 300 }, (_, index) => `S${index}`);
    expect(pathsFrom(topologyOf(`${names.join('-')}=1`), 'S0', 'mail').size).toBe(300);
  });
});
