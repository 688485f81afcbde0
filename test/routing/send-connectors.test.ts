import { describe, expect, test } from 'vitest';
import { selectSendConnector } from '../../src/routing/send-connectors.js';
import type { EstateParts } from './build-estate.js';
import { buildEstate } from './build-estate.js';

type Connectors = NonNullable<EstateParts['sendConnectors']>;
const megabyte = 1024 ** 2;

const places: EstateParts = {
  sites: [{ name: 'HQ' }, { name: 'BR' }, { name: 'EU' }, { name: 'Island' }],
  links: [
    { name: 'HQ-BR', sites: ['HQ', 'BR'], cost: 50 },
    { name: 'HQ-EU', sites: ['HQ', 'EU'], cost: 20 },
  ],
  servers: [
    { name: 'HQ1', site: 'HQ' },
    { name: 'HQ2', site: 'HQ' },
    { name: 'BR1', site: 'BR' },
    { name: 'EU1', site: 'EU' },
    { name: 'LONE', site: 'Island' },
    { name: 'OWN', site: 'HQ', accepts: 'own' },
    { name: 'CAS', site: 'HQ', roles: ['frontend'] },
  ],
};

/** `X *;1 on HQ1,HQ2 off scoped 5MB` */
function connector(text: string): Connectors[number] {
  const [name = '', spaces = '', , sources = '', ...rest] = text.split(' ');
  const size = rest.find((word) => word.endsWith('MB'));
  return {
    name,
    addressSpaces: spaces.split(','),
    sources: sources.split(','),
    enabled: !rest.includes('off'),
    scoped: rest.includes('scoped'),
    maxMessageSize: size === undefined ? 35 * megabyte : Number.parseInt(size, 10) * megabyte,
  };
}

function choose(connectors: readonly string[], domain: string, on: string, sizeBytes: number | null): string {
  const { topology } = buildEstate({ ...places, sendConnectors: connectors.map(connector) });
  const server = topology.server(on);
  if (!server) throw new Error(`no server ${on}`);
  const choice = selectSendConnector({ topology, server, domain, sizeBytes });
  expect(choice.trace[0]?.rule).toBe(`send-connector/${choice.kind}`);
  expect(choice.trace.slice(1).every(({ rule }) => rule === 'send-connector/left-out')).toBe(true);
  return choice.kind === 'chosen' ? choice.connector.name : choice.kind;
}

const nested = ['X *;1 on HQ1', 'Y *.contoso.com;50 on HQ1', 'Z marketing.contoso.com;100 on HQ1'];

describe('the send connector for a domain, at HQ1', () => {
  test.each([
    ['the narrowest space, whatever it costs', nested, 'marketing.contoso.com', 'Z'],
    ['a name in a name', nested, 'sales.contoso.com', 'Y'],
    ['a pattern takes its own domain', nested, 'contoso.com', 'Y'],
    ['a pattern ends at a dot', nested, 'notcontoso.com', 'X'],
    ['an exact name takes nothing below it', nested, 'deep.marketing.contoso.com', 'Y'],
    ['everything else', nested, 'fabrikam.com', 'X'],
    ['a longer pattern', ['A *.com on HQ1', 'B *.contoso.com on HQ1'], 'sales.contoso.com', 'B'],
    [
      'the exact name before its own pattern',
      ['A *.contoso.com;1 on HQ1', 'B contoso.com;100 on HQ1'],
      'contoso.com',
      'B',
    ],
    ['the best space of a connector', ['A *;1,contoso.com;90 on HQ1', 'B *.contoso.com;1 on HQ1'], 'contoso.com', 'A'],
    ['the cheapest of alike spaces', ['A *;9,*;3 on HQ1', 'B *;4 on HQ1'], 'x.test', 'A'],
    ['a space in capitals, with its type', ['A SMTP:CONTOSO.com;5 on HQ1'], 'contoso.com', 'A'],
    ['only an exact name: nothing for a name below it', ['A contoso.com on HQ1'], 'sales.contoso.com', 'none'],
    ['the way counts', ['X *;1 on HQ1', 'Y *;1 on BR1'], 'x.test', 'X'],
    ['a way may cost more than a space', ['X *;100 on HQ1', 'Y *;1 on BR1'], 'x.test', 'Y'],
    ['the sum of both', ['X *;60 on EU1', 'Y *;31 on BR1'], 'x.test', 'X'],
    ['this server before a neighbour', ['X *;10 on HQ2', 'Y *;10 on HQ1'], 'x.test', 'Y'],
    ['a neighbour before another site', ['X *;10 on EU1', 'Y *;30 on HQ2'], 'x.test', 'Y'],
    ['the nearest of its sources counts', ['X *;1 on BR1,HQ1', 'Y *;1 on HQ2'], 'x.test', 'X'],
    ['alike in everything: the name', ['internet-B * on HQ1', 'Internet-A * on HQ1'], 'x.test', 'Internet-A'],
    ['switched off', ['X * on HQ1 off', 'Y *;99 on BR1'], 'x.test', 'Y'],
    ['scoped to another site', ['X * on BR1 scoped', 'Y *;99 on EU1'], 'x.test', 'Y'],
    ['scoped to the own site', ['X * on HQ2 scoped', 'Y *;99 on EU1'], 'x.test', 'X'],
    ['no way to it', ['X * on LONE'], 'x.test', 'none'],
    ['a front end sends through none', ['X * on CAS'], 'x.test', 'none'],
    ['a server that takes only its own mail sends for no other', ['X * on OWN', 'Y *;9 on BR1'], 'x.test', 'Y'],
    ['none at all', [], 'x.test', 'none'],
  ])('%s', (_, connectors, domain, expected) => {
    expect(choose(connectors, domain, 'HQ1', null)).toBe(expected);
    expect(choose(connectors.toReversed(), domain, 'HQ1', null)).toBe(expected);
  });

  test.each([
    [['X * on HQ1 5MB'], 12, 'too-large'],
    [['X * on HQ1 5MB'], 5, 'X'],
    [['X x.test on HQ1 5MB', 'Y *;9 on BR1'], 12, 'Y'],
    [['X * on HQ1 5MB off'], 12, 'none'],
    [['X other.test on HQ1 5MB'], 12, 'none'],
    [['X * on BR1 scoped 5MB'], 12, 'none'],
  ])('%j with %d MB: %s', (connectors, size, expected) => {
    expect(choose(connectors, 'x.test', 'HQ1', size * megabyte)).toBe(expected);
  });

  test('says which connectors were not asked', () => {
    const connectors = ['Small x.test on HQ1 5MB', 'Off x.test on HQ1 off', 'Other y.test on HQ1 off', 'Y * on HQ1'];
    const { topology } = buildEstate({ ...places, sendConnectors: connectors.map(connector) });
    const server = topology.server('HQ1');
    if (!server) throw new Error('no HQ1');
    const { trace } = selectSendConnector({ topology, server, domain: 'x.test', sizeBytes: 12 * megabyte });
    expect(trace.slice(1)).toEqual([
      { rule: 'send-connector/left-out', detail: 'Off (switched off), Small (takes 5MB)' },
    ]);
  });

  test('a server that takes only its own mail sends that', () => {
    expect(choose(['X * on OWN'], 'x.test', 'OWN', null)).toBe('X');
  });

  test('ten thousand address spaces are read once, not for every domain', { timeout: 20_000 }, () => {
    const addressSpaces = Array.from({ length: 10_000 }, (_, index) => `*.d${index}.test;${(index % 100) + 1}`);
    const { topology } = buildEstate({ ...places, sendConnectors: [{ name: 'X', addressSpaces, sources: ['HQ1'] }] });
    const [server] = topology.servers;
    if (!server) throw new Error('no server');
    const started = performance.now();
    for (let index = 0; index < 500; index++) {
      selectSendConnector({ topology, server, domain: `x.d${index}.test`, sizeBytes: null });
    }
    expect(performance.now() - started).toBeLessThan(3000);
  });
});
