import { expect, test } from 'vitest';
import type { Logger } from '../../../src/observability/log.js';
import { describeReply } from '../../../src/protocols/smtp/replies.js';
import type { WayOut } from '../../../src/routing/outbound-mail.js';
import { createHostParts } from '../../../src/runtime/outbound-parts.js';
import { createOutbound, type OpenedOutside } from '../../../src/session/outbound/outbound.js';
import { createOutboundConnections } from '../../../src/session/outbound/outbound-connections.js';
import { buildEstate } from '../../routing/build-estate.js';
import { doorParts } from '../smtp/door-parts.js';
import type { Script, ScriptedServer } from '../smtp/scripted-server.js';
import { envelope, to } from '../smtp/server-request.js';

const parts = doorParts();
const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

type Opening = { readonly names?: readonly string[]; readonly tried?: readonly number[]; readonly body8bit?: boolean };

/** Opens messages at smart hosts, tried in their order, as DATA does: for all recipients or not at all. */
async function smartHosts(...scripts: readonly Script[]) {
  const hosts: ScriptedServer[] = [];
  for (const script of scripts) hosts.push(await parts.server(script));
  const smartHosts = hosts.map(({ port }) => `[127.0.0.1]:${port}`);
  const { topology, directory } = buildEstate({
    sites: [{ name: 'A' }],
    servers: [
      { name: 'CAS1', host: 'cas1.contoso.com', site: 'A', roles: ['frontend'] },
      { name: 'MBX1', host: '10.0.0.1', site: 'A' },
    ],
    sendConnectors: [{ name: 'Hosts', sources: ['MBX1'], smartHosts, tls: 'none' }],
  });
  const [connector] = topology.sendConnectors;
  const frontEnd = topology.server('CAS1');
  if (connector === undefined || frontEnd === undefined) throw new Error('no connector');
  const log = silent;
  const connections = createOutboundConnections();
  const outbound = parts.keep(
    createOutbound({
      ...createHostParts(log),
      connections,
      protocolLog: { session: () => ({ record: () => {} }) },
      log,
    }),
  );
  const way: WayOut = { kind: 'send', connector, domain: 'contoso.com', key: '', place: frontEnd, trace: [] };
  const open = ({ names = ['ann'], tried = [], body8bit = false }: Opening = {}): Promise<OpenedOutside> =>
    outbound.open({
      way,
      snapshot: { topology, directory, frontEnd },
      envelope: { ...envelope, to: to(...names), body8bit },
      until: 'data',
      tried: tried.map((at) => ({ server: `[127.0.0.1]:${hosts[at]?.port}`, reason: 'it went away' })),
      signal: new AbortController().signal,
    });
  return { hosts, open };
}

const wordsOf = (opened: OpenedOutside): string =>
  opened.kind === 'taken' ? 'taken' : describeReply(opened.reply).replaceAll(/127\.0\.0\.1\]:\d+/g, 'host]');

const refuseAll =
  (replies: Readonly<Record<string, string>>) =>
  (line: string): string | undefined =>
    Object.entries(replies).find(([name]) => line.startsWith(`RCPT TO:<${name}@`))?.[1];

test('a host that could not be asked may yet be fit: what another lacks is no reason to give the message up', async () => {
  const { open } = await smartHosts({}, { capabilities: ['PIPELINING'] });
  expect(wordsOf(await open({ tried: [0], body8bit: true }))).toMatch(/^451 4\.4\.1 /);
});

test('but it is where all lack it', async () => {
  const { open } = await smartHosts({ capabilities: [] }, { capabilities: [] });
  expect(wordsOf(await open({ body8bit: true }))).toMatch(/^554 5\.6\.3 /);
});

test.each([
  [{ bob: '550 5.1.1 no Bob here' }, /^451 4\.5\.0 .*bob@contoso\.com.*550 5\.1\.1 no Bob here/],
  [{ ann: '550 5.1.1 no Ann here', bob: '450 4.2.1 Bob sleeps' }, /^450 4\.2\.1 Bob sleeps/],
  [{ ann: '550 5.1.1 no Ann here', bob: '550 5.1.1 no Bob here' }, /^550 5\.1\.1 no Ann here/],
])('recipients that were answered 250 are not refused for good because of %j', async (replies, expected) => {
  const { hosts, open } = await smartHosts({ answer: refuseAll(replies) });
  expect(wordsOf(await open({ names: ['ann', 'bob'] }))).toMatch(expected);
  expect(hosts[0]?.messages).toEqual([]);
});
