import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { type RawClient, rawClient, startTwoServers, type TwoServers } from './two-servers.js';

let servers: TwoServers;

beforeAll(async () => {
  servers = await startTwoServers();
});

afterAll(async () => {
  await servers.stop();
});

beforeEach(() => {
  const mailbox = servers.store.open('DB1', 'ann@contoso.com');
  mailbox.remove(new Set(mailbox.messages.map(({ uid }) => uid)));
  mailbox.append(Buffer.from('Subject: one\r\n\r\n.dot\r\nline 2\r\nline 3'));
  mailbox.append(Buffer.from('Subject: two\r\n\r\n'));
});

async function talk(port: number, ...lines: string[]): Promise<RawClient> {
  const client = await rawClient(port);
  client.send(lines.map((line) => `${line}\r\n`).join(''));
  return client;
}

const signIn = ['USER ann@contoso.com', 'PASS secret-1'];

test('a session from greeting to QUIT, pipelined', async () => {
  const client = await talk(
    servers.mbx1.ports.pop,
    'CAPA',
    ...signIn,
    'STAT',
    'LIST',
    'LIST 2',
    'RETR 1',
    'TOP 1 1',
    'DELE 2',
    'LIST',
    'RSET',
    'DELE 1',
    'DELE 1',
    'NOOP',
    'QUIT',
  );
  await client.closed();
  const mailbox = servers.store.open('DB1', 'ann@contoso.com');
  const responses = [
    '+OK MBX1 POP3 ready',
    '+OK|USER|SASL PLAIN|TOP|UIDL|RESP-CODES|AUTH-RESP-CODE|PIPELINING|IMPLEMENTATION usher-demo MBX1|.',
    '+OK password, please',
    '+OK ann@contoso.com signed in on MBX1, 2 messages',
    '+OK 2 52',
    '+OK|1 36|2 16|.',
    '+OK 2 16',
    '+OK 36 octets|Subject: one||..dot|line 2|line 3|.',
    '+OK 22 octets|Subject: one||..dot|.',
    '+OK deleted at QUIT',
    '+OK|1 36|.',
    '+OK nothing is deleted',
    '+OK deleted at QUIT',
    '-ERR no such message',
    '+OK',
    '+OK bye',
    '',
  ];
  expect(client.received().replaceAll('\r\n', '|')).toBe(responses.join('|'));
  expect(mailbox.messages.map(({ raw }) => raw.toString())).toEqual(['Subject: two\r\n\r\n']);
});

test('UIDL names stay the same over sessions, and a cut session deletes nothing', async () => {
  const first = await talk(servers.mbx1.ports.pop, ...signIn, 'UIDL', 'DELE 1');
  await first.until(/deleted at QUIT/);
  first.socket.destroy();
  const second = await talk(servers.mbx1.ports.pop, ...signIn, 'UIDL', 'UIDL 2', 'QUIT');
  await second.closed();
  const listing = /\+OK\r\n(1 \S+)\r\n(2 \S+)\r\n\.\r\n/;
  expect(listing.exec(second.received())?.[1]).toBe(listing.exec(first.received())?.[1]);
  expect(second.received()).toContain(`+OK ${listing.exec(second.received())?.[2] ?? 'missing'}\r\n`);
});

test('AUTH PLAIN with and without an initial response', async () => {
  const response = Buffer.from('\0ann@contoso.com\0secret-1').toString('base64');
  const direct = await talk(servers.mbx1.ports.pop, `AUTH PLAIN ${response}`, 'QUIT');
  expect(await direct.closed()).toMatch(/signed in on MBX1, 2 messages\r\n\+OK bye\r\n$/);
  const stepwise = await talk(servers.mbx1.ports.pop, 'AUTH', 'AUTH PLAIN', '*', 'AUTH PLAIN', response);
  const prompted = /\+OK\r\nPLAIN\r\n\.\r\n\+ \r\n-ERR cancelled\r\n\+ \r\n\+OK ann@contoso\.com signed in/;
  expect(await stepwise.until(prompted)).toMatch(/signed in on MBX1/);
  stepwise.socket.destroy();
});

test('the wrong password, the wrong server and a failover in the middle', async () => {
  const wrong = await talk(servers.mbx1.ports.pop, 'USER ann@contoso.com', 'PASS no', ...signIn);
  await wrong.until(/-ERR \[AUTH\] wrong.*signed in on MBX1/s);
  servers.active.set('DB1', 'MBX2');
  wrong.send('DELE 1\r\n');
  expect(await wrong.closed()).toMatch(/-ERR \[SYS\/TEMP\] mailbox is active on another server/);
  const old = await talk(servers.mbx1.ports.pop, ...signIn);
  await old.until(/-ERR \[SYS\/TEMP\]/);
  old.socket.destroy();
  const now = await talk(servers.mbx2.ports.pop, ...signIn, 'STAT');
  await now.until(/signed in on MBX2, 2 messages\r\n\+OK 2 52/);
  now.socket.destroy();
  servers.active.set('DB1', 'MBX1');
});

test('guesses, bad commands and long lines have an end', async () => {
  const guesser = await talk(servers.mbx1.ports.pop, ...Array.from({ length: 4 }, () => ['USER a', 'PASS b']).flat());
  expect(await guesser.closed()).toMatch(/-ERR \[AUTH\] too many failed logins/);
  const bad = await talk(servers.mbx1.ports.pop, ...Array.from({ length: 12 }, () => 'RETR 1'));
  expect(await bad.closed()).toMatch(/-ERR too many bad commands/);
  const long = await talk(servers.mbx1.ports.pop, 'x'.repeat(20_000));
  expect(await long.closed()).toMatch(/-ERR line too long/);
});
