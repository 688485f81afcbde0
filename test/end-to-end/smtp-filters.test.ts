import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RuntimeStatus } from '../../src/control/messages.js';
import type { TrackingRecord } from '../../src/observability/tracking.js';
import { connectClient, type SmtpClient } from '../session/smtp/smtp-client.js';
import { startDnsServer, type TestDnsServer } from '../support/dns-server.js';
import { freePorts } from '../support/free-port.js';
import { type RecordingServer, startRecordingServer } from '../support/recording-server.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';
import { plainEndpoint, smtpEstate } from './smtp-estate.js';

const greylist = fileURLToPath(new URL('../../examples/greylist.js', import.meta.url));

let dns: TestDnsServer;
let mbx: RecordingServer;
let usher: Usher;
let port: number;
let pid: number;
/** Connected before the first change, and to the end. */
let witness: SmtpClient;
const clients: SmtpClient[] = [];

beforeAll(async () => {
  dns = await startDnsServer();
  mbx = await startRecordingServer();
  [port = 0] = await freePorts(1);
  const connectors = [{ bindings: [`127.0.0.1:${port}`], proxyPeers: ['127.0.0.1/32'] }];
  const rest = { organization: { resolvers: [dns.address] } };
  usher = await startUsher(smtpEstate({ servers: [plainEndpoint(mbx)], connectors, rest }));
  pid = await pidOf();
  witness = await open('203.0.113.200');
});
afterAll(async () => {
  for (const client of clients) client.close();
  await usher?.stop();
  mbx?.close();
  dns?.close();
});

const pidOf = async () => (JSON.parse(await usher.cli('status', '--json')) as { pid: number }).pid;

/** A client at this address, greeted. */
async function open(address: string): Promise<SmtpClient> {
  const client = await connectClient(port);
  clients.push(client);
  client.write(`PROXY TCP4 ${address} 192.0.2.1 41000 25\r\n`);
  expect(await client.reply()).toMatch(/^220 /);
  expect(await client.ask('EHLO mx.fabrikam.test')).toMatch(/^250/);
  return client;
}

interface Letter {
  readonly from?: string;
  readonly to?: string;
}

/** The answers to MAIL, RCPT, DATA and the end of the data, as far as it comes. */
async function send(client: SmtpClient, { from = 'kim@fabrikam.test', to = 'ann@contoso.com' }: Letter = {}) {
  const answers: string[] = [];
  const lines = [`MAIL FROM:<${from}>`, `RCPT TO:<${to}>`, 'DATA', `From: ${from}\r\n\r\nhello\r\n.`];
  for (const line of lines) {
    const answer = await client.ask(line);
    answers.push(answer?.slice(0, 9) ?? 'gone');
    if (!/^[23]/.test(answer ?? '')) break;
  }
  return answers.join(', ');
}

/** The same by a connection that ends behind it. */
async function sendFrom(address: string, letter: Letter = {}): Promise<string> {
  const client = await open(address);
  const answers = await send(client, letter);
  client.close();
  return answers;
}

const tracked = (...words: readonly string[]): Promise<TrackingRecord> =>
  until(`the record of ${words.join(' ')}`, async () => {
    const records = JSON.parse(await usher.cli('track', '--json', ...words)) as TrackingRecord[];
    return records.at(-1);
  });

/** The witness can send, by the connection it always had. */
async function expectWitness(): Promise<void> {
  const before = mbx.messages.length;
  expect(await send(witness)).toMatch(/^250 2\.1\.0, 250 2\.1\.5, 354 /);
  expect(mbx.messages).toHaveLength(before + 1);
}

const taken = expect.stringMatching(/^250 2\.1\.0, 250 2\.1\.5, 354 Start, 250 2\.6\.0$/);

test('an address that is blocked, for new connections and for one that is open', async () => {
  const before = await open('203.0.113.9');
  expect(await send(before)).toEqual(taken);
  await usher.cli('filter', 'add', 'ip-block', '203.0.113.9', '--comment', 'a scanner');
  expect(await before.ask('NOOP')).toMatch(/^250 /);
  expect(await send(before)).toMatch(/^250 2\.1\.0, 550 5\.7\.1$/);
  expect(await sendFrom('203.0.113.9', { from: 'blocked@fabrikam.test' })).toMatch(/^250 2\.1\.0, 550 5\.7\.1$/);
  expect(await sendFrom('203.0.113.10')).toEqual(taken);
  await expectWitness();
  const record = await tracked('--from', 'blocked@fabrikam.test');
  expect(record).toMatchObject({
    client: '203.0.113.9',
    outcome: 'refused',
    reply: expect.stringMatching(/^550 5\.7\.1/),
  });
  expect(record.filters).toEqual([expect.objectContaining({ verdict: 'block' })]);
  const { counters } = JSON.parse(await usher.cli('status', '--json')) as RuntimeStatus;
  const labels = { agent: 'connection-filtering', event: 'connect', verdict: 'block' };
  expect(counters.find((counter) => counter.labels['verdict'] === 'block')).toEqual({
    name: 'agent-verdicts',
    labels,
    value: 2,
  });
  await usher.cli('filter', 'remove', 'ip-block', '203.0.113.9');
  expect(await sendFrom('203.0.113.9')).toEqual(taken);
});

test('a list of others, by DNS', async () => {
  dns.zone = { 'A 11.113.0.203.bl.test': ['127.0.0.2'] };
  expect(await sendFrom('203.0.113.11')).toEqual(taken);
  const response = 'Listed, see http://bl.test/';
  await usher.cli('filter', 'add', 'block-provider', 'bl', '--zone', 'bl.test', '--response', response);
  const client = await open('203.0.113.11');
  expect(await client.ask('MAIL FROM:<listed@fabrikam.test>')).toMatch(/^250 /);
  expect(await client.ask('RCPT TO:<ann@contoso.com>')).toBe(`550 5.7.1 ${response}`);
  expect(await client.ask('DATA')).toMatch(/^421 4\.7\.0 /);
  expect(await client.reply()).toBeNull();
  expect(await sendFrom('203.0.113.12')).toEqual(taken);
  await expectWitness();
  expect(dns.questions).toContain('A 11.113.0.203.bl.test');
  expect(await tracked('--from', 'listed@fabrikam.test')).toMatchObject({ outcome: 'refused' });
  await usher.cli('filter', 'add', 'ip-allow', '203.0.113.11');
  expect(await sendFrom('203.0.113.11')).toEqual(taken);
  await usher.cli('filter', 'remove', 'block-provider', 'bl');
  await usher.cli('filter', 'remove', 'ip-allow', '203.0.113.11');
});

test('a blocked sender', async () => {
  await usher.cli('filter', 'add', 'blocked-domain-and-subdomains', 'spam.test');
  expect(await sendFrom('203.0.113.13', { from: 'a@deep.spam.test' })).toMatch(/^554 5\.1\.0$/);
  expect(await sendFrom('203.0.113.13', { from: 'a@ham.test' })).toEqual(taken);
  await usher.cli('filter', 'set', '--set', 'senders.action=stamp');
  expect(await sendFrom('203.0.113.13', { from: 'b@deep.spam.test' })).toEqual(taken);
  expect(mbx.messages.at(-1)?.content).toMatch(/^X-Usher-Filter: \S+/m);
  await expectWitness();
  expect(mbx.messages.at(-1)?.content).not.toMatch(/^X-Usher-Filter/m);
  await usher.cli('filter', 'remove', 'blocked-domain-and-subdomains', 'spam.test');
});

test('SPF: refused, stamped, or gone without a word', async () => {
  dns.zone = { 'TXT honest.test': ['v=spf1 ip4:203.0.113.20 -all'] };
  const forged = { from: 'boss@honest.test' };
  expect(await sendFrom('203.0.113.21', forged)).toEqual(taken);
  await usher.cli('filter', 'set', '--enable', 'spf', '--set', 'spf.fail=reject');
  expect(await sendFrom('203.0.113.20', forged)).toEqual(taken);
  const before = mbx.messages.length;
  expect(await sendFrom('203.0.113.21', forged)).toMatch(/^250 2\.1\.0, 250 2\.1\.5, 354 Start, 550 5\.7\.\d+$/);
  expect(await tracked('--from', 'boss@honest.test')).toMatchObject({ client: '203.0.113.21', outcome: 'refused' });
  await usher.cli('filter', 'set', '--set', 'spf.fail=delete');
  expect(await sendFrom('203.0.113.21', forged)).toEqual(taken);
  expect(await tracked('--from', 'boss@honest.test')).toMatchObject({ outcome: 'discarded' });
  expect(mbx.messages).toHaveLength(before);
  await usher.cli('filter', 'set', '--set', 'spf.fail=stamp');
  expect(await sendFrom('203.0.113.21', forged)).toEqual(taken);
  expect(mbx.messages.at(-1)?.content).toMatch(/^X-Usher-Filter: spf-fail\r$/m);
  dns.zone = { 'TXT honest.test': 'silent' };
  await expectWitness();
  await usher.cli('filter', 'set', '--disable', 'spf');
});

test('an agent of the administrator: first asked to come again, then taken', async () => {
  const words = ['--module', greylist, '--setting', 'delay=1', '--setting', 'window=60'];
  await usher.cli('filter', 'add', 'agent', 'greylist', ...words);
  const letter = { from: 'grey@fabrikam.test' };
  expect(await sendFrom('203.0.113.30', letter)).toMatch(/^250 2\.1\.0, 451 4\.7\.1$/);
  expect(await sendFrom('203.0.113.30', letter)).toMatch(/^250 2\.1\.0, 451 4\.7\.1$/);
  const first = await tracked('--from', 'grey@fabrikam.test');
  expect(first).toMatchObject({ outcome: 'deferred' });
  expect(first.filters.at(-1)).toMatchObject({ agent: 'greylist', event: 'recipient', verdict: 'block' });
  await sleep(1100);
  // A change of something else does not make it forget.
  await usher.cli('filter', 'add', 'ip-block', '203.0.113.99');
  expect(await sendFrom('203.0.113.30', letter)).toEqual(taken);
  expect(await tracked('--from', 'grey@fabrikam.test')).toMatchObject({ outcome: 'accepted', server: 'MBX1' });
  await usher.cli('filter', 'remove', 'agent', 'greylist');
  expect(await sendFrom('203.0.113.31', { from: 'new@fabrikam.test' })).toEqual(taken);
  await expectWitness();
});

test('an agent that cannot be loaded: the command says so, and mail goes on as before', async () => {
  const module = join(tempDir('agent'), 'broken.mjs');
  writeFileSync(module, 'export const createAgent = () => { throw new Error("out of order") };\n');
  const { code, stderr } = await usher.attempt('filter', 'add', 'agent', 'broken', '--module', module);
  expect(code).toBe(8);
  expect(stderr).toContain('out of order');
  expect(await sendFrom('203.0.113.40')).toEqual(taken);
  await usher.cli('filter', 'remove', 'agent', 'broken');
});

test('all this by one process, and the first client is connected still', async () => {
  expect(await pidOf()).toBe(pid);
  await expectWitness();
  expect(await witness.ask('QUIT')).toMatch(/^221 /);
});
