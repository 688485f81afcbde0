import { afterEach, describe, expect, test } from 'vitest';
import { type OpenedServer, openServer } from '../../../src/session/smtp/open-server.js';
import { createServerPool } from '../../../src/session/smtp/server-pool.js';
import { freePort } from '../../support/free-port.js';
import { until } from '../../support/until.js';
import { type Script, type ScriptedServer, startScriptedServer } from './scripted-server.js';
import { candidate, deadlines, envelope, request, to } from './server-request.js';

const servers: ScriptedServer[] = [];

async function start(script: Script = {}): Promise<ScriptedServer> {
  const server = await startScriptedServer(script);
  servers.push(server);
  return server;
}

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Answers each line that starts with a key. */
const answering =
  (answers: Readonly<Record<string, string>>) =>
  (line: string): string | undefined =>
    Object.entries(answers).find(([start]) => (start === '' ? line === '' : line.startsWith(start)))?.[1];

function taken(opened: OpenedServer) {
  if (opened.kind !== 'taken') throw new Error(`refused: ${JSON.stringify(opened)}`);
  return opened.transaction;
}

const body = Buffer.from('Subject: x\r\n\r\nhello\r\n.\r\n');

describe('until data', () => {
  test('the message goes to a server that accepts everybody', async () => {
    const server = await start();
    const opened = await openServer([candidate(server.port)], request());
    expect(opened).toMatchObject({ kind: 'taken', server: `MBX${server.port}`, refused: [], tried: [] });
    const transaction = taken(opened);
    expect(transaction.write(body.subarray(0, 5))).toBeNull();
    const verdict = await transaction.finish(body.subarray(5));
    expect(verdict).toMatchObject({ kind: 'accepted', reply: { code: 250, enhanced: '2.6.0' } });
    expect(server.messages).toMatchObject([{ to: ['ann@contoso.com'], data: 'Subject: x\r\n\r\nhello\r\n' }]);
    expect(await transaction.finish(body)).toMatchObject({ kind: 'lost' });
  });

  test.each([
    ['a server that lets DATA in all the same is cut off', {}, 1],
    ['a server that refuses DATA is kept', { DATA: '503 nobody' }, 2],
  ])('one recipient refused: %s', async (_name, answers, messages) => {
    const server = await start({ answer: answering({ 'RCPT TO:<bob': '550 5.1.1 bob?', ...answers }) });
    const pool = createServerPool();
    const opened = await openServer(
      [candidate(server.port)],
      request({ pool, envelope: { ...envelope, to: to('ann', 'bob') } }),
    );
    expect(opened).toMatchObject({
      kind: 'refused',
      server: `MBX${server.port}`,
      reply: { code: 550, enhanced: '5.1.1' },
      refused: [{ address: 'bob@contoso.com' }],
    });
    await until(
      'the connection to be kept or cut',
      () => pool.idleCount === messages - 1 && server.sockets.size === messages - 1,
    );
    expect(server.messages).toEqual([]);
    pool.close();
  });

  test.each([
    ['MAIL', '550 5.7.1 not you', 'refused'],
    ['DATA', '554 5.7.1 no', 'refused'],
    ['MAIL', '451 4.3.0 later', 'taken'],
    ['DATA', '451 4.3.0 later', 'taken'],
    ['MAIL', '421 4.3.2 bye', 'taken'],
    ['', '554 5.3.2 no mail here', 'taken'],
    ['EHLO', 'drop', 'taken'],
    ['DATA', 'drop', 'taken'],
  ] as const)('a first server that answers "%s" with "%s": %s', async (command, answer, kind) => {
    const first = await start({ answer: answering({ [command]: answer }) });
    const second = await start();
    const opened = await openServer([candidate(first.port), candidate(second.port)], request());
    expect(opened.kind).toBe(kind);
    expect(opened.server).toBe(`MBX${kind === 'taken' ? second.port : first.port}`);
    expect(opened.tried.map(({ server }) => server)).toEqual(kind === 'taken' ? [`MBX${first.port}`] : []);
    expect(second.connections()).toBe(kind === 'taken' ? 1 : 0);
    if (opened.kind === 'taken') opened.transaction.drop();
  });

  test('no server there: our own word', async () => {
    const opened = await openServer([candidate(await freePort())], request());
    expect(opened).toMatchObject({ kind: 'refused', server: null, reply: { code: 451 }, refused: [], tried: [{}] });
  });

  test.each([
    [{ smtputf8: true }, 550, '5.6.7'],
    [{ body8bit: true }, 554, '5.6.3'],
    [{ size: 5000 }, 552, '5.3.4'],
  ])('%j that no server can carry is refused for good, another server is asked first', async (need, code, enhanced) => {
    const poor = await start({ capabilities: ['SIZE 1000'] });
    const rich = await start({ capabilities: ['SMTPUTF8', '8BITMIME', 'SIZE 9000'] });
    const pool = createServerPool();
    const needy = request({ pool, envelope: { ...envelope, ...need } });
    expect(await openServer([candidate(poor.port)], needy)).toMatchObject({
      kind: 'refused',
      reply: { code, enhanced },
    });
    const dead = candidate(await freePort());
    expect(await openServer([candidate(poor.port), dead], needy)).toMatchObject({ reply: { code: 451 } });
    const opened = await openServer([candidate(poor.port), candidate(rich.port)], needy);
    expect(opened).toMatchObject({ kind: 'taken', server: `MBX${rich.port}`, tried: [{}] });
    taken(opened).drop();
    expect(poor.connections()).toBe(1);
    pool.close();
  });

  test('a sender that cannot be written is asked of nobody else', async () => {
    const server = await start();
    const opened = await openServer(
      [candidate(server.port), candidate(server.port)],
      request({ envelope: { ...envelope, from: 'x\r\nRSET' } }),
    );
    expect(opened).toMatchObject({ kind: 'refused', server: null, reply: { code: 553 } });
    expect(server.commands.join()).not.toContain('RSET');
  });

  test('a server that says nothing is given up, and so is everything when the signal is raised', async () => {
    const mute = await start({ answer: () => new Promise(() => undefined) });
    const fast = { ...deadlines, replyTimeoutMs: 50 };
    expect(await openServer([candidate(mute.port)], request({ deadlines: fast }))).toMatchObject({
      kind: 'refused',
      tried: [{ reason: 'greeting: the server did not answer within 50 ms' }],
    });
    const abort = new AbortController();
    const opening = openServer([candidate(mute.port), candidate(mute.port)], request({ signal: abort.signal }));
    await until('the second connection', () => mute.connections() === 2);
    abort.abort(new Error('gone'));
    expect(await opening).toMatchObject({ kind: 'refused', tried: [{ reason: 'greeting: the message was given up' }] });
    expect(mute.connections()).toBe(2);
  });
});

describe('the word on the message', () => {
  test.each([
    ['550 5.1.1 nobody', { kind: 'refused', reply: { code: 550, enhanced: '5.1.1' } }],
    ['451 4.3.1 full', { kind: 'refused', reply: { code: 451 } }],
    ['421 4.3.2 bye', { kind: 'lost' }],
    ['drop', { kind: 'lost', reason: 'the server closed the connection' }],
    ['354 what?', { kind: 'lost' }],
  ])('"%s"', async (answer, verdict) => {
    const server = await start({ answer: answering({ '.': answer }) });
    const transaction = taken(await openServer([candidate(server.port)], request()));
    expect(await transaction.finish(body)).toMatchObject(verdict);
  });

  test('a refusal before the end of the data is heard by the next write', async () => {
    const server = await start({ onDataBegin: (socket) => void socket.write('552 5.3.4 too big\r\n') });
    const transaction = taken(await openServer([candidate(server.port)], request()));
    await until('the refusal', async () => {
      const verdict = await transaction.write(Buffer.from('x\r\n'));
      if (verdict !== null) expect(verdict).toMatchObject({ kind: 'refused', reply: { code: 552 } });
      return verdict !== null;
    });
    expect(await transaction.write(Buffer.from('x'))).toMatchObject({ kind: 'lost' });
  });

  test('a server that reads slowly holds the writer up, one that does not read is given up', async () => {
    const paused: { resume(): void }[] = [];
    const server = await start({
      forgetful: true,
      onDataBegin: (socket) => {
        socket.pause();
        paused.push(socket);
      },
    });
    const pool = createServerPool();
    const patient = { ...deadlines, blockTimeoutMs: 300 };
    const open = async () => taken(await openServer([candidate(server.port)], request({ pool, deadlines: patient })));
    const chunk = Buffer.alloc(3 * 80_000, 'x\r\n');
    const slow = await open();
    let held: Promise<unknown> | null = null;
    for (let count = 0; held === null && count < 200; count += 1) held = slow.write(chunk);
    expect(held).not.toBeNull();
    setTimeout(() => paused[0]?.resume(), 50);
    expect(await held).toBeNull();
    expect(await slow.finish(Buffer.from('.\r\n'))).toMatchObject({ kind: 'accepted' });
    const stuck = await open();
    let verdict: unknown = null;
    while (verdict === null) verdict = await stuck.write(chunk);
    expect(verdict).toMatchObject({ kind: 'lost', reason: 'the server did not answer within 300 ms' });
    pool.close();
  });

  test('drop before the end: the server never takes it', async () => {
    const server = await start();
    const transaction = taken(await openServer([candidate(server.port)], request()));
    expect(transaction.write(Buffer.from('Subject: half\r\n'))).toBeNull();
    transaction.drop();
    transaction.drop();
    await until('the connection to be closed', () => server.sockets.size === 0);
    expect(server.messages).toEqual([]);
    expect(await transaction.finish(body)).toMatchObject({ kind: 'lost' });
  });

  test('the signal ends a wait for the word', async () => {
    const server = await start({ answer: (line) => (line === '.' ? new Promise(() => undefined) : undefined) });
    const abort = new AbortController();
    const transaction = taken(await openServer([candidate(server.port)], request({ signal: abort.signal })));
    const finishing = transaction.finish(body);
    setTimeout(() => abort.abort(), 20);
    expect(await finishing).toMatchObject({ kind: 'lost', reason: 'the message was given up' });
    await until('the connection to be closed', () => server.sockets.size === 0);
  });
});

describe('until recipients', () => {
  const early = (change = {}) => request({ until: 'recipients', ...change });

  test('recipients come one by one, each with its reply', async () => {
    const server = await start({ answer: answering({ 'RCPT TO:<bob': '550 5.1.1 bob?' }) });
    const transaction = taken(await openServer([candidate(server.port)], early()));
    expect(server.commands.at(-1)).toBe('RCPT TO:<ann@contoso.com>');
    expect(await transaction.addRecipients(to('bob', 'cid', 'a b'))).toMatchObject({
      kind: 'answered',
      replies: [
        { address: 'bob@contoso.com', reply: { code: 550 } },
        { address: 'cid@contoso.com', reply: { code: 250 } },
        { address: 'a b@contoso.com', reply: { code: 553 } },
      ],
    });
    expect(await transaction.startData()).toBeNull();
    expect(await transaction.finish(body)).toMatchObject({ kind: 'accepted' });
    expect(server.messages).toMatchObject([{ to: ['ann@contoso.com', 'cid@contoso.com'] }]);
  });

  test('everybody refused is for the caller to judge', async () => {
    const server = await start({ answer: answering({ 'RCPT TO:<ann': '450 4.2.1 later' }) });
    const opened = await openServer([candidate(server.port), candidate(server.port)], early());
    expect(opened).toMatchObject({ kind: 'taken', refused: [{ address: 'ann@contoso.com', reply: { code: 450 } }] });
    expect(await taken(opened).addRecipients(to('bob'))).toMatchObject({ replies: [{ reply: { code: 250 } }] });
    expect(await taken(opened).startData()).toBeNull();
    taken(opened).drop();
    expect(server.connections()).toBe(1);
  });

  test.each([
    ['550 5.7.1 not you', 'refused'],
    ['450 4.7.1 not yet', 'taken'],
  ])('MAIL answered "%s": %s', async (answer, kind) => {
    const first = await start({ answer: answering({ MAIL: answer }) });
    const second = await start();
    const opened = await openServer([candidate(first.port), candidate(second.port)], early());
    expect(opened.kind).toBe(kind);
    if (opened.kind === 'taken') opened.transaction.drop();
  });

  test('DATA refused is told, and the connection used again', async () => {
    const server = await start({ answer: answering({ DATA: '451 4.3.1 full' }) });
    const pool = createServerPool();
    const transaction = taken(await openServer([candidate(server.port)], early({ pool })));
    expect(await transaction.startData()).toMatchObject({ kind: 'refused', reply: { code: 451 } });
    expect(await transaction.startData()).toMatchObject({ kind: 'lost' });
    await until('the connection to rest', () => pool.idleCount === 1);
    expect(server.commands.at(-1)).toBe('RSET');
    pool.close();
  });

  test('given up: RSET, and the next message over the same connection', async () => {
    const server = await start();
    const pool = createServerPool();
    const abort = new AbortController();
    const transaction = taken(await openServer([candidate(server.port)], early({ pool, signal: abort.signal })));
    transaction.abandon();
    transaction.abandon();
    abort.abort();
    expect(await transaction.addRecipients(to('bob'))).toMatchObject({ kind: 'lost' });
    await until('the connection to rest', () => pool.idleCount === 1);
    const next = taken(await openServer([candidate(server.port)], request({ pool })));
    expect(await next.finish(body)).toMatchObject({ kind: 'accepted' });
    expect(server.connections()).toBe(1);
    expect(server.commands.filter((line) => line === 'RSET')).toHaveLength(1);
    pool.close();
  });

  test('the signal cuts a transaction off that waits for its client', async () => {
    const server = await start();
    const abort = new AbortController();
    const transaction = taken(await openServer([candidate(server.port)], early({ signal: abort.signal })));
    abort.abort();
    await until('the connection to be closed', () => server.sockets.size === 0);
    expect(await transaction.startData()).toMatchObject({ kind: 'lost', reason: 'the message was given up' });
    transaction.abandon();
  });

  test('a server that loses patience meanwhile is found lost', async () => {
    const server = await start();
    const transaction = taken(await openServer([candidate(server.port)], early()));
    for (const socket of server.sockets) socket.end('421 4.4.2 too slow\r\n');
    await until('the connection to be closed', () => server.sockets.size === 0);
    expect(await transaction.addRecipients(to('bob'))).toMatchObject({
      kind: 'lost',
      reason: '421 4.4.2 too slow',
    });
    expect(await transaction.startData()).toMatchObject({ kind: 'lost' });
  });
});

describe('what a server is told of the client', () => {
  test('a PROXY header ahead of everything', async () => {
    const server = await start();
    const opened = await openServer([candidate(server.port, { proxyProtocol: 'v1' })], request());
    expect(server.commands[0]).toBe('PROXY TCP4 192.0.2.7 192.0.2.1 40000 25');
    expect(await taken(opened).finish(body)).toMatchObject({ kind: 'accepted' });
    await until('goodbye', () => server.commands.at(-1) === 'QUIT');
  });

  test('XCLIENT, and the connection serves this client only', async () => {
    const server = await start({ capabilities: ['PIPELINING', 'XCLIENT ADDR PORT HELO LOGIN'] });
    const pool = createServerPool();
    const asked = candidate(server.port, { clientAddress: 'xclient' });
    for (let round = 0; round < 2; round += 1) {
      expect(await taken(await openServer([asked], request({ pool }))).finish(body)).toMatchObject({
        kind: 'accepted',
      });
    }
    expect(server.commands.filter((line) => line.startsWith('XCLIENT'))).toEqual(
      Array.from({ length: 2 }, () => 'XCLIENT ADDR=192.0.2.7 PORT=40000 HELO=pc.example LOGIN=[UNAVAILABLE]'),
    );
    expect([server.connections(), pool.idleCount]).toEqual([2, 0]);
  });

  test('a server that refuses XCLIENT is not used', async () => {
    const server = await start({ capabilities: ['XCLIENT ADDR'], answer: answering({ XCLIENT: '550 5.7.0 not you' }) });
    const opened = await openServer([candidate(server.port, { clientAddress: 'xclient' })], request());
    expect(opened).toMatchObject({
      kind: 'refused',
      reply: { code: 451 },
      tried: [{ reason: 'xclient: 550 5.7.0 not you' }],
    });
  });
});
