import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { createGatewayProbe, type GatewayProbe, type GatewayProbeOptions } from '../../src/health/gateway-probe.js';
import { makeCertificate } from '../net/make-certificate.js';
import { openCallStage } from '../session/sip/call-stage.js';
import { freePort } from '../support/free-port.js';
import { tempDir } from '../support/temp-dir.js';
import { topologyOf } from '../support/topology-of.js';
import { until } from '../support/until.js';
import { alive, deaf, responseTo, type SipGateway, streamGateway, udpGateway } from './sip-gateway.js';

type Sections = Readonly<Record<string, unknown>>;
type Snapshot = ReturnType<GatewayProbeOptions['snapshot']>;

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0).toReversed()) cleanup();
});

async function opened(gateway: Promise<SipGateway>): Promise<SipGateway> {
  const made = await gateway;
  cleanups.push(() => made.close());
  return made;
}

/** A front end CAS1 with a SIP door and these gateways. */
function estateOf(callGateways: readonly Sections[], rest: Sections = {}): Snapshot {
  const topology = topologyOf({
    sites: [{ name: 'A' }],
    servers: [{ name: 'CAS1', host: 'cas1.contoso.com', site: 'A', roles: ['frontend'] }],
    listeners: [{ name: 'SIP', protocol: 'sip', bind: '127.0.0.1:5060' }],
    callGateways: callGateways.map((gateway) => ({ name: 'GW1', address: '127.0.0.1', ...gateway })),
    ...rest,
  });
  const frontEnd = topology.server('CAS1');
  if (frontEnd === undefined) throw new Error('no front end');
  return { topology, frontEnd };
}

interface Watch {
  readonly probe: GatewayProbe;
  readonly lines: readonly string[];
}

function watch(snapshot: () => Snapshot, options: Partial<GatewayProbeOptions> = {}): Watch {
  const lines: string[] = [];
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  const log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  const probe = createGatewayProbe({ snapshot, log, timeoutMs: 150, spreadMs: 0, everyMs: 40, ...options });
  cleanups.push(() => probe.close());
  return { probe, lines };
}

const asked = (gateway: SipGateway, count = 1): Promise<boolean> =>
  until(`question ${count}`, () => gateway.requests.length >= count);

test.each([
  ['udp', 200],
  ['udp', 404],
  ['tcp', 503],
  ['tcp', 200],
  ['tls', 405],
] as const)('a gateway is asked over %s again and again, and %i is an answer', async (transport, code) => {
  const certificate = await makeCertificate(['gw1.contoso.com']);
  const script = (request: string): string => responseTo(request, code);
  const gateway = await opened(
    transport === 'udp'
      ? udpGateway(script)
      : streamGateway(script, transport === 'tls' ? { tls: { ...certificate } } : {}),
  );
  const estate = estateOf([{ port: gateway.port, transport }]);
  const { probe, lines } = watch(() => estate, { timeoutMs: 2000 });
  await asked(gateway, 4);
  expect([probe.notes(), lines]).toEqual([[], []]);
  expect(gateway.requests[0]?.text).toMatch(
    new RegExp(
      `^OPTIONS sip:127\\.0\\.0\\.1:${gateway.port}[^]*Via: SIP/2.0/${transport.toUpperCase()} cas1.contoso.com:`,
    ),
  );
  const callIds = gateway.requests.map(({ text }) => /^Call-ID: (.*)$/m.exec(text)?.[1]);
  expect(new Set(callIds).size).toBe(callIds.length);
  probe.close();
  await until('the connections to be closed', () => gateway.open.count === 0);
  expect(gateway.open.most).toBeLessThanOrEqual(1);
});

test('our own doors answer the question', async () => {
  const { ports } = await openCallStage();
  const estate = estateOf([
    { name: 'GWU', port: ports.udp, transport: 'udp' },
    { name: 'GWT', port: ports.tcp },
  ]);
  const { probe, lines } = watch(() => estate, { timeoutMs: 250 });
  // Long enough for two questions without an answer.
  await sleep(800);
  expect([probe.notes(), lines]).toEqual([[], []]);
});

test('over UDP the same question is sent again until it is answered, after 100 less often', async () => {
  const gateway = await opened(
    udpGateway((request, count) => (count === 1 ? null : responseTo(request, count === 2 ? 100 : 200))),
  );
  const estate = estateOf([{ port: gateway.port, transport: 'udp' }]);
  const { lines } = watch(() => estate, { timeoutMs: 5000, everyMs: 60_000 });
  await asked(gateway, 3);
  const [first, second, third] = gateway.requests;
  expect(new Set(gateway.requests.map(({ text }) => text)).size).toBe(1);
  expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThan(450);
  expect((third?.atMs ?? 0) - (second?.atMs ?? 0)).toBeGreaterThan(900);
  expect(lines).toEqual([]);
});

test('a gateway that answers from another port, or has a name, is there', async () => {
  const [one, two] = [await opened(udpGateway(alive, 'other')), await opened(udpGateway(alive))];
  const three = await opened(streamGateway(alive));
  const estate = estateOf([
    { name: 'GW1', port: one.port, transport: 'udp' },
    { name: 'GW2', address: 'localhost', port: two.port, transport: 'udp' },
    { name: 'GW3', address: 'localhost', port: three.port },
  ]);
  const { lines } = watch(() => estate, { timeoutMs: 2000 });
  await Promise.all([one, two, three].map((gateway) => asked(gateway, 4)));
  expect(lines).toEqual([]);
});

test.each(['udp', 'tcp'] as const)(
  'over %s two questions in a row without an answer are told of once, and so is the next answer',
  async (transport) => {
    let isThere = true;
    const script = (request: string): string | null => (isThere ? responseTo(request, 200) : null);
    const gateway = await opened(transport === 'udp' ? udpGateway(script) : streamGateway(script));
    const estate = estateOf([{ port: gateway.port, transport }]);
    const { probe, lines } = watch(() => estate);
    await asked(gateway, 2);
    const beforeMs = Date.now();
    isThere = false;
    await until('a note', () => probe.notes().length > 0);
    const [, since = ''] =
      /^gateway "GW1" \(127\.0\.0\.1:\d+, (?:udp|tcp)\) has not answered since (.*)$/.exec(probe.notes()[0] ?? '') ??
      [];
    expect(Date.parse(since)).toBeGreaterThanOrEqual(beforeMs);
    await asked(gateway, gateway.requests.length + 2);
    expect(lines).toEqual([
      `warn gateway does not answer {"gateway":"GW1","address":"127.0.0.1:${gateway.port}",` +
        `"transport":"${transport}","detail":"no answer within 150 ms"}`,
    ]);
    isThere = true;
    await until('it to be back', () => probe.notes().length === 0);
    await asked(gateway, gateway.requests.length + 2);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(/^info gateway answers again \{"gateway":"GW1",.*"code":200,"silentMs":\d+\}$/);
  },
);

test('one question without an answer is nothing to speak of', async () => {
  const gateway = await opened(streamGateway((request, count) => (count % 2 === 0 ? null : responseTo(request, 200))));
  const estate = estateOf([{ port: gateway.port }]);
  const { probe, lines } = watch(() => estate, { timeoutMs: 60 });
  await asked(gateway, 6);
  expect([probe.notes(), lines]).toEqual([[], []]);
});

test.each([
  ['is another one’s', (request: string) => responseTo(request, 200, { callId: 'other' }), 'no answer within 150 ms'],
  ['is provisional', (request: string) => responseTo(request, 180), 'no answer within 150 ms'],
  ['is no SIP', () => 'HTTP/1.1 400 Bad Request\r\n\r\n', 'no SIP: no SIP'],
  ['does not end', () => 'SIP/2.0 200 OK\r\nX: '.padEnd(300_000, 'x'), 'no SIP: the header is too large'],
])('what %s is no answer', async (_, script, reason) => {
  const gateway = await opened(streamGateway(script));
  const estate = estateOf([{ port: gateway.port }]);
  const { lines } = watch(() => estate);
  await until('a line', () => lines.length > 0);
  expect(lines[0]).toContain(`"detail":"${reason}"`);
});

test('nobody there, and no such name, are told of with the reason', async () => {
  const port = await freePort();
  const estate = estateOf([
    { name: 'GW1', port },
    { name: 'GW2', port, transport: 'udp' },
    { name: 'GW3', address: 'gw3.invalid', port, transport: 'udp' },
    { name: 'GW4', address: 'gw4.invalid', port },
  ]);
  const { probe, lines } = watch(() => estate, { timeoutMs: 1000 });
  await until('four lines', () => lines.length === 4);
  expect(lines.filter((line) => line.startsWith('warn gateway does not answer'))).toHaveLength(4);
  expect(lines.find((line) => line.includes('"GW1"'))).toContain('refused the connection');
  expect(probe.notes().map((note) => note.slice(0, 13))).toEqual([1, 2, 3, 4].map((count) => `gateway "GW${count}"`));
});

test('not asked: who is switched off or has probe 0, and nobody where the front end has no SIP door', async () => {
  const gateway = await opened(streamGateway(alive));
  const place = { port: gateway.port };
  const isNotAsked = [
    estateOf([
      { ...place, enabled: false },
      { ...place, name: 'GW2', probe: '0s' },
    ]),
    estateOf([place], { listeners: [{ name: 'IMAP', protocol: 'imap', bind: '127.0.0.1:143' }] }),
    estateOf([place], {
      servers: ['CAS1', 'CAS2'].map((name) => ({ name, host: name, site: 'A', roles: ['frontend'] })),
      listeners: [{ name: 'SIP', server: 'CAS2', protocol: 'sip', bind: '127.0.0.1:5060' }],
    }),
  ];
  for (const estate of isNotAsked) watch(() => estate);
  await sleep(150);
  expect(gateway.requests).toEqual([]);
});

test('a change of the estate is followed at once; what is known of the others stays', async () => {
  const [one, two] = [await opened(streamGateway(alive)), await opened(streamGateway(deaf))];
  const silent = { name: 'GW2', port: two.port };
  let estate = estateOf([{ port: one.port }, silent]);
  const { probe, lines } = watch(() => estate);
  await until('a note', () => probe.notes().length > 0);
  const [note] = probe.notes();
  estate = estateOf([silent]);
  probe.refresh();
  await sleep(50);
  const count = one.requests.length;
  await asked(two, two.requests.length + 2);
  expect([one.requests.length, probe.notes()]).toEqual([count, [note]]);
  estate = estateOf([{ port: one.port }]);
  probe.refresh();
  expect(probe.notes()).toEqual([]);
  await asked(one, count + 2);
  expect(lines).toHaveLength(1);
});

test('at most fifty are asked at a time, each once at a time and all in their turn; notes name twenty', async () => {
  const gateway = await opened(streamGateway(deaf));
  const estate = estateOf(Array.from({ length: 120 }, (_, index) => ({ name: `GW${index}`, port: gateway.port })));
  const { probe } = watch(() => estate, { everyMs: 1 });
  await until('all to be silent', () => probe.notes().at(-1) === '100 more gateways have not answered', 20_000);
  expect(probe.notes()).toHaveLength(21);
  expect(gateway.open.most).toBeGreaterThan(40);
  expect(gateway.open.most).toBeLessThanOrEqual(60);
});

test('the first questions are spread', async () => {
  const gateway = await opened(udpGateway(alive));
  const names = Array.from({ length: 30 }, (_, index) => ({
    name: `GW${index}`,
    port: gateway.port,
    transport: 'udp',
  }));
  const estate = estateOf(names);
  watch(() => estate, { everyMs: 60_000, spreadMs: 400, timeoutMs: 2000 });
  await asked(gateway, 30);
  const times = gateway.requests.map(({ atMs }) => atMs);
  expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(150);
});

test('what is closed asks no more, says no more and holds no connection', async () => {
  const [one, two] = [await opened(streamGateway(deaf)), await opened(udpGateway(deaf))];
  const estate = estateOf([
    { port: one.port },
    { name: 'GW2', port: two.port, transport: 'udp' },
    { name: 'GW3', address: 'gw3.invalid', transport: 'udp' },
  ]);
  const { probe, lines } = watch(() => estate, { timeoutMs: 600 });
  await Promise.all([asked(one), asked(two)]);
  probe.close();
  await until('the connection to be closed', () => one.open.count === 0, 400);
  probe.refresh();
  await sleep(700);
  expect([one.requests.length, two.requests.length, lines, probe.notes()]).toEqual([1, 1, [], []]);
});

test('over TLS the certificate of our own door is shown to who asks for it', async () => {
  const [theirs, ours] = [await makeCertificate(['gw1.contoso.com']), await makeCertificate(['cas1.contoso.com'])];
  const folder = tempDir('gateway-probe');
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  writeFileSync(certFile, ours.cert);
  writeFileSync(keyFile, ours.key);
  const shown: string[] = [];
  const onSecure = (socket: TLSSocket): void => void shown.push(String(socket.getPeerCertificate().subject?.CN));
  const tls = { ...theirs, ca: ours.cert, requestCert: true, rejectUnauthorized: true };
  const gateway = await opened(streamGateway(alive, { tls, onSecure }));
  const estate = estateOf([{ port: gateway.port, transport: 'tls' }], {
    listeners: [{ name: 'SIPS', protocol: 'sip', bind: '127.0.0.1:5061', tls: 'implicit', certificate: 'calls' }],
    certificates: [{ name: 'Calls', certFile, keyFile }],
  });
  const { lines } = watch(() => estate, { timeoutMs: 2000 });
  await asked(gateway, 3);
  expect(new Set(shown)).toEqual(new Set(['cas1.contoso.com']));
  expect(lines).toEqual([]);
});
