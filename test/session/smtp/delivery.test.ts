import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { afterEach, describe, expect, test } from 'vitest';
import { until } from '../../support/until.js';
import { type DoorSetting, type DoorUnderTest, openTestDoor, serversAt, twoGroups } from './door-under-test.js';
import { type Script, type ScriptedServer, startScriptedServer } from './scripted-server.js';
import { askAll, begin, codesOf, connectClient, sendMessage } from './smtp-client.js';

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const part of opened.splice(0)) part.close();
});

async function server(script: Script = {}): Promise<ScriptedServer> {
  const started = await startScriptedServer(script);
  opened.push(started);
  return started;
}

async function doorTo(servers: readonly { port: number }[], setting: DoorSetting = {}): Promise<DoorUnderTest> {
  const door = await openTestDoor({ ports: servers.map(({ port }) => port), ...setting });
  opened.push(door);
  return door;
}

/** A port that nobody listens on. */
async function deadPort(): Promise<{ port: number }> {
  const once = await startScriptedServer();
  const { port } = once;
  once.close();
  return { port };
}

const text = 'Subject: hello\r\n\r\nHello.';

describe('a message', () => {
  test("goes to the server of its mailbox, with a Received header, and the answer is the server's", async () => {
    const mbx = await server();
    const door = await doorTo([mbx], { nowMs: () => Date.UTC(2026, 10, 22, 18, 57, 3) });
    expect(await sendMessage(door.port, text)).toBe('250 2.6.0 taken as 4711');
    const [message] = mbx.messages;
    expect(message?.from).toBe('MAIL FROM:<eve@fabrikam.com>');
    expect(message?.to).toEqual(['ann@contoso.com']);
    const received =
      /^Received: from client\.example \(\[127\.0\.0\.1\]\)\r\n\tby front\.contoso\.com \(usher\) with ESMTP id [0-9a-f]{24}\r\n\t\(connector "Inbound"\);\r\n\tSun, 22 Nov 2026 18:57:03 \+0000\r\nX-Usher-Transaction: [0-9a-f]{32}\r\n/;
    expect(message?.data).toMatch(received);
    expect(message?.data.replace(received, '')).toBe(`${text}\r\n`);
    expect(mbx.commands).toContain('EHLO front.contoso.com');
    await until('nobody is left', () => door.open() === 0 && door.sessions.list().length === 0);
    expect(mbx.sockets.size).toBe(1);
    door.door.close();
    await until('goodbye', () => mbx.commands.includes('QUIT') && mbx.sockets.size === 0);
  });

  test('is logged with its decision, and no line of its content', async () => {
    const [gone, mbx] = [await deadPort(), await server()];
    const door = await doorTo([gone, mbx]);
    await sendMessage(door.port, text);
    const line = door.log.find(({ message }) => message === 'message accepted');
    expect(line).toMatchObject({
      client: '127.0.0.1',
      connector: 'Inbound',
      from: 'eve@fabrikam.com',
      recipients: ['ann@contoso.com'],
      reason: 'one-mailbox-recipient',
      server: 'MBX2',
      tried: [{ server: 'MBX1', reason: expect.stringContaining('refused the connection') }],
      reply: '250 2.6.0 taken as 4711',
      bodyBytes: text.length + 2,
    });
    expect(door.tracked.at(-1)?.decision).toMatchObject({
      outcome: 'proxy',
      trace: expect.arrayContaining([expect.objectContaining({ rule: 'hub-selector/one-mailbox-recipient' })]),
    });
    expect(JSON.stringify([door.log, door.tracked, door.protocol])).not.toContain('Hello.');
  });

  test('with several recipients is one transaction', async () => {
    const mbx = await server();
    const door = await doorTo([mbx]);
    expect(await sendMessage(door.port, text, ['ann@contoso.com', 'bob@contoso.com', 'ann@contoso.com'])).toMatch(
      /^250 /,
    );
    expect(mbx.messages.map(({ to }) => to)).toEqual([['ann@contoso.com', 'bob@contoso.com']]);
  });

  test('of another sending program arrives', async () => {
    const mbx = await server();
    const door = await doorTo([mbx]);
    const connection = new SMTPConnection({ host: '127.0.0.1', port: door.port, ignoreTLS: true });
    const info = await new Promise<{ response: string }>((resolve, reject) => {
      connection.on('error', reject);
      connection.connect(() => {
        const envelope = { from: 'eve@fabrikam.com', to: ['ann@contoso.com', 'bob@contoso.com'] };
        connection.send(envelope, text, (error, sent) => (error ? reject(error) : resolve(sent)));
      });
    });
    connection.quit();
    expect(info.response).toBe('250 2.6.0 taken as 4711');
    expect(mbx.messages).toHaveLength(1);
  });

  test('begins anew: a connection that goes on sees a newer estate', async () => {
    const [first, second] = [await server(), await server()];
    const door = await doorTo([first]);
    const client = await connectClient(door.port);
    opened.push(client);
    await begin(client);
    await client.ask('DATA');
    expect(await client.ask(`${text}\r\n.`)).toMatch(/^250 /);
    door.estate({ servers: serversAt([second.port]) });
    for (const line of ['MAIL FROM:<eve@fabrikam.com>', 'RCPT TO:<ann@contoso.com>', 'DATA']) await client.ask(line);
    expect(await client.ask(`${text}\r\n.`)).toMatch(/^250 /);
    expect([first.messages.length, second.messages.length]).toEqual([1, 1]);
  });

  test('for a mailbox whose database is not known yet takes up the newest estate', async () => {
    const mbx = await server();
    const newest = {
      databases: [
        { name: 'DB1', copies: ['MBX1'] },
        { name: 'NEW', copies: ['MBX1'] },
      ],
      mailboxes: [{ address: 'new@contoso.com', database: 'NEW' }],
    };
    const door = await doorTo([mbx], { estate: { mailboxes: newest.mailboxes }, newest });
    expect(await sendMessage(door.port, text, ['new@contoso.com'])).toMatch(/^250 /);
    expect(door.log.at(-1)?.['reason']).toBe('one-mailbox-recipient');
  });

  test('keeps a domain in its own script in the form that every server takes', async () => {
    const mbx = await server();
    const estate = {
      domains: [{ name: 'xn--mnchen-3ya.de', type: 'authoritative' }],
      mailboxes: [{ address: 'ann@xn--mnchen-3ya.de', database: 'DB1' }],
    };
    const door = await doorTo([mbx], { estate });
    expect(await sendMessage(door.port, text, ['ann@xn--mnchen-3ya.de'])).toMatch(/^250 /);
    expect(mbx.commands).toContain('RCPT TO:<ann@xn--mnchen-3ya.de>');
  });
});

describe('which server', () => {
  test('the next candidate takes over from one that is down, refuses to serve or refuses for now', async () => {
    const answers: readonly ((line: string) => string | undefined)[] = [
      (line) => (line === '' ? '554 5.3.2 no service' : undefined),
      (line) => (line === '' ? '421 4.3.2 busy' : undefined),
      (line) => (line.startsWith('EHLO') ? 'drop' : undefined),
      (line) => (line.startsWith('MAIL') ? '452 4.3.1 full' : undefined),
      (line) => (line.startsWith('RCPT') ? '421 4.3.2 going down' : undefined),
      (line) => (line === 'DATA' ? '451 4.3.0 not now' : undefined),
    ];
    const poor = await Promise.all(answers.map((answer) => server({ answer })));
    const good = await server();
    const door = await doorTo([await deadPort(), ...poor, good]);
    expect(await sendMessage(door.port, text)).toBe('250 2.6.0 taken as 4711');
    expect(door.log.at(-1)).toMatchObject({ server: 'MBX8' });
    expect(door.log.at(-1)?.['tried']).toHaveLength(7);
    expect(poor.map(({ messages }) => messages.length)).toEqual([0, 0, 0, 0, 0, 0]);
    await until('the open transaction is given up', () => poor.at(-1)?.commands.includes('RSET'));
  });

  test('when every one is down DATA is answered 451 4.4.1, and may be asked for again', async () => {
    const [gone, mbx] = [await deadPort(), await server()];
    const door = await doorTo([gone]);
    const client = await connectClient(door.port);
    opened.push(client);
    await begin(client);
    expect(await client.ask('DATA')).toMatch(/^451 4\.4\.1 \D/);
    expect(await client.ask('NOOP')).toMatch(/^250 2\.0\.0 /);
    expect(await client.ask('DATA')).toMatch(/^451 4\.4\.1 \D/);
    expect(door.tracked.map(({ outcome, reply }) => [outcome, reply.slice(0, 9)])).toEqual([
      ['deferred', '451 4.4.1'],
      ['deferred', '451 4.4.1'],
    ]);
    door.estate({ servers: serversAt([mbx.port]) });
    const replies = await askAll(client, ['RSET', 'MAIL FROM:<>', 'RCPT TO:<ann@contoso.com>', 'DATA', `${text}\r\n.`]);
    expect(codesOf(replies)).toEqual(['250 2.0.0', '250 2.1.0', '250 2.1.5', '354', '250 2.6.0']);
  });

  test('a client that sends its message in spite of a refused DATA is not heard as if it were one', async () => {
    const door = await doorTo([await deadPort()]);
    const client = await connectClient(door.port);
    opened.push(client);
    await begin(client);
    client.write('DATA\r\nSubject: x\r\n\r\n.\r\nQUIT\r\n');
    expect(codesOf(await client.rest())).toEqual(['451 4.4.1', '500 5.3.3', '500 5.3.3', '500 5.3.3', '221 2.0.0']);
  });

  test('one that does not speak in time is given up', async () => {
    const mute = await server({ answer: () => new Promise(() => undefined) });
    const good = await server();
    const door = await doorTo([mute, good], { deadlines: { replyTimeoutMs: 150 } });
    expect(await sendMessage(door.port, text)).toMatch(/^250 /);
    expect(door.log.at(-1)?.['tried']).toEqual([{ server: 'MBX1', reason: expect.stringContaining('within 150 ms') }]);
  });

  test('one that takes less than the message says is passed over; when all do the client hears it', async () => {
    const small = await server({ capabilities: ['SIZE 1000'] });
    const large = await server({ capabilities: ['SIZE 100000'] });
    for (const [servers, expected] of [
      [[small, large], /^354 /],
      [[small], /^552 5\.3\.4 /],
    ] as const) {
      const door = await doorTo(servers);
      const client = await connectClient(door.port);
      opened.push(client);
      await client.reply();
      const replies = await askAll(client, ['EHLO c', 'MAIL FROM:<> SIZE=2000', 'RCPT TO:<ann@contoso.com>', 'DATA']);
      expect(replies.at(-1)).toMatch(expected);
    }
  });
});

describe('what the server refuses', () => {
  test.each([
    ['the sender', 'MAIL', '550 5.7.1 not from you', '550 5.7.1 not from you'],
    ['the sender, without an enhanced code', 'MAIL', '550 not from you', '550 5.0.0 not from you'],
    ['DATA', 'DATA', '554 5.7.0 no mail today', '554 5.7.0 no mail today'],
    ['the message', '.', '550 5.7.1 looks like spam', '550 5.7.1 looks like spam'],
    ['the message for now', '.', '452 4.3.1 disk full', '452 4.3.1 disk full'],
    ['the message in two lines', '.', '554-5.7.1 first\r\n554 5.7.1 second', '554-5.7.1 first\n554 5.7.1 second'],
  ])('%s: its words reach the client, and nobody else is tried', async (_what, verb, answer, expected) => {
    const mbx = await server({ answer: (line) => (line.startsWith(verb) ? answer : undefined) });
    const other = await server();
    const door = await doorTo([mbx, other]);
    expect(await sendMessage(door.port, text)).toBe(expected);
    expect([mbx.messages.length, other.commands.length]).toEqual([0, 0]);
  });

  test.each(['550 5.1.1 no such user', '451 4.2.0 greylisted', '550 no such user'])(
    'a recipient with %s: the client hears it at RCPT, and the others get the message',
    async (answer) => {
      const mbx = await server({ answer: (line) => (line.includes('bob@') ? answer : undefined) });
      const door = await doorTo([mbx, await server()]);
      const client = await connectClient(door.port);
      opened.push(client);
      await begin(client);
      expect(await client.ask('RCPT TO:<bob@contoso.com>')).toBe(answer.replace(/^550 no/, '550 5.0.0 no'));
      const replies = await askAll(client, ['RCPT TO:<cid@contoso.com>', 'DATA', `${text}\r\n.`]);
      expect(codesOf(replies)).toEqual(['250 2.1.5', '354', '250 2.6.0']);
      expect(mbx.messages.map(({ to }) => to)).toEqual([['ann@contoso.com', 'cid@contoso.com']]);
      expect(door.tracked.at(-1)?.recipients).toMatchObject([
        { address: 'ann@contoso.com', verdict: 'accept' },
        { address: 'bob@contoso.com', verdict: answer.startsWith('5') ? 'reject' : 'defer' },
        { address: 'cid@contoso.com', verdict: 'accept' },
      ]);
    },
  );

  test('the only recipient: DATA has nobody to go to', async () => {
    const mbx = await server({ answer: (line) => (line.startsWith('RCPT') ? '550 5.1.1 no such user' : undefined) });
    const door = await doorTo([mbx]);
    const client = await connectClient(door.port);
    opened.push(client);
    await begin(client, []);
    expect(await client.ask('RCPT TO:<ann@contoso.com>')).toBe('550 5.1.1 no such user');
    expect(await client.ask('DATA')).toMatch(/^554 5\.5\.1 /);
    expect(mbx.commands).not.toContain('DATA');
  });

  test.each(['550 5.1.1 no such user', '451 4.2.0 greylisted'])(
    'a recipient with %s where the server was not certain before: DATA is refused, and nobody gets the message',
    async (answer) => {
      const mbx = await server({ answer: (line) => (line.includes('bob@') ? answer : undefined) });
      const servers = [mbx, await server()];
      const door = await doorTo(servers, { estate: twoGroups(servers.map(({ port }) => port)) });
      expect(await sendMessage(door.port, text, ['ann@contoso.com', 'bob@contoso.com'])).toBe(answer);
      // DATA went out with the envelope, and the server has said 354: nothing but closing is left.
      await until('the server is let go', () => mbx.sockets.size === 0);
      expect(mbx.messages).toEqual([]);
    },
  );

  test('a recipient where the server was not certain and takes one command at a time: DATA is never said', async () => {
    const answer = (line: string) => (line.includes('bob@') ? '550 5.1.1 no such user' : undefined);
    const mbx = await server({ answer, capabilities: [] });
    const servers = [mbx, await server()];
    const door = await doorTo(servers, { estate: twoGroups(servers.map(({ port }) => port)) });
    expect(await sendMessage(door.port, text, ['ann@contoso.com', 'bob@contoso.com'])).toBe('550 5.1.1 no such user');
    await until('the transaction is given up', () => mbx.commands.includes('RSET'));
    expect(mbx.commands).not.toContain('DATA');
  });

  test('without PIPELINING each recipient is asked in turn', async () => {
    const mbx = await server({ capabilities: ['8BITMIME'] });
    const door = await doorTo([mbx]);
    expect(await sendMessage(door.port, text, ['ann@contoso.com', 'bob@contoso.com'])).toMatch(/^250 /);
  });
});

describe('the answer', () => {
  test("comes after the server's", async () => {
    let release: () => void = () => undefined;
    const held = new Promise<undefined>((resolve) => {
      release = () => resolve(undefined);
    });
    const mbx = await server({ answer: (line) => (line === '.' ? held : undefined) });
    const door = await doorTo([mbx]);
    let answered: string | null = null;
    const sent = sendMessage(door.port, text).then((reply) => {
      answered = reply;
    });
    await until('the end is there', () => mbx.bytes() > text.length + 200);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(answered).toBeNull();
    release();
    await sent;
    expect(answered).toMatch(/^250 2\.6\.0 /);
  });

  test.each([
    ['dies before it answers', { answer: (line: string) => (line === '.' ? 'drop' : undefined) }],
    ['says 421 instead', { answer: (line: string) => (line === '.' ? '421 4.3.2 going down' : undefined) }],
  ])('of a server that %s is 451 4.4.2, and nobody else is tried', async (_how, script) => {
    const mbx = await server(script);
    const other = await server();
    const door = await doorTo([mbx, other]);
    expect(await sendMessage(door.port, text)).toMatch(/^451 4\.4\.2 /);
    expect(other.commands).toEqual([]);
    expect(door.tracked.map(({ outcome }) => outcome)).toEqual(['lost']);
  });

  test('of a server that dies when much of the message was sent is 451 4.4.2, and nobody else is tried', async () => {
    let arrived = 0;
    const dying = await server({
      forgetful: true,
      onData(piece, socket) {
        arrived += piece.length;
        if (arrived > 300_000) socket.destroy();
      },
    });
    const other = await server();
    const door = await doorTo([dying, other]);
    expect(await sendMessage(door.port, Buffer.alloc(600_000, 'some text of the message\r\n'))).toMatch(
      /^451 4\.4\.2 /,
    );
    expect(other.commands).toEqual([]);
  });

  test('is not waited for for ever', async () => {
    const mbx = await server({ answer: (line) => (line === '.' ? new Promise(() => undefined) : undefined) });
    const door = await doorTo([mbx], { deadlines: { finalReplyTimeoutMs: 150 } });
    expect(await sendMessage(door.port, text)).toMatch(/^451 4\.4\.2 /);
  });

  test('an answer in the middle of the data is passed on', async () => {
    const mbx = await server({ onDataBegin: (socket) => void socket.write('552 5.3.4 too much\r\n') });
    const door = await doorTo([mbx]);
    const client = await connectClient(door.port);
    opened.push(client);
    await begin(client);
    await client.ask('DATA');
    client.write('Subject: x\r\n');
    await new Promise((resolve) => setTimeout(resolve, 100));
    client.write('\r\nmore\r\n');
    expect(await client.ask('.')).toMatch(/^552 5\.3\.4 too much$/);
  });
});

describe('who may', () => {
  test('a stranger may not send to others, and the session goes on', async () => {
    const mbx = await server();
    const door = await doorTo([mbx]);
    const client = await connectClient(door.port);
    opened.push(client);
    await client.reply();
    await client.ask('EHLO client.example');
    await client.ask('MAIL FROM:<eve@fabrikam.com>');
    expect(await client.ask('RCPT TO:<tom@elsewhere.example>')).toBe('550 5.7.1 Unable to relay');
    expect(door.log.at(-1)).toMatchObject({ message: 'recipient refused', recipient: 'tom@elsewhere.example' });
    expect(await client.ask('RCPT TO:<ann@contoso.com>')).toMatch(/^250 2\.1\.5 /);
    expect(await client.ask('DATA')).toMatch(/^354 /);
    expect(await client.ask(`${text}\r\n.`)).toMatch(/^250 2\.6\.0 /);
    expect(mbx.messages.map(({ to }) => to)).toEqual([['ann@contoso.com']]);
  });

  test('an address of ours that nobody has is for the mailbox server to refuse', async () => {
    const mbx = await server({ answer: (line) => (line.includes('nobody@') ? '550 5.1.1 no such user' : undefined) });
    const door = await doorTo([mbx]);
    expect(await sendMessage(door.port, text, ['nobody@contoso.com'])).toBe('550 5.1.1 no such user');
    expect(door.log.at(-1)).toMatchObject({ message: 'message not accepted', reason: 'no-mailbox-recipient' });
  });

  test('nobody may send on a connector for users only', async () => {
    const door = await doorTo([await server()], { connector: { permissionGroups: ['users'] } });
    const client = await connectClient(door.port);
    opened.push(client);
    await client.reply();
    expect(await client.ask('EHLO client.example')).not.toContain('AUTH');
    expect(await client.ask('MAIL FROM:<eve@fabrikam.com>')).toBe('530 5.7.1 Client was not authenticated');
  });

  test('more recipients than the connector takes are asked to come again', async () => {
    const door = await doorTo([await server()], { connector: { maxRecipients: 2 } });
    const client = await connectClient(door.port);
    opened.push(client);
    await begin(client, ['ann@contoso.com', 'bob@contoso.com']);
    expect(await client.ask('RCPT TO:<cid@contoso.com>')).toMatch(/^452 4\.5\.3 /);
  });

  test('one who guesses addresses comes to an end', async () => {
    const door = await doorTo([await server()], { connector: { maxRecipients: 1, connectionTimeout: '1h' } });
    const client = await connectClient(door.port);
    opened.push(client);
    await begin(client, []);
    const replies: (string | null)[] = [];
    for (let i = 0; i < 110; i += 1) replies.push(await client.ask(`RCPT TO:<u${i}@elsewhere.example>`));
    expect(replies.filter((reply) => reply?.startsWith('550 5.7.1'))).toHaveLength(102);
    expect(replies.at(-1)).toMatch(/^452 4\.5\.3 /);
  });
});
