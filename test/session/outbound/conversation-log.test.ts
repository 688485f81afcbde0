import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { createServerMemory } from '../../../src/health/server-memory.js';
import { openProtocolLog } from '../../../src/observability/protocol-log.js';
import { type HostRequest, openAtHost, type TlsDemand } from '../../../src/session/outbound/open-at-host.js';
import { createOutboundConnections } from '../../../src/session/outbound/outbound-connections.js';
import { contentsOf, logOptions, temporaryFolder } from '../../observability/log-folder.js';
import { parseStrictCsv } from '../../observability/strict-csv.js';
import { buildEstate } from '../../routing/build-estate.js';
import { makeCertificate, type TestCertificate } from '../../support/peers/certificate.js';
import { type ScriptedHostOptions, startScriptedHost } from '../../support/peers/scripted-host.js';
import { until } from '../../support/until.js';
import { deadlines, envelope } from '../smtp/server-request.js';
import { body } from './outbound-connection-use.js';

const password = 'Right-Horse-7731';

let certificate: TestCertificate;
beforeAll(async () => {
  certificate = await makeCertificate(['127.0.0.1']);
});

/** A connector with a log of its own, and a host; `open` hands a message over, `rows` are the log's without its times. */
async function stage(options: ScriptedHostOptions, protocolLog: boolean) {
  const host = await startScriptedHost(options);
  const folder = temporaryFolder();
  const log = openProtocolLog('send', folder, logOptions().options);
  onTestFinished(async () => {
    host.close();
    await log.close();
  });
  const { topology } = buildEstate({ sendConnectors: [{ name: 'Out', protocolLog, idleTimeout: 60_000 }] });
  const [connector] = topology.sendConnectors;
  if (connector === undefined) throw new Error('no connector');
  const parts = {
    connections: createOutboundConnections(),
    memory: createServerMemory(() => performance.now()),
    protocolLog: log,
  };
  const request: HostRequest = {
    connector,
    envelope,
    until: 'data',
    heloName: 'front.example',
    login: { credentials: { kind: 'password', user: 'contoso', authorizationId: '', password }, id: '1' },
    identity: null,
    deadlines,
    signal: new AbortController().signal,
  };
  const rows = async (): Promise<string[][]> => {
    await log.flush();
    const text = Object.values(contentsOf(folder)).join('');
    return parseStrictCsv(text.replace(/^#.*\n/gm, '')).map((row) => row.slice(1));
  };
  const open = (demand: TlsDemand) =>
    openAtHost({ name: '127.0.0.1', address: '127.0.0.1', port: host.port }, demand, request, parts);
  return { host, parts, rows, open };
}

const required: TlsDemand = { kind: 'required', name: null };

test('the log of a connector has the whole conversation of a connection, without the password', async () => {
  const { host, parts, rows, open } = await stage({ tls: { certificate }, passwords: { contoso: password } }, true);
  for (let count = 0; count < 2; count += 1) {
    const opened = await open(required);
    if (opened.kind !== 'taken') throw new Error(JSON.stringify(opened));
    expect(await opened.transaction.finish(body)).toMatchObject({ kind: 'accepted' });
  }
  parts.connections.close();
  const all = await until('the end of the log', async () => {
    const all = await rows();
    return all.at(-1)?.[5] === '-' ? all : undefined;
  });
  const [first] = all;
  expect(first?.slice(0, 6)).toEqual([
    'Out',
    expect.stringMatching(/^[0-9a-f]{24}$/),
    '0',
    expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    `127.0.0.1:${host.port}`,
    '+',
  ]);
  expect(new Set(all.map(([, id]) => id)).size).toBe(1);
  expect(all.map(([, , number]) => number)).toEqual(all.map((_, index) => `${index}`));
  const message = [
    ...['> MAIL FROM:<eve@fabrikam.com>', '> RCPT TO:<ann@contoso.com>', '> DATA'],
    ...['< 250 2.0.0 ok', '< 250 2.0.0 ok', '< 354 go ahead'],
  ];
  const said = all.map(([, , , , , event, data]) => `${event} ${data}`.trim());
  expect(said.filter((line) => !/^< 250[- ](?:scripted|[A-Z0-9]+(?: |$))/.test(line))).toEqual([
    ...['+', '< 220 scripted ESMTP', '> EHLO front.example', '> STARTTLS', '< 220 2.0.0 go ahead'],
    ...[expect.stringMatching(/^\* TLSv1\.3 TLS_/), '> EHLO front.example', '> AUTH PLAIN *', '< 235 2.7.0'],
    ...[...message, '< 250 2.6.0 kept as 1', ...message, '< 250 2.6.0 kept as 2', '> QUIT'],
    ...['< 221 2.0.0 bye', '-'],
  ]);
  expect(all.find(([, , , , , event]) => event === '*')?.[7]).toBe('CN=127.0.0.1');
  expect(JSON.stringify(all)).not.toMatch(/Horse|AGNvbnRvc28/);
});

test('why there was no conversation, or none that came to a message, is in the log', async () => {
  const { host, rows, open } = await stage({}, true);
  expect(await open(required)).toMatchObject({ kind: 'failed' });
  host.die();
  expect(await open(required)).toMatchObject({ kind: 'failed' });
  const remarks = (await rows()).filter(([, , , , , event]) => event === '*');
  expect(remarks.map(([, , , local, , , , context]) => [local !== '', context])).toEqual([
    [true, 'starttls: the server does not offer STARTTLS'],
    [false, expect.stringContaining('refused the connection')],
  ]);
});

test('a connector without one writes nothing', async () => {
  const { rows, open } = await stage({ tls: { certificate }, passwords: { contoso: password } }, false);
  const opened = await open(required);
  expect(opened.kind).toBe('taken');
  if (opened.kind === 'taken') opened.transaction.drop();
  expect(await rows()).toEqual([]);
});
