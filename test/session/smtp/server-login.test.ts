import { afterEach, describe, expect, test } from 'vitest';
import { logInSubmitter, openOnConnection } from '../../../src/session/smtp/log-in-submitter.js';
import type { Candidate } from '../../../src/session/smtp/open-server.js';
import { freePort } from '../../support/free-port.js';
import { until } from '../../support/until.js';
import { type Script, type ScriptedServer, startScriptedServer } from './scripted-server.js';
import { candidate, client, deadlines, envelope, request, to } from './server-request.js';

const servers: ScriptedServer[] = [];

async function start(script: Script = {}): Promise<ScriptedServer> {
  const server = await startScriptedServer({ capabilities: ['PIPELINING', 'AUTH PLAIN LOGIN'], ...script });
  servers.push(server);
  return server;
}

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const credentials = { kind: 'password', user: 'ann', password: 'hunter2', authorizationId: '' } as const;
const plain = Buffer.from('\0ann\0hunter2').toString('base64');
const body = Buffer.from('Subject: x\r\n\r\nhello\r\n.\r\n');

/** A server that says this to AUTH. */
const says = (answer: string): Promise<ScriptedServer> =>
  start({ answer: (line) => (line.startsWith('AUTH') ? answer : undefined) });

const logIn = (candidates: readonly Candidate[], change = {}) =>
  logInSubmitter(candidates, {
    credentials,
    heloName: 'front.example',
    client,
    deadlines,
    signal: new AbortController().signal,
    ...change,
  });

async function loggedIn(server: ScriptedServer) {
  const login = await logIn([candidate(server.port)]);
  if (login.kind !== 'accepted') throw new Error(login.kind);
  return login.connection;
}

describe('logging in', () => {
  test('at the first server that can be asked', async () => {
    const server = await says('235 2.7.0 in');
    const login = await logIn([candidate(await freePort()), candidate(server.port)]);
    expect(login).toMatchObject({ kind: 'accepted', server: `MBX${server.port}` });
    expect(server.commands).toEqual(['EHLO front.example', `AUTH PLAIN ${plain}`]);
    if (login.kind === 'accepted') login.connection.quit();
    await until('goodbye', () => server.commands.at(-1) === 'QUIT');
  });

  test.each([
    ['535 5.7.8 hunter2 is wrong', { code: 535, enhanced: '5.7.8' }],
    ['534 5.7.9 too weak', { code: 534, enhanced: '5.7.9' }],
    ['550 no', { code: 550, enhanced: null }],
  ])('"%s" is final', async (answer, reply) => {
    const [first, second] = [await says(answer), await says('235 in')];
    const login = await logIn([candidate(first.port), candidate(second.port)]);
    expect(login).toMatchObject({ kind: 'refused', reply });
    expect(JSON.stringify(login)).not.toContain('hunter2');
    expect(second.connections()).toBe(0);
    await until('the connection to be closed', () => first.sockets.size === 0);
  });

  test.each(['454 4.7.0 hunter2 later', '421 hunter2', '504 5.5.4 what?', 'drop', 'hunter2', `334 ${plain}`])(
    '"%s" leads to the next server, and is temporary in the end',
    async (answer) => {
      const [first, second] = [await says(answer), await says('235 in')];
      const alone = await logIn([candidate(first.port)], { deadlines: { ...deadlines, replyTimeoutMs: 200 } });
      expect(alone).toMatchObject({ kind: 'temporary' });
      expect(JSON.stringify(alone)).not.toMatch(new RegExp(`hunter2|${plain}`));
      const login = await logIn([candidate(first.port), candidate(second.port)]);
      expect(login).toMatchObject({ kind: 'accepted', server: `MBX${second.port}` });
      if (login.kind === 'accepted') login.connection.drop();
    },
  );

  test('a step that the user must take is asked for once', async () => {
    const [first, second] = [await says('432 4.7.12 change it'), await says('235 in')];
    const login = await logIn([candidate(first.port), candidate(second.port)]);
    expect(login).toMatchObject({ kind: 'temporary', reply: { code: 432, enhanced: '4.7.12' } });
    expect(second.connections()).toBe(0);
  });

  test('a server without TLS is not shown the password', async () => {
    const server = await says('235 in');
    const login = await logIn([candidate(server.port, { tls: 'opportunistic' })]);
    expect(login).toMatchObject({ kind: 'temporary', reason: expect.stringContaining('there is no TLS') as string });
    expect(server.commands.join()).not.toContain('AUTH');
  });

  test('by the mechanism the endpoint wants, after XCLIENT where it is wanted', async () => {
    const server = await start({
      capabilities: ['AUTH PLAIN LOGIN', 'XCLIENT ADDR LOGIN'],
      answer: (line) => {
        if (line === 'AUTH LOGIN') return '334 VXNlcm5hbWU6';
        if (line === Buffer.from('ann').toString('base64')) return '334 UGFzc3dvcmQ6';
        return line === Buffer.from('hunter2').toString('base64') ? '235 in' : undefined;
      },
    });
    const login = await logIn([candidate(server.port, { auth: 'LOGIN', clientAddress: 'xclient' })]);
    expect(login.kind).toBe('accepted');
    expect(server.commands[1]).toBe('XCLIENT ADDR=192.0.2.7 LOGIN=[UNAVAILABLE]');
    if (login.kind === 'accepted') login.connection.drop();
  });

  test('given up by the signal', async () => {
    const server = await start({ answer: () => new Promise(() => undefined) });
    const abort = new AbortController();
    const login = logIn([candidate(server.port), candidate(server.port)], { signal: abort.signal });
    await until('the connection', () => server.connections() === 1);
    abort.abort(new Error('gone'));
    expect(await login).toMatchObject({ kind: 'temporary' });
    expect(server.connections()).toBe(1);
    await until('the connection to be closed', () => server.sockets.size === 0);
  });
});

describe('messages over a connection that is logged in', () => {
  test('several, also after one that was refused or given up', async () => {
    const server = await start({
      answer: (line) => {
        if (line.startsWith('AUTH')) return '235 in';
        return line.startsWith('RCPT TO:<bob') ? '550 5.1.1 bob?' : undefined;
      },
    });
    const connection = await loggedIn(server);
    const open = async (change: Parameters<typeof request>[0] = {}) => {
      const opened = await openOnConnection(connection, request(change));
      return opened.kind === 'taken' ? opened.transaction : opened;
    };
    const first = await open();
    expect('finish' in first && (await first.finish(body))).toMatchObject({ kind: 'accepted' });
    const early = await open({ until: 'recipients' });
    if ('abandon' in early) early.abandon();
    const last = await open();
    expect('finish' in last && (await last.finish(body))).toMatchObject({ kind: 'accepted' });
    expect([server.connections(), server.messages.length, connection.isLost]).toEqual([1, 2, false]);
    expect(await open({ envelope: { ...envelope, to: to('bob', 'ann') } })).toMatchObject({
      kind: 'refused',
      reply: { code: 550 },
      refused: [{ address: 'bob@contoso.com' }],
    });
    // The server had let DATA in.
    expect(connection.isLost).toBe(true);
  });

  test('MAIL refused for now leaves it open', async () => {
    const server = await start({
      capabilities: ['AUTH PLAIN'],
      answer: (line) => {
        if (line.startsWith('AUTH')) return '235 in';
        return line.startsWith('MAIL') ? '452 4.3.1 full' : undefined;
      },
    });
    const connection = await loggedIn(server);
    const opened = await openOnConnection(connection, request());
    expect(opened).toMatchObject({
      kind: 'refused',
      reply: { code: 451 },
      tried: [{ reason: 'mail: 452 4.3.1 full' }],
    });
    expect(connection.isLost).toBe(false);
    connection.quit();
  });

  test.each([
    ['closed', (server: ScriptedServer) => server.sockets.forEach((socket) => socket.end())],
    ['said goodbye', (server: ScriptedServer) => server.sockets.forEach((socket) => socket.end('421 idle\r\n'))],
  ])('one that the server has %s is told as lost', async (_name, act) => {
    const server = await says('235 in');
    const connection = await loggedIn(server);
    act(server);
    await until('the loss to be seen', () => connection.isLost);
    expect(await openOnConnection(connection, request())).toMatchObject({ kind: 'refused', reply: { code: 421 } });
    connection.quit();
    await until('the connection to be closed', () => server.sockets.size === 0);
  });

  test('one that is closed at MAIL is told as lost', async () => {
    const server = await start({
      answer: (line) => {
        if (line.startsWith('AUTH')) return '235 in';
        return line.startsWith('MAIL') ? 'drop' : undefined;
      },
    });
    const connection = await loggedIn(server);
    expect(await openOnConnection(connection, request())).toMatchObject({ kind: 'refused', reply: { code: 421 } });
    expect(connection.isLost).toBe(true);
  });
});
