import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CallRecord } from '../../src/observability/call-record.js';
import {
  type Answer,
  following,
  requestText,
  type SipClient,
  tcpClient,
  udpClient,
} from '../session/sip/sip-client.js';
import { runSipp } from '../support/peers/sipp.js';
import { describePeer } from '../support/require-peer.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';
import { type CallPorts, callEstate } from './calls-estate.js';

interface Question {
  readonly to: string;
  readonly diversion?: string;
  readonly from?: string;
}

let usher: Usher;
let ports: CallPorts;

beforeAll(async () => {
  const made = await callEstate();
  ports = made.ports;
  usher = await startUsher(made.estate);
});
afterAll(() => usher?.stop());

async function call(client: SipClient, { to, diversion }: Question): Promise<Answer> {
  const invite = requestText('INVITE', diversion === undefined ? {} : { Diversion: `<${diversion}>` }, { uri: to });
  client.send(invite);
  const answer = await client.final();
  client.send(following('ACK', invite, answer.field('To')));
  return answer;
}

const contactOf = (answer: Answer) => [answer.code, answer.field('Contact')?.replaceAll(/^<|>$/g, '') ?? null];

test('a database that is activated elsewhere takes its next call with it, on the same connection too', async () => {
  const question = { to: 'sip:5000@127.0.0.1', diversion: 'sip:5101@pbx.contoso.com' };
  const clients = [await udpClient(ports.udp), await tcpClient(ports.tcp)];
  for (const [server, port] of [
    ['MBX2', 5262],
    ['MBX1', 5162],
  ] as const) {
    await usher.cli('database', 'activate', 'DB1', '--to', server);
    for (const client of clients) {
      expect(contactOf(await call(client, question))).toStrictEqual([302, `sip:5000@127.0.0.1:${port};transport=tcp`]);
    }
  }
});

test('a gateway is one as soon as it is made, and none as soon as it is gone', async () => {
  const question = { to: 'sip:5000@127.0.0.1', diversion: 'sip:5102@pbx.contoso.com' };
  const client = await udpClient(ports.udp, '127.0.0.4');
  const codes = [(await call(client, question)).code];
  await usher.cli('gateway', 'create', 'GWNEW', '--address', '127.0.0.4');
  client.send(requestText('OPTIONS'));
  codes.push((await client.next()).code);
  await usher.cli('hunt-group', 'create', 'HGNEW', '--gateway', 'GWNEW', '--dial-plan', 'DP1', '--pilot', '5000');
  codes.push((await call(client, question)).code);
  await usher.cli('gateway', 'update', 'GWNEW', '--set', 'enabled=false');
  codes.push((await call(client, question)).code);
  await usher.cli('hunt-group', 'delete', 'HGNEW');
  await usher.cli('gateway', 'delete', 'GWNEW');
  codes.push((await call(client, question)).code);
  expect(codes).toStrictEqual([403, 200, 302, 403, 403]);
});

test('a gateway that is given by name is known by the addresses of the name', async () => {
  const question = { to: 'sip:5102@127.0.0.1' };
  const client = await tcpClient(ports.tcp);
  await usher.cli('gateway', 'update', 'GW1', '--set', 'address=10.9.9.9');
  expect((await call(client, question)).code).toBe(403);
  await usher.cli('gateway', 'update', 'GW1', '--set', 'address=localhost');
  // The name is looked up behind the command.
  await until('the gateway to be known', async () => (await call(client, question)).code === 302);
  await usher.cli('gateway', 'update', 'GW1', '--set', 'address=127.0.0.1');
  expect((await call(client, question)).code).toBe(302);
});

test.each(['draining', 'inactive'])(
  'a call router that is %s says so to those who ask and to those who call',
  async (state) => {
    const set = (components: readonly object[]) =>
      usher.cli('server', 'update', 'CAS1', '--set', `components=${JSON.stringify(components)}`);
    const client = await udpClient(ports.udp);
    const codes = async (): Promise<number[]> => {
      client.send(requestText('OPTIONS'));
      const { code } = await client.next();
      return [code, (await call(client, { to: 'sip:5102@127.0.0.1' })).code];
    };
    await set([{ component: 'call-router', requester: 'maintenance', state }]);
    try {
      expect(await codes()).toStrictEqual([503, 503]);
    } finally {
      await set([]);
    }
    expect(await codes()).toStrictEqual([200, 302]);
  },
);

const questions: readonly Question[] = [
  { to: 'sip:5000@127.0.0.1', diversion: 'sip:5101@pbx.contoso.com' },
  { to: 'sip:5000@127.0.0.1', diversion: 'tel:5102' },
  { to: 'sip:5000@127.0.0.1' },
  { to: 'sip:5101@127.0.0.1' },
  { to: 'sip:5102;phone-context=x@127.0.0.1:5060;transport=udp' },
  { to: 'tel:5102' },
  { to: 'sips:5101@127.0.0.1' },
  { to: 'sip:5104@127.0.0.1' },
  { to: 'sip:51@127.0.0.1' },
  { to: 'sip:127.0.0.1' },
  { to: 'sip:6000@127.0.0.1' },
  { to: 'sip:7000@127.0.0.1', diversion: 'sip:bob@contoso.com' },
  { to: 'sip:7000@127.0.0.1', diversion: 'sip:all@contoso.com' },
  { to: 'sip:8000@127.0.0.1', diversion: 'tel:+49-30-5103' },
  { to: 'sip:8000@127.0.0.1', diversion: 'sip:+49305103@pbx.contoso.com;user=phone' },
  { to: 'sip:%35101@127.0.0.1' },
  { to: 'sip:5000@127.0.0.1', diversion: 'sip:5101@pbx.contoso.com', from: '127.0.0.2' },
  { to: 'sip:5000@127.0.0.1', diversion: 'sip:5101@pbx.contoso.com', from: '127.0.0.3' },
  { to: 'sip:5000@127.0.0.1', diversion: 'sip:5101@pbx.contoso.com', from: '127.0.0.9' },
];

test.each(questions)(
  '"test routing call" says of $to, diverted by $diversion, from $from what the wire says',
  async (question) => {
    const { to, diversion, from = '127.0.0.1' } = question;
    const client = await udpClient(ports.udp, from);
    const diverted = diversion === undefined ? [] : ['--diversion', diversion];
    const { reply, location, targets } = await usher.route('call', '--to', to, ...diverted, '--from-ip', from);
    const answer = await call(client, question);
    expect([answer.code, answer.text.split(/[\r\n]/)[0]]).toStrictEqual([
      reply?.code,
      `SIP/2.0 ${reply?.code} ${reply?.text}`,
    ]);
    const possible = targets.map(({ host, port }) => location?.replace(/@.*;/, `@${host}:${port};`));
    if (location === null) expect(contactOf(answer)[1]).toBeNull();
    else expect(possible).toContain(contactOf(answer)[1]);
  },
);

test('connections of gateways are among the sessions, and a stop waits for none of them long', async () => {
  const clients = [await tcpClient(ports.tcp), await tcpClient(ports.tcp)];
  for (const client of clients) await call(client, { to: 'sip:5102@127.0.0.1' });
  const sessions = JSON.parse(await usher.cli('sessions', 'list', '--json')) as readonly object[];
  const own = { protocol: 'sip', user: null, server: null };
  expect(sessions).toMatchObject(clients.map(() => own));
  const startMs = performance.now();
  await usher.cli('stop');
  await Promise.all(clients.map((client) => client.closed()));
  expect(performance.now() - startMs).toBeLessThan(10_000);
  await usher.cli('start');
  expect((await call(await udpClient(ports.udp), { to: 'sip:5102@127.0.0.1' })).code).toBe(302);
});

test('"track call" tells what became of a call, and by which rules', async () => {
  const client = await tcpClient(ports.tcp);
  const to = 'sip:5000@127.0.0.1';
  await call(client, { to, diversion: 'sip:5101@tracked.contoso.com' });
  await call(client, { to, diversion: 'sip:5998@tracked.contoso.com' });
  const told = async (...words: string[]): Promise<readonly CallRecord[]> =>
    JSON.parse(await usher.cli('track', 'call', ...words, '--json')) as readonly CallRecord[];
  await until('both records', async () => (await told('--callee', '5998')).length === 1);
  const [moved] = await told('--callee', '5101@tracked.contoso.com');
  expect(moved).toMatchObject({
    frontEnd: 'CAS1',
    listener: 'SIP',
    transport: 'tcp',
    client: '127.0.0.1',
    clientPort: client.port,
    diversion: 'sip:5101@tracked.contoso.com',
    status: 302,
    server: 'MBX1',
    contact: 'sip:5000@127.0.0.1:5162;transport=tcp',
  });
  const { trace } = await usher.route('call', '--to', to, '--diversion', 'sip:5101@x', '--from-ip', '127.0.0.1');
  expect(moved?.trace).toStrictEqual(trace);
  expect(await told('--callee', '5998', '--status', '404')).toMatchObject([{ reason: 'unknown-callee', server: null }]);
});

describePeer('sipp', 'gateways that call meanwhile', () => {
  test('no call is lost while databases move and gateways come', async () => {
    const calling = runSipp({
      port: ports.udp,
      transport: 'udp',
      calls: 600,
      rate: 100,
      uri: 'sip:5000@127.0.0.1',
      fields: { Diversion: '<sip:5101@pbx.contoso.com>' },
      status: 302,
    });
    for (const server of ['MBX2', 'MBX1', 'MBX2', 'MBX1']) {
      await usher.cli('database', 'activate', 'DB1', '--to', server);
      await usher.cli('gateway', 'create', `GW-${server}`, '--address', '127.0.0.5', '--if-missing');
    }
    const { contacts, ...result } = await calling;
    expect(result).toMatchObject({ succeeded: 600, failed: 0, errors: [] });
    expect(contacts.filter((contact) => /@127\.0\.0\.1:5[12]62;/.test(contact))).toHaveLength(600);
  });
});
