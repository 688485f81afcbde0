import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { ProtocolAgent } from '../../../src/filtering/protocol-agent.js';
import { until } from '../../support/until.js';
import { deadServer, doorParts } from './door-parts.js';
import { serversAt, twoGroups } from './door-under-test.js';
import type { Script, ScriptedServer } from './scripted-server.js';
import { askAll, begin, codesOf, type SmtpClient, sendMessage } from './smtp-client.js';

const parts = doorParts();
const from = 'MAIL FROM:<eve@fabrikam.com>';
const to = (name: string): string => `RCPT TO:<${name}@contoso.com>`;
const text = 'Subject: x\r\n\r\nhello';
const ofMail = (commands: readonly string[]): string[] =>
  commands.filter((line) => /^(?:MAIL|RCPT|DATA|RSET)/.test(line)).map((line) => line.replace(/^MAIL .*/, 'MAIL'));

async function servers<T extends readonly Script[]>(...scripts: T): Promise<{ [K in keyof T]: ScriptedServer }> {
  return (await Promise.all(scripts.map((script) => parts.server(script)))) as { [K in keyof T]: ScriptedServer };
}

/** A server that answers so to the lines that begin so, the first time or always. */
const says = (begin: string, answer: string, times = Number.POSITIVE_INFINITY): Script => {
  let left = times;
  return { answer: (line) => (line.startsWith(begin) && left-- > 0 ? answer : undefined) };
};

async function whole(client: SmtpClient, names = ['ann']): Promise<string[]> {
  return codesOf(await askAll(client, [from, ...names.map(to), 'DATA', `${text}\r\n.`]));
}

describe('when the server is asked', () => {
  test('at RCPT where all mailboxes are in one delivery group', async () => {
    const mbx = await parts.server();
    const door = await parts.doorTo([mbx]);
    const client = await parts.client(door);
    await client.ask(from);
    expect(mbx.connections()).toBe(0);
    await client.ask(to('ann'));
    expect(ofMail(mbx.commands)).toEqual(['MAIL', to('ann')]);
    await askAll(client, [to('bob'), to('ann')]);
    expect(ofMail(mbx.commands)).toEqual(['MAIL', to('ann'), to('bob')]);
    expect(codesOf(await askAll(client, ['DATA', `${text}\r\n.`]))).toEqual(['354', '250 2.6.0']);
    expect(mbx.messages.map(({ to }) => to)).toEqual([['ann@contoso.com', 'bob@contoso.com']]);
  });

  test('at DATA where a further recipient could change the choice', async () => {
    const [mbx, other] = await servers({}, {});
    const ports = [mbx.port, other.port];
    const door = await parts.doorTo([], { estate: twoGroups(ports) });
    const client = await parts.client(door);
    await askAll(client, [from, to('ann'), to('bob')]);
    expect(mbx.connections()).toBe(0);
    expect(codesOf(await askAll(client, ['DATA', `${text}\r\n.`]))).toEqual(['354', '250 2.6.0']);
    expect([mbx.messages.length, other.connections()]).toEqual([1, 0]);
  });

  test('at RCPT where a server takes only its own mailboxes, and those of others come in another transaction', async () => {
    const [mbx, other] = await servers({}, {});
    const two = twoGroups([mbx.port, other.port]);
    const estate = {
      ...two,
      servers: (two['servers'] ?? []).map((server) => ({
        ...server,
        ...(server['name'] !== 'FE1' && { accepts: 'own' }),
      })),
      mailboxes: [
        { address: 'ann@contoso.com', database: 'DB1' },
        { address: 'bob@contoso.com', database: 'DB2' },
      ],
    };
    const door = await parts.doorTo([], { estate });
    const client = await parts.client(door);
    await askAll(client, [from, to('ann')]);
    expect(ofMail(mbx.commands)).toEqual(['MAIL', to('ann')]);
    expect(codesOf(await askAll(client, [to('bob'), 'DATA', `${text}\r\n.`]))).toEqual([
      '452 4.5.3',
      '354',
      '250 2.6.0',
    ]);
    expect(await whole(client, ['bob'])).toEqual(['250 2.1.0', '250 2.1.5', '354', '250 2.6.0']);
    expect([mbx.messages, other.messages].map((messages) => messages.map(({ to }) => to))).toEqual([
      [['ann@contoso.com']],
      [['bob@contoso.com']],
    ]);
  });

  test('after the header where an agent judges messages', async () => {
    const agent: ProtocolAgent = { name: 'judge', priority: 1, message: () => ({ kind: 'pass' }) };
    const mbx = await parts.server();
    const door = await parts.doorTo([mbx], { agents: [agent] });
    const client = await parts.client(door);
    expect(codesOf(await askAll(client, [from, to('ann'), 'DATA']))).toEqual(['250 2.1.0', '250 2.1.5', '354']);
    client.write('Subject: x\r\n');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(mbx.connections()).toBe(0);
    client.write('\r\nhello\r\n');
    await until('the server has the header', () => mbx.commands.includes('DATA'));
    expect(await client.ask('.')).toMatch(/^250 2\.6\.0 /);
  });

  test('after the header: nobody to take the message is the answer to it, and the session goes on', async () => {
    const agent: ProtocolAgent = { name: 'judge', priority: 1, message: () => ({ kind: 'pass' }) };
    const door = await parts.doorTo([await deadServer()], { agents: [agent] });
    const client = await parts.client(door);
    await askAll(client, [from, to('ann'), 'DATA']);
    client.write(Buffer.alloc(3_000_000, 'Subject: x\r\n\r\nsome text of the message\r\n'));
    expect(codesOf(await askAll(client, ['\r\n.', 'NOOP']))).toEqual(['451 4.4.1', '250 2.0.0']);
  });
});

describe('a candidate that fails early is passed over unseen', () => {
  test.each([
    ['at MAIL for now', says('MAIL', '452 4.3.1 full')],
    ['at MAIL with 421', says('MAIL', '421 4.3.2 going down')],
    ['at RCPT with 421', says('RCPT', '421 4.3.2 going down')],
    ['at RCPT by closing', says('RCPT', 'drop')],
    ['at the greeting', says('', '554 5.3.2 no service', 1)],
    ['at DATA for now', says('DATA', '451 4.3.0 not now')],
    ['at DATA with 421', says('DATA', '421 4.3.2 going down')],
    ['at DATA by closing', says('DATA', 'drop')],
  ])('%s', async (_when, script) => {
    const [poor, good] = await servers(script, {});
    const door = await parts.doorTo([poor, good]);
    expect(await whole(await parts.client(door), ['ann', 'bob'])).toEqual([
      '250 2.1.0',
      '250 2.1.5',
      '250 2.1.5',
      '354',
      '250 2.6.0',
    ]);
    expect(good.messages.map(({ to }) => to)).toEqual([['ann@contoso.com', 'bob@contoso.com']]);
    expect(poor.messages).toEqual([]);
    expect(door.tracked).toMatchObject([{ server: 'MBX2', tried: [{ server: 'MBX1' }], outcome: 'accepted' }]);
  });

  test('between two recipients: the next one gets them all', async () => {
    const [dying, good] = await servers({}, {});
    const door = await parts.doorTo([dying, good]);
    const client = await parts.client(door);
    await askAll(client, [from, to('ann'), to('bob')]);
    for (const socket of dying.sockets) socket.destroy();
    await until('it is gone', () => dying.sockets.size === 0);
    expect(codesOf(await askAll(client, [to('cid'), 'DATA', `${text}\r\n.`]))).toEqual([
      '250 2.1.5',
      '354',
      '250 2.6.0',
    ]);
    expect(good.messages.map(({ to }) => to)).toEqual([['ann@contoso.com', 'bob@contoso.com', 'cid@contoso.com']]);
  });

  test('and what it has refused before the next one is not asked for again', async () => {
    const [dying, good] = await servers(says('RCPT TO:<bob', '550 5.1.1 no bob'), {});
    const door = await parts.doorTo([dying, good]);
    const client = await parts.client(door);
    expect(codesOf(await askAll(client, [from, to('ann'), to('bob')]))).toEqual([
      '250 2.1.0',
      '250 2.1.5',
      '550 5.1.1',
    ]);
    for (const socket of dying.sockets) socket.destroy();
    await until('it is gone', () => dying.sockets.size === 0);
    expect(codesOf(await askAll(client, ['DATA', `${text}\r\n.`]))).toEqual(['354', '250 2.6.0']);
    expect(good.messages.map(({ to }) => to)).toEqual([['ann@contoso.com']]);
  });
});

describe('a permanent refusal is the last word', () => {
  test.each([
    ['of the sender', 'MAIL', '550 5.7.1 not you'],
    ['of DATA', 'DATA', '554 5.7.0 no mail today'],
  ])('%s', async (_what, verb, answer) => {
    let sender = '';
    const [strict, other] = await servers(
      {
        answer(line) {
          if (line.startsWith('MAIL')) sender = line;
          if (line.startsWith(verb)) return answer;
          return verb === 'MAIL' && sender !== '' && /^(?:RCPT|DATA)/.test(line) ? '503 5.5.1 no sender' : undefined;
        },
      },
      {},
    );
    const door = await parts.doorTo([strict, other]);
    const client = await parts.client(door);
    const replies = await askAll(client, [from, to('ann'), to('bob'), 'DATA']);
    expect(codesOf(replies)).toEqual(['250 2.1.0', '250 2.1.5', '250 2.1.5', answer.slice(0, 9)]);
    expect(replies.at(-1)).toBe(answer);
    expect(other.connections()).toBe(0);
    expect(ofMail(strict.commands).filter((line) => line === 'MAIL').length).toBeLessThanOrEqual(2);
    expect(codesOf(await askAll(client, ['RSET', 'NOOP']))).toEqual(['250 2.0.0', '250 2.0.0']);
    expect(door.tracked).toMatchObject([{ server: 'MBX1', outcome: 'refused', reply: answer }]);
  });
});

describe('a server that is lost within the message', () => {
  const lines = (from: number, to: number): string =>
    Array.from({ length: to - from }, (_, at) => `.line ${from + at} of the message, long enough to count\r\n`).join(
      '',
    );
  const stuffed = (body: string): string => body.replaceAll(/(^|\r\n)\./g, '$1..');

  test('at once: the next one gets all of it, once', async () => {
    const drop = { onDataBegin: (socket: Socket) => void socket.destroy() };
    const [first, second, third, fourth] = await servers(drop, drop, {}, {});
    const door = await parts.doorTo([first, second, third, fourth]);
    const client = await parts.bareClient(door);
    await begin(client);
    await client.ask('DATA');
    await until('the first is lost', () => first.sockets.size === 0);
    client.write(`Subject: x\r\n\r\n${stuffed(lines(0, 2000))}`);
    await until('the second is lost', () => second.connections() === 1 && second.sockets.size === 0);
    expect(await client.ask('.')).toMatch(/^250 2\.6\.0 /);
    expect([first, second, third, fourth].map((server) => server.messages.length)).toEqual([0, 0, 1, 0]);
    expect(fourth.connections()).toBe(0);
    const data = third.messages[0]?.data ?? '';
    expect(data.match(/^Received:/gm)).toHaveLength(1);
    expect(data.endsWith(`\r\nSubject: x\r\n\r\n${stuffed(lines(0, 2000))}`)).toBe(true);
    expect(door.tracked).toMatchObject([{ server: 'MBX3', tried: [{ server: 'MBX1' }, { server: 'MBX2' }] }]);
  });

  test('before any of a small message was sent: the next one gets it', async () => {
    const [dying, good] = await servers({ onDataBegin: (socket: Socket) => void socket.destroy() }, {});
    const door = await parts.doorTo([dying, good]);
    const client = await parts.bareClient(door);
    await begin(client);
    await client.ask('DATA');
    await until('the server is lost', () => dying.sockets.size === 0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await client.ask(`${text}\r\n.`)).toMatch(/^250 2\.6\.0 /);
    expect(good.messages.map(({ data }) => data.endsWith(`\r\n${text}\r\n`))).toEqual([true]);
  });

  test('in the middle: the next one gets what was sent and what follows', async () => {
    let arrived = 0;
    const [dying, good] = await servers(
      {
        onData(piece, socket) {
          arrived += piece.length;
          if (arrived > 60_000) socket.destroy();
        },
      },
      {},
    );
    const door = await parts.doorTo([dying, good]);
    const client = await parts.bareClient(door);
    await begin(client);
    await client.ask('DATA');
    client.write(`Subject: x\r\n\r\n${stuffed(lines(0, 2000))}`);
    await until('the server is lost', () => dying.sockets.size === 0);
    client.write(stuffed(lines(2000, 2500)));
    expect(await client.ask('.')).toMatch(/^250 2\.6\.0 /);
    expect(good.messages).toHaveLength(1);
    expect(good.messages[0]?.data.endsWith(`\r\nSubject: x\r\n\r\n${stuffed(lines(0, 2500))}`)).toBe(true);
    expect(dying.messages).toEqual([]);
  });

  test('and nobody else is there: 451, and no more of the message is sent anywhere', async () => {
    const [only] = await servers({ onDataBegin: (socket: Socket) => void socket.destroy() });
    const door = await parts.doorTo([only]);
    const client = await parts.bareClient(door);
    await begin(client);
    await client.ask('DATA');
    await until('the server is lost', () => only.sockets.size === 0);
    client.write(`Subject: x\r\n\r\n${stuffed(lines(0, 2000))}`);
    expect(codesOf([await client.ask('.'), await client.ask('NOOP')])).toEqual(['451 4.4.1', '250 2.0.0']);
    expect(door.tracked).toMatchObject([{ outcome: 'deferred', tried: [{ server: 'MBX1' }] }]);
  });

  test('after the end of the data it may have taken the message: nobody else gets it', async () => {
    const [dying, other] = await servers(says('.', 'drop'), {});
    const door = await parts.doorTo([dying, other]);
    expect(await sendMessage(door.port, text)).toMatch(/^451 4\.4\.2 /);
    expect(other.connections()).toBe(0);
    expect(door.tracked).toMatchObject([{ outcome: 'lost', server: 'MBX1' }]);
  });

  test('one that says no in the middle is no lost one: its word is passed on', async () => {
    const [strict, other] = await servers(
      { onDataBegin: (socket: Socket) => void socket.write('452 4.3.1 full\r\n') },
      {},
    );
    const door = await parts.doorTo([strict, other]);
    const client = await parts.bareClient(door);
    await begin(client);
    await client.ask('DATA');
    client.write(`Subject: x\r\n\r\n${stuffed(lines(0, 2000))}`);
    expect(await client.ask('.')).toBe('452 4.3.1 full');
    expect(other.connections()).toBe(0);
  });
});

describe('connections to servers', () => {
  test('serve one message after the other, of any client', async () => {
    const mbx = await parts.server();
    const door = await parts.doorTo([mbx]);
    const client = await parts.client(door);
    for (let sent = 0; sent < 5; sent += 1) expect((await whole(client)).at(-1)).toBe('250 2.6.0');
    for (let sent = 0; sent < 5; sent += 1) expect(await sendMessage(door.port, text)).toMatch(/^250 2\.6\.0 /);
    expect([mbx.connections(), mbx.messages.length]).toEqual([1, 10]);
    expect(mbx.commands.filter((line) => line.startsWith('EHLO'))).toHaveLength(1);
  });

  test.each(['RSET', 'EHLO again', 'QUIT', 'end', 'reset'])(
    'are kept when a client gives its message up (%s)',
    async (how) => {
      const mbx = await parts.server();
      const door = await parts.doorTo([mbx]);
      const client = await parts.client(door);
      await askAll(client, [from, to('ann')]);
      if (how === 'end') client.socket.end();
      else if (how === 'reset') client.socket.resetAndDestroy();
      else await client.ask(how);
      await until('the server hears of it', () => mbx.commands.includes('RSET'));
      expect(await sendMessage(door.port, text)).toMatch(/^250 2\.6\.0 /);
      expect([mbx.connections(), mbx.messages.length]).toEqual([1, 1]);
      expect(door.tracked).toHaveLength(1);
    },
  );

  test('are not kept when a client gives its message up within the data', async () => {
    const mbx = await parts.server();
    const door = await parts.doorTo([mbx]);
    const client = await parts.client(door);
    await askAll(client, [from, to('ann'), 'DATA']);
    client.write('Subject: x\r\n\r\nhalf');
    client.close();
    await until('the server is let go', () => mbx.sockets.size === 0 && door.open() === 0);
    expect(mbx.messages).toEqual([]);
  });

  test.each([
    ['has closed', (mbx: ScriptedServer) => mbx.sockets.forEach((socket) => void socket.end())],
    ['has reset', (mbx: ScriptedServer) => mbx.sockets.forEach((socket) => void socket.resetAndDestroy())],
    [
      'has spoken out of turn on',
      (mbx: ScriptedServer) => mbx.sockets.forEach((socket) => void socket.write('421 4.4.2 idle\r\n')),
    ],
  ])('that the server %s are replaced unseen', async (_how, cut) => {
    const mbx = await parts.server();
    const door = await parts.doorTo([mbx]);
    expect(await sendMessage(door.port, text)).toMatch(/^250 2\.6\.0 /);
    cut(mbx);
    expect(await sendMessage(door.port, text)).toMatch(/^250 2\.6\.0 /);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await sendMessage(door.port, text)).toMatch(/^250 2\.6\.0 /);
    expect(mbx.messages).toHaveLength(3);
    expect(door.tracked.map(({ tried }) => tried)).toEqual([[], [], []]);
  });

  test('that the server ends at MAIL are replaced unseen', async () => {
    let count = 0;
    const mbx = await parts.server({
      answer: (line) => (line.startsWith('MAIL') && ++count === 2 ? '421 4.4.2 too long idle' : undefined),
    });
    const door = await parts.doorTo([mbx]);
    for (let sent = 0; sent < 3; sent += 1) expect(await sendMessage(door.port, text)).toMatch(/^250 2\.6\.0 /);
    expect([mbx.connections(), mbx.messages.length]).toEqual([2, 3]);
  });

  test('are one for each message under way', async () => {
    const mbx = await parts.server();
    const door = await parts.doorTo([mbx]);
    const clients = await Promise.all([1, 2, 3].map(() => parts.client(door)));
    for (const client of clients) await askAll(client, [from, to('ann')]);
    expect(mbx.connections()).toBe(3);
    await Promise.all(clients.map((client) => askAll(client, ['DATA', `${text}\r\n.`])));
    for (const client of clients) expect((await whole(client)).at(-1)).toBe('250 2.6.0');
    expect([mbx.connections(), mbx.messages.length]).toEqual([3, 6]);
  });

  test('go to where the estate says when the message begins', async () => {
    const [old, next] = await servers({}, {});
    const door = await parts.doorTo([old]);
    const client = await parts.client(door);
    await askAll(client, [from, to('ann')]);
    door.estate({ servers: serversAt([next.port]) });
    expect(codesOf(await askAll(client, ['DATA', `${text}\r\n.`]))).toEqual(['354', '250 2.6.0']);
    expect((await whole(client)).at(-1)).toBe('250 2.6.0');
    expect([old.messages.length, next.messages.length]).toEqual([1, 1]);
  });
});
