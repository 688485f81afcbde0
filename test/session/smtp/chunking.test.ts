import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { until } from '../../support/until.js';
import { deadServer, doorParts } from './door-parts.js';
import type { DoorSetting } from './door-under-test.js';
import type { Script, ScriptedServer } from './scripted-server.js';
import { askAll, codesOf, type SmtpClient } from './smtp-client.js';

const parts = doorParts();
const envelope = ['MAIL FROM:<eve@fabrikam.com>', 'RCPT TO:<ann@contoso.com>'];
const head = 'Subject: x\r\n\r\n';

async function openDoor(setting: DoorSetting = {}, script: Script = {}) {
  const mbx = await parts.server(script);
  const door = await parts.doorTo([mbx], setting);
  return { mbx, door, client: await parts.client(door) };
}

const chunk = (content: string, last: 'LAST' | '' = ''): Buffer =>
  Buffer.concat([
    Buffer.from(`BDAT ${Buffer.byteLength(content, 'latin1')}${last === '' ? '' : ' LAST'}\r\n`),
    Buffer.from(content, 'latin1'),
  ]);

async function send(client: SmtpClient, content: string, last: 'LAST' | '' = ''): Promise<string | null> {
  client.write(chunk(content, last));
  return client.reply();
}

/** What came over the wire to the server below our header, its dots doubled. */
function wireBody(mbx: ScriptedServer): string {
  const data = mbx.messages.at(-1)?.data ?? '';
  return data.slice(data.search(/X-Usher-Transaction: [0-9a-f]{32}\r\n/) + 'X-Usher-Transaction: \r\n'.length + 32);
}

const stuffed = (content: string): string => content.replaceAll(/(^|\r\n)\./g, '$1..');

describe('a message by BDAT', () => {
  test('in one chunk reaches the server by DATA', async () => {
    const { mbx, client } = await openDoor();
    await askAll(client, envelope);
    expect(await send(client, `${head}hello\r\n`, 'LAST')).toBe('250 2.6.0 taken as 4711');
    expect(wireBody(mbx)).toBe(`${head}hello\r\n`);
    expect(mbx.commands.filter((line) => line.startsWith('BDAT'))).toEqual([]);
  });

  test('in many chunks is confirmed chunk by chunk', async () => {
    const { mbx, client } = await openDoor();
    await askAll(client, envelope);
    const lines = Array.from({ length: 300 }, (_, at) => `${'.'.repeat(at % 4)}line ${at}\r\n`);
    for (const piece of [head, ...lines])
      expect(await send(client, piece)).toMatch(/^250 2\.0\.0 \d+ octets received$/);
    expect(await client.ask('BDAT 0 LAST')).toMatch(/^250 2\.6\.0 /);
    expect(wireBody(mbx)).toBe(`${head}${stuffed(lines.join(''))}`);
  });

  test('holds what it holds: a line with a dot, commands, 8-bit, no line end at the end', async () => {
    const { mbx, client } = await openDoor();
    const content = `${head}.\r\n..\r\nQUIT\r\n.\r\nMAIL FROM:<x@y.example>\r\n\xff\xfe\r\n.`;
    await askAll(client, envelope);
    expect(await send(client, content, 'LAST')).toMatch(/^250 2\.6\.0 /);
    expect(wireBody(mbx)).toBe(`${stuffed(content)}\r\n`);
    expect(mbx.messages).toHaveLength(1);
    expect(codesOf([await client.ask('NOOP')])).toEqual(['250 2.0.0']);
  });

  test('may be pipelined whole, and commands follow it', async () => {
    const { mbx, client } = await openDoor();
    const message = [Buffer.from(`${envelope.join('\r\n')}\r\n`), chunk(head), chunk('hello\r\n'), chunk('', 'LAST')];
    client.write(Buffer.concat([...message, ...message, Buffer.from('QUIT\r\n')]));
    const each = ['250 2.1.0', '250 2.1.5', '250 2.0.0', '250 2.0.0', '250 2.6.0'];
    expect(codesOf(await client.rest())).toEqual([...each, ...each, '221 2.0.0']);
    expect(mbx.messages).toHaveLength(2);
  });

  test('is the same message whatever chunks and pieces it comes in', async () => {
    const { mbx, client } = await openDoor({ connector: { connectionTimeout: '1h' } });
    const line = fc.constantFrom('', '.', '..', '.x', 'QUIT', 'x', '\xff', 'a longer line of text');
    const content = fc
      .array(line, { maxLength: 10 })
      .map((lines) => `${head}${lines.map((text) => `${text}\r\n`).join('')}`);
    const cuts = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(content, cuts, fc.integer({ min: 1, max: 50 }), async (text, places, pieceLength) => {
        await askAll(client, envelope);
        const edges = [...new Set([0, ...places.filter((place) => place < text.length), text.length])].sort(
          (a, b) => a - b,
        );
        const chunks = edges
          .slice(1)
          .map((end, at) => chunk(text.slice(edges[at], end), end === text.length ? 'LAST' : ''));
        const wire = Buffer.concat(chunks);
        for (let at = 0; at < wire.length; at += pieceLength) {
          client.write(wire.subarray(at, at + pieceLength));
          if (at % (3 * pieceLength) === 0) await new Promise(setImmediate);
        }
        for (const _ of chunks.slice(1)) expect(await client.reply()).toMatch(/^250 2\.0\.0 /);
        expect(await client.reply()).toMatch(/^250 2\.6\.0 /);
        expect(wireBody(mbx)).toBe(stuffed(text));
      }),
      { numRuns: 60 },
    );
  });

  test('of which every server refuses the end is refused with its words, and the next one is taken', async () => {
    let count = 0;
    const answer = (line: string) => (line === '.' && ++count === 1 ? '554 5.7.1 spam' : undefined);
    const { mbx, client } = await openDoor({}, { answer });
    await askAll(client, envelope);
    expect(await send(client, head)).toMatch(/^250 /);
    expect(await send(client, 'hello\r\n', 'LAST')).toBe('554 5.7.1 spam');
    await askAll(client, envelope);
    expect(await send(client, `${head}hello\r\n`, 'LAST')).toMatch(/^250 2\.6\.0 /);
    expect(mbx.messages).toHaveLength(1);
  });
});

describe('what looks like an end of the data in a chunk', () => {
  const after =
    'MAIL FROM:<mallory@evil.example>\r\nRCPT TO:<ann@contoso.com>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n';
  test.each([
    ['LF.LF', 'x\n.\n'],
    ['LF.CRLF', 'x\n.\r\n'],
    ['LF.CR', 'x\n.\r'],
    ['CR.CR', 'x\r.\r'],
    ['CR.CRLF', 'x\r.\r\n'],
    ['CR.LF', 'x\r.\n'],
    ['CRLF.LF', 'x\r\n.\n'],
    ['CRLF.CR', 'x\r\n.\r'],
    ['CR CRLF.CRLF', 'x\r\r\n.\r\n'],
    ['LF.LF at the start', '.\n'],
    ['a lone LF', 'x\ny\r\n'],
    ['a lone CR', 'x\ry\r\n'],
  ])('%s: 550 5.6.11, and the server takes nothing', async (_name, text) => {
    for (const cut of [0, 1, 2, 3, text.length]) {
      const { mbx, client } = await openDoor();
      await askAll(client, envelope);
      const content = `${head}${text}${after}`;
      const at = head.length + Math.min(cut, text.length);
      expect(await send(client, content.slice(0, at))).toMatch(/^250 2\.0\.0 /);
      expect(await send(client, content.slice(at), 'LAST')).toMatch(/^550 5\.6\.11 /);
      expect(codesOf([await client.ask('NOOP')])).toEqual(['250 2.0.0']);
      await until('the server is let go', () => mbx.sockets.size === 0);
      expect(mbx.messages).toEqual([]);
      expect(mbx.commands.filter((line) => line.includes('mallory'))).toEqual([]);
    }
  });

  test('CRLF.CRLF is content like any other', async () => {
    const { mbx, client } = await openDoor();
    await askAll(client, envelope);
    expect(await send(client, `${head}x\r\n.\r\n${after}`, 'LAST')).toMatch(/^250 2\.6\.0 /);
    expect(wireBody(mbx)).toBe(`${head}x\r\n..\r\n${after}`);
    expect(mbx.messages).toHaveLength(1);
  });

  test('a chunk that ends in CR or in a dot ends nothing', async () => {
    const { mbx, client } = await openDoor();
    await askAll(client, envelope);
    for (const piece of [head, 'x\r', '\n', '.', '\r', '\n'])
      expect(await send(client, piece)).toMatch(/^250 2\.0\.0 /);
    expect(await send(client, 'y\r\n', 'LAST')).toMatch(/^250 2\.6\.0 /);
    expect(wireBody(mbx)).toBe(`${head}x\r\n..\r\ny\r\n`);
  });
});

describe('a chunk that lies', () => {
  test('of fewer octets than it says takes what follows for content', async () => {
    const { mbx, client } = await openDoor();
    await askAll(client, envelope);
    client.write(`BDAT ${head.length + 20}\r\n${head}1234567890QUIT\r\nNOOPNOOP\r\n`);
    expect(codesOf([await client.reply(), await client.reply()])).toEqual(['250 2.0.0', '250 2.0.0']);
    expect(await client.ask('BDAT 0 LAST')).toMatch(/^250 2\.6\.0 /);
    expect(wireBody(mbx)).toBe(`${head}1234567890QUIT\r\nNOOP\r\n`);
  });

  test('of which the rest never comes reaches nobody', async () => {
    const { mbx, door, client } = await openDoor();
    await askAll(client, envelope);
    client.write(`BDAT 1000 LAST\r\n${head}hello\r\n`);
    client.socket.end();
    expect(codesOf(await client.rest())).toEqual([]);
    await until('nobody is left', () => door.open() === 0 && mbx.sockets.size === 0);
    expect(mbx.messages).toEqual([]);
    expect(door.tracked).toMatchObject([{ outcome: 'deferred', reply: expect.stringMatching(/^451 4\.4\.2 /) }]);
  });

  test('of more octets than it says: the rest are commands', async () => {
    const { mbx, client } = await openDoor();
    await askAll(client, envelope);
    client.write(`BDAT ${head.length} LAST\r\n${head}hello\r\nNOOP\r\n`);
    expect(codesOf([await client.reply(), await client.reply(), await client.reply()])).toEqual([
      '250 2.6.0',
      '500 5.3.3',
      '250 2.0.0',
    ]);
    expect(wireBody(mbx)).toBe(head);
  });

  test.each([
    ['BDAT', '501 5.5.4'],
    ['BDAT x LAST', '501 5.5.4'],
    ['BDAT -1', '501 5.5.4'],
    ['BDAT 10 LASTLY', '501 5.5.4'],
    ['BDAT 0x10', '501 5.5.4'],
    ['BDAT 99999999999999999999', '552 5.3.4'],
  ])('%j: nobody knows where commands go on, so the connection ends', async (line, code) => {
    const { door, client } = await openDoor();
    await askAll(client, envelope);
    client.write(`${line}\r\nNOOP\r\n`);
    expect(codesOf(await client.rest())).toEqual([code]);
    await until('nobody is left', () => door.open() === 0);
  });

  test('of more octets than anybody wants to pass over ends the connection', async () => {
    const { client } = await openDoor();
    expect(codesOf([await client.ask('BDAT 100000000')])).toEqual(['503 5.5.1']);
    expect(await client.rest()).toEqual([]);
  });
});

describe('BDAT out of order', () => {
  test('is answered behind its octets, which are no commands', async () => {
    const { client } = await openDoor();
    client.write(Buffer.concat([chunk('QUIT\r\n', 'LAST'), Buffer.from('NOOP\r\n')]));
    expect(codesOf([await client.reply(), await client.reply()])).toEqual(['503 5.5.1', '250 2.0.0']);
    await client.ask('MAIL FROM:<>');
    expect(
      codesOf([
        await send(client, 'QUIT\r\n'),
        await client.ask('RCPT TO:<x@elsewhere.example>'),
        await send(client, 'QUIT\r\n'),
      ]),
    ).toEqual(['503 5.5.1', '550 5.7.1', '554 5.5.1']);
  });

  test('after HELO is not offered', async () => {
    const { door } = await openDoor();
    const client = await parts.bareClient(door);
    await client.reply();
    await askAll(client, ['HELO c', ...envelope]);
    expect(codesOf([await send(client, 'QUIT\r\n', 'LAST'), await client.ask('NOOP')])).toEqual([
      '503 5.5.1',
      '250 2.0.0',
    ]);
  });

  test('within a message by BDAT nothing else goes on with it', async () => {
    const { mbx, client } = await openDoor();
    await askAll(client, envelope);
    await send(client, head);
    const lines = ['DATA', 'RCPT TO:<bob@contoso.com>', 'MAIL FROM:<>', 'NOOP'];
    expect(codesOf(await askAll(client, lines))).toEqual(['503 5.5.1', '503 5.5.1', '503 5.5.1', '250 2.0.0']);
    expect(await send(client, 'hello\r\n', 'LAST')).toMatch(/^250 2\.6\.0 /);
    expect(mbx.messages[0]?.to).toEqual(['ann@contoso.com']);
  });

  test.each(['RSET', 'EHLO again'])('%s gives the message up, and the server never takes it', async (line) => {
    const { mbx, door, client } = await openDoor();
    await askAll(client, envelope);
    await send(client, `${head}half\r\n`);
    expect(codesOf([await client.ask(line)])[0]).toMatch(/^250/);
    expect(codesOf([await send(client, 'the other half\r\n', 'LAST')])).toEqual(['503 5.5.1']);
    await until('the server is let go', () => mbx.sockets.size === 0);
    expect(mbx.messages).toEqual([]);
    expect(door.tracked).toMatchObject([{ outcome: 'deferred' }]);
  });

  test('after a refused one nothing is taken before the next MAIL', async () => {
    const door = await parts.doorTo([await deadServer()]);
    const client = await parts.client(door);
    await askAll(client, envelope);
    const replies = [
      await send(client, head),
      await send(client, 'QUIT\r\n', 'LAST'),
      ...(await askAll(client, ['DATA', ...envelope])),
    ];
    expect(codesOf(replies)).toEqual(['451 4.4.1', '503 5.5.1', '503 5.5.1', '250 2.1.0', '250 2.1.5']);
    expect(door.tracked).toMatchObject([{ outcome: 'deferred' }]);
  });
});

describe('the size of a message by BDAT', () => {
  test('is that of all its chunks', async () => {
    const { mbx, client } = await openDoor({ connector: { maxMessageSize: '64KB' } });
    const rest = 'x'.repeat(1022);
    for (const [lines, code] of [
      [64, '250 2.6.0'],
      [65, '552 5.3.4'],
    ] as const) {
      await askAll(client, envelope);
      for (let at = 0; at < lines; at += 1)
        expect(await send(client, `${at === 0 ? `S: ${rest.slice(3)}` : rest}\r\n`)).toMatch(/^250 2\.0\.0 /);
      expect(codesOf([await client.ask('BDAT 0 LAST')])).toEqual([code]);
    }
    expect(mbx.messages).toHaveLength(1);
  });

  test('is bounded: a client that goes on and on is cut off', async () => {
    const { client } = await openDoor({ connector: { maxMessageSize: '64KB' } });
    await askAll(client, envelope);
    let reply: string | null = '';
    let sent = 0;
    while (reply !== null && sent < 100) {
      reply = await send(client, 'x'.repeat(64 * 1024));
      sent += 1;
      if (reply?.startsWith('552')) break;
    }
    expect(reply).toMatch(/^552 5\.3\.4 /);
    expect(sent).toBeLessThan(30);
    expect(await client.rest()).toEqual([]);
  });
});

test('the protocol log counts the octets of a message and shows none of them', async () => {
  const { door, client } = await openDoor({ connector: { protocolLog: true } });
  await askAll(client, envelope);
  await send(client, head);
  await send(client, 'a secret\r\n', 'LAST');
  expect(door.protocol.filter((line) => line.startsWith('<')).slice(-4)).toEqual([
    '< RCPT TO:<ann@contoso.com>',
    `< BDAT ${head.length}`,
    '< BDAT 10 LAST',
    `< <message ${head.length + 10} bytes>`,
  ]);
  expect(JSON.stringify([door.protocol, door.log, door.tracked])).not.toContain('a secret');
});
