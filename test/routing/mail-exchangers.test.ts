import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  chooseExchangers,
  type ExchangerRules,
  type KnownExchanger,
  type MailExchanger,
  orderExchangers,
  reachOf,
  readExchangers,
} from '../../src/routing/mail-exchangers.js';

const anyExchangers: fc.Arbitrary<MailExchanger[]> = fc
  .array(fc.integer({ min: 0, max: 5 }), { maxLength: 40 })
  .map((preferences) => preferences.map((preference, index) => ({ name: `mx${index}.test`, preference })));
const anyRandom = fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })).map((stream) => {
  return () => stream.next().value as number;
});

/** `10 a.test 192.0.2.1,192.0.2.2`, `10 a.test absent`, `failed`, `alias`. */
function known(...lines: readonly string[]): KnownExchanger[] {
  return lines.map((line) => {
    const [preference = '0', name = '', said = ''] = line.split(' ');
    const rest = { name, preference: Number(preference) };
    if (said === 'absent') return { ...rest, found: { kind: 'absent' } };
    if (said === 'failed') return { ...rest, found: { kind: 'failed', reason: 'no answer' } };
    if (said === 'alias') return { ...rest, found: { kind: 'alias', target: 'other.test' } };
    return { ...rest, found: { kind: 'addresses', addresses: said.split(',') } };
  });
}

const rules: ExchangerRules = {
  isOwnName: (name) => name === 'us.test',
  isOwnAddress: (address) => address === '192.0.2.99',
  allowPrivateAddresses: false,
};

describe('the order of exchangers', () => {
  test('is by preference; none is lost and none added', () => {
    fc.assert(
      fc.property(anyExchangers, anyRandom, (exchangers, random) => {
        const ordered = orderExchangers(exchangers, random);
        expect(ordered.map(({ preference }) => preference)).toEqual(
          exchangers.map(({ preference }) => preference).sort((a, b) => a - b),
        );
        expect(new Set(ordered)).toEqual(new Set(exchangers));
        expect(ordered).toHaveLength(exchangers.length);
      }),
    );
  });

  test('among equal ones gives each the same share', () => {
    const exchangers = ['a', 'b', 'c'].map((name) => ({ name, preference: 10 }));
    const firsts = new Map<string, number>();
    for (let index = 0; index < 3000; index++) {
      const [first] = orderExchangers([...exchangers, { name: 'd', preference: 20 }], Math.random);
      firsts.set(first?.name ?? '', (firsts.get(first?.name ?? '') ?? 0) + 1);
    }
    expect([...firsts.keys()].sort()).toEqual(['a', 'b', 'c']);
    for (const count of firsts.values()) expect(count).toBeGreaterThan(800);
  });

  test('does not change when no two are equal', () => {
    const exchangers = [30, 10, 20].map((preference) => ({ name: `mx${preference}`, preference }));
    fc.assert(
      fc.property(anyRandom, (random) => {
        expect(orderExchangers(exchangers, random).map(({ name }) => name)).toEqual(['mx10', 'mx20', 'mx30']);
      }),
    );
  });
});

describe('MX records', () => {
  const random = () => 0;

  test('none, and the null MX', () => {
    expect(readExchangers([], random)).toEqual({ kind: 'none' });
    expect(readExchangers([{ exchange: '', priority: 0 }], random)).toEqual({ kind: 'null' });
    expect(readExchangers([{ exchange: '.', priority: 10 }], random)).toEqual({ kind: 'null' });
  });

  test('a null MX beside others is passed over, as are addresses and what is no host name', () => {
    const records = ['', 'MX.A.test.', '192.0.2.1', 'a b', '-x'].map((exchange) => ({ exchange, priority: 5 }));
    expect(readExchangers(records, random)).toEqual({
      kind: 'exchangers',
      exchangers: [{ name: 'mx.a.test', preference: 5 }],
      leftOut: [
        '5 "" is no host name',
        '5 "192.0.2.1" is no host name',
        '5 "a b" is no host name',
        '5 "-x" is no host name',
      ],
    });
  });

  test('a name that is there twice counts once, at its better preference; twenty are enough', () => {
    const records = Array.from({ length: 30 }, (_, index) => ({ exchange: `mx${index}.test`, priority: index }));
    const read = readExchangers([...records, { exchange: 'MX29.test', priority: 3 }], random);
    expect(read).toMatchObject({ leftOut: ['10 beyond 20'] });
    const names =
      read.kind === 'exchangers' ? read.exchangers.map(({ name, preference }) => `${preference} ${name}`) : [];
    expect(names).toHaveLength(20);
    expect(names).toContain('3 mx29.test');
    expect(names).not.toContain('19 mx19.test');
  });

  test('of any content are bounded and never throw', () => {
    const anyRecord = fc.record({
      exchange: fc.string({ unit: 'binary' }),
      priority: fc.integer({ min: 0, max: 65_535 }),
    });
    fc.assert(
      fc.property(fc.array(anyRecord), anyRandom, (records, rolls) => {
        const read = readExchangers(records, rolls);
        if (read.kind !== 'exchangers') return;
        expect(read.exchangers.length).toBeLessThanOrEqual(20);
        for (const { name } of read.exchangers) expect(name).toMatch(/^[a-z0-9_.-]+$/);
      }),
    );
  });
});

describe('the exchangers that are used', () => {
  const cases: ReadonlyArray<readonly [string, string[], string, string]> = [
    ['their order', ['10 a.test 192.0.2.1,2001:db8::1', '20 b.test 192.0.2.2'], 'usable', 'a.test b.test'],
    ['not an alias', ['10 a.test alias', '20 b.test 192.0.2.2'], 'usable', 'b.test'],
    ['nobody when all are aliases', ['10 a.test alias', '10 b.test alias'], 'nobody', ''],
    ['nobody without an address', ['10 a.test absent'], 'nobody', ''],
    ['wait for one that is not known', ['10 a.test absent', '20 b.test failed'], 'failed', ''],
    ['not wait when another is known', ['10 a.test failed', '20 b.test 192.0.2.2'], 'usable', 'b.test'],
    ['not ourselves by name', ['10 us.test absent', '10 b.test 192.0.2.2', '20 c.test 192.0.2.3'], 'loop', ''],
    ['not ourselves by address', ['10 a.test 192.0.2.1', '20 b.test 192.0.2.99,192.0.2.5'], 'usable', 'a.test'],
    ['those before ourselves', ['5 a.test 192.0.2.1', '10 us.test absent', '20 b.test 192.0.2.2'], 'usable', 'a.test'],
    ['wait for those before ourselves', ['5 a.test failed', '10 us.test absent'], 'failed', ''],
    ['not wait for those after', ['5 a.test absent', '10 us.test absent', '20 b.test failed'], 'loop', ''],
    ['no private addresses', ['5 a.test 10.0.0.1', '6 b.test ::ffff:10.0.0.1,192.0.2.1'], 'usable', 'b.test'],
    ['nobody of private addresses only', ['5 a.test 10.0.0.1,fd00::1'], 'nobody', ''],
  ];
  test.each(cases)('%s', (_what, lines, kind, names) => {
    const chosen = chooseExchangers(known(...lines), rules);
    expect(chosen.kind).toBe(kind);
    expect(chosen.usable.map(({ name }) => name).join(' ')).toBe(names);
    expect(chosen.usable.length + chosen.leftOut.length).toBeGreaterThanOrEqual(lines.length);
  });

  test('private addresses where they are allowed, but never those of no host', () => {
    const lines = known('10 a.test 10.0.0.1,0.0.0.0,224.0.0.1,::,127.0.0.1');
    const { usable } = chooseExchangers(lines, { ...rules, allowPrivateAddresses: true });
    expect(usable).toEqual([{ name: 'a.test', preference: 10, addresses: ['10.0.0.1', '127.0.0.1'] }]);
  });

  test('five addresses of each and twenty in all', () => {
    const lines = Array.from({ length: 10 }, (_, host) => {
      const addresses = Array.from({ length: 7 }, (__, index) => `198.51.100.${host * 10 + index}`);
      return `${host} mx${host}.test ${addresses.join(',')}`;
    });
    const { usable, leftOut, wants } = chooseExchangers(known(...lines), rules);
    expect(usable.map(({ addresses }) => addresses.length)).toEqual([5, 5, 5, 5]);
    expect(leftOut).toHaveLength(6);
    expect(wants).toBe('nothing');
  });

  test('are among those given, in their order, none of them ourselves or private', () => {
    const anyFound = fc.constantFrom('192.0.2.1', '192.0.2.99', '10.1.1.1', 'absent', 'failed', 'alias', '192.0.2.3');
    fc.assert(
      fc.property(
        anyExchangers,
        fc.array(anyFound, { minLength: 40, maxLength: 40 }),
        anyRandom,
        (some, said, random) => {
          const lines = orderExchangers(some, random).map(
            ({ name, preference }, index) => `${preference} ${name} ${said[index]}`,
          );
          const given = known(...lines);
          const { usable, kind } = chooseExchangers(given, rules);
          expect(kind === 'usable').toBe(usable.length > 0);
          const places = usable.map(({ name }) => given.findIndex((one) => one.name === name));
          expect(places).toEqual([...places].sort((a, b) => a - b));
          const ownAt = given.filter((_, index) => lines[index]?.endsWith(' 192.0.2.99')).map((one) => one.preference);
          for (const { preference, addresses } of usable) {
            expect(['192.0.2.1', '192.0.2.3']).toContain(addresses.join());
            expect(preference).toBeLessThan(Math.min(...ownAt));
          }
        },
      ),
    );
  });
});

test.each([
  ['8.8.8.8', 'public'],
  ['192.0.2.1', 'public'],
  ['172.15.255.255', 'public'],
  ['100.63.255.255', 'public'],
  ['2606:4700::1', 'public'],
  ['64:ff9b::808:808', 'public'],
  ['::ffff:8.8.8.8', 'public'],
  ['127.0.0.1', 'private'],
  ['10.255.255.255', 'private'],
  ['172.16.0.1', 'private'],
  ['192.168.1.1', 'private'],
  ['169.254.169.254', 'private'],
  ['100.64.0.1', 'private'],
  ['::1', 'private'],
  ['fe80::1', 'private'],
  ['fd00::1', 'private'],
  ['fec0::1', 'private'],
  ['::ffff:127.0.0.1', 'private'],
  ['::ffff:a00:1', 'private'],
  ['::a00:1', 'private'],
  ['64:ff9b::a00:1', 'private'],
  ['64:ff9b:1::808:808', 'private'],
  ['2002:a00:1::', 'private'],
  ['::ffff:0:a00:1', 'private'],
  ['0.0.0.0', 'none'],
  ['::', 'none'],
  ['224.0.0.1', 'none'],
  ['ff02::1', 'none'],
  ['255.255.255.255', 'none'],
  ['::ffff:0.0.0.0', 'none'],
  ['mx.test', 'none'],
])('the reach of %s: %s', (address, reach) => {
  expect(reachOf(address)).toBe(reach);
});
