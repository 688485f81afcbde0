import { beforeAll, describe, expect, test } from 'vitest';
import { makeCertificate } from '../../net/make-certificate.js';
import { until } from '../../support/until.js';
import { deadServer, doorParts, scratchFile, timed } from './door-parts.js';
import type { DoorSetting, DoorUnderTest } from './door-under-test.js';
import type { Script, ScriptedServer } from './scripted-server.js';
import { askAll, codesOf, greet, type SmtpClient, secure, secureClient } from './smtp-client.js';

const parts = doorParts();
const ca = scratchFile('ca.pem');
let certificate: { key: string; cert: string };

beforeAll(async () => {
  certificate = await makeCertificate(['front.contoso.com', 'mbx1.contoso.com'], true);
  ca.write(certificate.cert);
});

const password = 'c0rrect-Horse';
const token = 'ya29.secret-token';
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const plainOf = (user: string, word = password): string => base64(`\0${user}\0${word}`);
const ann = 'ann@contoso.com';
const xoauth2 = base64(`user=${ann}\x01auth=Bearer ${token}\x01\x01`);
const oauthBearer = base64(`n,a=${ann},\x01host=mail\x01auth=Bearer ${token}\x01\x01`);
const rights = ['ann', 'ann@contoso.com', 'bob@contoso.com', 'account@contoso.com'].map((user) => plainOf(user));

/** The submission endpoint of a mailbox server, which knows these users and one token. */
const checking: Script = {
  capabilities: ['PIPELINING', '8BITMIME', 'AUTH PLAIN XOAUTH2 OAUTHBEARER'],
  answer(line) {
    if (line === 'AQ==' || line === '') return line === '' ? undefined : '535 5.7.8 bad token';
    const [, mechanism, response = ''] = /^AUTH (\S+) ?(.*)$/.exec(line) ?? [];
    if (mechanism === undefined) return undefined;
    const isRight = mechanism === 'PLAIN' ? rights.includes(response) : [xoauth2, oauthBearer].includes(response);
    return isRight ? '235 2.7.0 welcome' : `535 5.7.8 ${Buffer.from(response, 'base64').toString('latin1')} is wrong`;
  },
};

const forUsers = { auth: ['tls', 'basic', 'basic-require-tls'], permissionGroups: ['users'], protocolLog: true };
const twoServers = {
  databases: [
    { name: 'DB1', copies: ['MBX1'] },
    { name: 'DB2', copies: ['MBX2'] },
  ],
  mailboxes: [
    { address: ann, aliases: ['annie@contoso.com'], database: 'DB1' },
    { address: 'bob@contoso.com', database: 'DB2' },
  ],
};

async function openDoor(servers: readonly { port: number }[], setting: DoorSetting = {}): Promise<DoorUnderTest> {
  const { connector, ...others } = setting;
  return parts.doorTo(servers, {
    certificate,
    submission: { tls: 'starttls', verify: true, ca: ca.path, serverName: 'mbx1.contoso.com' },
    connector: { ...forUsers, ...connector },
    ...others,
  });
}

const server = (script: Script = {}): Promise<ScriptedServer> => parts.server({ ...checking, certificate, ...script });

/** A client that speaks TLS and has said EHLO. */
async function secureAt(door: DoorUnderTest, channel: 'STARTTLS' | 'implicit TLS' = 'STARTTLS'): Promise<SmtpClient> {
  if (channel === 'STARTTLS') return parts.keep(await secure(await parts.client(door)));
  const client = parts.keep(await secureClient({ port: door.port }, 'front.contoso.com'));
  await greet(client);
  return client;
}

async function loggedOn(door: DoorUnderTest, user = ann): Promise<SmtpClient> {
  const client = await secureAt(door);
  const reply = await client.ask(`AUTH PLAIN ${plainOf(user)}`);
  if (!reply?.startsWith('235')) throw new Error(`AUTH was answered ${reply}`);
  return client;
}

const message = (from: string, to: string): string[] => [
  `MAIL FROM:<${from}>`,
  `RCPT TO:<${to}>`,
  'DATA',
  'Subject: x\r\n\r\nhello\r\n.',
];
const taken = ['250 2.1.0', '250 2.1.5', '354', '250 2.6.0'];

/** Everything a test's door has written down. */
const written = ({ log, tracked, protocol }: DoorUnderTest): string => JSON.stringify([log, tracked, protocol]);

function expectNoSecrets(door: DoorUnderTest): void {
  const text = written(door);
  expect(text.length).toBeGreaterThan(500);
  const secrets = [password, token, base64(password), base64(token), plainOf(ann), xoauth2, oauthBearer];
  for (const secret of secrets) expect(text).not.toContain(secret.replaceAll('=', ''));
  // A part of a base64 text, wherever it was cut.
  expect(text).not.toContain(base64(`${password}xx`).slice(4, 12));
}

const exchanges: ReadonlyArray<readonly [name: string, lines: readonly string[], codes: readonly string[]]> = [
  ['PLAIN', [`AUTH PLAIN ${plainOf(ann)}`], ['235 2.7.0']],
  ['PLAIN in two lines', ['AUTH PLAIN', plainOf(ann)], ['334', '235 2.7.0']],
  ['LOGIN', ['AUTH LOGIN', base64(ann), base64(password)], ['334', '334', '235 2.7.0']],
  ['LOGIN with the user in its first line', [`auth login ${base64(ann)}`, base64(password)], ['334', '235 2.7.0']],
  ['XOAUTH2', [`AUTH XOAUTH2 ${xoauth2}`], ['235 2.7.0']],
  ['XOAUTH2 in two lines', ['AUTH XOAUTH2', xoauth2], ['334', '235 2.7.0']],
  ['OAUTHBEARER', [`AUTH OAUTHBEARER ${oauthBearer}`], ['235 2.7.0']],
  [
    'a second try after a cancelled one',
    ['AUTH LOGIN', '*', `AUTH PLAIN ${plainOf(ann)}`],
    ['334', '501 5.7.0', '235 2.7.0'],
  ],
];

describe.each(['STARTTLS', 'implicit TLS'] as const)('over %s', (channel) => {
  const connector = { implicitTls: channel === 'implicit TLS' };

  test.each(exchanges)("%s: the message goes to the sender's server, whoever gets it", async (_name, lines, codes) => {
    const [mbx, other] = [await server(), await server()];
    const door = await openDoor([mbx, other], { connector, estate: twoServers });
    const client = await secureAt(door, channel);
    expect(codesOf(await askAll(client, lines))).toEqual(codes);
    expect(codesOf(await askAll(client, message(ann, 'bob@contoso.com')))).toEqual(taken);
    expect(mbx.messages.map(({ to }) => to)).toEqual([['bob@contoso.com']]);
    expect(mbx.messages[0]?.data).toMatch(/ with ESMTPSA id .*\r\n\t\(connector "Inbound"; TLSv1\.3 /);
    expect([mbx.secured, other.connections()]).toEqual([[true], 0]);
    expect(door.tracked).toMatchObject([{ user: ann, server: 'MBX1', outcome: 'accepted', tls: 'TLSv1.3' }]);
    expect(door.sessions.list()).toMatchObject([{ user: ann, server: 'MBX1' }]);
    expectNoSecrets(door);
  });
});

describe('who is logged on', () => {
  test('sends several messages, to anybody, over the one connection that took the credentials', async () => {
    const mbx = await server();
    const door = await openDoor([mbx]);
    const client = await loggedOn(door);
    for (const to of ['tom@elsewhere.example', 'bob@contoso.com', 'tim@elsewhere.example']) {
      expect(codesOf(await askAll(client, message(ann, to)))).toEqual(taken);
    }
    expect([mbx.connections(), mbx.messages.length]).toEqual([1, 3]);
    expect(mbx.commands.filter((line) => line.startsWith('AUTH'))).toHaveLength(1);
    client.write('QUIT\r\n');
    expect(codesOf(await client.rest())).toEqual(['221 2.0.0']);
    await until('goodbye', () => mbx.commands.at(-1) === 'QUIT' && mbx.sockets.size === 0);
  });

  test('may give a message up between two others', async () => {
    const mbx = await server();
    const door = await openDoor([mbx]);
    const client = await loggedOn(door);
    await askAll(client, [`MAIL FROM:<${ann}>`, 'RCPT TO:<bob@contoso.com>', 'RSET']);
    expect(codesOf(await askAll(client, message(ann, 'bob@contoso.com')))).toEqual(taken);
    expect([mbx.connections(), mbx.messages.length]).toEqual([1, 1]);
  });

  test.each([
    [ann, '250 2.1.0'],
    ['annie@contoso.com', '250 2.1.0'],
    ['', '250 2.1.0'],
    ['bob@contoso.com', '550 5.7.1'],
    ['ann@elsewhere.example', '550 5.7.1'],
  ])('as %j: %s', async (from, code) => {
    const [mbx, other] = [await server(), await server()];
    const door = await openDoor([mbx, other], { estate: twoServers });
    const client = await loggedOn(door);
    expect(codesOf([await client.ask(`MAIL FROM:<${from}>`)])).toEqual([code]);
    if (code.startsWith('5')) expect(door.tracked).toMatchObject([{ user: ann, from, outcome: 'refused' }]);
  });

  test('by a name that the default domain completes is the same user', async () => {
    const mbx = await server();
    const door = await openDoor([mbx], { estate: { organization: [{ defaultDomain: 'contoso.com' }] } });
    const client = await loggedOn(door, 'ann');
    expect(codesOf([await client.ask('MAIL FROM:<bob@contoso.com>')])).toEqual(['550 5.7.1']);
    expect(codesOf(await askAll(client, message(ann, 'bob@contoso.com')))).toEqual(taken);
  });

  test('without a mailbox sends through the server of the arbitration database, as itself', async () => {
    const [first, arbitration] = [await server(), await server()];
    const organization = [{ arbitrationDatabase: 'DB2' }];
    const door = await openDoor([first, arbitration], { estate: { ...twoServers, organization } });
    const client = await loggedOn(door, 'account@contoso.com');
    expect(codesOf([await client.ask(`MAIL FROM:<${ann}>`)])).toEqual(['550 5.7.1']);
    expect(codesOf(await askAll(client, message('account@contoso.com', ann)))).toEqual(taken);
    expect([first.connections(), arbitration.messages.length]).toEqual([0, 1]);
  });

  test('meets neither the filters nor the tarpit', async () => {
    const mbx = await server();
    const filters = [
      { ipBlock: [{ range: '127.0.0.0/8' }], senders: { blocked: [ann] }, recipients: { blocked: [ann] } },
    ];
    const door = await openDoor([mbx], {
      connector: { tarpit: '5s', rejectReservedDomains: true },
      estate: { filters },
    });
    const client = await loggedOn(door);
    await client.ask(`MAIL FROM:<${ann}>`);
    const { value, tookMs } = await timed(client.ask('RCPT TO:<tom@host.test>'));
    expect(codesOf([value])).toEqual(['550 5.1.4']);
    expect(tookMs).toBeLessThan(2000);
    expect(codesOf([await client.ask(`RCPT TO:<${ann}>`)])).toEqual(['250 2.1.5']);
  });

  test('may send so many messages a minute, and others as many', async () => {
    const mbx = await server();
    const door = await openDoor([mbx], { connector: { messagesPerMinute: 5 }, nowMs: () => 1_000_000 });
    const client = await loggedOn(door);
    for (let sent = 0; sent < 5; sent += 1) {
      expect(codesOf(await askAll(client, message(ann, 'bob@contoso.com')))).toEqual(taken);
    }
    const again = await loggedOn(door);
    for (const session of [client, client, again]) {
      expect(codesOf([await session.ask(`MAIL FROM:<${ann}>`)])).toEqual(['451 4.7.1']);
    }
    const bob = await loggedOn(door, 'bob@contoso.com');
    expect(codesOf(await askAll(bob, message('bob@contoso.com', ann)))).toEqual(taken);
  });

  test('is told 421 when the server has closed the connection between two messages', async () => {
    const mbx = await server();
    const door = await openDoor([mbx]);
    const client = await loggedOn(door);
    expect(codesOf(await askAll(client, message(ann, 'bob@contoso.com')))).toEqual(taken);
    for (const socket of mbx.sockets) socket.destroy();
    await until('the server is gone', () => mbx.sockets.size === 0);
    await askAll(client, [`MAIL FROM:<${ann}>`, 'RCPT TO:<bob@contoso.com>']);
    expect(await client.ask('DATA')).toMatch(/^421 4\.3\.2 .*connect again/);
    expect(await client.rest()).toEqual([]);
    expect([mbx.messages.length, mbx.connections()]).toEqual([1, 1]);
    expect(door.tracked.map(({ outcome }) => outcome)).toEqual(['accepted', 'deferred']);
  });

  test('hears what its server says of a sender or a recipient, and goes on', async () => {
    let sender = '';
    const mbx = await server({
      answer(line) {
        if (line.startsWith('MAIL')) sender = line;
        const isRefused = sender.includes('annie');
        if (isRefused && line.startsWith('MAIL')) return '550 5.7.60 not as annie';
        if (isRefused && /^(?:RCPT|DATA)/.test(line)) return '503 5.5.1 no sender';
        return line.includes('tom@') ? '550 5.1.1 no tom' : checking.answer?.(line);
      },
    });
    const door = await openDoor([mbx, await server()], { estate: twoServers });
    const client = await loggedOn(door);
    await client.ask(`MAIL FROM:<${ann}>`);
    expect(await client.ask('RCPT TO:<tom@elsewhere.example>')).toBe('550 5.1.1 no tom');
    await client.ask('RSET');
    await askAll(client, ['MAIL FROM:<annie@contoso.com>', 'RCPT TO:<bob@contoso.com>']);
    expect(await client.ask('DATA')).toBe('550 5.7.60 not as annie');
    await client.ask('RSET');
    expect(codesOf(await askAll(client, message(ann, 'bob@contoso.com')))).toEqual(taken);
    expect(mbx.connections()).toBe(1);
  });

  test('and goes away leaves no connection to the server', async () => {
    const mbx = await server();
    const door = await openDoor([mbx]);
    for (const lines of [[], [`MAIL FROM:<${ann}>`, 'RCPT TO:<bob@contoso.com>'], message(ann, ann).slice(0, 3)]) {
      const client = await loggedOn(door);
      await askAll(client, lines);
      client.socket.destroy();
      await until('nobody is left', () => mbx.sockets.size === 0 && door.open() === 0);
    }
    expect(mbx.messages).toEqual([]);
  });
});

describe('a logon that fails', () => {
  test.each([
    ['a wrong password', plainOf(ann, 'wr0ng-Password')],
    ['an unknown user', plainOf('nobody@contoso.com')],
    ['no user', plainOf(' ')],
  ])('%s: 535 after the tarpit, in our words', async (_what, response) => {
    const mbx = await server();
    const door = await openDoor([mbx], { connector: { tarpit: '300ms' } });
    const client = await secureAt(door);
    const { value, tookMs } = await timed(client.ask(`AUTH PLAIN ${response}`));
    expect(value).toBe('535 5.7.8 Authentication credentials invalid');
    expect(tookMs).toBeGreaterThan(290);
    expect(codesOf([await client.ask(`MAIL FROM:<${ann}>`)])).toEqual(['530 5.7.1']);
    expectNoSecrets(door);
    expect(written(door)).not.toContain('wr0ng');
    await until('the server is let go', () => mbx.sockets.size === 0);
  });

  test('three times ends the connection', async () => {
    const door = await openDoor([await server()]);
    const client = await secureAt(door);
    const replies = await askAll(client, Array<string>(3).fill(`AUTH PLAIN ${plainOf(ann, 'x')}`));
    expect(codesOf(replies)).toEqual(Array<string>(3).fill('535 5.7.8'));
    expect(await client.rest()).toEqual([]);
    await until('nobody is left', () => door.open() === 0);
  });

  test('as often as the client likes where there is no limit', async () => {
    const door = await openDoor([await server()], { connector: { maxLogonFailures: 0 } });
    const client = await secureAt(door);
    const replies = await askAll(client, Array<string>(10).fill(`AUTH PLAIN ${plainOf(ann, 'x')}`));
    expect(codesOf(replies)).toEqual(Array<string>(10).fill('535 5.7.8'));
    expect(codesOf(await askAll(client, [`AUTH PLAIN ${plainOf(ann)}`, ...message(ann, ann)]))).toEqual([
      '235 2.7.0',
      ...taken,
    ]);
  });

  test.each([
    ['is down', null],
    ['cannot say', '454 4.7.0 c0rrect-Horse cannot be checked'],
    ['drops the connection', 'drop'],
  ] as const)('because the server %s: 454', async (_how, answer) => {
    const script = { answer: (line: string) => (line.startsWith('AUTH') ? (answer ?? undefined) : undefined) };
    const door = await openDoor([answer === null ? await deadServer() : await server(script)]);
    const client = await secureAt(door);
    expect(await client.ask(`AUTH PLAIN ${plainOf(ann)}`)).toBe('454 4.7.0 Temporary authentication failure');
    expectNoSecrets(door);
  });

  test('because the server shows another certificate: 454, and it is never told the password', async () => {
    const mbx = await server({ certificate: await makeCertificate(['elsewhere.example'], true) });
    const door = await openDoor([mbx]);
    const client = await secureAt(door);
    expect(codesOf([await client.ask(`AUTH PLAIN ${plainOf(ann)}`)])).toEqual(['454 4.7.0']);
    expect(mbx.commands.filter((line) => line.startsWith('AUTH'))).toEqual([]);
  });

  test('because it makes no sense: 501, and no server is asked', async () => {
    const mbx = await server();
    const door = await openDoor([mbx]);
    const client = await secureAt(door);
    const lines = [`AUTH PLAIN ${base64('no nul')}`, 'AUTH PLAIN ***', 'AUTH XOAUTH2 eA==', 'AUTH LOGIN'];
    expect(codesOf(await askAll(client, [...lines, password]))).toEqual([
      '501 5.5.2',
      '501 5.5.2',
      '501 5.5.2',
      '334',
      '501 5.5.2',
    ]);
    expect(mbx.connections()).toBe(0);
    expectNoSecrets(door);
  });
});

describe('where AUTH is offered', () => {
  test('not before TLS where the connector says so, and then nobody hears what was sent', async () => {
    const mbx = await server();
    const door = await openDoor([mbx]);
    const client = await parts.client(door);
    expect(await client.ask('EHLO c')).not.toContain('AUTH');
    const replies = await askAll(client, [`AUTH PLAIN ${plainOf(ann)}`, 'AUTH LOGIN', base64(ann), base64(password)]);
    expect(codesOf(replies)).toEqual(['538 5.7.11', '538 5.7.11', '500 5.3.3', '500 5.3.3']);
    expectNoSecrets(door);
    const secured = parts.keep(await secure(client));
    expect(await secured.ask('EHLO c')).toMatch(/^250[- ]AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER$/m);
    expect(mbx.connections()).toBe(0);
  });

  test('in the clear where the connector allows it', async () => {
    const mbx = await server();
    const door = await openDoor([mbx], { connector: { auth: ['basic'] } });
    const client = await parts.client(door);
    expect(await client.ask('EHLO c')).toMatch(/^250[- ]AUTH /m);
    const replies = await askAll(client, [`AUTH PLAIN ${plainOf(ann)}`, ...message(ann, 'bob@contoso.com')]);
    expect(codesOf(replies)).toEqual(['235 2.7.0', ...taken]);
    expect(mbx.messages[0]?.data).toContain(' with ESMTPA id ');
  });

  test('once: a second AUTH and one within a message are out of order', async () => {
    const door = await openDoor([await server()], { connector: { permissionGroups: ['users', 'anonymous'] } });
    const early = await secureAt(door);
    const replies = await askAll(early, ['MAIL FROM:<>', `AUTH PLAIN ${plainOf(ann)}`]);
    expect(codesOf(replies)).toEqual(['250 2.1.0', '503 5.5.1']);
    const client = await loggedOn(door);
    expect(codesOf([await client.ask(`AUTH PLAIN ${plainOf(ann)}`)])).toEqual(['503 5.5.1']);
  });

  test.each([
    ['STARTTLS', {}],
    ['XCLIENT', { xclientPeers: ['127.0.0.1'] }],
  ])('what begins after %s is not logged on any more', async (how, change) => {
    const mbx = await server();
    const door = await openDoor([mbx], { connector: { auth: ['tls', 'basic'], ...change } });
    const plain = await parts.client(door);
    expect(codesOf([await plain.ask(`AUTH PLAIN ${plainOf(ann)}`)])).toEqual(['235 2.7.0']);
    let client = plain;
    if (how === 'STARTTLS') client = parts.keep(await secure(plain));
    else await askAll(plain, ['XCLIENT ADDR=192.0.2.9', 'EHLO other.example']);
    expect(codesOf([await client.ask(`MAIL FROM:<${ann}>`)])).toEqual(['530 5.7.1']);
    await until('the server is let go', () => mbx.sockets.size === 0);
    expect(codesOf(await askAll(client, [`AUTH PLAIN ${plainOf(ann)}`, ...message(ann, ann)]))).toEqual([
      '235 2.7.0',
      ...taken,
    ]);
  });
});

test('the protocol log shows the mechanism and no more of it', async () => {
  const door = await openDoor([await server()]);
  const client = await secureAt(door);
  await askAll(client, ['AUTH LOGIN', base64(ann), base64('wrong-Horse'), `AUTH PLAIN ${plainOf(ann)}`]);
  const lines = door.protocol.filter((line) => line.startsWith('<'));
  expect(lines).toEqual([
    '< EHLO client.example',
    '< STARTTLS',
    '< EHLO client.example',
    '< AUTH LOGIN',
    '< *',
    '< *',
    '< AUTH PLAIN *',
  ]);
});

test('a client that is being logged on when the door is drained hears 421', async () => {
  let release: () => void = () => undefined;
  const held = new Promise<string>((resolve) => {
    release = () => resolve('235 2.7.0 welcome');
  });
  const mbx = await server({ answer: (line) => (line.startsWith('AUTH') ? held : undefined) });
  const door = await openDoor([mbx]);
  const client = await secureAt(door);
  client.write(`AUTH PLAIN ${plainOf(ann)}\r\n`);
  await until('the server is asked', () => mbx.commands.some((line) => line.startsWith('AUTH')));
  void door.sessions.drain(5000);
  release();
  expect(codesOf(await client.rest())).toEqual(['235 2.7.0', '421 4.3.2']);
  await until('nobody is left', () => mbx.sockets.size === 0 && door.open() === 0);
});

test('a client that resets its connection while it is being logged on costs the server its own', async () => {
  const mbx = await server({ answer: (line) => (line.startsWith('AUTH') ? new Promise(() => undefined) : undefined) });
  const door = await openDoor([mbx], { connector: { auth: ['basic'] } });
  const client = await parts.client(door);
  client.write(`AUTH PLAIN ${plainOf(ann)}\r\n`);
  await until('the server is asked', () => mbx.commands.some((line) => line.startsWith('AUTH')));
  client.socket.resetAndDestroy();
  await until('nobody is left', () => mbx.sockets.size === 0 && door.open() === 0);
  expect(door.log.filter(({ message }) => message.includes('fault'))).toEqual([]);
});
