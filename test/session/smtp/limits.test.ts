import { describe, expect, test } from 'vitest';
import { until } from '../../support/until.js';
import { doorParts, timed } from './door-parts.js';
import type { DoorSetting, DoorUnderTest } from './door-under-test.js';
import type { Script } from './scripted-server.js';
import { askAll, begin, codesOf, type SmtpClient } from './smtp-client.js';

const parts = doorParts();
const from = 'MAIL FROM:<eve@fabrikam.com>';
const toAnn = 'RCPT TO:<ann@contoso.com>';
const message = [from, toAnn, 'DATA', 'Subject: x\r\n\r\nhello\r\n.'];
const taken = ['250 2.1.0', '250 2.1.5', '354', '250 2.6.0'];

async function openDoor(setting: DoorSetting = {}, script: Script = {}) {
  const mbx = await parts.server(script);
  return { mbx, door: await parts.doorTo([mbx], setting) };
}

/** A client behind a balancer, at this address. */
async function clientAt(door: DoorUnderTest, address: string): Promise<SmtpClient> {
  const client = await parts.bareClient(door);
  client.write(`PROXY TCP4 ${address} 127.0.0.1 4711 ${door.port}\r\n`);
  return client;
}

async function replies(client: SmtpClient, count: number): Promise<(string | null)[]> {
  const said: (string | null)[] = [];
  for (let at = 0; at < count; at += 1) said.push(await client.reply());
  return said;
}

describe('connections', () => {
  test('of one source are a share of those that the others leave', async () => {
    const { door } = await openDoor({
      connector: { proxyPeers: ['127.0.0.1'], maxConnections: 20, maxConnectionsPercentPerSource: 25 },
    });
    const greetingAt = async (address: string): Promise<string> =>
      codesOf([await (await clientAt(door, address)).reply()])[0] ?? '';
    for (const address of ['192.0.2.1', '192.0.2.2']) {
      for (let held = 0; held < 4; held += 1) expect(await greetingAt(address)).toBe('220');
    }
    // 12 of the 20 are left: 3 are a quarter of them.
    const replies: string[] = [];
    for (let asked = 0; asked < 4; asked += 1) replies.push(await greetingAt('192.0.2.3'));
    expect(replies).toEqual(['220', '220', '220', '421 4.3.2']);
    expect(await greetingAt('192.0.2.4')).toBe('220');
    expect(door.log.filter(({ message }) => message === 'connection refused')).toHaveLength(1);
  });

  test('of one source are twenty at most by default', async () => {
    const { door } = await openDoor();
    const replies = await Promise.all(Array.from({ length: 21 }, async () => (await parts.bareClient(door)).reply()));
    expect(codesOf(replies).filter((code) => code !== '220')).toEqual(['421 4.3.2']);
  });
});

describe('messages a minute', () => {
  test('are counted for each address, and a minute later anew', async () => {
    let nowMs = 1_000_000;
    const { door } = await openDoor({
      connector: { proxyPeers: ['127.0.0.1'], messagesPerMinute: 3 },
      nowMs: () => nowMs,
    });
    const [one, other] = [await clientAt(door, '192.0.2.1'), await clientAt(door, '192.0.2.2')];
    for (const client of [one, other]) await begin(client, []);
    for (const client of [one, other])
      expect(codesOf(await askAll(client, ['RSET', ...message]))).toContain('250 2.6.0');
    expect(codesOf(await askAll(one, [...message, from, from, 'NOOP']))).toEqual([
      ...taken,
      '451 4.7.1',
      '451 4.7.1',
      '250 2.0.0',
    ]);
    expect(codesOf(await askAll(other, message))).toEqual(taken);
    nowMs += 60_000;
    expect(codesOf(await askAll(one, message))).toEqual(taken);
  });

  test('do not concern our own servers', async () => {
    const connector = { messagesPerMinute: 1, permissionGroups: ['servers'] };
    const client = await parts.client((await openDoor({ connector })).door);
    expect(codesOf(await askAll(client, [...message, ...message]))).toEqual([...taken, ...taken]);
  });
});

describe('the header', () => {
  const field = (bytes: number): string => `X-Long: ${'x'.repeat(bytes - 10)}\r\n`;

  test.each([
    ['fits', 64 * 1024 - 2, '250 2.6.0'],
    ['is a byte too large', 64 * 1024 - 1, '552 5.3.4'],
  ])('that %s: %d bytes without the line that ends it', async (_what, bytes, code) => {
    const { mbx, door } = await openDoor({ connector: { maxHeaderSize: '64KB' } });
    const client = await parts.bareClient(door);
    await begin(client);
    await client.ask('DATA');
    client.write(`${field(1000).repeat(Math.floor(bytes / 1000) - 1)}${field(1000 + (bytes % 1000))}\r\nbody\r\n.\r\n`);
    expect(codesOf([await client.reply(), await client.ask('NOOP')])).toEqual(
      code.startsWith('2') ? [code, '250 2.0.0'] : [code, 'closed'],
    );
    expect(mbx.messages).toHaveLength(code.startsWith('2') ? 1 : 0);
    if (code.startsWith('5')) expect(door.tracked).toMatchObject([{ outcome: 'refused' }]);
  });

  test('that never ends is cut off while it comes in', async () => {
    const { mbx, door } = await openDoor({ connector: { maxHeaderSize: '64KB' } });
    const client = await parts.bareClient(door);
    await begin(client);
    await client.ask('DATA');
    for (let sent = 0; sent < 200 && client.socket.writable; sent += 1) {
      client.write(field(1000));
      if (sent % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(codesOf(await client.rest())).toEqual(['552 5.3.4']);
    await until('nobody is left', () => door.open() === 0 && mbx.sockets.size === 0);
    expect(mbx.messages).toEqual([]);
  });
});

describe('hops', () => {
  const hop = (by: string): string => `Received: from a by ${by}; Fri, 02 Jan 2026 03:04:05 +0000\r\n`;
  test.each([
    ['as many as allowed', { maxHopCount: 3 }, hop('x.example').repeat(3), '250 2.6.0'],
    ['one too many', { maxHopCount: 3 }, hop('x.example').repeat(4), '554 5.4.6'],
    ['of us, as many as allowed', { maxLocalHopCount: 2 }, hop('front.contoso.com').repeat(2), '250 2.6.0'],
    ['of us, one too many', { maxLocalHopCount: 2 }, hop('FRONT.contoso.com').repeat(3), '554 5.4.6'],
    ['of us, where nobody counts', { maxLocalHopCount: 0 }, hop('front.contoso.com').repeat(20), '250 2.6.0'],
  ])('%s', async (_what, connector, head, code) => {
    const { mbx, door } = await openDoor({ connector });
    const client = await parts.client(door);
    const replies = await askAll(client, [from, toAnn, 'DATA', `${head}\r\nhello\r\n.`, 'NOOP']);
    expect(codesOf(replies).slice(3)).toEqual([code, '250 2.0.0']);
    expect(mbx.messages).toHaveLength(code.startsWith('2') ? 1 : 0);
  });

  test('a message that comes round and round comes to an end', async () => {
    const { mbx, door } = await openDoor();
    const client = await parts.client(door);
    let text = 'Subject: x\r\n\r\nhello\r\n';
    const replies: string[] = [];
    for (let round = 0; round < 8; round += 1) {
      replies.push(codesOf(await askAll(client, [from, toAnn, 'DATA', `${text}.`])).at(-1) ?? '');
      text = mbx.messages.at(-1)?.data ?? '';
    }
    expect(replies).toEqual([...Array<string>(6).fill('250 2.6.0'), '554 5.4.6', '554 5.4.6']);
  });
});

describe('the tarpit', () => {
  const connector = { tarpit: '800ms' };
  const stranger = 'RCPT TO:<x@elsewhere.example>';

  test('holds the refusal of a recipient back, and nothing else', async () => {
    const { door } = await openDoor({ connector });
    const client = await parts.client(door);
    const quick = await timed(askAll(client, [from, toAnn, 'NOOP', 'MAIL FROM:<>', 'RCPT TO:<@>']));
    expect(quick.tookMs).toBeLessThan(700);
    const slow = await timed(client.ask(stranger));
    expect([codesOf([slow.value])[0], slow.tookMs > 790]).toEqual(['550 5.7.1', true]);
    expect(codesOf(await askAll(client, message.slice(2)))).toEqual(['354', '250 2.6.0']);
  });

  test('holds each of several back that were sent at once', async () => {
    const { door } = await openDoor({ connector: { tarpit: '200ms' } });
    const client = await parts.client(door);
    await client.ask(from);
    client.write(`${stranger}\r\n`.repeat(4));
    const { value, tookMs } = await timed(replies(client, 4));
    expect(codesOf(value)).toEqual(Array<string>(4).fill('550 5.7.1'));
    expect(tookMs).toBeGreaterThan(780);
  });

  test("holds the server's refusal back, and no temporary one", async () => {
    const answer = (line: string) =>
      line.includes('bob@') ? '550 5.1.1 no bob' : line.includes('cid@') ? '450 4.2.1 later' : undefined;
    const { door } = await openDoor({ connector }, { answer });
    const client = await parts.client(door);
    await client.ask(from);
    expect((await timed(client.ask('RCPT TO:<cid@contoso.com>'))).tookMs).toBeLessThan(700);
    expect((await timed(client.ask('RCPT TO:<bob@contoso.com>'))).tookMs).toBeGreaterThan(790);
  });

  test.each([
    ['nobody where it is 0s', { tarpit: '0s' }],
    ['no server of ours', { ...connector, permissionGroups: ['servers'], rejectReservedDomains: true }],
  ])('holds %s', async (_whom, change) => {
    const { door } = await openDoor({ connector: change });
    const client = await parts.client(door);
    await client.ask(from);
    const { value, tookMs } = await timed(client.ask('RCPT TO:<x@host.test>'));
    expect(value).toMatch(/^550 /);
    expect(tookMs).toBeLessThan(700);
  });

  test('lets go of a client that does not wait', async () => {
    const { door } = await openDoor({ connector: { tarpit: '10s' } });
    const client = await parts.client(door);
    await client.ask(from);
    client.write(`${stranger}\r\n`);
    await until('it is refused', () => door.log.some(({ message }) => message === 'recipient refused'));
    client.socket.resetAndDestroy();
    await until('nobody is left', () => door.open() === 0, 2000);
    expect(door.tracked).toMatchObject([{ outcome: 'refused', reply: '550 5.7.1 Unable to relay' }]);
  });
});

describe('recipients', () => {
  test('a thousand of them are one message, sent at once', async () => {
    const { mbx, door } = await openDoor({
      connector: { maxRecipients: 1000, connectionTimeout: '5m' },
      estate: { organization: [{ maxRecipients: 1000 }] },
    });
    const client = await parts.client(door);
    const lines = Array.from({ length: 1001 }, (_, at) => `RCPT TO:<ann+${at}@contoso.com>\r\n`).join('');
    client.write(`${from}\r\n${lines}DATA\r\n`);
    const said = await replies(client, 1003);
    expect(codesOf(said)).toEqual(['250 2.1.0', ...Array<string>(1000).fill('250 2.1.5'), '452 4.5.3', '354']);
    expect(await client.ask('Subject: x\r\n\r\nhello\r\n.')).toMatch(/^250 2\.6\.0 /);
    expect(mbx.messages[0]?.to).toHaveLength(1000);
    expect(door.tracked[0]?.recipients).toHaveLength(1001);
  });

  test('of our own servers are counted by the organization, not by the connector', async () => {
    const { mbx, door } = await openDoor({
      connector: { maxRecipients: 10, permissionGroups: ['servers'] },
      estate: { organization: [{ maxRecipients: 300 }] },
    });
    const client = await parts.client(door);
    client.write(
      `${from}\r\n${Array.from({ length: 301 }, (_, at) => `RCPT TO:<ann+${at}@contoso.com>\r\n`).join('')}`,
    );
    const said = await replies(client, 302);
    expect(codesOf(said).filter((code) => code === '250 2.1.5')).toHaveLength(300);
    expect(codesOf(said).at(-1)).toBe('452 4.5.3');
    expect(codesOf(await askAll(client, message.slice(2)))).toEqual(['354', '250 2.6.0']);
    expect(mbx.messages[0]?.to).toHaveLength(300);
  });

  test.each([
    ['RCPT TO:<chris@contoso>', { rejectSingleLabelDomains: true }, '550 5.1.6'],
    ['RCPT TO:<chris@contoso>', {}, '550 5.7.1'],
    ['RCPT TO:<chris@contoso.test>', { rejectReservedDomains: true }, '550 5.1.4'],
    ['RCPT TO:<chris@example.com>', { rejectReservedDomains: true }, '550 5.1.5'],
    ['RCPT TO:<chris@elsewhere.example>', { anonymousRelay: true }, '250 2.1.5'],
  ])('%s with %j: %s', async (line, connector, code) => {
    const client = await parts.client((await openDoor({ connector })).door);
    expect(codesOf(await askAll(client, [from, line]))).toEqual(['250 2.1.0', code]);
  });
});

describe('size', () => {
  test('the smaller limit of connector and organization counts', async () => {
    const { door } = await openDoor({ estate: { organization: [{ maxMessageSize: '64KB' }] } });
    const client = await parts.client(door);
    expect(await client.ask('EHLO c')).toMatch(/^250[- ]SIZE 65536$/m);
    expect(codesOf(await askAll(client, [`${from} SIZE=65537`, ...message.slice(0, 3)]))).toEqual([
      '552 5.3.4',
      '250 2.1.0',
      '250 2.1.5',
      '354',
    ]);
    client.write('x'.repeat(70_000));
    expect(codesOf([await client.ask('\r\n.')])).toEqual(['552 5.3.4']);
  });

  test('of mail of our own servers has no limit', async () => {
    const { mbx, door } = await openDoor({ connector: { maxMessageSize: '64KB', permissionGroups: ['servers'] } });
    const client = await parts.client(door);
    expect(codesOf(await askAll(client, [`${from} SIZE=100000000`, toAnn]))[0]).toBe('250 2.1.0');
    await askAll(client, ['RSET', ...message.slice(0, 3)]);
    client.write('some text\r\n'.repeat(20_000));
    expect(codesOf([await client.ask('.')])).toEqual(['250 2.6.0']);
    expect(mbx.messages).toHaveLength(1);
  });
});

describe('protocol errors', () => {
  test.each([
    [0, ['500 5.3.3', '421 4.7.0', 'closed']],
    [2, ['500 5.3.3', '500 5.3.3', '500 5.3.3', '421 4.7.0', 'closed']],
  ])('%d are forgiven', async (maxProtocolErrors, expected) => {
    const { door } = await openDoor({ connector: { maxProtocolErrors } });
    const client = await parts.client(door);
    const replies = [await client.ask('WIZ')];
    while (replies.at(-1)?.startsWith('500'))
      replies.push(await (replies.length > maxProtocolErrors ? client.reply() : client.ask('WIZ')));
    expect(codesOf([...replies, await client.reply()])).toEqual(expected);
  });

  test('are not what a filter, a limit or a server refuses', async () => {
    const { door } = await openDoor({ connector: { maxProtocolErrors: 1 } });
    const client = await parts.client(door);
    await client.ask(from);
    const replies = await askAll(client, [...Array<string>(10).fill('RCPT TO:<x@elsewhere.example>'), 'NOOP']);
    expect(codesOf(replies)).toEqual([...Array<string>(10).fill('550 5.7.1'), '250 2.0.0']);
  });
});

describe('time', () => {
  const patience = { inactivityTimeout: '1s', connectionTimeout: '2s' };

  test.each([
    ['between commands', []],
    ['within AUTH', ['AUTH LOGIN']],
    ['within a transaction', [from, toAnn]],
    ['within a chunk', [from, toAnn, 'BDAT 100']],
  ])('a client that falls silent %s hears 421, and the server is let go', async (where, lines) => {
    const { mbx, door } = await openDoor({ connector: { ...patience, connectionTimeout: '10s', auth: ['basic'] } });
    const client = await parts.client(door);
    for (const line of lines) {
      client.write(`${line}\r\n`);
      if (!line.startsWith('BDAT')) await client.reply();
    }
    const { value, tookMs } = await timed(client.rest());
    expect([codesOf(value), tookMs > 900, tookMs < 8000]).toEqual([['421 4.4.2'], true, true]);
    await until('nobody is left', () => door.open() === 0);
    if (where === 'within a chunk') await until('the server is let go', () => mbx.sockets.size === 0);
    expect(mbx.messages).toEqual([]);
  });

  test('a message that drips comes to an end with the connection, and the server never takes it', async () => {
    const { mbx, door } = await openDoor({ connector: patience });
    const client = await parts.bareClient(door);
    await begin(client);
    await client.ask('DATA');
    client.write('Subject: x\r\n\r\n');
    const drip = setInterval(() => client.write('drip\r\n'), 100);
    const { value, tookMs } = await timed(client.rest());
    clearInterval(drip);
    expect([codesOf(value), tookMs < 5000]).toEqual([['421 4.4.2'], true]);
    await until('nobody is left', () => door.open() === 0 && mbx.sockets.size === 0);
    expect(mbx.messages).toEqual([]);
    expect(door.tracked).toMatchObject([{ outcome: 'deferred' }]);
  });

  test("the server's word on a whole message is waited for beyond the time of the connection", async () => {
    const answer = (line: string) =>
      line === '.' ? new Promise<undefined>((resolve) => setTimeout(resolve, 2500, undefined)) : undefined;
    const { mbx, door } = await openDoor({ connector: patience }, { answer });
    const client = await parts.client(door);
    expect(codesOf(await askAll(client, message))).toEqual(taken);
    expect(codesOf(await client.rest())).toEqual(['421 4.3.2']);
    expect(mbx.messages).toHaveLength(1);
  });
});
