import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDnsServer, type TestDnsServer } from '../support/dns-server.js';
import { freePort } from '../support/free-port.js';
import { makeCertificate, type TestCertificate } from '../support/peers/certificate.js';
import { type DeafPort, openDeafPort } from '../support/peers/deaf-port.js';
import {
  type HostDeed,
  type HostMoment,
  type ScriptedHost,
  startScriptedHost,
} from '../support/peers/scripted-host.js';
import { until } from '../support/until.js';
import { impatient, mxZone, type OutboundEstate, startOutboundEstate } from './outbound-estate.js';
import { codeOf, copiesOf, lastOf, message, send } from './outbound-sender.js';

/** A host that misbehaves; `encrypt` unless the case says otherwise. */
interface Case {
  readonly name: string;
  readonly moment: HostMoment;
  readonly deed: HostDeed;
  /** `next`: the next host gets it; `sender`: it may have been taken, so the sender must try again. */
  readonly then: 'next' | 'sender';
}

const garbage = '\u0000\u00ff this is not SMTP';
const moments = ['GREETING', 'EHLO', 'STARTTLS', 'HANDSHAKE', 'MAIL', 'RCPT', 'DATA', 'END'] as const;

const slug = (moment: HostMoment): string => moment.toLowerCase();

const cases: readonly Case[] = [
  ...moments.map(
    (moment): Case => ({
      name: `hang-${slug(moment)}`,
      moment,
      deed: 'hang',
      then: moment === 'END' ? 'sender' : 'next',
    }),
  ),
  ...moments.map(
    (moment): Case => ({
      name: `cut-${slug(moment)}`,
      moment,
      deed: 'cut',
      then: moment === 'END' ? 'sender' : 'next',
    }),
  ),
  ...moments.flatMap((moment): Case[] => {
    if (moment === 'HANDSHAKE') return [];
    const then = moment === 'END' ? 'sender' : 'next';
    return [
      { name: `garbage-${slug(moment)}`, moment, deed: { say: garbage }, then },
      { name: `leave-${slug(moment)}`, moment, deed: { say: '421 4.3.2 going down' }, then },
    ];
  }),
  { name: 'endless-greeting', moment: 'GREETING', deed: { say: '220-'.repeat(500_000) }, then: 'next' },
  { name: 'many-lines', moment: 'EHLO', deed: { say: '250-X\r\n'.repeat(200_000) }, then: 'next' },
];

const good = '127.0.0.30';
const deafAddress = '127.0.0.29';

describe('hosts that misbehave', () => {
  let dns: TestDnsServer;
  let deaf: DeafPort;
  let next: ScriptedHost;
  let estate: OutboundEstate;
  let certificate: TestCertificate;
  const bad = new Map<string, ScriptedHost>();

  beforeAll(async () => {
    const port = await freePort();
    certificate = await makeCertificate(['127.0.0.30']);
    const tls = { certificate };
    next = await startScriptedHost({ address: good, port, tls });
    deaf = await openDeafPort(deafAddress, port);
    const zones = [mxZone('deaf.example', [deafAddress, good]), mxZone('deaf-only.example', [deafAddress])];
    const stall: Case = { name: 'stall-body', moment: 'BODY', deed: 'stall', then: 'sender' };
    for (const [index, { name, moment, deed }] of [...cases, stall].entries()) {
      const address = `127.0.0.${index + 100}`;
      const at = (now: HostMoment): HostDeed | undefined => (now === moment ? deed : undefined);
      bad.set(name, await startScriptedHost({ address, port, tls, at }));
      zones.push(mxZone(`${name}.example`, [address, good]), mxZone(`${name}-only.example`, [address]));
    }
    dns = await startDnsServer(Object.assign({}, ...zones));
    estate = await startOutboundEstate({
      sendConnectors: [
        {
          ...impatient,
          name: 'Internet',
          port,
          resolvers: [dns.address],
          allowPrivateAddresses: true,
          tls: 'encrypt',
        },
      ],
    });
  });
  afterAll(async () => {
    await estate?.usher.stop();
    dns?.close();
    next?.close();
    for (const host of bad.values()) host.close();
    await deaf?.close();
  });

  async function timed(domain: string, bodyBytes = 200) {
    const startMs = performance.now();
    const mail = { to: [`kim@${domain}`], content: message(domain, bodyBytes) };
    const code = codeOf(lastOf(await send(estate.ports.proxy, mail)));
    return { code, ms: performance.now() - startMs };
  }

  /** The log is written a moment later. */
  const logged = (address: string) =>
    until(`a log line about ${address}`, () => estate.log().includes(`[${address}]`), 3000);

  describe.concurrent('at every step', () => {
    test.each(cases)('$name', { timeout: 30_000 }, async ({ name, then, deed, moment }) => {
      const { code, ms } = await timed(`${name}.example`);
      expect(code).toMatch(then === 'next' ? /^250/ : /^451 4\./);
      expect(ms).toBeLessThan(deed === 'hang' && moment === 'END' ? 14_000 : 6000);
      expect(copiesOf(next.messages, `${name}.example`)).toHaveLength(then === 'next' ? 1 : 0);
      const host = bad.get(name);
      expect(host?.connections().total).toBeGreaterThan(0);
      await logged(host?.address ?? '');
      if (then === 'sender') return;
      const alone = await timed(`${name}-only.example`);
      expect(alone.code).toMatch(/^4\d\d 4\.\d\.\d$/);
      expect(alone.ms).toBeLessThan(6000);
      expect(copiesOf(next.messages, `${name}-only.example`)).toEqual([]);
    });

    test('one that cannot be connected to', async () => {
      const { code, ms } = await timed('deaf.example');
      expect(code).toMatch(/^250/);
      expect(ms).toBeLessThan(6000);
      expect(copiesOf(next.messages, 'deaf.example')).toHaveLength(1);
      await logged(deafAddress);
      const alone = await timed('deaf-only.example');
      expect(alone.code).toBe('451 4.4.1');
      expect(alone.ms).toBeLessThan(6000);
    });

    test('one that reads no further in the middle of a large message', async () => {
      const { code, ms } = await timed('stall-body.example', 20_000_000);
      expect(code).toBe('451 4.4.2');
      expect(ms).toBeLessThan(14_000);
      expect(copiesOf(next.messages, 'stall-body.example')).toEqual([]);
    });
  });

  test('none of them saw anything of a message without TLS', () => {
    const commands = [next, ...bad.values()].flatMap((host) => host.commands);
    const plain = commands.filter(({ tls }) => tls === 'none').map(({ line }) => line);
    expect(plain.length).toBeGreaterThan(50);
    expect(plain.filter((line) => !/^(EHLO|HELO|STARTTLS|QUIT|RSET)\b/.test(line))).toEqual([]);
  });
});

describe('a host that offers no STARTTLS', () => {
  let dns: TestDnsServer;
  let stripped: ScriptedHost;
  let lying: ScriptedHost;
  let secure: ScriptedHost;
  let estate: OutboundEstate;

  beforeAll(async () => {
    const port = await freePort();
    const certificate = await makeCertificate(['mx2.fallback.example', 'mx1.lying.example']);
    stripped = await startScriptedHost({ address: '127.0.0.31', port });
    secure = await startScriptedHost({ address: '127.0.0.32', port, tls: { certificate } });
    // Somebody between adds commands' answers ahead of TLS.
    lying = await startScriptedHost({
      address: '127.0.0.33',
      port,
      tls: { certificate },
      at: (moment) =>
        moment === 'STARTTLS' ? { say: '220 go ahead\r\n250-mx1.lying.example\r\n250 AUTH PLAIN' } : undefined,
    });
    const domains = ['encrypt', 'verify', 'opportunistic'];
    dns = await startDnsServer(
      Object.assign(
        {},
        ...domains.map((name) => mxZone(`${name}.example`, [stripped.address])),
        ...domains.map((name) => mxZone(`lying-${name}.example`, [lying.address])),
        mxZone('fallback.example', [stripped.address, secure.address]),
      ),
    );
    const common = {
      ...impatient,
      port,
      resolvers: [dns.address],
      allowPrivateAddresses: true,
      ca: certificate.caFile,
    };
    estate = await startOutboundEstate({
      sendConnectors: [
        { ...common, name: 'Encrypt', tls: 'encrypt', addressSpaces: ['encrypt.example', 'lying-encrypt.example'] },
        {
          ...common,
          name: 'Verify',
          tls: 'verify',
          addressSpaces: ['verify.example', 'lying-verify.example', 'fallback.example'],
        },
        { ...common, name: 'Any', addressSpaces: ['opportunistic.example'] },
      ],
    });
  });
  afterAll(async () => {
    await estate?.usher.stop();
    dns?.close();
    for (const host of [stripped, lying, secure]) host?.close();
  });

  test.each(['encrypt', 'verify'])('gets nothing where TLS is a must (%s)', async (name) => {
    const before = stripped.commands.length;
    const answers = await send(estate.ports.proxy, { to: [`kim@${name}.example`], content: message(name) });
    expect(codeOf(lastOf(answers))).toMatch(/^4\d\d 4\.\d\.\d$/);
    const said = stripped.commands.slice(before).map(({ line }) => line);
    expect(said.filter((line) => !/^(EHLO|QUIT)\b/.test(line))).toEqual([]);
    expect(stripped.messages).toEqual([]);
  });

  test('and the next one with TLS does', async () => {
    const mail = { to: ['kim@fallback.example'], content: message('fallback') };
    expect(codeOf((await send(estate.ports.proxy, mail)).end)).toMatch(/^250/);
    expect(copiesOf(secure.messages, 'fallback')).toMatchObject([{ tls: 'secure' }]);
    expect(stripped.messages).toEqual([]);
  });

  test.each(['encrypt', 'verify'])('words ahead of TLS are no words of the host (%s)', async (name) => {
    const mail = { to: [`kim@lying-${name}.example`], content: message(`lying-${name}`) };
    expect(codeOf(lastOf(await send(estate.ports.proxy, mail)))).toMatch(/^4\d\d 4\.\d\.\d$/);
    expect(lying.messages).toEqual([]);
    expect(lying.commands.some(({ line }) => line.startsWith('MAIL'))).toBe(false);
  });

  test('gets the message where TLS is a wish', async () => {
    const mail = { to: ['kim@opportunistic.example'], content: message('wish') };
    expect(codeOf((await send(estate.ports.proxy, mail)).end)).toMatch(/^250/);
    expect(copiesOf(stripped.messages, 'wish')).toMatchObject([{ tls: 'none' }]);
  });
});

describe('a smart host that misbehaves at the password', () => {
  const variable = 'USHER_TEST_BAD_HOSTS_PASSWORD';
  const deeds: Readonly<Record<string, HostDeed>> = {
    hang: 'hang',
    cut: 'cut',
    garbage: { say: garbage },
    leave: { say: '421 4.3.2 going down' },
    later: { say: '454 4.7.0 ask me later' },
    refuse: { say: '535 5.7.8 who are you' },
  };
  let next: ScriptedHost;
  let estate: OutboundEstate;
  const bad = new Map<string, ScriptedHost>();

  beforeAll(async () => {
    const certificate = await makeCertificate(['127.0.0.1']);
    const offers = { tls: { certificate }, passwords: { contoso: 'Open-Sesame-1001' } };
    process.env[variable] = 'Open-Sesame-1001';
    next = await startScriptedHost(offers);
    const auth = { user: 'contoso', passwordEnv: variable };
    const common = { ...impatient, tls: 'encrypt', auth };
    const sendConnectors = [];
    for (const [name, deed] of Object.entries(deeds)) {
      const at = (moment: HostMoment): HostDeed | undefined => (moment === 'AUTH' ? deed : undefined);
      const host = await startScriptedHost({ ...offers, at });
      bad.set(name, host);
      const [first, second] = [host, next].map(({ address, port }) => `[${address}]:${port}`);
      sendConnectors.push(
        { ...common, name: `${name} pair`, addressSpaces: [`${name}.example`], smartHosts: [first, second] },
        { ...common, name, addressSpaces: [`${name}-only.example`], smartHosts: [first] },
      );
    }
    // Offers no TLS; and cuts the connection when it should begin.
    const at = (moment: HostMoment): HostDeed | undefined => (moment === 'HANDSHAKE' ? 'cut' : undefined);
    bad.set('clear', await startScriptedHost({ passwords: offers.passwords }));
    bad.set('opportunistic', await startScriptedHost({ ...offers, at }));
    for (const name of ['clear', 'opportunistic']) {
      const smartHosts = [`[127.0.0.1]:${bad.get(name)?.port}`];
      sendConnectors.push({ ...common, name, addressSpaces: [`${name}.example`], smartHosts, tls: 'opportunistic' });
    }
    estate = await startOutboundEstate({ sendConnectors });
  });
  afterAll(async () => {
    delete process.env[variable];
    await estate?.usher.stop();
    for (const host of [next, ...bad.values()]) host?.close();
  });

  describe.concurrent('at AUTH', () => {
    test.each(Object.keys(deeds))('%s', async (name) => {
      // They take turns, so that the bad one is the first of the one or the other.
      for (const id of [`${name}-1`, `${name}-2`]) {
        const { end } = await send(estate.ports.proxy, { to: [`kim@${name}.example`], content: message(id) });
        expect(codeOf(end)).toMatch(/^250/);
        expect(copiesOf(next.messages, id)).toMatchObject([{ tls: 'secure', user: 'contoso' }]);
      }
      const host = bad.get(name);
      expect(host?.commands.some(({ line }) => line.startsWith('AUTH'))).toBe(true);
      const startMs = performance.now();
      const alone = await send(estate.ports.proxy, { to: [`kim@${name}-only.example`], content: message(name) });
      expect(codeOf(lastOf(alone))).toMatch(/^4\d\d 4\.\d\.\d$/);
      expect(performance.now() - startMs).toBeLessThan(6000);
      expect(host?.messages).toEqual([]);
      expect(host?.commands.filter(({ line, tls }) => tls === 'none' && !/^(EHLO|STARTTLS|QUIT)/.test(line))).toEqual(
        [],
      );
      await until('the log line', () => estate.log().includes(`[${host?.address}]:${host?.port}`));
    });
  });

  test.each(['clear', 'opportunistic'])('the password is not sent without TLS (%s)', async (name) => {
    const host = bad.get(name);
    const mail = { to: [`kim@${name}.example`], content: message(name) };
    expect(codeOf(lastOf(await send(estate.ports.proxy, mail)))).toMatch(/^4\d\d 4\.\d\.\d$/);
    expect(host?.connections().total).toBeGreaterThan(0);
    expect(host?.commands.filter(({ line }) => !/^(EHLO|STARTTLS|QUIT)/.test(line))).toEqual([]);
  });

  test('the password stands in no log', () => {
    const forms = ['Open-Sesame-1001', '\0contoso\0Open-Sesame-1001'].flatMap((text) => [
      text,
      Buffer.from(text).toString('base64'),
    ]);
    for (const form of forms) expect(estate.log()).not.toContain(form);
  });
});
