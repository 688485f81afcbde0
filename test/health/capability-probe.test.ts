import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type CapabilityProbe, createCapabilityProbe } from '../../src/health/capability-probe.js';
import type { EstateObject } from '../../src/topology/catalogue/catalogue.js';
import { makeCertificate } from '../net/make-certificate.js';
import { directoryOf, snapshotOf } from '../session/mail-access/estate.js';
import { imapScript, type MailboxScriptOptions, popScript } from '../session/mail-access/mailbox-scripts.js';
import { type Script, type ScriptedServer, startScriptedServer } from '../session/mail-access/scripted-server.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0).toReversed()) cleanup();
});

async function started(script: Script): Promise<ScriptedServer> {
  const server = await startScriptedServer(script);
  cleanups.push(() => server.close());
  return server;
}

/** An estate whose databases are each on one server. */
function estateOf(servers: Readonly<Record<string, EstateObject>>, protocol: 'imap' | 'pop' = 'imap') {
  const names = Object.keys(servers);
  return snapshotOf({
    listener: { protocol },
    servers: Object.entries(servers).map(([name, server]) => ({ name, ...server })),
    databases: Object.fromEntries(names.map((name, index) => [`DB${index}`, name])),
    directory: directoryOf({}),
  });
}

const at = (port: number, endpoint: EstateObject = {}): EstateObject => ({
  endpoints: { imap: { port, tls: 'none', ...endpoint }, pop: { port, tls: 'none', ...endpoint } },
});

type Estate = ReturnType<typeof estateOf>;
const lines: string[] = [];

function probeOf(snapshot: () => Estate, options: { refreshMs?: number; retryMs?: number; timeoutMs?: number } = {}) {
  lines.length = 0;
  const write = (fields: object, message: string): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log = { debug: write, info: write, warn: write, error: write };
  const probe: CapabilityProbe = createCapabilityProbe({ snapshot, log, timeoutMs: 2000, ...options });
  cleanups.push(() => probe.close());
  return probe;
}

const first = ['IMAP4REV1', 'SASL-IR', 'ID', 'AUTH=PLAIN'];

test('asks every server at once, without a login, and knows what they have in common', async () => {
  const rich = await started(imapScript({ offers: 'IDLE MOVE' }));
  const poor = await started(imapScript({ offers: 'IDLE' }));
  const snapshot = estateOf({ MBX1: at(rich.port), MBX2: at(poor.port) });
  const probe = probeOf(() => snapshot);
  expect(probe.of('imap')).toBeNull();
  await probe.refresh();
  expect(probe.of('imap')).toEqual([...first, 'IDLE']);
  expect(probe.of('pop')).toBeNull();
  await until('both to be let go', () => rich.openConnections() + poor.openConnections() === 0);
  expect(new Set(rich.lines.map((line) => line.replace(/^\S+ /, '')))).toEqual(new Set(['CAPABILITY', 'LOGOUT']));
});

test.each(['starttls', 'opportunistic', 'implicit'] as const)('asks under TLS %s, for POP too', async (tls) => {
  const certificate = await makeCertificate(['mbx.contoso.com'], true);
  const ca = join(tempDir('probe'), 'ca.pem');
  writeFileSync(ca, certificate.cert);
  const options: MailboxScriptOptions = { tls: tls === 'implicit' ? 'implicit' : 'starttls', certificate };
  const endpoint = { tls, ca, serverName: 'mbx.contoso.com', verify: true };
  const [imap, pop] = [await started(imapScript(options)), await started(popScript(options))];
  const estates = {
    imap: estateOf({ M: at(imap.port, endpoint) }),
    pop: estateOf({ M: at(pop.port, endpoint) }, 'pop'),
  };
  const probes = { imap: probeOf(() => estates.imap), pop: probeOf(() => estates.pop) };
  await Promise.all([probes.imap.refresh(), probes.pop.refresh()]);
  expect(probes.imap.of('imap')).toEqual(first);
  expect(probes.pop.of('pop')).toEqual(['USER', 'XCLIENT', 'SASL PLAIN']);
});

test('a server behind PROXY headers is told that nobody is there', async () => {
  const server = await started(imapScript({ proxyHeader: true }));
  const snapshot = estateOf({ MBX1: at(server.port, { proxyProtocol: 'v2' }) });
  const probe = probeOf(() => snapshot);
  await probe.refresh();
  expect(probe.of('imap')).toEqual(first);
});

test('a server that does not answer is left out, asked again soon, and what it once said still counts', async () => {
  let isAdmitted = false;
  const shy = await started(imapScript({ admit: () => isAdmitted }));
  const good = await started(imapScript({ offers: 'IDLE' }));
  const silent = await started({ greeting: null, answer: () => undefined });
  const snapshot = estateOf({ MBX1: at(shy.port), MBX2: at(good.port), MBX3: at(silent.port) });
  const probe = probeOf(() => snapshot, { retryMs: 40, timeoutMs: 150 });
  await probe.refresh();
  expect(probe.of('imap')).toEqual([...first, 'IDLE']);
  isAdmitted = true;
  await until('the first to be asked again', () => probe.of('imap')?.length === first.length);
  isAdmitted = false;
  await probe.refresh();
  expect(probe.of('imap')).toEqual(first);
  expect(lines.filter((line) => line.includes('"MBX1"'))).toHaveLength(1);
  expect(lines.filter((line) => line.includes('"MBX3"'))).toHaveLength(1);
});

test('a change of the estate is noticed; who is out of service or has no active database is not asked', async () => {
  const [one, two] = [await started(imapScript({ offers: 'IDLE' })), await started(imapScript({ offers: 'MOVE' }))];
  const out = (state: string): EstateObject => ({
    components: [{ component: 'imap', requester: 'maintenance', state }],
  });
  let snapshot = estateOf({ MBX1: at(one.port), MBX2: { ...at(two.port), ...out('inactive') } });
  const probe = probeOf(() => snapshot);
  await probe.refresh();
  expect([probe.of('imap'), two.connections()]).toEqual([[...first, 'IDLE'], 0]);
  snapshot = estateOf({ MBX2: { ...at(two.port), ...out('draining') } });
  await until('the other server to count', () => probe.of('imap')?.includes('MOVE'));
  expect(probe.of('imap')).toEqual([...first, 'MOVE']);
  const list = probe.of('imap');
  await probe.refresh();
  expect(probe.of('imap')).toBe(list);
});

test('no more than four servers are asked at a time', async () => {
  let most = 0;
  const servers = await Promise.all(
    Array.from({ length: 12 }, () => started({ greeting: null, answer: () => undefined })),
  );
  const watch = setInterval(() => {
    most = Math.max(most, servers.filter((server) => server.openConnections() > 0).length);
  }, 5);
  const snapshot = estateOf(Object.fromEntries(servers.map(({ port }, index) => [`MBX${index}`, at(port)])));
  const probe = probeOf(() => snapshot, { timeoutMs: 60 });
  await probe.refresh();
  clearInterval(watch);
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(4);
  expect(servers.every((server) => server.connections() > 0)).toBe(true);
});

test('a closed probe lets go of everybody', async () => {
  const silent = await started({ greeting: null, answer: () => undefined });
  const snapshot = estateOf({ MBX1: at(silent.port) });
  const probe = probeOf(() => snapshot);
  await until('the connection', () => silent.openConnections() === 1);
  probe.close();
  await until('the server to be let go', () => silent.openConnections() === 0);
  await probe.refresh();
  expect(silent.connections()).toBe(1);
  expect(lines).toEqual([]);
});
