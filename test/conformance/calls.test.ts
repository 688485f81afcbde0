import { Buffer } from 'node:buffer';
import { createSocket } from 'node:dgram';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  type Answer,
  following,
  requestText,
  type SipClient,
  tcpClient,
  udpClient,
} from '../session/sip/sip-client.js';
import { freePorts } from '../support/free-port.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';

interface Estate {
  readonly servers: readonly { readonly name: string }[];
}

const estate = JSON.parse(readFileSync(new URL('./estates/T12.json', import.meta.url), 'utf8')) as Estate;
const body = 'v=0\r\no=pbx 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0\r\n';

let usher: Usher;
let [tcp, udp, mailbox, gateway] = [0, 0, 0, 0];

/** T12 on this machine: its gateway is 127.0.0.1, its mailbox servers have a port of ours. */
beforeAll(async () => {
  [tcp = 0, udp = 0, mailbox = 0, gateway = 0] = await freePorts(4);
  usher = await startUsher({
    ...estate,
    servers: estate.servers.map((server) =>
      server.name === 'CAS1' ? server : { ...server, host: '127.0.0.1', endpoints: { sip: mailbox } },
    ),
    listeners: [
      { name: 'SIP', protocol: 'sip', bind: `127.0.0.1:${tcp}`, tls: 'none' },
      { name: 'SIPU', protocol: 'sip', bind: `127.0.0.1:${udp}`, transport: 'udp' },
    ],
    callGateways: [{ name: 'GW1', address: '127.0.0.1', port: gateway, transport: 'udp', probe: '0s' }],
  });
});
afterAll(() => usher?.stop());

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const bothWays = async (address?: string): Promise<SipClient[]> => [
  await tcpClient(tcp, address),
  await udpClient(udp, address),
];

async function call(client: SipClient, invite: string): Promise<Answer> {
  client.send(invite);
  const answer = await client.final();
  client.send(following('ACK', invite, answer.field('To')));
  return answer;
}

const diverted = (): string => requestText('INVITE', { Diversion: '<sip:5101@127.0.0.1>' }, { body });

/** The UDP ports that a process has open. */
function udpPortsOf(pid: number): number[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw error;
      }
    }),
  );
  const lines = ['udp', 'udp6'].flatMap((table) => readFileSync(`/proc/net/${table}`, 'utf8').split('\n').slice(1));
  const fields = lines.map((line) => line.trim().split(/\s+/));
  return fields.flatMap(([, local = '', , , , , , , , inode = '']) =>
    inodes.has(inode) ? [Number.parseInt(local.split(':')[1] ?? '', 16)] : [],
  );
}

test('U04 the session description goes to the mailbox server as it is; the front end opens no media port', async () => {
  const taken: Buffer[] = [];
  const server = createServer((socket) => socket.on('data', (bytes) => taken.push(bytes)));
  server.listen(mailbox, '127.0.0.1');
  cleanups.push(() => server.close());
  const { pid } = JSON.parse(await usher.cli('status', '--json')) as { pid: number };
  for (const client of await bothWays()) {
    const invite = diverted();
    const answer = await call(client, invite);
    expect([answer.code, answer.text.split('\r\n\r\n')[1]]).toStrictEqual([302, '']);
    const [, host, port] = /^<sip:5000@(.*):(\d+);transport=tcp>$/.exec(answer.field('Contact') ?? '') ?? [];
    expect([host, port]).toStrictEqual(['127.0.0.1', String(mailbox)]);
    taken.length = 0;
    const onward = await tcpClient(Number(port));
    onward.send(invite);
    await until('the call', () => Buffer.concat(taken).includes('m=audio'));
    expect(Buffer.concat(taken).toString('latin1').split('\r\n\r\n')[1]).toBe(body);
    onward.socket.destroy();
    if (process.platform === 'linux') expect(udpPortsOf(pid)).toStrictEqual([udp]);
  }
});

test('U05 an INVITE from an address that is no gateway is refused, and has no Contact', async () => {
  for (const client of await bothWays('127.0.0.200')) {
    const answer = await call(client, diverted());
    expect([answer.code, answer.field('Contact')]).toStrictEqual([403, undefined]);
  }
});

test('U10 OPTIONS from the gateway: 200', async () => {
  for (const client of await bothWays()) {
    client.send(requestText('OPTIONS'));
    expect((await client.next()).code).toBe(200);
  }
});

test('U10 the front end asks its gateways the same', async () => {
  const socket = createSocket('udp4');
  cleanups.push(() => socket.close());
  const asked: string[] = [];
  socket.on('message', (bytes, { address, port }) => {
    const request = bytes.toString('latin1');
    asked.push(request);
    const repeated = request.match(/^(?:Via|From|To|Call-ID|CSeq): .*$/gm) ?? [];
    socket.send(`SIP/2.0 200 OK\r\n${repeated.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`, port, address);
  });
  socket.bind(gateway, '127.0.0.1');
  await usher.cli('gateway', 'update', 'GW1', '--set', 'probe=1s');
  await until('two questions', () => asked.length >= 2);
  await usher.cli('gateway', 'update', 'GW1', '--set', 'probe=0s');
  for (const request of asked) {
    expect(request).toMatch(/^OPTIONS sips?:\S+ SIP\/2\.0\r\n/);
    for (const name of ['Via', 'From', 'To', 'Call-ID', 'CSeq', 'Max-Forwards'])
      expect(request).toContain(`\r\n${name}: `);
  }
  expect(new Set(asked.map((request) => /^Call-ID: (.*)$/m.exec(request)?.[1])).size).toBe(asked.length);
});

test('U11 a new gateway is accepted at once', async () => {
  const clients = await bothWays('127.0.0.201');
  for (const client of clients) expect((await call(client, diverted())).code).toBe(403);
  await usher.cli('gateway', 'create', 'GW2', '--address', '127.0.0.201');
  await usher.cli('hunt-group', 'create', 'HG2', '--gateway', 'GW2', '--dial-plan', 'DP1', '--pilot', '5000');
  for (const client of clients) expect((await call(client, diverted())).code).toBe(302);
});
