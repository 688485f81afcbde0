import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answerMatches, judgeClient, listedName, providersInOrder } from '../../src/filtering/connection-filter.js';
import type { Filters } from './filters-with.js';
import { answersOf, entry, filtersWith } from './filters-with.js';

const nowMs = Date.parse('2026-06-15T12:00:00Z');

function verdictOn(filters: Filters, address: string, answers = ''): string {
  const step = judgeClient(filters, address, nowMs, answersOf(answers));
  return step.kind === 'look-up' ? `look up ${step.name}` : step.verdict.kind;
}

describe('the lists of addresses', () => {
  test.each([
    ['', '203.0.113.0/24', '203.0.113.0', 'block'],
    ['', '203.0.113.0/24', '203.0.113.255', 'block'],
    ['', '203.0.113.0/24', '203.0.114.1', 'pass'],
    ['', '203.0.113.0/24', '203.0.112.255', 'pass'],
    ['', '10.0.0.3-10.0.0.9', '10.0.0.2', 'pass'],
    ['', '10.0.0.3-10.0.0.9', '10.0.0.3', 'block'],
    ['', '10.0.0.3-10.0.0.9', '10.0.0.9', 'block'],
    ['', '10.0.0.3-10.0.0.9', '10.0.0.10', 'pass'],
    ['', '10.0.0.3', '10.0.0.3', 'block'],
    ['', '10.0.0.3', '::ffff:10.0.0.3', 'block'],
    ['', '0.0.0.0/0', '10.0.0.3', 'block'],
    ['', '0.0.0.0/0', '2001:db8::1', 'pass'],
    ['', '::/0', '10.0.0.3', 'pass'],
    ['', '2001:db8::/32', '2001:DB8:ffff::1', 'block'],
    ['', '2001:db8::/32', '2001:db9::1', 'pass'],
    ['', '2001:db8::1-2001:db8::f', '2001:db8::f', 'block'],
    ['', '2001:db8::1-2001:db8::f', '2001:db8::10', 'pass'],
    ['', '10.0.0.0/8 until 2026-06-15T12:00:01Z', '10.0.0.3', 'block'],
    ['', '10.0.0.0/8 until 2026-06-15T12:00:00Z', '10.0.0.3', 'pass'],
    ['', '10.0.0.0/8 until 2026-06-14', '10.0.0.3', 'pass'],
    ['', '10.0.0.0/8 until 2026-06-14 & 10.0.0.3', '10.0.0.3', 'block'],
    ['10.0.0.3', '10.0.0.0/8', '10.0.0.3', 'exempt'],
    ['10.0.0.3', '10.0.0.0/8', '10.0.0.4', 'block'],
    ['10.0.0.3 until 2026-06-14', '10.0.0.0/8', '10.0.0.3', 'block'],
    ['10.0.0.0/8', '', '10.0.0.3', 'exempt'],
    ['', '', '10.0.0.3', 'pass'],
    ['', '0.0.0.0/0', 'no address', 'pass'],
  ])('allowed %j, blocked %j: %s is %s', (allowed, blocked, address, expected) => {
    const entries = (text: string) => (text === '' ? [] : text.split(' & ').map(entry));
    expect(verdictOn(filtersWith({ ipAllow: entries(allowed), ipBlock: entries(blocked) }), address)).toBe(expected);
  });

  test('nobody is looked at when connection filtering is off', () => {
    const off = filtersWith({ enabled: { connection: false }, ipBlock: [entry('0.0.0.0/0')] });
    expect(verdictOn(off, '10.0.0.3')).toBe('pass');
  });

  test('a blocked address is told so', () => {
    const step = judgeClient(filtersWith({ ipBlock: [entry('10.0.0.0/8')] }), '10.0.0.3', nowMs, new Map());
    expect(step).toMatchObject({ verdict: { kind: 'block', reply: { code: 550, enhanced: '5.7.1' } } });
  });

  test('hold what any of their entries holds, however these lie to each other', () => {
    const octet = fc.integer({ min: 0, max: 40 });
    const given = fc.array(fc.tuple(octet, octet, fc.constantFrom(null, '2026-06-14', '2026-06-16')), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(given, fc.array(octet, { minLength: 5, maxLength: 5 }), (entries, addresses) => {
        const ranges = entries.map(([a, b, expires]) => ({ first: Math.min(a, b), last: Math.max(a, b), expires }));
        const ipBlock = ranges.map(({ first, last, expires }) =>
          entry(`10.0.0.${first}-10.0.0.${last}${expires === null ? '' : ` until ${expires}T00:00:00Z`}`),
        );
        const filters = filtersWith({ ipBlock });
        for (const address of addresses) {
          const isHeld = ranges.some(
            ({ first, last, expires }) => first <= address && address <= last && expires !== '2026-06-14',
          );
          expect(verdictOn(filters, `10.0.0.${address}`)).toBe(isHeld ? 'block' : 'pass');
        }
      }),
      { numRuns: 500 },
    );
  });

  test('a hundred thousand entries are read once, not for every client', { timeout: 20_000 }, () => {
    const many = Array.from({ length: 100_000 }, (_, index) => entry(`2001:db8::${(index % 65_536).toString(16)}`));
    const filters = filtersWith({ ipBlock: many });
    verdictOn(filters, '10.0.0.3');
    const started = performance.now();
    for (let asked = 0; asked < 1000; asked++) verdictOn(filters, '10.0.0.3');
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe('the name under which an address is listed', () => {
  const nibbles = '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2';
  test.each([
    ['192.0.2.99', 'bl.test', '99.2.0.192.bl.test'],
    ['::ffff:192.0.2.99', 'bl.test', '99.2.0.192.bl.test'],
    ['2001:db8::1', 'bl.test', `${nibbles}.bl.test`],
    ['2001:DB8:0::1', 'bl.test', `${nibbles}.bl.test`],
    ['192.0.2.99', 'BL.Test.', '99.2.0.192.bl.test'],
    ['192.0.2.99', 'bücher.test', '99.2.0.192.xn--bcher-kva.test'],
    ['no address', 'bl.test', undefined],
  ])('%s at %s is %s', (address, zone, expected) => {
    expect(listedName(address, zone)).toBe(expected);
  });
});

describe('an answer matches', () => {
  test.each([
    ['any', '127.0.0.2', true],
    ['any', 'nxdomain', false],
    ['any', 'timeout', false],
    [{ mask: 4 }, '127.0.0.6', true],
    [{ mask: 4 }, '127.0.0.2', false],
    [{ mask: 4 }, '127.0.0.2,127.0.0.4', true],
    [{ mask: 6 }, '127.0.0.2', true],
    [{ mask: 4 }, 'nxdomain', false],
    [{ mask: 4 }, 'garbage', false],
    [{ addresses: ['127.0.0.5'] }, '127.0.0.5', true],
    [{ addresses: ['127.0.0.5'] }, '127.0.0.2', false],
    [{ addresses: ['127.0.0.2', '127.0.0.5'] }, '127.0.0.5', true],
    [{ addresses: ['127.0.0.5'] }, '127.0.0.2,127.0.0.5', true],
    [{ addresses: ['127.0.0.5'] }, '::ffff:127.0.0.5', true],
    [{ addresses: ['127.0.0.5'] }, 'timeout', false],
    [{ addresses: [] }, '127.0.0.5', false],
  ] as const)('%j with %s: %s', (match, answer, expected) => {
    expect(answerMatches(match, answersOf(`x=${answer}`).get('x'))).toBe(expected);
  });

  test('not while it is not there', () => expect(answerMatches('any', undefined)).toBe(false));
});

describe('providers', () => {
  const provider = (name: string, priority: number, enabled = true) =>
    ({ name, zone: `${name}.test`, priority, enabled, match: 'any', response: `${name} lists you` }) as const;
  const filters = filtersWith({
    allowProviders: [provider('good', 1)],
    blockProviders: [provider('second', 7), provider('off', 1, false), provider('first', 3), provider('third', 7)],
  });
  const at = (name: string): string => `9.0.0.10.${name}.test`;

  test('are asked by priority, equals as they are listed, those switched off never', () => {
    expect(providersInOrder(filters.blockProviders).map(({ name }) => name)).toEqual(['first', 'second', 'third']);
  });

  test.each([
    ['', `look up ${at('good')}`],
    [`${at('good')}=127.0.0.2`, 'exempt'],
    [`${at('good')}=nxdomain`, `look up ${at('first')}`],
    [`${at('good')}=timeout`, `look up ${at('first')}`],
    [`${at('good')}=nxdomain ${at('first')}=127.0.0.2`, 'block'],
    [`${at('good')}=nxdomain ${at('first')}=nxdomain`, `look up ${at('second')}`],
    [`${at('good')}=nxdomain ${at('first')}=nxdomain ${at('second')}=timeout`, `look up ${at('third')}`],
    [`${at('good')}=nxdomain ${at('first')}=nxdomain ${at('second')}=nxdomain ${at('third')}=nxdomain`, 'pass'],
    [`${at('good')}=nxdomain ${at('first')}=nxdomain ${at('second')}=nxdomain ${at('third')}=127.0.0.4`, 'block'],
  ])('after %j: %s', (answers, expected) => {
    expect(verdictOn(filters, '10.0.0.9', answers)).toBe(expected);
  });

  test('are not asked about an address on a list', () => {
    const listed = { ...filters, ipBlock: [entry('10.0.0.9')], ipAllow: [entry('10.0.0.8')] };
    expect(verdictOn(listed, '10.0.0.9')).toBe('block');
    expect(verdictOn(listed, '10.0.0.8')).toBe('exempt');
  });

  test.each([
    ['first lists you', 'first lists you'],
    [null, 'Your address is listed by first.test'],
  ])('say %j as %j', (response, text) => {
    const one = filtersWith({ blockProviders: [{ ...provider('first', 1), response }] });
    const step = judgeClient(one, '10.0.0.9', nowMs, answersOf(`${at('first')}=127.0.0.2`));
    expect(step).toMatchObject({ verdict: { kind: 'block', reply: { code: 550, text } } });
  });
});
