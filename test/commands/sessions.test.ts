import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClosingSessions, SessionRecord } from '../../src/admin/sessions.js';
import { createMailStore } from '../../src/demo/servers/mail-store.js';
import { type MailboxServer, startMailboxServer } from '../../src/demo/servers/mailbox-server.js';
import { createProgram, expectFailure, type Program } from '../cli/program.js';
import { connectClient, type MailClient } from '../session/mail-access/mail-client.js';
import { freePorts } from '../support/free-port.js';
import { until } from '../support/until.js';

const password = 'secret';
const users = ['ann@contoso.com', 'bob@contoso.com'];

let servers: MailboxServer[];
let program: Program;
let ports: readonly number[];
let imapPort = 0;
const clients: MailClient[] = [];

beforeAll(async () => {
  const mail = createMailStore();
  const accounts = (address: string) => (users.includes(address) ? { password, database: 'all' } : undefined);
  servers = await Promise.all(
    ['MBX1', 'MBX2'].map((name) =>
      startMailboxServer({ name, host: '127.0.0.1', store: mail, accounts, isActive: () => true }),
    ),
  );
  ports = await freePorts(2);
  imapPort = ports[0] ?? 0;
  const onLoopback = (port: number) => ({ port, tls: 'none' });
  program = createProgram({
    estate: 1,
    organization: { defaultDomain: 'contoso.com' },
    sites: [{ name: 'A' }],
    servers: [
      { name: 'FE1', host: '127.0.0.1', site: 'A', roles: ['frontend'] },
      ...servers.map(({ name, ports: at }) => ({
        name,
        host: '127.0.0.1',
        site: 'A',
        endpoints: { imap: onLoopback(at.imap), pop: onLoopback(at.pop) },
      })),
    ],
    databases: [
      { name: 'DB1', copies: ['MBX1'] },
      { name: 'DB2', copies: ['MBX2'] },
    ],
    mailboxes: users.map((address) => ({ address, database: 'DB1' })),
    listeners: [
      { name: 'IMAP', protocol: 'imap', bind: `127.0.0.1:${ports[0]}`, tls: 'none', plaintextLogin: true },
      { name: 'POP', protocol: 'pop', bind: `127.0.0.1:${ports[1]}`, tls: 'none', plaintextLogin: true },
    ],
  });
  await program.ok('start');
});

afterAll(async () => {
  for (const { socket } of clients) socket.destroy();
  await program.ok('stop', '--now');
  for (const server of servers) await server.stop();
});

async function loggedIn(user: string): Promise<MailClient> {
  const client = await connectClient(imapPort);
  clients.push(client);
  await client.until(/^\* OK.*\r\n/);
  client.send(`a login ${user} ${password}\r\n`);
  await client.until(/^a OK.*\r\n/m);
  return client;
}

const list = (...words: readonly string[]): Promise<SessionRecord[]> => program.json('sessions', 'list', ...words);

describe.sequential('sessions', () => {
  test('are listed with their client, mailbox and server', async () => {
    expect(await list()).toStrictEqual([]);
    const startedAt = new Date().toISOString();
    await loggedIn('ann@contoso.com');
    await loggedIn('bob@contoso.com');
    const sessions = await list();
    const common = { protocol: 'imap', client: '127.0.0.1', server: 'MBX1', frontEnd: 'FE1' };
    expect(sessions).toStrictEqual([
      { ...common, id: expect.stringMatching(/^[0-9a-z]{4,6}$/), user: 'ann@contoso.com', since: expect.any(String) },
      { ...common, id: expect.stringMatching(/^[0-9a-z]{4,6}$/), user: 'bob@contoso.com', since: expect.any(String) },
    ]);
    expect(sessions.every(({ since }) => since >= startedAt)).toBe(true);
    const text = await program.ok(
      'sessions',
      'list',
      '--user',
      'ann',
      '--protocol',
      'imap',
      '--client-ip',
      '127.0.0.0/8',
    );
    expect(text).toBe(`${Object.values(sessions[0] ?? {}).join('\t')}\n`);
  });

  test('are closed by id with a goodbye', async () => {
    const client = clients[0];
    const [ann] = await list('--user', 'ann');
    const closing = await program.json<ClosingSessions>('sessions', 'close', ann?.id ?? '');
    expect(closing).toStrictEqual({ closing: 1, overMs: 0, unknown: [] });
    expect(await client?.closed()).toMatch(/\* BYE [^\r\n]+\r\n$/);
    expect(await list('--user', 'ann')).toStrictEqual([]);
    const words = ['sessions', 'close', ann?.id ?? ''];
    await expectFailure(program, words, { exit: 3, message: new RegExp(`no session ${ann?.id}`) });
  });

  test('are closed by what they have in common', async () => {
    const client = await loggedIn('ann@contoso.com');
    expect(await program.ok('sessions', 'close', '--server', 'MBX2')).toBe('closing 0 sessions\n');
    expect(await program.ok('sessions', 'close', '--user', 'ann', '--over', '2s')).toBe('closing 1 session over 2s\n');
    expect(await client.closed()).toMatch(/\* BYE/);
    expect((await list()).map(({ user }) => user)).toStrictEqual(['bob@contoso.com']);
  });

  test('are not closed by mistake', async () => {
    await expectFailure(program, ['sessions', 'close'], { exit: 2, message: /say which sessions/ });
    await expectFailure(program, ['sessions', 'close', 'x', '--all'], { exit: 2, message: /--all takes no ids/ });
    const both = ['sessions', 'close', '--all', '--user', 'ann'];
    await expectFailure(program, both, { exit: 2, message: /all/ });
    const noAddress = ['sessions', 'list', '--client-ip', 'here'];
    await expectFailure(program, noAddress, { exit: 2, message: /--client-ip takes an address or a range/ });
    const elsewhere = createProgram({ estate: 1, sites: [{ name: 'A' }] });
    await expectFailure(elsewhere, ['sessions', 'list'], { exit: 6, message: /no runtime of this store/ });
    expect(await list()).toHaveLength(1);
  });

  test('at the old server end when their mailbox moves, and come to the new one', async () => {
    const [bob, ann] = [clients[1], await loggedIn('ann@contoso.com')];
    await program.change('mailbox', 'move', 'ann@contoso.com', '--to', 'DB2');
    expect(await ann.closed()).toMatch(/\* BYE/);
    await loggedIn('ann@contoso.com');
    const sessions = await list();
    expect(sessions.map(({ user, server }) => `${user} ${server}`).toSorted()).toStrictEqual([
      'ann@contoso.com MBX2',
      'bob@contoso.com MBX1',
    ]);
    await program.change('site', 'create', 'B');
    await sleep(500);
    expect(bob?.socket.destroyed).toBe(false);
    expect(await list()).toHaveLength(2);
  });
});

describe.sequential('mailbox move --hold', () => {
  test('ends the sessions, then moves, then lets logins in', async () => {
    const client = clients.at(-1);
    const moved = await program.change('mailbox', 'move', 'ann@contoso.com', '--to', 'DB1', '--hold', '20s');
    expect(moved.changed).toStrictEqual([{ noun: 'mailbox', name: 'ann@contoso.com', change: 'updated' }]);
    expect(await client?.closed()).toMatch(/\* BYE/);
    await loggedIn('ann@contoso.com');
    expect((await list('--user', 'ann')).map(({ server }) => server)).toStrictEqual(['MBX1']);
  });

  test('answers logins with "try again later" meanwhile; the move is given up when it cannot be made', async () => {
    // A client that is in the middle of a command: its session does not end before its time.
    const busy = await loggedIn('ann@contoso.com');
    busy.send('b append INBOX {100}\r\n');
    const move = program.attempt([
      'mailbox',
      'move',
      'ann@contoso.com',
      '--to',
      'DB2',
      '--hold',
      '3s',
      '--expect-revision',
      '1',
    ]);
    const refusals: string[] = [];
    await until('a held login', async () => {
      const client = await connectClient(imapPort);
      clients.push(client);
      await client.until(/^\* OK.*\r\n/);
      client.send(`a login ann@contoso.com ${password}\r\n`);
      const answer = await client.until(/^a (?:OK|NO).*\r\n/m);
      client.socket.destroy();
      refusals.push(answer);
      return /^a NO \[UNAVAILABLE\]/m.test(answer);
    });
    expect(await move).toMatchObject({ code: 4 });
    expect(await program.json('mailbox', 'show', 'ann@contoso.com')).toMatchObject({ database: 'DB1' });
    await loggedIn('ann@contoso.com');
  });

  test('does nothing for what cannot be moved, and takes times that make sense', async () => {
    const unknown = ['mailbox', 'move', 'eve@contoso.com', '--to', 'DB2', '--hold', '5s'];
    await expectFailure(program, unknown, { exit: 3, message: /no mailbox "eve@contoso.com"/ });
    const tooLong = ['mailbox', 'move', 'ann@contoso.com', '--to', 'DB2', '--hold', '1h'];
    await expectFailure(program, tooLong, { exit: 2, message: /--hold takes 1s to 10m, found "1h"/ });
    expect(await program.ok('mailbox', 'move', 'ann@contoso.com', '--to', 'DB1', '--hold', '5s')).toMatch(
      /nothing to change/,
    );
  });
});
