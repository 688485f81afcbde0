import { describe, expect, test } from 'vitest';
import type { DnsResolver } from '../../../src/net/dns-resolver.js';
import type { DnsZone } from '../../support/dns-server.js';
import { findStage, traceOf, wordsOf } from './find-setup.js';

describe('by MX', () => {
  test('in the order of preference, both families of each, and the trace says so', async () => {
    const { find } = await findStage({
      zone: {
        'MX example.net': ['20 mx2.example.net', '10 MX1.example.net'],
        'A mx1.example.net': ['192.0.2.1', '192.0.2.2'],
        'AAAA mx1.example.net': ['2001:db8::1'],
        'AAAA mx2.example.net': ['2001:db8::2'],
      },
    });
    const found = await find();
    expect(wordsOf(found)).toBe(
      'mx1.example.net [192.0.2.1]:25, mx1.example.net [2001:db8::1]:25, mx1.example.net [192.0.2.2]:25, mx2.example.net [2001:db8::2]:25',
    );
    expect(traceOf(found)).toBe(
      'outbound/mx: example.net -> 10 mx1.example.net (192.0.2.1, 2001:db8::1, 192.0.2.2), 20 mx2.example.net (2001:db8::2)',
    );
  });

  const outcomes: ReadonlyArray<readonly [string, DnsZone, string]> = [
    ['a null MX', { 'MX example.net': ['0 .'] }, '556 5.1.10 example.net accepts no mail'],
    [
      'a null MX beside another',
      { 'MX example.net': ['0 .', '10 mx.test'], 'A mx.test': ['192.0.2.1'] },
      'mx.test [192.0.2.1]:25',
    ],
    ['no MX but an address', { 'A example.net': ['192.0.2.1'] }, 'example.net [192.0.2.1]:25'],
    ['no MX but an IPv6 address', { 'AAAA example.net': ['2001:db8::1'] }, 'example.net [2001:db8::1]:25'],
    ['neither', { 'TXT example.net': ['x'] }, '550 5.4.4 example.net has no host that mail can be sent to'],
    ['no such domain', {}, '550 5.4.4 example.net does not exist'],
    [
      'a name server in trouble',
      { 'MX example.net': 'servfail' },
      '451 4.4.3 example.net could not be looked up; try again later',
    ],
    [
      'a silent name server',
      { 'MX example.net': 'silent' },
      '451 4.4.3 example.net could not be looked up; try again later',
    ],
    [
      'no MX, and an address that is not known',
      { 'A example.net': 'servfail' },
      '451 4.4.3 example.net could not be looked up; try again later',
    ],
    [
      'an exchanger that is not known',
      { 'MX example.net': ['10 mx.test'], 'A mx.test': 'servfail' },
      '451 4.4.3 example.net could not be looked up; try again later',
    ],
    [
      'one family that is not known',
      { 'MX example.net': ['10 mx.test'], 'A mx.test': ['192.0.2.1'], 'AAAA mx.test': 'silent' },
      'mx.test [192.0.2.1]:25',
    ],
    [
      'one exchanger that is not known',
      { 'MX example.net': ['10 mx.test', '20 mx2.test'], 'A mx.test': 'silent', 'A mx2.test': ['192.0.2.2'] },
      'mx2.test [192.0.2.2]:25',
    ],
    [
      'exchangers that are not there',
      { 'MX example.net': ['10 mx.test'] },
      '550 5.4.4 example.net has no host that mail can be sent to',
    ],
    [
      'an exchanger that is an alias',
      {
        'MX example.net': ['10 alias.test', '20 mx.test'],
        'CNAME alias.test': ['mx2.test'],
        'A mx2.test': ['192.0.2.2'],
        'A mx.test': ['192.0.2.1'],
      },
      'mx.test [192.0.2.1]:25',
    ],
    [
      'nothing but aliases',
      { 'MX example.net': ['10 alias.test'], 'CNAME alias.test': ['mx.test'], 'A mx.test': ['192.0.2.1'] },
      '550 5.4.4 example.net has no host that mail can be sent to',
    ],
    [
      'a domain that is an alias itself',
      { 'CNAME example.net': ['real.test'], 'MX real.test': ['10 mx.test'], 'A mx.test': ['192.0.2.1'] },
      'mx.test [192.0.2.1]:25',
    ],
    [
      'a domain that is an alias of one without MX',
      { 'CNAME example.net': ['real.test'], 'A real.test': ['192.0.2.1'] },
      'example.net [192.0.2.1]:25',
    ],
    [
      'private addresses beside others',
      {
        'MX example.net': ['10 mx.test'],
        'A mx.test': ['10.0.0.1', '192.0.2.1'],
        'AAAA mx.test': ['::ffff:127.0.0.1'],
      },
      'mx.test [192.0.2.1]:25',
    ],
    [
      'private addresses only',
      { 'MX example.net': ['10 mx.test'], 'A mx.test': ['10.0.0.1', '169.254.169.254', '0.0.0.0'] },
      '550 5.4.4 example.net has no host that mail can be sent to',
    ],
  ];
  test.each(outcomes)('%s', async (_what, zone, words) => {
    // No door of ours is at the unspecified address then.
    const estate = { receiveConnectors: [{ name: 'Default', bindings: ['203.0.113.1:25'] }] };
    const stage = await findStage({ zone, estate });
    expect(await stage.words()).toBe(words);
  });

  test('what is left out is told', async () => {
    const { find } = await findStage({
      zone: {
        'MX example.net': ['10 a.test', '20 b.test', '30 c.test', '40 192.0.2.9'],
        'CNAME a.test': ['x.test'],
        'A b.test': ['10.0.0.1'],
        'A c.test': ['192.0.2.3'],
      },
    });
    expect(traceOf(await find())).toBe(
      'outbound/mx: example.net -> 30 c.test (192.0.2.3); left out: 10 a.test is an alias of x.test, ' +
        '20 b.test at 10.0.0.1 (not of the Internet), 40 "192.0.2.9" is no host name',
    );
  });

  test('private addresses where the connector allows them, at its port', async () => {
    const zone: DnsZone = { 'MX example.net': ['10 mx.test'], 'A mx.test': ['127.0.0.2'] };
    const stage = await findStage({ zone, connector: { allowPrivateAddresses: true, port: 2525 } });
    expect(await stage.words()).toBe('mx.test [127.0.0.2]:2525');
  });

  test('the name servers of the connector come before those of the organization', async () => {
    const own = await findStage({ zone: { 'A example.net': ['192.0.2.77'] } });
    const stage = await findStage({ zone: {}, connector: { resolvers: [own.dns.address] } });
    expect(await stage.words()).toBe('example.net [192.0.2.77]:25');
    expect(stage.dns.questions).toEqual([]);
  });

  test('the system is asked where no name servers are given', async () => {
    const asked: string[][] = [];
    const resolver: DnsResolver = {
      addresses: () => ({ kind: 'nxdomain' }),
      records: (_name, type) =>
        type === 'A' ? { kind: 'records', records: ['192.0.2.5'] } : { kind: 'absent', code: 'ENODATA' },
      resolve: async () => [],
    };
    const resolverFor = (servers: readonly string[]): DnsResolver => {
      asked.push([...servers]);
      return resolver;
    };
    const stage = await findStage({ withResolvers: false, options: { resolverFor } });
    expect(await stage.words()).toBe('example.net [192.0.2.5]:25');
    expect(asked).toEqual([[]]);
  });

  test('hosts that did not answer lately come last', async () => {
    const zone: DnsZone = {
      'MX example.net': ['10 a.test', '20 b.test'],
      'A a.test': ['192.0.2.1', '192.0.2.2'],
      'A b.test': ['192.0.2.3'],
    };
    const { find } = await findStage({ zone, options: { isFailing: ({ address }) => address === '192.0.2.1' } });
    const found = await find();
    expect(wordsOf(found)).toBe('a.test [192.0.2.2]:25, b.test [192.0.2.3]:25, a.test [192.0.2.1]:25');
    expect(traceOf(found)).toContain('outbound/failing-last: did not answer lately: a.test [192.0.2.1]:25');
  });

  test('a hundred exchangers are twenty at most, no more are looked up than are needed', async () => {
    const zone: Record<string, readonly string[]> = {
      'MX example.net': Array.from({ length: 60 }, (_, index) => `${index} m${index}.test`),
    };
    for (let index = 0; index < 60; index++) {
      zone[`A m${index}.test`] = Array.from({ length: 8 }, (_, at) => `198.51.100.${100 + index + at}`);
    }
    const { find, dns } = await findStage({ zone });
    const found = await find();
    expect(found.kind === 'hosts' && found.hosts).toHaveLength(20);
    expect(dns.questions.filter((question) => question.startsWith('A '))).toHaveLength(10);
  });

  test('an answer is remembered: the second question asks nobody', async () => {
    const { find, dns } = await findStage({ zone: { 'MX example.net': ['10 a.test'], 'A a.test': ['192.0.2.1'] } });
    await find();
    const asked = dns.questions.length;
    expect((await find()).kind).toBe('hosts');
    expect(dns.questions).toHaveLength(asked);
  });

  test('a fault is a temporary answer', async () => {
    const resolverFor = (): DnsResolver => {
      throw new Error('no resolver today');
    };
    const { find } = await findStage({ options: { resolverFor } });
    const found = await find();
    expect(wordsOf(found)).toBe('451 4.3.0 Internal error; try again later');
    expect(traceOf(found)).toContain('no resolver today');
  });
});

describe('never to ourselves', () => {
  const loop = '554 5.4.6 Routing loop: mail for example.net would come back here';
  const cases: ReadonlyArray<readonly [string, DnsZone, string]> = [
    ['a local address', { 'A example.net': ['203.0.113.1'] }, loop],
    ['a local IPv6 address', { 'AAAA example.net': ['2001:db8:1::1'] }, loop],
    ['a loopback address', { 'A example.net': ['127.0.0.7'] }, loop],
    ['the unspecified address', { 'A example.net': ['0.0.0.0'] }, loop],
    ['a mapped address', { 'AAAA example.net': ['::ffff:203.0.113.1'] }, loop],
    ['another front end', { 'A example.net': ['198.51.100.2'] }, loop],
    ['a front end by name', { 'MX example.net': ['10 CAS1.contoso.com'], 'A cas1.contoso.com': ['192.0.2.1'] }, loop],
    [
      'the name we greet with',
      { 'MX example.net': ['10 mail.contoso.com'], 'A mail.contoso.com': ['192.0.2.1'] },
      loop,
    ],
    [
      'those that are not preferred to us',
      {
        'MX example.net': ['5 a.test', '10 b.test', '10 mail.contoso.com', '20 c.test'],
        'A a.test': ['192.0.2.1'],
        'A b.test': ['192.0.2.2'],
        'A c.test': ['192.0.2.3'],
      },
      'a.test [192.0.2.1]:25',
    ],
    [
      'those that are not preferred to our address',
      { 'MX example.net': ['10 a.test', '20 b.test'], 'A a.test': ['203.0.113.1'], 'A b.test': ['192.0.2.2'] },
      loop,
    ],
  ];
  test.each(cases)('%s', async (_what, zone, words) => {
    const stage = await findStage({ zone, connector: { allowPrivateAddresses: true } });
    expect(await stage.words()).toBe(words);
  });

  test('but another port of the same host is somebody else', async () => {
    const zone: DnsZone = { 'A example.net': ['203.0.113.1'] };
    const stage = await findStage({ zone, connector: { port: 2526 } });
    expect(await stage.words()).toBe('example.net [203.0.113.1]:2526');
  });

  test('a wildcard stands for its own family only', async () => {
    const estate = { receiveConnectors: [{ name: 'Default', bindings: ['0.0.0.0:25'] }] };
    const stage = await findStage({ zone: { 'AAAA example.net': ['2001:db8:1::1'] }, estate });
    expect(await stage.words()).toBe('example.net [2001:db8:1::1]:25');
  });

  test('nobody behind ourselves is looked up', async () => {
    const { words, dns } = await findStage({
      zone: { 'MX example.net': ['10 mail.contoso.com', '20 b.test'], 'A b.test': ['192.0.2.2'] },
    });
    expect(await words()).toBe(loop);
    expect(dns.questions).toEqual(['MX example.net']);
  });
});

describe('address literals', () => {
  test.each([
    ['[192.0.2.1]', '[192.0.2.1]:25'],
    ['[ipv6:2001:db8::5]', '[2001:db8::5]:25'],
    ['[IPv6:2001:db8::5]', '[2001:db8::5]:25'],
    ['[ipv6:192.0.2.1]', '550 5.1.2 [ipv6:192.0.2.1] is not an address'],
    ['[2001:db8::5]', '550 5.1.2 [2001:db8::5] is not an address'],
    ['[192.0.2.300]', '550 5.1.2 [192.0.2.300] is not an address'],
    ['[10.0.0.1]', '550 5.4.4 [10.0.0.1] has no host that mail can be sent to'],
    ['[ipv6:::ffff:10.0.0.1]', '550 5.4.4 [ipv6:::ffff:10.0.0.1] has no host that mail can be sent to'],
    ['[203.0.113.1]', '554 5.4.6 Routing loop: mail for [203.0.113.1] would come back here'],
  ])('%s', async (domain, words) => {
    const stage = await findStage();
    expect(await stage.words(domain)).toBe(words);
    expect(stage.dns.questions).toEqual([]);
  });
});
