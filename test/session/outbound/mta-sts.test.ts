import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { DnsResolver } from '../../../src/net/dns-resolver.js';
import { until } from '../../support/until.js';
import { domain, openPolicyHost, type PolicyHost, policyText, record, txt, zoneOf } from './mta-sts-host.js';

const opened: PolicyHost[] = [];
afterEach(() => {
  for (const host of opened.splice(0)) {
    host.close();
    const faults = host.log.filter(({ fault }) => fault);
    if (faults.length > 0) throw new Error(`faults: ${JSON.stringify(faults)}`);
  }
});

async function open(options: Parameters<typeof openPolicyHost>[0] = {}): Promise<PolicyHost> {
  const host = await openPolicyHost(options);
  opened.push(host);
  return host;
}

const ask = (host: PolicyHost) => host.sts.policyOf(domain, host.resolver);
const askId = async (host: PolicyHost): Promise<string | null> => (await ask(host))?.id ?? null;
const reasonsOf = (host: PolicyHost): unknown[] => host.log.map(({ reason }) => reason);
const minute = 60_000;
const day = 86_400_000;
const send =
  (status: number, headers: Record<string, string>, body: string) => (_: unknown, response: ServerResponse) =>
    response.writeHead(status, headers).end(body);

describe('a policy that can be had', () => {
  test('mode enforce', async () => {
    const host = await open();
    const policy = await ask(host);
    expect(policy).toMatchObject({ mode: 'enforce', id: '1' });
    expect(policy?.fits('MX.Fabrikam.test.')).toBe(true);
    expect(policy?.fits('mx.elsewhere.test')).toBe(false);
    expect(host.requests).toEqual([`mta-sts.${domain} /.well-known/mta-sts.txt`]);
    expect(host.log).toEqual([]);
  });

  test('mode testing', async () => {
    const host = await open();
    host.answer = policyText('testing', 3600, ['*.fabrikam.test']);
    const policy = await ask(host);
    expect(policy?.mode).toBe('testing');
    expect(policy?.fits('mx1.fabrikam.test')).toBe(true);
  });

  test('mode none is no policy, and is remembered', async () => {
    const host = await open();
    host.answer = 'version: STSv1\nmode: none\nmax_age: 86400\n';
    expect(await ask(host)).toBeNull();
    host.nowMs += 6 * minute;
    expect(await ask(host)).toBeNull();
    expect(host.requests).toHaveLength(1);
  });

  test('the domain in any spelling, and what is no domain', async () => {
    const host = await open();
    expect(await host.sts.policyOf('FABRIKAM.test.', host.resolver)).toMatchObject({ id: '1' });
    expect(await host.sts.policyOf('[127.0.0.1]', host.resolver)).toBeNull();
    expect(await host.sts.policyOf(`${'a.'.repeat(126)}test`, host.resolver)).toBeNull();
    expect(await host.sts.policyOf('a..b', host.resolver)).toBeNull();
  });

  test('a subdomain has none of it', async () => {
    const host = await open();
    expect(await host.sts.policyOf(`sub.${domain}`, host.resolver)).toBeNull();
    expect(host.requests).toEqual([]);
  });

  test('questions at one time are one, and later ones none', async () => {
    const host = await open();
    const policies = await Promise.all([ask(host), ask(host), ask(host)]);
    expect(new Set(policies).size).toBe(1);
    host.nowMs += 4 * minute;
    await ask(host);
    expect(host.requests).toHaveLength(1);
    expect(host.dns.questions.filter((question) => question === txt)).toHaveLength(1);
  });
});

describe('a policy that changes', () => {
  test('a new id brings the new policy within five minutes', async () => {
    const host = await open();
    expect(await askId(host)).toBe('1');
    host.dns.zone = zoneOf('2');
    host.answer = policyText('testing');
    host.nowMs += 4 * minute;
    expect(await askId(host)).toBe('1');
    host.nowMs += 2 * minute;
    expect(await ask(host)).toMatchObject({ id: '2', mode: 'testing' });
    expect(host.requests).toHaveLength(2);
  });

  test('a new policy of mode none takes the old one away', async () => {
    const host = await open();
    expect(await askId(host)).toBe('1');
    host.dns.zone = zoneOf('2');
    host.answer = policyText('none');
    host.nowMs += 6 * minute;
    expect(await ask(host)).toBeNull();
  });

  test('the same id is not fetched again, but once a day and without anybody waiting', async () => {
    const host = await open();
    expect(await askId(host)).toBe('1');
    host.nowMs += day - minute;
    expect(await askId(host)).toBe('1');
    expect(host.requests).toHaveLength(1);
    host.nowMs += 6 * minute;
    host.answer = policyText('enforce', 604_800, ['other.fabrikam.test']);
    expect((await ask(host))?.fits('mx.fabrikam.test')).toBe(true);
    await until('the renewed policy', async () => (await ask(host))?.fits('other.fabrikam.test'));
    expect(host.requests).toHaveLength(2);
  });

  test('max_age 0 holds until the domain may be asked again', async () => {
    const host = await open();
    host.answer = policyText('enforce', 0);
    expect(await askId(host)).toBe('1');
    expect(await askId(host)).toBe('1');
    expect(host.requests).toHaveLength(1);
    host.nowMs += 6 * minute;
    expect(await askId(host)).toBe('1');
    expect(host.requests).toHaveLength(2);
  });
});

describe('a policy that is known and cannot be had again', () => {
  const outages: ReadonlyArray<readonly [what: string, fail: (host: PolicyHost) => void]> = [
    ['the host fails', (host) => (host.answer = send(503, {}, 'busy'))],
    ['the new policy is garbage', (host) => (host.answer = 'hello')],
    ['the host has lost its address', (host) => (host.dns.zone = { [txt]: [record('2')] })],
    ['the record is gone', (host) => (host.dns.zone = {})],
    ['the name server fails', (host) => (host.dns.zone = { [txt]: 'servfail' })],
    ['there are two records', (host) => (host.dns.zone = { ...zoneOf('2'), [txt]: [record('2'), record('3')] })],
  ];
  test.each(outages)('%s: it stays in force until its max_age', async (_, fail) => {
    const host = await open();
    host.answer = policyText('enforce', 3600);
    expect(await askId(host)).toBe('1');
    host.dns.zone = zoneOf('2');
    fail(host);
    for (let passed = 6; passed < 60; passed += 6) {
      host.nowMs += 6 * minute;
      expect(await askId(host)).toBe('1');
    }
    host.nowMs += 10 * minute;
    expect(await ask(host)).toBeNull();
  });

  test('it is back as soon as the host is', async () => {
    const host = await open();
    expect(await askId(host)).toBe('1');
    host.dns.zone = zoneOf('2');
    host.answer = send(500, {}, '');
    host.nowMs += 6 * minute;
    expect(await askId(host)).toBe('1');
    expect(host.log).toMatchObject([{ domain, known: '1', reason: `mta-sts.${domain} answered 500` }]);
    host.answer = policyText('enforce');
    host.nowMs += 6 * minute;
    expect(await askId(host)).toBe('2');
  });

  test('one that has ended is asked for at once', async () => {
    const host = await open();
    host.answer = policyText('enforce', 420);
    expect(await askId(host)).toBe('1');
    host.dns.zone = { [txt]: 'servfail' };
    host.nowMs += 6.5 * minute;
    expect(await askId(host)).toBe('1');
    host.dns.zone = zoneOf('1');
    host.nowMs += 0.7 * minute;
    expect(await askId(host)).toBe('1');
    expect(host.requests).toHaveLength(2);
  });
});

describe('a policy that cannot be had', () => {
  const type = { 'content-type': 'text/plain' };
  const bad: ReadonlyArray<readonly [what: string, answer: PolicyHost['answer'], reason: string]> = [
    [
      'a redirect',
      send(302, { ...type, location: `https://mta-sts.${domain}/.well-known/mta-sts.txt` }, policyText('enforce')),
      'answered 302',
    ],
    ['not found', send(404, type, policyText('enforce')), 'answered 404'],
    ['another 2xx', send(203, type, policyText('enforce')), 'answered 203'],
    ['a page', send(200, { 'content-type': 'text/html' }, policyText('enforce')), 'answered with text/html'],
    ['no type', send(200, {}, policyText('enforce')), 'answered with no type'],
    ['a type that begins alike', send(200, { 'content-type': 'text/plainer' }, policyText('enforce')), 'text/plainer'],
    ['garbage', '\u0000\u0001 no policy', 'the policy cannot be used: it is not of version STSv1'],
    [
      'a length beyond the bound',
      send(
        200,
        { ...type, 'content-length': '65537' },
        `${policyText('enforce')}${'x'.repeat(65_537)}`.slice(0, 65_537),
      ),
      'answered with more than 65536 bytes',
    ],
    [
      'a body without end',
      (_, response) => {
        response.writeHead(200, type);
        const pour = (): void => void (response.destroyed || response.write('x: y\n'.repeat(2000), pour));
        pour();
      },
      'answered with more than 65536 bytes',
    ],
    [
      'an answer broken off',
      (_, response) => {
        response.writeHead(200, { ...type, 'content-length': '500' });
        response.write(policyText('enforce'), () => response.destroy());
      },
      'broke its answer off',
    ],
    ['no answer', (request) => request.socket.destroy(), 'gave no answer'],
    [
      'another protocol',
      (request) => {
        request.socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n');
      },
      'another protocol',
    ],
    [
      'headers without end',
      (request) => {
        request.socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(40_000)}\r\n`);
      },
      'gave no answer',
    ],
  ];
  test.each(bad)('%s', async (_, answer, reason) => {
    const host = await open();
    host.answer = answer;
    expect(await ask(host)).toBeNull();
    expect(reasonsOf(host)).toEqual([expect.stringContaining(reason)]);
    expect(await ask(host)).toBeNull();
    host.nowMs += 4 * minute;
    expect(await ask(host)).toBeNull();
    expect(host.requests).toHaveLength(1);
    host.answer = policyText('enforce');
    host.nowMs += 2 * minute;
    expect(await askId(host)).toBe('1');
  });

  test('65536 bytes are not too many', async () => {
    const host = await open();
    const text = policyText('enforce');
    host.answer = text + '\n'.repeat(65_536 - text.length);
    expect(await askId(host)).toBe('1');
  });

  const slow: ReadonlyArray<readonly [what: string, answer: PolicyHost['answer']]> = [
    ['says nothing', () => undefined],
    [
      'says a little now and then',
      (_, response) => {
        response.writeHead(200, type);
        const timer = setInterval(() => response.write('x'), 20);
        response.on('close', () => clearInterval(timer));
      },
    ],
  ];
  test.each(slow)('a server that %s', async (_, answer) => {
    const host = await open({ timeoutMs: 200 });
    host.answer = answer;
    const begunAt = performance.now();
    expect(await ask(host)).toBeNull();
    expect(performance.now() - begunAt).toBeLessThan(5000);
    expect(reasonsOf(host)).toEqual([`mta-sts.${domain} did not answer in time`]);
  });

  test('a certificate for another name', async () => {
    const host = await open({ certificateName: 'www.fabrikam.test' });
    expect(await ask(host)).toBeNull();
    expect(reasonsOf(host)).toEqual([expect.stringContaining('failed the TLS handshake')]);
    expect(host.requests).toEqual([]);
  });

  test('a certificate of an authority that is not trusted', async () => {
    const host = await open({ ca: null });
    expect(await ask(host)).toBeNull();
    expect(reasonsOf(host)).toEqual([expect.stringContaining('failed the TLS handshake')]);
    expect(host.requests).toEqual([]);
  });

  test('a host that nobody answers at', async () => {
    const host = await open({ port: 1 });
    expect(await ask(host)).toBeNull();
    expect(reasonsOf(host)).toEqual([expect.stringContaining('refused the connection')]);
  });

  test('a host that never shakes hands', async () => {
    const silent = createServer();
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const host = await open({ timeoutMs: 200, port: (silent.address() as AddressInfo).port });
    expect(await ask(host)).toBeNull();
    expect(reasonsOf(host)).toEqual([expect.stringContaining('did not finish the TLS handshake')]);
    silent.close();
  });

  test('a host without an address', async () => {
    const host = await open({ zone: { [txt]: [record('1')] } });
    expect(await ask(host)).toBeNull();
    expect(reasonsOf(host)).toEqual([`mta-sts.${domain} has no address`]);
  });
});

describe('where the policy host may be', () => {
  const privateOnes = [
    '127.0.0.1',
    '10.0.0.1',
    '172.16.0.1',
    '192.168.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
  ];
  const privateSixes = [
    '::1',
    '::',
    'fe80::1',
    'fd00::1',
    '::ffff:127.0.0.1',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
  ];
  test.each([
    ...privateOnes.map((address) => ['A', address] as const),
    ...privateSixes.map((address) => ['AAAA', address] as const),
  ])('not at %s %s', async (type, address) => {
    const zone = { [txt]: [record('1')], [`${type} mta-sts.${domain}`]: [address] };
    const host = await open({ allowPrivateAddresses: false, zone });
    expect(await ask(host)).toBeNull();
    expect(reasonsOf(host)).toEqual([`mta-sts.${domain} is at a private address`]);
    expect(host.requests).toEqual([]);
  });

  test('IPv6 where there is no IPv4', async () => {
    const zone = { [txt]: [record('1')], [`AAAA mta-sts.${domain}`]: ['::ffff:127.0.0.1'] };
    expect(await askId(await open({ zone }))).toBe('1');
  });

  test('an address that does not answer is passed over', async () => {
    const zone = { [txt]: [record('1')], [`A mta-sts.${domain}`]: ['127.0.0.9', '127.0.0.1'] };
    expect(await askId(await open({ zone }))).toBe('1');
  });
});

describe('a name server that does not answer', () => {
  test('is asked again after a minute', async () => {
    const host = await open({ zone: { [txt]: 'servfail' } });
    expect(await ask(host)).toBeNull();
    host.dns.zone = zoneOf('1');
    host.nowMs += 50_000;
    expect(await ask(host)).toBeNull();
    host.nowMs += 20_000;
    expect(await askId(host)).toBe('1');
  });

  test('a resolver that breaks its word is a fault, not a rejection', async () => {
    const host = await open();
    const broken: DnsResolver = {
      addresses: () => ({ kind: 'nxdomain' }),
      records: () => Promise.reject(new TypeError('?')),
      resolve: () => Promise.reject(new TypeError('?')),
    };
    expect(await host.sts.policyOf(domain, broken)).toBeNull();
    expect(host.log.splice(0)).toMatchObject([{ domain, fault: true, err: expect.any(TypeError) }]);
  });
});
