import { afterEach, describe, expect, test } from 'vitest';
import { createDnsResolver } from '../../../src/net/dns-resolver.js';
import { createSpfChecker, type SpfCheckerOptions } from '../../../src/session/smtp/spf-checker.js';
import { type DnsZone, startDnsServer, type TestDnsServer } from '../../support/dns-server.js';

const opened: TestDnsServer[] = [];
afterEach(() => {
  for (const server of opened.splice(0)) server.close();
});

async function checkerOver(zone: DnsZone, options: Partial<SpfCheckerOptions> = {}) {
  const server = await startDnsServer(zone);
  opened.push(server);
  const resolver = createDnsResolver({ servers: [server.address], timeoutMs: 300 });
  const resolve: SpfCheckerOptions['resolve'] = (name, type) => resolver.resolve(name, type);
  return { server, check: createSpfChecker({ resolve, hostName: 'mx.contoso.test', ...options }) };
}

const record = (text: string): DnsZone => ({ 'TXT fabrikam.test': ['google-site-verification=x', text] });
const many = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

/** Includes one after the other, each of which passes nobody. */
const chain = (length: number): DnsZone =>
  Object.fromEntries([
    ['TXT fabrikam.test', [`v=spf1 ${many(length, (i) => `include:i${i}.test`).join(' ')} -all`]],
    ...many(length, (i) => `TXT i${i}.test`).map((key) => [key, ['v=spf1 ?all']]),
  ]) as DnsZone;

describe('SPF of kim@fabrikam.test from 192.0.2.7', () => {
  const cases: ReadonlyArray<readonly [what: string, zone: DnsZone, result: string]> = [
    ['the address', record('v=spf1 ip4:192.0.2.7 -all'), 'pass'],
    ['the network', record('v=spf1 ip4:192.0.2.0/24 -all'), 'pass'],
    ['another address', record('v=spf1 ip4:192.0.2.8 -all'), 'fail'],
    ['another address, softly', record('v=spf1 ip4:192.0.2.8 ~all'), 'softfail'],
    ['nothing said of the rest', record('v=spf1 ip4:192.0.2.8'), 'neutral'],
    ['neutral', record('v=spf1 ?all'), 'neutral'],
    ['no record', { 'TXT fabrikam.test': ['hello'] }, 'none'],
    ['no such domain', {}, 'none'],
    ['two records', { 'TXT fabrikam.test': ['v=spf1 -all', 'v=spf1 +all'] }, 'permerror'],
    ['a mechanism that is none', record('v=spf1 foo:bar -all'), 'permerror'],
    ['a', { ...record('v=spf1 a -all'), 'A fabrikam.test': ['192.0.2.7'] }, 'pass'],
    [
      'mx',
      { ...record('v=spf1 mx -all'), 'MX fabrikam.test': ['10 mx.fabrikam.test'], 'A mx.fabrikam.test': ['192.0.2.7'] },
      'pass',
    ],
    [
      'include that passes',
      { ...record('v=spf1 include:i.test -all'), 'TXT i.test': ['v=spf1 ip4:192.0.2.7 -all'] },
      'pass',
    ],
    ['include that fails', { ...record('v=spf1 include:i.test ~all'), 'TXT i.test': ['v=spf1 -all'] }, 'softfail'],
    ['include of nothing', record('v=spf1 include:i.test -all'), 'permerror'],
    ['redirect', { ...record('v=spf1 redirect=r.test'), 'TXT r.test': ['v=spf1 ip4:192.0.2.7 -all'] }, 'pass'],
    ['redirect that fails', { ...record('v=spf1 redirect=r.test'), 'TXT r.test': ['v=spf1 -all'] }, 'fail'],
    ['redirect to itself', record('v=spf1 redirect=fabrikam.test'), 'permerror'],
    ['exists', { ...record('v=spf1 exists:%{ir}.%{l}.e.test -all'), 'A 7.2.0.192.kim.e.test': ['127.0.0.2'] }, 'pass'],
    ['ten questions', chain(10), 'fail'],
    ['eleven questions', chain(11), 'permerror'],
    ['a record without end', record(`v=spf1 ${'ip4:192.0.2.8 '.repeat(700)} -all`), 'permerror'],
    ['silence', { 'TXT fabrikam.test': 'silent' }, 'temperror'],
    ['a broken server', { 'TXT fabrikam.test': 'servfail' }, 'temperror'],
    [
      'a broken include, not a fail',
      { ...record('v=spf1 include:i.test -all'), 'TXT i.test': 'servfail' },
      'temperror',
    ],
    ['a broken redirect', { ...record('v=spf1 redirect=r.test'), 'TXT r.test': 'refused' }, 'temperror'],
    ['a broken host', { ...record('v=spf1 a -all'), 'A fabrikam.test': 'servfail' }, 'temperror'],
  ];

  test.each(cases)('%s', async (_what, zone, expected) => {
    const { check } = await checkerOver(zone);
    expect(await check({ address: '192.0.2.7', helo: 'mail.fabrikam.test', from: 'kim@fabrikam.test' })).toBe(expected);
  });
});

test.each([
  ['the empty sender stands for its host', '192.0.2.7', 'mail.fabrikam.test', '', 'pass'],
  ['the sender counts and not the host', '192.0.2.7', 'mail.fabrikam.test', 'x@nobody.test', 'none'],
  ['a host without a domain', '192.0.2.7', '[192.0.2.7]', '', 'none'],
  ['a single label', '192.0.2.7', 'localhost', '', 'none'],
  ['no name at all', '192.0.2.7', '', '', 'none'],
  ['an address literal', '192.0.2.7', 'x.test', 'a@[192.0.2.7]', 'none'],
  ['IPv6', '2001:db8::7', 'mail.fabrikam.test', '', 'pass'],
  ['IPv6 that is not named', '2001:db9::7', 'mail.fabrikam.test', '', 'fail'],
  ['a quoted local part with another address in it', '192.0.2.7', 'x', '"a@evil.test"@mail.fabrikam.test', 'pass'],
  ['a domain in its own script', '192.0.2.7', 'x', 'a@bücher.test', 'pass'],
])('%s: %s %s <%s> is %s', async (_what, address, helo, from, expected) => {
  const { check } = await checkerOver({
    'TXT mail.fabrikam.test': ['v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all'],
    'TXT xn--bcher-kva.test': ['v=spf1 ip4:192.0.2.0/24 -all'],
    'TXT evil.test': ['v=spf1 -all'],
  });
  expect(await check({ address, helo, from })).toBe(expected);
});

test('a check ends in time, and asks nothing after its end', async () => {
  const zone = {
    'TXT fabrikam.test': ['v=spf1 include:i.test include:j.test -all'],
    'TXT i.test': { records: ['v=spf1 ?all'], afterMs: 250 },
    'TXT j.test': ['v=spf1 +all'],
  };
  const { server, check } = await checkerOver(zone, { timeoutMs: 100 });
  const client = { address: '192.0.2.7', helo: 'x', from: 'kim@fabrikam.test' };
  await createSpfChecker({ resolve: () => Promise.resolve([]), hostName: 'x' })(client);
  expect(await check(client)).toBe('temperror');
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(server.questions).toEqual(['TXT fabrikam.test', 'TXT i.test']);
});

test('a check asks a bounded number of questions', async () => {
  let asked = 0;
  const resolve: SpfCheckerOptions['resolve'] = async (name, type) => {
    asked += 1;
    if (type === 'MX') return many(50, (i) => ({ exchange: `h${i}.${name}`, priority: i }));
    if (type !== 'TXT') return ['192.0.2.8'];
    return [[`v=spf1 ${many(10, (i) => `mx:m${i}.test`).join(' ')} -all`]];
  };
  const check = createSpfChecker({ resolve, hostName: 'x' });
  expect(await check({ address: '192.0.2.7', helo: 'x', from: 'kim@fabrikam.test' })).toBe('permerror');
  expect(asked).toBeLessThanOrEqual(200);
});
