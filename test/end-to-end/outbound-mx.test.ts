import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDnsServer, type TestDnsServer } from '../support/dns-server.js';
import { freePort, freePorts } from '../support/free-port.js';
import { type ScriptedHost, startScriptedHost } from '../support/peers/scripted-host.js';
import { impatient, mxZone, type OutboundEstate, startOutboundEstate } from './outbound-estate.js';
import { codeOf, connectSender, copiesOf, lastOf, message, send } from './outbound-sender.js';

const first = '127.0.0.31';
const second = '127.0.0.32';
const third = '127.0.0.33';
/** Nobody listens there. */
const nobody = '127.0.0.39';

let dns: TestDnsServer;
let hosts: ScriptedHost[];
let estate: OutboundEstate;

beforeAll(async () => {
  const port = await freePort();
  const [proxy = 0, front = 0] = await freePorts(2);
  hosts = [];
  for (const address of [first, second, third]) hosts.push(await startScriptedHost({ address, port }));
  dns = await startDnsServer({
    ...mxZone('ordered.example', [first, second]),
    'MX unordered.example': ['30 c.unordered.example', '10 a.unordered.example', '20 b.unordered.example'],
    'A a.unordered.example': [second],
    'A b.unordered.example': [first],
    'A c.unordered.example': [first],
    ...mxZone('failover.example', [nobody, second, first]),
    ...mxZone('dead.example', [nobody]),
    'MX addresses.example': ['10 many.addresses.example'],
    'A many.addresses.example': [nobody, third],
    'MX equal.example': ['10 a.equal.example', '10 b.equal.example'],
    'A a.equal.example': [first],
    'A b.equal.example': [second],
    'MX null.example': ['0 .'],
    'MX silent.example': 'silent',
    'MX servfail.example': 'servfail',
    'MX lost.example': ['10 mx.lost.example'],
    'A implicit.example': [third],
    'MX alias.example': ['10 www.alias.example'],
    'CNAME www.alias.example': ['real.alias.example'],
    'A real.alias.example': [third],
    ...mxZone('private.example', [first]),
    ...mxZone('loop.example', ['127.0.0.1']),
    'MX own.example': ['10 front.contoso.com'],
    'A front.contoso.com': [third],
    'MX backup.example': ['10 mx.backup.example', '20 front.contoso.com', '30 last.backup.example'],
    'A mx.backup.example': [nobody],
    'A last.backup.example': [third],
    ...mxZone('one.example', [first]),
    ...mxZone('two.example', [first]),
  });
  const common = { ...impatient, resolvers: [dns.address], port, tls: 'none' };
  estate = await startOutboundEstate(
    {
      sendConnectors: [
        { ...common, name: 'Internet', allowPrivateAddresses: true },
        { ...common, name: 'Guarded', addressSpaces: ['private.example'] },
        { ...common, name: 'Loop', addressSpaces: ['loop.example'], allowPrivateAddresses: true, port: front },
      ],
    },
    { proxy, front },
  );
});
afterAll(async () => {
  await estate?.usher.stop();
  dns?.close();
  for (const host of hosts ?? []) host.close();
});

const sendTo = (domain: string, id = domain) =>
  send(estate.ports.proxy, { to: [`kim@${domain}`], content: message(id) });

/** The addresses of the hosts that keep a copy. */
const keepersOf = (id: string) => hosts.flatMap((host) => copiesOf(host.messages, id).map(() => host.address));

test.each([
  ['ordered.example', first],
  ['unordered.example', second],
])('%s: the lowest preference comes first', async (domain, address) => {
  for (const id of ['1', '2', '3']) {
    expect(codeOf((await sendTo(domain, `${domain}-${id}`)).end)).toMatch(/^250/);
    expect(keepersOf(`${domain}-${id}`)).toEqual([address]);
  }
});

test('our Received stands above what came, byte for byte', async () => {
  const content = message('bytes');
  expect(codeOf((await send(estate.ports.proxy, { to: ['kim@ordered.example'], content })).end)).toMatch(/^250/);
  const [copy] = hosts.flatMap((host) => copiesOf(host.messages, 'bytes'));
  expect(copy).toMatchObject({ from: 'ann@contoso.com', to: ['kim@ordered.example'], tls: 'none' });
  expect(copy?.content.endsWith(content)).toBe(true);
  expect(copy?.content).toMatch(/^Received: from hq1\.contoso\.com \(\[127\.0\.0\.21\]\)\r\n\tby front\.contoso\.com/);
});

test.each([
  ['failover.example', second],
  ['addresses.example', third],
])('%s: the next takes what the first refuses to be connected for', async (domain, address) => {
  expect(codeOf((await sendTo(domain)).end)).toMatch(/^250/);
  expect(keepersOf(domain)).toEqual([address]);
  const [record] = await estate.tracked('--to', `kim@${domain}`);
  expect(record?.server).toContain(address);
});

test('exchangers of the same preference share', async () => {
  const ids = Array.from({ length: 24 }, (_, index) => `equal-${index}`);
  for (const id of ids) expect(codeOf((await sendTo('equal.example', id)).end)).toMatch(/^250/);
  const keepers = ids.flatMap(keepersOf);
  expect(keepers).toHaveLength(24);
  expect(new Set(keepers)).toEqual(new Set([first, second]));
});

test('a domain without MX is its own exchanger', async () => {
  expect(codeOf((await sendTo('implicit.example')).end)).toMatch(/^250/);
  expect(keepersOf('implicit.example')).toEqual([third]);
});

test.each([
  ['null.example', '556 5.1.10'],
  ['nobody.example', '550 5.4.4'],
  ['silent.example', '451 4.4.3'],
  ['servfail.example', '451 4.4.3'],
  ['dead.example', '451 4.4.1'],
  ['loop.example', '554 5.4.6'],
  ['own.example', '554 5.4.6'],
  ['backup.example', '451 4.4.1'],
])('%s is answered %s', async (domain, code) => {
  const startMs = performance.now();
  expect(codeOf(lastOf(await sendTo(domain)))).toBe(code);
  expect(performance.now() - startMs).toBeLessThan(8000);
  expect(keepersOf(domain)).toEqual([]);
});

test.each(['lost.example', 'alias.example', 'private.example'])('%s: nobody is asked', async (domain) => {
  const before = hosts.map((host) => host.connections().total);
  expect(codeOf(lastOf(await sendTo(domain)))).toMatch(/^(550 5|451 4)\.4\.\d$|^55\d 5\.\d\.\d$/);
  expect(hosts.map((host) => host.connections().total)).toEqual(before);
});

test('commands of two domains in one packet', async () => {
  const sender = await connectSender(estate.ports.proxy);
  const rcpt = ['lee@two.example', 'kim@one.example', 'LEE.2@Two.Example'].map((to) => `RCPT TO:<${to}>\r\n`);
  sender.write(`MAIL FROM:<>\r\n${rcpt.join('')}DATA\r\n`);
  const replies = [];
  for (let count = 0; count < 5; count++) replies.push(codeOf(await sender.reply()));
  expect(replies).toEqual(['250 2.1.0', '250 2.1.5', '452 4.5.3', '250 2.1.5', '354']);
  expect(await sender.ask(`${message('pipelined')}.`)).toMatch(/^250/);
  sender.close();
  expect(hosts.flatMap((host) => copiesOf(host.messages, 'pipelined'))).toMatchObject([
    { from: '', to: ['lee@two.example', expect.stringMatching(/^lee\.2@two\.example$/i)] },
  ]);
});

test('two domains are two transactions', async () => {
  const to = ['kim@one.example', 'lee@two.example', 'max@one.example'];
  const { rcpt, end } = await send(estate.ports.proxy, { to, content: message('two-domains') });
  expect(rcpt?.map(codeOf)).toEqual(['250 2.1.5', '452 4.5.3', '250 2.1.5']);
  expect(codeOf(end)).toMatch(/^250/);
  expect(hosts.flatMap((host) => copiesOf(host.messages, 'two-domains').map((copy) => copy.to))).toEqual([
    ['kim@one.example', 'max@one.example'],
  ]);
});
