import { describe, expect, test } from 'vitest';
import type { ProtocolAgent } from '../../../src/filtering/protocol-agent.js';
import { until } from '../../support/until.js';
import { deadServer, doorParts } from './door-parts.js';
import type { DoorSetting, DoorUnderTest } from './door-under-test.js';
import type { Script, ScriptedServer } from './scripted-server.js';
import { askAll, begin } from './smtp-client.js';

const parts = doorParts();
const ann = 'ann@contoso.com';
const text = 'Message-ID: <1@fabrikam.com>\r\nSubject: x\r\n\r\nhello';
const atMs = Date.UTC(2026, 10, 22, 18, 57, 3, 250);

async function openDoor(
  script: Script = {},
  setting: DoorSetting = {},
): Promise<{ mbx: ScriptedServer; door: DoorUnderTest }> {
  const mbx = await parts.server(script);
  return { mbx, door: await parts.doorTo([mbx], { nowMs: () => atMs, ...setting }) };
}

const envelope = ['MAIL FROM:<eve@fabrikam.com>', `RCPT TO:<${ann}>`, 'DATA'];
const whole = [...envelope, `${text}\r\n.`];

/** The records of a client that says this and leaves. */
async function recordsOf(door: DoorUnderTest, lines: readonly string[]) {
  const client = await parts.client(door);
  await askAll(client, lines);
  client.socket.end();
  await until('nobody is left', () => door.open() === 0);
  return door.tracked;
}

test('a record says all there is to know of an accepted message', async () => {
  const { door } = await openDoor();
  const [record, ...others] = await recordsOf(door, whole);
  expect(others).toEqual([]);
  expect(record).toEqual({
    at: '2026-11-22T18:57:03.250Z',
    frontEnd: 'FE1',
    session: expect.stringMatching(/^[0-9a-f]{24}$/),
    connector: 'Inbound',
    client: '127.0.0.1',
    clientPort: door.accepted[0]?.remotePort ?? expect.any(Number),
    helo: 'client.example',
    tls: null,
    user: null,
    from: 'eve@fabrikam.com',
    recipients: [{ address: ann, verdict: 'accept', reply: null }],
    messageId: '<1@fabrikam.com>',
    transaction: expect.stringMatching(/./),
    filters: [],
    decision: { outcome: 'proxy', reason: 'one-mailbox-recipient', trace: expect.any(Array) },
    server: 'MBX1',
    tried: [],
    reply: '250 2.6.0 taken as 4711',
    outcome: 'accepted',
    bytes: text.length + 2,
    durationMs: 0,
  });
});

test('the same message from the same sender to the same recipients is known again', async () => {
  const { mbx, door } = await openDoor();
  const other = [...whole.slice(0, 3), `${text.replace('hello', 'hallo')}\r\n.`];
  await recordsOf(door, [...whole, ...whole, ...other]);
  const [first, second, third] = door.tracked.map(({ transaction }) => transaction);
  expect(second).toBe(first);
  expect(third).not.toBe(first);
  const ids = mbx.messages.map(({ data }) => /^X-Usher-Transaction: (.*)\r$/m.exec(data)?.[1]);
  expect(ids[1]).toBe(ids[0]);
  expect(ids[0]).toMatch(/^[0-9a-f]{32}$/);
});

describe('every end of a message is one record', () => {
  const drops = (at: string): Script => ({ answer: (line) => (line === at ? 'drop' : undefined) });
  const refuses = (begin: string, answer: string): Script => ({
    answer: (line) => (line.startsWith(begin) ? answer : undefined),
  });
  interface Case {
    readonly what: string;
    readonly lines: readonly string[];
    readonly outcome: string;
    readonly reply: RegExp;
    readonly script?: Script;
    readonly setting?: DoorSetting;
  }
  const sink: ProtocolAgent = {
    name: 'sink',
    priority: 1,
    message: (_session, { recipients }) => ({ kind: 'discard', why: 'test', recipients }),
  };
  const blockedSender = { estate: { filters: [{ senders: { blocked: ['eve@fabrikam.com'] } }] } };
  const isTaken = { lines: whole, outcome: 'accepted', reply: /^250 2\.6\.0 / };
  const isRefused = { lines: whole, outcome: 'refused' };
  const isDeferred = { lines: whole, outcome: 'deferred' };
  const cases: readonly Case[] = [
    { what: 'accepted', ...isTaken },
    { what: 'discarded', ...isTaken, outcome: 'discarded', setting: { agents: [sink] } },
    {
      what: 'refused by the server',
      ...isRefused,
      reply: /^554 5\.7\.1 spam$/,
      script: refuses('.', '554 5.7.1 spam'),
    },
    {
      what: 'deferred by the server',
      ...isDeferred,
      reply: /^452 4\.3\.1 full$/,
      script: refuses('.', '452 4.3.1 full'),
    },
    { what: 'refused at DATA', ...isRefused, lines: envelope, reply: /^554 no$/, script: refuses('DATA', '554 no') },
    { what: 'lost with the server', ...isTaken, outcome: 'lost', reply: /^451 4\.4\.2 /, script: drops('.') },
    { what: 'broken off by the client', ...isDeferred, lines: envelope, reply: /^451 4\.4\.2 / },
    {
      what: 'too large',
      ...isRefused,
      lines: [...envelope, `${'x'.repeat(70_000)}\r\n.`],
      reply: /^552 5\.3\.4 /,
      setting: { connector: { maxMessageSize: '64KB' } },
    },
    { what: 'with a bare LF', ...isRefused, lines: [...envelope, 'a\nb\r\n.'], reply: /^550 5\.6\.11 / },
    {
      what: 'of a sender that is blocked',
      ...isRefused,
      lines: whole.slice(0, 1),
      reply: /^554 5\.1\.0 /,
      setting: blockedSender,
    },
    {
      what: 'of a sender who may not send here',
      ...isRefused,
      lines: whole.slice(0, 1),
      reply: /^530 5\.7\.1 /,
      setting: { connector: { permissionGroups: ['users'] } },
    },
    {
      what: 'whose recipients were all refused',
      ...isRefused,
      lines: ['MAIL FROM:<eve@fabrikam.com>', 'RCPT TO:<x@elsewhere.example>'],
      reply: /^550 5\.7\.1 /,
    },
    {
      what: 'whose recipient the server has refused',
      ...isRefused,
      lines: whole.slice(0, 2),
      reply: /^550 5\.1\.1 nobody$/,
      script: refuses('RCPT', '550 5.1.1 nobody'),
    },
  ];

  test.each(cases)('$what', async ({ lines, outcome, reply, script = {}, setting = {} }) => {
    const { door } = await openDoor(script, setting);
    const records = await recordsOf(door, lines);
    expect(records).toMatchObject([{ outcome, reply: expect.stringMatching(reply), from: 'eve@fabrikam.com' }]);
  });

  test('nobody to take it', async () => {
    const door = await parts.doorTo([await deadServer()]);
    expect(await recordsOf(door, envelope)).toMatchObject([
      { outcome: 'deferred', reply: expect.stringMatching(/^451 4\.4\.1 /), server: null, tried: [{ server: 'MBX1' }] },
    ]);
  });

  test('a message that was given up before its data, with nothing refused, is none', async () => {
    const { door } = await openDoor();
    expect(await recordsOf(door, [...whole.slice(0, 2), 'RSET'])).toEqual([]);
  });

  test('each of several in one session', async () => {
    const { door } = await openDoor();
    const records = await recordsOf(door, [
      ...whole,
      'MAIL FROM:<>',
      'RCPT TO:<x@elsewhere.example>',
      'RSET',
      ...whole,
    ]);
    expect(records.map(({ outcome }) => outcome)).toEqual(['accepted', 'refused', 'accepted']);
    expect(new Set(records.map(({ session }) => session)).size).toBe(1);
  });
});

describe('the protocol log', () => {
  test('holds every command and every reply, and no content', async () => {
    const { door } = await openDoor({}, { connector: { protocolLog: true } });
    await recordsOf(door, [...whole, 'WIZ a\x01b', 'QUIT']);
    expect(door.protocol).toEqual([
      '+ ',
      '> 220 front.contoso.com ESMTP usher',
      '< EHLO client.example',
      ...[
        'front.contoso.com Hello',
        'SIZE 37748736',
        'PIPELINING',
        '8BITMIME',
        'ENHANCEDSTATUSCODES',
        'DSN',
        'SMTPUTF8',
      ].map((offer) => `> 250-${offer}`),
      '> 250 CHUNKING',
      '< MAIL FROM:<eve@fabrikam.com>',
      '> 250 2.1.0 Sender OK',
      `< RCPT TO:<${ann}>`,
      '> 250 2.1.5 Recipient OK',
      '< DATA',
      '> 354 Start mail input; end with <CRLF>.<CRLF>',
      `< <message ${text.length + 2} bytes>`,
      '> 250 2.6.0 taken as 4711',
      '< WIZ *',
      '> 500 5.5.2 The command holds control characters or a bare CR or LF',
      '< QUIT',
      '> 221 2.0.0 Service closing transmission channel',
      '- ',
    ]);
  });

  test('ends with the last word where the door has it', async () => {
    const { door } = await openDoor({}, { connector: { protocolLog: true, inactivityTimeout: '1s' } });
    const client = await parts.bareClient(door);
    await begin(client, []);
    await client.rest();
    await until('nobody is left', () => door.open() === 0);
    expect(door.protocol.slice(-2)).toEqual([expect.stringMatching(/^> 421 4\.4\.2 /), '- ']);
  });

  test('is not written where nobody asked for it', async () => {
    const { door } = await openDoor();
    await recordsOf(door, whole);
    expect(door.protocol).toEqual([]);
  });
});
