import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { answerMatches } from '../../src/filtering/connection-filter.js';
import { DnsCache } from '../../src/net/dns-cache.js';
import { createDnsResolver, type DnsResolverOptions } from '../../src/net/dns-resolver.js';
import { type DnsZone, startDnsServer, type TestDnsServer } from '../support/dns-server.js';

const opened: TestDnsServer[] = [];
afterEach(() => {
  for (const server of opened.splice(0)) server.close();
});

async function resolverOver(zone: DnsZone, options: DnsResolverOptions = {}) {
  const server = await startDnsServer(zone);
  opened.push(server);
  const clock = { nowMs: 0 };
  const resolver = createDnsResolver({ servers: [server.address], nowMs: () => clock.nowMs, ...options });
  return { server, clock, resolver };
}

describe('addresses', () => {
  test('of a name, of none, and when nobody knows', async () => {
    const { resolver } = await resolverOver({
      'A two.test': ['127.0.0.2', '127.0.0.4'],
      'TXT only-text.test': ['x'],
      'A broken.test': 'servfail',
      'A refused.test': 'refused',
    });
    expect(await resolver.addresses('Two.TEST.')).toEqual({ kind: 'addresses', addresses: ['127.0.0.2', '127.0.0.4'] });
    expect(await resolver.addresses('nobody.test')).toEqual({ kind: 'nxdomain' });
    expect(await resolver.addresses('only-text.test')).toEqual({ kind: 'nxdomain' });
    expect(await resolver.addresses('broken.test')).toEqual({ kind: 'timeout' });
    expect(await resolver.addresses('refused.test')).toEqual({ kind: 'timeout' });
  });

  test.each(['', '.', 'a..b', 'x'.repeat(64), `${'x.'.repeat(127)}y`, 'no such name', 'a\0b.test'])(
    'of %j: there are none',
    async (name) => {
      const { resolver } = await resolverOver({});
      expect(await resolver.addresses(name)).toEqual({ kind: 'nxdomain' });
    },
  );

  test('of a name about which the server is silent are a timeout, in bounded time, and for a while', async () => {
    const { server, clock, resolver } = await resolverOver({ 'A slow.test': 'silent' }, { timeoutMs: 200 });
    const startedMs = performance.now();
    expect(await resolver.addresses('slow.test')).toEqual({ kind: 'timeout' });
    expect(performance.now() - startedMs).toBeLessThan(2500);
    expect(resolver.addresses('slow.test')).toEqual({ kind: 'timeout' });
    server.zone = { 'A slow.test': ['127.0.0.2'] };
    clock.nowMs = 10_000;
    expect(await resolver.addresses('slow.test')).toEqual({ kind: 'addresses', addresses: ['127.0.0.2'] });
  });

  test.each([
    ['any', ['127.0.0.9'], true],
    ['any', [], false],
    [{ mask: 4 }, ['127.0.0.6'], true],
    [{ mask: 4 }, ['127.0.0.2'], false],
    [{ addresses: ['127.0.0.5'] }, ['127.0.0.2', '127.0.0.5'], true],
    [{ addresses: ['127.0.0.5'] }, ['127.0.0.2'], false],
  ] as const)('match a provider with %j when they are %j: %s', async (match, listed, expected) => {
    const { resolver } = await resolverOver(listed.length === 0 ? {} : { 'A 9.0.0.10.bl.test': listed });
    expect(answerMatches(match, await resolver.addresses('9.0.0.10.bl.test'))).toBe(expected);
  });
});

describe('an answer is remembered', () => {
  test.each([
    ['its TTL', { 'A a.test': { ttlSeconds: 30, records: ['127.0.0.2'] } }, 30_000],
    ['five minutes at most', { 'A a.test': { ttlSeconds: 86_400, records: ['127.0.0.2'] } }, 300_000],
    ['a minute when there is none', {}, 60_000],
    ['ten seconds when it could not be had', { 'A a.test': 'servfail' }, 10_000],
  ] as const)('for %s', async (_what, zone, forMs) => {
    const { server, clock, resolver } = await resolverOver(zone);
    const first = await resolver.addresses('a.test');
    const asked = server.questions.length;
    clock.nowMs = forMs - 1;
    expect(resolver.addresses('A.test')).toEqual(first);
    expect(server.questions).toHaveLength(asked);
    clock.nowMs = forMs;
    expect(await resolver.addresses('a.test')).toEqual(first);
    expect(server.questions.length).toBeGreaterThan(asked);
  });

  test('but not one that holds for no time', async () => {
    const { server, resolver } = await resolverOver({ 'A a.test': { ttlSeconds: 0, records: ['127.0.0.2'] } });
    await resolver.addresses('a.test');
    await resolver.addresses('a.test');
    expect(server.questions).toHaveLength(2);
  });

  test('questions for one name at one time are one question', async () => {
    const { server, resolver } = await resolverOver({ 'A a.test': { records: ['127.0.0.2'], afterMs: 50 } });
    const answers = await Promise.all(Array.from({ length: 50 }, async () => resolver.addresses('a.test')));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(server.questions).toEqual(['A a.test']);
  });

  test('the oldest go when there are too many', async () => {
    const zone = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`A a${index}.test`, ['127.0.0.2']]));
    const { server, resolver } = await resolverOver(zone, { cachedMax: 10 });
    for (let index = 0; index < 12; index++) await resolver.addresses(`a${index}.test`);
    expect(resolver.addresses('a11.test')).not.toBeInstanceOf(Promise);
    const asked = server.questions.length;
    await resolver.addresses('a0.test');
    expect(server.questions).toHaveLength(asked + 1);
  });
});

describe('records of other types', () => {
  const zone: DnsZone = {
    'TXT a.test': ['v=spf1 -all', 'x'.repeat(600)],
    'MX a.test': ['20 mx2.a.test', '10 mx1.a.test'],
    'AAAA a.test': ['2001:db8::1'],
    'PTR 1.2.0.192.in-addr.arpa': ['host.a.test'],
    'TXT broken.test': 'servfail',
    'CNAME www.a.test': ['host.a.test'],
    'A host.a.test': ['192.0.2.1'],
    'MX null.test': ['0 .'],
  };

  test('come as Node tells them, and each caller has a list of its own', async () => {
    const { server, resolver } = await resolverOver(zone);
    const texts = (await resolver.resolve('a.test', 'TXT')) as string[][];
    expect(texts.map((pieces) => pieces.join(''))).toEqual(['v=spf1 -all', 'x'.repeat(600)]);
    const hosts = await resolver.resolve('a.test', 'MX');
    hosts.length = 0;
    expect(await resolver.resolve('a.test', 'MX')).toEqual([
      expect.objectContaining({ exchange: 'mx2.a.test', priority: 20 }),
      expect.objectContaining({ exchange: 'mx1.a.test', priority: 10 }),
    ]);
    expect(await resolver.resolve('a.test', 'AAAA')).toEqual(['2001:db8::1']);
    expect(await resolver.resolve('1.2.0.192.in-addr.arpa', 'PTR')).toEqual(['host.a.test']);
    expect(server.questions).toHaveLength(4);
  });

  test('an alias is told, and what it stands for is answered for it', async () => {
    const { resolver } = await resolverOver(zone);
    expect(await resolver.resolve('www.a.test', 'CNAME')).toEqual(['host.a.test']);
    expect(await resolver.resolve('www.a.test', 'A')).toEqual(['192.0.2.1']);
    await expect(resolver.resolve('host.a.test', 'CNAME')).rejects.toMatchObject({ code: 'ENODATA' });
  });

  test('the exchanger of a null MX is the empty name', async () => {
    const { resolver } = await resolverOver(zone);
    expect(await resolver.resolve('null.test', 'MX')).toEqual([expect.objectContaining({ exchange: '', priority: 0 })]);
  });

  test('that are not there say so', async () => {
    const { resolver } = await resolverOver(zone);
    await expect(resolver.resolve('a.test', 'A')).rejects.toMatchObject({ code: 'ENODATA' });
    await expect(resolver.resolve('nobody.test', 'TXT')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await expect(resolver.resolve('broken.test', 'TXT')).rejects.toMatchObject({ code: 'ETIMEOUT' });
    expect(resolver.records('a.test', 'A')).toEqual({ kind: 'absent', code: 'ENODATA' });
    expect(resolver.records('nobody.test', 'TXT')).toEqual({ kind: 'absent', code: 'ENOTFOUND' });
    expect(resolver.records('broken.test', 'TXT')).toMatchObject({ kind: 'failed' });
  });
});

test('whatever is kept, the memory is bounded and what has expired is gone', () => {
  const operations = fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.nat(40), fc.nat(100), fc.nat(20)));
  fc.assert(
    fc.property(operations, (given) => {
      let nowMs = 0;
      const cache = new DnsCache<number>({ countMax: 8, sizeMax: 100, nowMs: () => nowMs });
      const sizes = new Map<string, number>();
      for (const [key, size, ttlMs, passMs] of given) {
        cache.set(`${key}`, key, ttlMs, size);
        sizes.set(`${key}`, size);
        nowMs += passMs;
        expect(cache.get(`${key}`)).toBe(passMs < ttlMs && size <= 100 ? key : undefined);
        expect(cache.count).toBeLessThanOrEqual(8);
        const held = [...sizes]
          .filter(([name]) => cache.get(name) !== undefined)
          .reduce((sum, [, size]) => sum + size, 0);
        expect(held).toBeLessThanOrEqual(100);
      }
    }),
  );
});
