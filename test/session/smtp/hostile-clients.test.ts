import { once } from 'node:events';
import { connect } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { until } from '../../support/until.js';
import { deadServer, doorParts } from './door-parts.js';
import type { DoorSetting, DoorUnderTest } from './door-under-test.js';
import type { Script, ScriptedServer } from './scripted-server.js';
import { askAll, begin, codesOf, type SmtpClient } from './smtp-client.js';

const parts = doorParts();
const message = 'MAIL FROM:<eve@fabrikam.com>\r\nRCPT TO:<ann@contoso.com>\r\nDATA\r\nSubject: x\r\n\r\nhello\r\n.\r\n';
const taken = ['250 2.1.0', '250 2.1.5', '354', '250 2.6.0'];
const megabyte = 1024 * 1024;

async function openDoor(
  setting: DoorSetting = {},
  script: Script = {},
): Promise<{ mbx: ScriptedServer; door: DoorUnderTest }> {
  const mbx = await parts.server(script);
  const door = await parts.doorTo([mbx], setting);
  return { mbx, door };
}

/** Writes as long as the connection takes anything, at most so many bytes; what the door has read of it. */
async function pour(client: SmtpClient, door: DoorUnderTest, text: string, bytesMax: number): Promise<number> {
  const block = Buffer.from(text.repeat(Math.ceil(16_384 / text.length)), 'latin1');
  for (let sent = 0; sent < bytesMax && client.socket.writable; sent += block.length) {
    if (client.socket.write(block)) continue;
    const isDrained = await Promise.race([
      once(client.socket, 'drain').then(() => true),
      once(client.socket, 'close').then(() => true),
      new Promise<boolean>((resolve) => setTimeout(resolve, 200, false)),
    ]);
    if (!isDrained) break;
  }
  return door.accepted.at(-1)?.bytesRead ?? 0;
}

describe('a client that never reads its replies', () => {
  test.each([
    ['NOOP', 'NOOP\r\n'],
    ['EHLO, whose answer is long', 'EHLO c\r\n'],
    ['what is refused', 'RCPT TO:<x@elsewhere.example>\r\n'],
  ])('to %s is not read any further, holds little, and is let go in time', async (_what, line) => {
    const { door } = await openDoor({
      connector: {
        inactivityTimeout: '1s',
        connectionTimeout: '20s',
        maxProtocolErrors: 1_000_000,
        maxRecipients: 200,
      },
    });
    const client = await parts.client(door);
    await client.ask('MAIL FROM:<>');
    client.socket.pause();
    const readBytes = await pour(client, door, line, 30 * megabyte);
    expect(readBytes).toBeLessThan(8 * megabyte);
    expect(door.accepted[0]?.writableLength).toBeLessThan(4 * megabyte);
    await until('nobody is left', () => door.open() === 0 && door.sessions.list().length === 0, 6000);
  });

  test('and then does gets them all', async () => {
    const { door } = await openDoor();
    const client = await parts.client(door);
    client.socket.pause();
    const count = 100_000;
    client.write('NOOP\r\n'.repeat(count));
    await new Promise((resolve) => setTimeout(resolve, 200));
    client.socket.resume();
    client.write('QUIT\r\n');
    const replies = await client.rest();
    expect([replies.length, replies.at(-1)?.slice(0, 3)]).toEqual([count + 1, '221']);
  });
});

describe('a client that sends ahead', () => {
  test('while a server is slow is not read without end', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<undefined>((resolve) => {
      release = () => resolve(undefined);
    });
    const { mbx, door } = await openDoor({}, { answer: (line) => (line.startsWith('RCPT') ? held : undefined) });
    const client = await parts.client(door);
    client.write('MAIL FROM:<>\r\nRCPT TO:<ann@contoso.com>\r\n');
    await until('the server is asked', () => mbx.commands.some((line) => line.startsWith('RCPT')));
    const readBytes = await pour(client, door, 'NOOP\r\n', 20 * megabyte);
    expect(readBytes).toBeLessThan(megabyte);
    release();
    expect(codesOf([await client.reply(), await client.reply(), await client.reply()])).toEqual([
      '250 2.1.0',
      '250 2.1.5',
      '250 2.0.0',
    ]);
  });

  test('may send a whole session at once', async () => {
    const { mbx, door } = await openDoor();
    const client = await parts.bareClient(door);
    await client.reply();
    client.write(`EHLO c\r\n${message.repeat(20)}QUIT\r\n`);
    const replies = codesOf(await client.rest());
    expect(replies).toEqual(['250', ...Array.from({ length: 20 }, () => taken).flat(), '221 2.0.0']);
    expect(mbx.messages).toHaveLength(20);
  });

  test('and one byte at a time is understood the same', async () => {
    const { mbx, door } = await openDoor();
    const client = await parts.bareClient(door);
    await client.reply();
    for (const byte of Buffer.from(`EHLO c\r\n${message}QUIT\r\n`)) {
      client.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    expect(codesOf(await client.rest())).toEqual(['250', ...taken, '221 2.0.0']);
    expect(mbx.messages).toHaveLength(1);
  });
});

describe('a client that ends its side', () => {
  test('after its message hears everything, however slow the server is', async () => {
    const answer = (line: string) =>
      line === '.' || line.startsWith('RCPT')
        ? new Promise<undefined>((resolve) => setTimeout(resolve, 300, undefined))
        : undefined;
    const { mbx, door } = await openDoor({}, { answer });
    const client = await parts.bareClient(door);
    await client.reply();
    client.socket.end(`EHLO c\r\n${message}`);
    expect(codesOf(await client.rest())).toEqual(['250', ...taken]);
    expect(mbx.messages).toHaveLength(1);
    await until('nobody is left', () => door.open() === 0);
  });

  test.each(['EHLO c\r\nNOOP', 'EHLO c\r\nAUTH LOGIN\r\n', 'EHLO c\r\nMAIL FROM:<>\r\n', ''])(
    'after %j is let go',
    async (text) => {
      const { door } = await openDoor({ connector: { auth: ['basic'] } });
      const client = await parts.bareClient(door);
      await client.reply();
      client.socket.end(text);
      expect((await client.rest()).every((reply) => /^[23]/.test(reply))).toBe(true);
      await until('nobody is left', () => door.open() === 0 && door.sessions.list().length === 0, 2000);
    },
  );

  test('in the middle of its message: the server never takes it', async () => {
    const { mbx, door } = await openDoor();
    const client = await parts.bareClient(door);
    await begin(client);
    client.socket.end(`DATA\r\nSubject: x\r\n\r\n${'half of it\r\n'.repeat(5000)}`);
    expect(codesOf(await client.rest())).toEqual(['354']);
    await until('nobody is left', () => door.open() === 0 && mbx.sockets.size === 0);
    expect(mbx.messages).toEqual([]);
    expect(door.tracked).toMatchObject([{ outcome: 'deferred' }]);
  });

  test('and the connection, after its whole message: the server takes it, and that is recorded', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<undefined>((resolve) => {
      release = () => resolve(undefined);
    });
    const { mbx, door } = await openDoor({}, { answer: (line) => (line === '.' ? held : undefined) });
    const client = await parts.client(door);
    client.write(message);
    await until('the server has it', () => mbx.bytes() > 300);
    client.socket.resetAndDestroy();
    await until('the client is gone', () => door.accepted[0]?.destroyed);
    expect(door.sessions.list()).toHaveLength(1);
    release();
    await until('nobody is left', () => door.open() === 0 && door.sessions.list().length === 0);
    expect(mbx.messages).toHaveLength(1);
    expect(door.tracked).toMatchObject([{ outcome: 'accepted', reply: '250 2.6.0 taken as 4711' }]);
  });
});

describe('whatever a client sends', () => {
  const line = fc.oneof(
    fc.constantFrom(
      'EHLO c',
      'HELO c',
      'MAIL FROM:<>',
      'MAIL FROM:<eve@fabrikam.com> SIZE=10 BODY=8BITMIME',
      'RCPT TO:<ann@contoso.com>',
      'RCPT TO:<bob@contoso.com> NOTIFY=NEVER',
      'RCPT TO:<x@elsewhere.example>',
      'DATA',
      '.',
      'Subject: x',
      '',
      'BDAT 4',
      'BDAT 0 LAST',
      'BDAT x',
      'RSET',
      'NOOP',
      'STARTTLS',
      'AUTH PLAIN AGEAYg==',
      'AUTH LOGIN',
      'XCLIENT ADDR=192.0.2.1',
      'VRFY ann',
      'QUIT',
    ),
    fc.string({ unit: 'binary', maxLength: 60 }),
  );
  const ending = fc.constantFrom('\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '');

  test('it hears replies of the right form or is let go, and nothing is left behind', async () => {
    const { door } = await openDoor({
      connector: { auth: ['basic'], maxConnectionsPerSource: 1000, maxConnectionsPercentPerSource: 100 },
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(line, ending), { maxLength: 25 }),
        fc.integer({ min: 1, max: 200 }),
        async (lines, piece) => {
          const client = await parts.bareClient(door);
          const bytes = Buffer.from(lines.map((parts) => parts.join('')).join(''), 'utf8');
          for (let at = 0; at < bytes.length; at += piece) client.write(bytes.subarray(at, at + piece));
          client.socket.end();
          const replies = await client.rest();
          expect(codesOf(replies).slice(0, 1)).toEqual(['220']);
          for (const code of codesOf(replies)) expect(code).toMatch(/^[2345]\d\d/);
          client.close();
          await until('nobody is left', () => door.open() === 0 && door.sessions.list().length === 0);
          expect(door.log.filter(({ message }) => message.includes('fault'))).toEqual([]);
        },
      ),
      { numRuns: 150 },
    );
  }, 60_000);

  test('bytes of no meaning at all', async () => {
    const { door } = await openDoor({
      connector: { maxConnectionsPerSource: 1000, maxConnectionsPercentPerSource: 100 },
    });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), async (bytes) => {
        const client = await parts.bareClient(door);
        client.socket.end(Buffer.from(bytes));
        await client.rest();
        client.close();
        await until('nobody is left', () => door.open() === 0);
      }),
      { numRuns: 40 },
    );
    expect(door.sessions.list()).toEqual([]);
  });
});

describe('many clients', () => {
  test('that reset their connections at any point leave nothing behind', async () => {
    const { mbx, door } = await openDoor({
      connector: { maxConnectionsPerSource: 1000, maxConnectionsPercentPerSource: 100 },
    });
    const whole = `EHLO c\r\n${message}`;
    await Promise.all(
      Array.from({ length: 60 }, async (_, at) => {
        const socket = connect({ host: '127.0.0.1', port: door.port });
        socket.on('error', () => socket.destroy());
        await once(socket, 'connect');
        socket.write(whole.slice(0, Math.floor((at / 60) * whole.length)));
        await new Promise((resolve) => setTimeout(resolve, at % 7));
        socket.resetAndDestroy();
      }),
    );
    await until('nobody is left', () => door.open() === 0 && door.sessions.list().length === 0);
    expect(codesOf(await askAll(await parts.client(door), message.slice(0, -2).split('\r\n').slice(0, 3)))).toEqual(
      taken.slice(0, 3),
    );
    // What the pool holds beside the one that is being used.
    expect(mbx.sockets.size).toBeLessThan(60);
  });

  test('that have nowhere to deliver to cost each a reply', async () => {
    const door = await parts.doorTo([await deadServer()]);
    const clients = await Promise.all(Array.from({ length: 15 }, () => parts.client(door)));
    const replies = await Promise.all(
      clients.map((client) => askAll(client, ['MAIL FROM:<>', 'RCPT TO:<ann@contoso.com>', 'DATA', 'QUIT'])),
    );
    for (const reply of replies) expect(codesOf(reply)).toEqual(['250 2.1.0', '250 2.1.5', '451 4.4.1', '221 2.0.0']);
  });
});
