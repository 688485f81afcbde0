import { once } from 'node:events';
import * as fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../support/until.js';
import { type DoorUnderTest, openTestDoor } from './door-under-test.js';
import { type ScriptedServer, startScriptedServer } from './scripted-server.js';
import { begin, connectClient, type SmtpClient } from './smtp-client.js';

let mbx: ScriptedServer;
let door: DoorUnderTest;
const opened: { close(): void }[] = [];

beforeAll(async () => {
  mbx = await startScriptedServer();
  door = await openTestDoor({ ports: [mbx.port], connector: { maxMessageSize: '64KB', maxConnectionsPerSource: 100 } });
});

afterEach(() => {
  for (const part of opened.splice(0)) part.close();
});

afterAll(() => {
  door.close();
  mbx.close();
});

async function inData(port = door.port): Promise<SmtpClient> {
  const client = await connectClient(port);
  opened.push(client);
  await begin(client);
  await client.ask('DATA');
  return client;
}

const ourHeader = /^Received: [^]*?\r\nX-Usher-Transaction: [0-9a-f]{32}\r\n/;

/** What the server got below our header, with its dots taken off. */
function lastBody(): string {
  const data = mbx.messages.at(-1)?.data ?? '';
  const at = ourHeader.exec(data)?.[0].length ?? 0;
  return data.slice(at).replaceAll(/(^|\r\n)\.\./g, '$1.');
}

test('bodies arrive as they were sent, whatever pieces they come in', async () => {
  const client = await inData();
  const line = fc.oneof(
    fc.constantFrom('', '.', '..', '...', '.x', 'QUIT', '.QUIT', 'RSET', '\0\x01\x7f', 'ÿþ', ' ', '\t'),
    fc.string({ maxLength: 40, unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)) }),
  );
  const body = fc.array(
    line.map((text) => text.replaceAll(/[\r\n]/g, '')).filter((text) => !/^\0+\./.test(text)),
    { maxLength: 12 },
  );
  const head = 'Subject: x\r\n\r\n';
  let sent = mbx.messages.length;
  await fc.assert(
    fc.asyncProperty(body, fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 8 }), async (lines, cuts) => {
      const content = `${head}${lines.map((text) => `${text}\r\n`).join('')}`;
      const wire = Buffer.from(
        `${head}${lines.map((text) => `${text.replace(/^\./, '..')}\r\n`).join('')}.\r\n`,
        'latin1',
      );
      let at = 0;
      for (const cut of cuts) {
        client.write(wire.subarray(at, at + cut));
        at = Math.min(at + cut, wire.length);
        await new Promise(setImmediate);
      }
      client.write(wire.subarray(at));
      expect(await client.reply()).toMatch(/^250 2\.6\.0 /);
      sent += 1;
      expect(mbx.messages.length).toBe(sent);
      expect(lastBody()).toBe(content);
      for (const command of ['MAIL FROM:<>', 'RCPT TO:<ann@contoso.com>', 'DATA']) await client.ask(command);
    }),
    { numRuns: 60 },
  );
});

describe('what looks like an end of the data and is none', () => {
  const after = 'MAIL FROM:<mallory@evil.example>\r\nRCPT TO:<ann@contoso.com>\r\nDATA\r\nSubject: smuggled\r\n\r\n';
  test.each([
    ['LF.LF', 'x\n.\n'],
    ['LF.CRLF', 'x\n.\r\n'],
    ['LF.CR', 'x\n.\r'],
    ['CR.CR', 'x\r.\r'],
    ['CR.CRLF', 'x\r.\r\n'],
    ['CR.LF', 'x\r.\n'],
    ['CRLF.LF', 'x\r\n.\n'],
    ['CRLF.CR', 'x\r\n.\r'],
    ['CR CRLF.CRLF', 'x\r\r\n.\rx'],
    ['NUL between', 'x\r\n\0.\r\0\n'],
    ['LF.LF at the start', '.\n'],
    ['two dots and a bare LF', 'x\r\n..\n.\r\n'.slice(0, 7)],
  ])('%s: the client hears 550 5.6.11 and the server takes nothing', async (_name, end) => {
    const before = mbx.messages.length;
    const client = await inData();
    client.write(`${end}${after}`);
    expect(await client.ask('.')).toMatch(/^550 5\.6\.11 /);
    expect(await client.ask('NOOP')).toMatch(/^250 /);
    await until('the server is let go', () => door.sessions.list().length === opened.length);
    expect(mbx.messages.length).toBe(before);
    expect(mbx.commands.filter((line) => line.includes('mallory'))).toEqual([]);
  });

  test('any mixture of CR, LF and dots is one message as it stands, or none', async () => {
    const client = await inData();
    const unit = fc.constantFrom('\r', '\n', '.', '\r\n', 'a', '\0', '\r\n..');
    const mixture = fc
      .string({ unit, maxLength: 12 })
      .filter((text) => !`\r\n${text}\r\n.`.includes('\r\n.\r\n') && !/(^|\r\n)\.(?!\.)/.test(`${text}\r\n`));
    await fc.assert(
      fc.asyncProperty(mixture, fc.integer({ min: 0, max: 14 }), async (text, cut) => {
        const before = mbx.messages.length;
        const wire = Buffer.from(`${text}\r\n.\r\n`, 'latin1');
        client.write(wire.subarray(0, cut));
        await new Promise(setImmediate);
        client.write(wire.subarray(cut));
        const isClean = !/\r(?!\n)|(?<!\r)\n/.test(`${text}\r\n`);
        const isPlain = isClean && !/(^|\r\n)\0+\./.test(text);
        expect(await client.reply()).toMatch(isPlain ? /^250 2\.6\.0 / : isClean ? /^550 5\.6\.0 / : /^550 5\.6\./);
        expect(mbx.messages.length - before).toBe(isPlain ? 1 : 0);
        const content = `${text}\r\n`.replaceAll(/(^|\r\n)\.\./g, '$1.');
        // None of these lines is a field: an empty line sets the body apart from our header.
        const expected = content.startsWith('\r\n') ? content : `\r\n${content}`;
        expect(isPlain ? lastBody() : expected).toBe(expected);
        for (const command of ['MAIL FROM:<>', 'RCPT TO:<ann@contoso.com>', 'DATA']) await client.ask(command);
      }),
      { numRuns: 100 },
    );
  });

  test('the pieces of a bare CR and a true end may come one by one', async () => {
    const before = mbx.messages.length;
    const client = await inData();
    for (const piece of ['x\r', '.', '\r\n', '.', '\r', '\n']) {
      client.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await client.reply()).toMatch(/^550 5\.6\.11 /);
    expect(mbx.messages.length).toBe(before);
  });

  test('a bare LF late in a large message: the server has part of it and never its end', async () => {
    const before = mbx.messages.length;
    const client = await inData();
    client.write(`${'a line of text\r\n'.repeat(2000)}\nthe last\r\n`);
    expect(await client.ask('.')).toMatch(/^550 5\.6\.11 /);
    expect(mbx.messages.length).toBe(before);
  });

  test('commands behind a true end are a second message, as they should be', async () => {
    const before = mbx.messages.length;
    const client = await inData();
    client.write(`one\r\n.\r\n${after}two\r\n.\r\nQUIT\r\n`);
    const replies = await client.rest();
    expect(replies.map((reply) => reply.slice(0, 3))).toEqual(['250', '250', '250', '354', '250', '221']);
    expect(mbx.messages.length).toBe(before + 2);
  });
});

describe('size', () => {
  test('SIZE is offered, and a message that says it is larger is refused at MAIL', async () => {
    const client = await connectClient(door.port);
    opened.push(client);
    await client.reply();
    expect(await client.ask('EHLO client.example')).toMatch(/^250-SIZE 65536$|^250 SIZE 65536$/m);
    expect(await client.ask('MAIL FROM:<> SIZE=65537')).toBe(
      '552 5.3.4 Message size exceeds fixed maximum message size (64KB)',
    );
    expect(await client.ask('MAIL FROM:<> SIZE=65536')).toMatch(/^250 /);
  });

  test('a message at the limit passes, one byte more does not', async () => {
    for (const [bytes, expected] of [
      [65_536, /^250 2\.6\.0 /],
      [65_537, /^552 5\.3\.4 /],
    ] as const) {
      const before = mbx.messages.length;
      const client = await inData();
      client.write(`${'x'.repeat(bytes - 2)}\r\n.\r\n`);
      expect(await client.reply()).toMatch(expected);
      expect(mbx.messages.length - before).toBe(bytes === 65_536 ? 1 : 0);
      expect(await client.ask('NOOP')).toMatch(/^250 /);
    }
  });

  test('one that goes on and on is cut off', async () => {
    const client = await inData();
    const block = Buffer.alloc(64 * 1024, 'x');
    let blocks = 0;
    while (!client.socket.destroyed && client.socket.writable && blocks < 2000) {
      if (!client.socket.write(block)) await Promise.race([once(client.socket, 'drain'), once(client.socket, 'close')]);
      blocks += 1;
    }
    expect(blocks).toBeLessThan(2000);
    expect((await client.rest()).join('\n')).toMatch(/^552 5\.3\.4 /);
  });
});

test('a message of 25 MB is never held: what was read and not yet written on stays small', async () => {
  const megabyte = 1024 * 1024;
  let arrived = 0;
  let highWater = 0;
  let rssMax = 0;
  const slow = await startScriptedServer({
    forgetful: true,
    onData(piece, socket) {
      arrived += piece.length;
      if (arrived % (3 * megabyte) > piece.length) return;
      socket.pause();
      setTimeout(() => socket.resume(), 100);
    },
  });
  opened.push(slow);
  const large = await openTestDoor({ ports: [slow.port] });
  opened.push(large);
  const client = await inData(large.port);
  const block = Buffer.alloc(megabyte / 16, 'a line of text that is no dot\r\n');
  const rssBefore = process.memoryUsage().rss;
  const watch = setInterval(() => {
    highWater = Math.max(highWater, (large.accepted[0]?.bytesRead ?? 0) - slow.bytes());
    rssMax = Math.max(rssMax, process.memoryUsage().rss - rssBefore);
  }, 2);
  for (let i = 0; i < 25 * 16; i += 1) {
    if (!client.socket.write(block.subarray(0, block.length - (block.length % 31)))) await once(client.socket, 'drain');
  }
  expect(await client.ask('.')).toMatch(/^250 /);
  clearInterval(watch);
  expect(arrived).toBeGreaterThan(24 * megabyte);
  // The buffers of the kernel between door and server are in it.
  expect(highWater).toBeLessThan(8 * megabyte);
  expect(highWater).toBeGreaterThan(0);
  expect(rssMax).toBeLessThan(80 * megabyte);
}, 30_000);
