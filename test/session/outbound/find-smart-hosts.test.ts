import { describe, expect, test } from 'vitest';
import { findStage, traceOf, wordsOf } from './find-setup.js';

describe('smart hosts', () => {
  test('addresses take turns, each at its port', async () => {
    const { words } = await findStage({
      connector: { smartHosts: ['[10.0.0.1]', '[10.0.0.2]:2525', '[fd00::3]'], port: 26 },
    });
    expect(await words()).toBe('[10.0.0.1]:26, [10.0.0.2]:2525, [fd00::3]:26');
    expect(await words()).toBe('[10.0.0.2]:2525, [fd00::3]:26, [10.0.0.1]:26');
    expect(await words()).toBe('[fd00::3]:26, [10.0.0.1]:26, [10.0.0.2]:2525');
    expect(await words()).toBe('[10.0.0.1]:26, [10.0.0.2]:2525, [fd00::3]:26');
  });

  test('names have all their addresses in both families, aliases too, and the trace tells them', async () => {
    const { find } = await findStage({
      connector: { smartHosts: ['Filter.contoso.com:2525', '[10.20.30.40]'] },
      zone: {
        'CNAME filter.contoso.com': ['f1.contoso.com'],
        'A f1.contoso.com': ['10.0.0.1', '10.0.0.2'],
        'AAAA f1.contoso.com': ['fd00::1'],
      },
    });
    const found = await find();
    expect(wordsOf(found)).toBe(
      'filter.contoso.com [10.0.0.1]:2525, filter.contoso.com [fd00::1]:2525, filter.contoso.com [10.0.0.2]:2525, [10.20.30.40]:25',
    );
    expect(traceOf(found)).toBe(
      'outbound/smart-hosts: Internet -> filter.contoso.com:2525 (10.0.0.1, fd00::1, 10.0.0.2), [10.20.30.40]:25',
    );
  });

  test('the domain is not looked up', async () => {
    const { words, dns } = await findStage({
      connector: { smartHosts: ['[10.0.0.1]'] },
      zone: { 'MX example.net': ['0 .'] },
    });
    expect(await words('example.net')).toBe('[10.0.0.1]:25');
    expect(await words('[203.0.113.1]')).toBe('[10.0.0.1]:25');
    expect(dns.questions).toEqual([]);
  });

  test('one that is not found does not stop the others', async () => {
    const { find } = await findStage({
      connector: { smartHosts: ['gone.test', 'broken.test', 'f.test'] },
      zone: { 'A broken.test': 'servfail', 'A f.test': ['10.0.0.1'] },
    });
    const found = await find();
    expect(wordsOf(found)).toBe('f.test [10.0.0.1]:25');
    expect(traceOf(found)).toMatch(
      /left out: gone\.test:25 has no address, broken\.test:25 could not be looked up: ESERVFAIL$/,
    );
  });

  test.each([
    [
      'are not there',
      ['gone.test'],
      '451 4.3.5 System incorrectly configured: no smart host can be used; try again later',
    ],
    ['are not known', ['gone.test', 'broken.test'], '451 4.4.3 The smart host could not be looked up; try again later'],
  ])('the mail waits when they %s', async (_what, smartHosts, words) => {
    const stage = await findStage({ connector: { smartHosts }, zone: { 'A broken.test': 'servfail' } });
    expect(await stage.words()).toBe(words);
  });

  test('those that did not answer lately come last, and are not dropped', async () => {
    const { words } = await findStage({
      connector: { smartHosts: ['[10.0.0.1]', '[10.0.0.2]', '[10.0.0.3]'] },
      options: { isFailing: ({ address }) => address !== '10.0.0.3' },
    });
    expect(await words()).toBe('[10.0.0.3]:25, [10.0.0.1]:25, [10.0.0.2]:25');
  });

  test('a hundred of them are not all asked for', async () => {
    const smartHosts = Array.from({ length: 100 }, (_, index) => `f${index}.test`);
    const zone = Object.fromEntries(
      smartHosts.map((name, index) => [`A ${name}`, [`10.0.1.${index}`, `10.0.2.${index}`]]),
    );
    const { find, dns } = await findStage({ connector: { smartHosts }, zone });
    const found = await find();
    expect(found.kind === 'hosts' && found.hosts).toHaveLength(20);
    expect(dns.questions).toHaveLength(20);
  });
});

describe('never to ourselves', () => {
  const wrong = '451 4.3.5 System incorrectly configured: no smart host can be used; try again later';
  test.each([
    ['[203.0.113.1]', wrong],
    ['[127.0.0.1]', wrong],
    ['[0.0.0.0]', wrong],
    ['[::]', wrong],
    ['[::ffff:127.0.0.1]', wrong],
    ['[198.51.100.2]:25', wrong],
    ['[198.51.100.2]:26', '[198.51.100.2]:26'],
    ['[127.0.0.1]:26', '[127.0.0.1]:26'],
    ['CAS1.contoso.com', wrong],
    ['cas1.contoso.com:26', 'cas1.contoso.com [192.0.2.1]:26'],
    ['loop.test', 'loop.test [10.0.0.1]:25'],
  ])('%s', async (smartHost, words) => {
    const stage = await findStage({
      connector: { smartHosts: [smartHost] },
      zone: { 'A loop.test': ['203.0.113.1', '10.0.0.1'], 'A cas1.contoso.com': ['192.0.2.1'] },
    });
    expect(await stage.words()).toBe(words);
  });

  test('the loopback doors of another host are not ours', async () => {
    const { find } = await findStage({
      connector: { smartHosts: ['[127.0.0.1]:2526', '[127.0.0.1]:2527', '[198.51.100.9]:2526'] },
      estate: {
        receiveConnectors: [
          { name: 'Theirs', server: 'CAS2', bindings: ['127.0.0.1:2526', '198.51.100.9:2526'] },
          { name: 'Ours', server: 'CAS1', bindings: ['127.0.0.1:2527'] },
        ],
      },
    });
    const found = await find();
    expect(wordsOf(found)).toBe('[127.0.0.1]:2526');
    expect(traceOf(found)).toContain('198.51.100.9 port 2526 is a door of ours');
  });
});

describe('without name servers the system is asked', () => {
  test('and what it says counts, in its order', async () => {
    const systemAddresses = async (name: string): Promise<readonly string[]> => {
      if (name === 'f.test') return ['fd00::1', '10.0.0.1', '10.0.0.1'];
      throw Object.assign(new Error(`getaddrinfo ${name}`), { code: name === 'gone.test' ? 'ENOTFOUND' : 'EAI_AGAIN' });
    };
    const stage = (smartHosts: string[]) =>
      findStage({ connector: { smartHosts }, withResolvers: false, options: { systemAddresses } });
    const { words, dns } = await stage(['gone.test', 'f.test']);
    expect(await words()).toBe('f.test [fd00::1]:25, f.test [10.0.0.1]:25');
    expect(dns.questions).toEqual([]);
    expect(await (await stage(['gone.test'])).words()).toMatch(/^451 4\.3\.5 /);
    expect(await (await stage(['later.test'])).words()).toMatch(/^451 4\.4\.3 /);
  });

  test('as other programs ask it', async () => {
    const { words } = await findStage({ connector: { smartHosts: ['localhost:2525'] }, withResolvers: false });
    const found = await Promise.all([words(), words()]);
    expect(found[0]).toContain('localhost [127.0.0.1]:2525');
    expect(found[1]).toBe(found[0]);
  });
});
