import { ImapFlow } from 'imapflow';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { connectClient, type MailClient } from '../session/mail-access/mail-client.js';
import { type Dovecot, startDovecot } from '../support/peers/dovecot.js';
import { describePeer } from '../support/require-peer.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';
import {
  accounts,
  type DoorPorts,
  dovecotEndpoints,
  mailboxDoors,
  mailboxEstate,
  passwordOf,
} from './mailbox-estate.js';

const names = ['ann', 'bob', 'cat', 'dan', 'eve', 'fay'] as const;
const users = accounts(...names);
const addressOf = (name: (typeof names)[number]): string => `${name}@example.org`;

interface ListedSession {
  readonly id: string;
  readonly protocol: string;
  readonly client: string;
  readonly user: string | null;
  readonly server: string | null;
}

describePeer('dovecot', 'mail clients while their mailboxes and servers change', () => {
  let servers: [Dovecot, Dovecot];
  let ports: DoorPorts;
  let usher: Usher;
  const opened: MailClient[] = [];

  beforeAll(async () => {
    servers = await Promise.all([startDovecot({ name: 'MBX1', users }), startDovecot({ name: 'MBX2', users })]);
    const doors = await mailboxDoors();
    ports = doors.ports;
    usher = await startUsher(
      mailboxEstate({
        servers: servers.map((server) => dovecotEndpoints(server, 'none')),
        mailboxes: { DB1: users.map(({ user }) => user), DB2: [] },
        listeners: doors.listeners,
      }),
    );
  });
  afterEach(() => {
    for (const client of opened.splice(0)) client.socket.destroy();
  });
  afterAll(async () => {
    await usher?.stop();
    await Promise.all((servers ?? []).map((server) => server.stop()));
  });

  const connected = async (port: number): Promise<MailClient> => {
    const client = await connectClient(port);
    opened.push(client);
    return client;
  };

  async function logIn(name: (typeof names)[number]): Promise<{ client: MailClient; answer: string }> {
    const client = await connected(ports.imapClear);
    client.send(`a LOGIN ${addressOf(name)} "${passwordOf(name)}"\r\n`);
    return { client, answer: await client.until(/^a .*\r\n/m) };
  }

  async function loggedIn(name: (typeof names)[number]): Promise<MailClient> {
    const { client, answer } = await logIn(name);
    expect(answer).toMatch(/^a OK/m);
    return client;
  }

  async function idling(name: (typeof names)[number]): Promise<MailClient> {
    const client = await loggedIn(name);
    client.send('b SELECT INBOX\r\nc IDLE\r\n');
    await client.until(/^\+ idling/m);
    return client;
  }

  /** The server that a new login comes to, by the subject of the one message. */
  async function serverOf(name: (typeof names)[number]): Promise<string | undefined> {
    const client = await loggedIn(name);
    client.send('b EXAMINE INBOX\r\nc FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]\r\nd LOGOUT\r\n');
    return /^Subject: (\S+)/m.exec(await client.closed())?.[1];
  }

  const sessions = async (...words: readonly string[]): Promise<readonly ListedSession[]> =>
    JSON.parse(await usher.cli('sessions', 'list', ...words, '--json')) as ListedSession[];

  const withState = (name: string, component: string, state: string | null) =>
    usher.cli(
      'server',
      'update',
      name,
      '--set',
      `components=${JSON.stringify(state === null ? [] : [{ component, requester: 'maintenance', state }])}`,
    );

  test('a client in IDLE hears BYE when its mailbox moves, and is at the new server when it comes back', async () => {
    const [moved, stays] = [await idling('ann'), await idling('bob')];
    const begunAt = performance.now();
    await usher.cli('mailbox', 'move', addressOf('ann'), '--to', 'DB2');
    expect(await moved.closed()).toMatch(/\r\n\* BYE [^\r\n]+\r\n$/);
    expect(performance.now() - begunAt).toBeLessThan(5000);
    expect(await serverOf('ann')).toBe('MBX2');
    stays.send('DONE\r\nd NOOP\r\n');
    expect(await stays.until(/^d OK/m)).not.toContain('BYE');
    expect(await serverOf('bob')).toBe('MBX1');
  });

  test('imapflow in IDLE learns that its connection has ended, connects again and reads at the new server', async () => {
    const client = (): ImapFlow =>
      new ImapFlow({
        host: '127.0.0.1',
        port: ports.imap,
        secure: false,
        auth: { user: addressOf('cat'), pass: passwordOf('cat') },
        tls: { rejectUnauthorized: false },
        logger: false,
      });
    const [before, after] = [client(), client()];
    before.on('error', () => undefined);
    const ended = new Promise((resolve) => before.once('close', resolve));
    const subject = async (of: ImapFlow): Promise<string | undefined> => {
      await of.connect();
      await of.mailboxOpen('INBOX');
      const message = await of.fetchOne('1', { envelope: true });
      return message === false ? undefined : message.envelope?.subject;
    };
    expect(await subject(before)).toBe('MBX1');
    const idle = before.idle();
    await usher.cli('mailbox', 'move', addressOf('cat'), '--to', 'DB2');
    await Promise.all([ended, idle]);
    expect(await subject(after)).toBe('MBX2');
    await after.logout();
  });

  test('a POP client is let go between two answers', async () => {
    const client = await connected(ports.popClear);
    client.send(`USER ${addressOf('dan')}\r\nPASS ${passwordOf('dan')}\r\nUIDL\r\n`);
    await client.until(/^\.\r\n/m);
    await usher.cli('mailbox', 'move', addressOf('dan'), '--to', 'DB2');
    expect(await client.closed()).toMatch(/\r\n\.\r\n$/);
    expect(await serverOf('dan')).toBe('MBX2');
  });

  test('during a move with --hold logins are put off, and then led to the new server', async () => {
    const obstinate = await loggedIn('eve');
    // A command without its end: the goodbye would fall into it.
    obstinate.send('b NOO');
    const move = { state: 'under way' };
    const moved = usher.attempt('mailbox', 'move', addressOf('eve'), '--to', 'DB2', '--hold', '4s').finally(() => {
      move.state = 'over';
    });
    const answers: string[] = [];
    while (move.state === 'under way') {
      const { client, answer } = await logIn('eve');
      client.socket.destroy();
      answers.push(answer);
      expect(await serverOf('bob')).toBe('MBX1');
    }
    expect(await moved).toMatchObject({ code: 0, stderr: expect.stringContaining('warning: 1 sessions did not end') });
    expect(answers.filter((answer) => /^a NO \[UNAVAILABLE\]/m.test(answer)).length).toBeGreaterThan(0);
    expect(answers.filter((answer) => !/^a (?:OK|NO \[UNAVAILABLE\])/m.test(answer))).toEqual([]);
    // Nobody is let in at the old server once the hold has begun.
    const held = answers.findIndex((answer) => /^a NO/m.test(answer));
    const atOldServer = servers[0].logins().filter(({ user }) => user === addressOf('eve'));
    expect(atOldServer).toHaveLength(1 + held);
    await obstinate.closed();
    expect(await serverOf('eve')).toBe('MBX2');
  });

  test('a hold that is not needed takes no time', async () => {
    const idle = await idling('fay');
    const begunAt = performance.now();
    await usher.cli('mailbox', 'move', addressOf('fay'), '--to', 'DB2', '--hold', '30s');
    expect(performance.now() - begunAt).toBeLessThan(5000);
    expect(await idle.closed()).toMatch(/\r\n\* BYE /);
    expect(await serverOf('fay')).toBe('MBX2');
  });

  test('a draining server keeps its sessions and gets no new ones; an activation moves them on', async () => {
    const client = await idling('bob');
    await withState('MBX1', 'imap', 'draining');
    try {
      expect((await logIn('bob')).answer).toMatch(/^a NO \[UNAVAILABLE\]/m);
      client.send('DONE\r\nd NOOP\r\n');
      expect(await client.until(/^d OK/m)).not.toContain('BYE');
      await usher.cli('database', 'activate', 'DB1', '--to', 'MBX2');
      expect(await client.closed()).toMatch(/\r\n\* BYE [^\r\n]+\r\n$/);
      expect(await serverOf('bob')).toBe('MBX2');
    } finally {
      await withState('MBX1', 'imap', null);
      await usher.cli('database', 'activate', 'DB1', '--to', 'MBX1');
    }
  });

  test('a front end that drains keeps its sessions and greets nobody', async () => {
    const client = await idling('bob');
    await withState('CAS1', 'imap-proxy', 'draining');
    try {
      const refused = await connected(ports.imapClear);
      expect(await refused.closed()).toMatch(/^\* BYE \[UNAVAILABLE\] /);
      client.send('DONE\r\nd NOOP\r\n');
      expect(await client.until(/^d OK/m)).not.toContain('BYE');
      const pop = await connected(ports.popClear);
      expect(await pop.until(/\r\n/)).toMatch(/^\+OK /);
    } finally {
      await withState('CAS1', 'imap-proxy', null);
    }
  });

  test('sessions are listed by user, server, protocol and address, and closed by each of them', async () => {
    const ann = await idling('ann');
    const bob = [await idling('bob'), await idling('bob')];
    const pop = await connected(ports.popClear);
    pop.send(`USER ${addressOf('bob')}\r\nPASS ${passwordOf('bob')}\r\nSTAT\r\n`);
    await pop.until(/^\+OK 1 /m);
    const stranger = await connected(ports.imapClear);
    await stranger.until(/ready/);
    await until('the sessions of the tests before to be over', async () => (await sessions()).length === 5);
    expect(await sessions('--user', addressOf('bob'))).toMatchObject([
      { protocol: 'imap', client: '127.0.0.1', user: addressOf('bob'), server: 'MBX1' },
      { protocol: 'imap', client: '127.0.0.1', user: addressOf('bob'), server: 'MBX1' },
      { protocol: 'pop', client: '127.0.0.1', user: addressOf('bob'), server: 'MBX1' },
    ]);
    expect(await sessions('--server', 'MBX2')).toMatchObject([{ user: addressOf('ann'), server: 'MBX2' }]);
    expect(await sessions('--protocol', 'pop')).toHaveLength(1);
    expect(await sessions('--client-ip', '192.0.2.0/24')).toEqual([]);
    const [first] = await sessions('--user', addressOf('bob'));
    await usher.cli('sessions', 'close', first?.id ?? '');
    expect(await bob[0]?.closed()).toMatch(/\r\n\* BYE The session was ended by the administrator\r\n$/);
    expect(await sessions('--user', addressOf('bob'))).toHaveLength(2);
    await usher.cli('sessions', 'close', '--server', 'MBX2');
    expect(await ann.closed()).toMatch(/\* BYE /);
    await usher.cli('sessions', 'close', '--client-ip', '127.0.0.0/8', '--protocol', 'pop');
    expect(await pop.closed()).not.toContain('-ERR');
    await usher.cli('sessions', 'close', '--all');
    expect(await bob[1]?.closed()).toMatch(/\* BYE /);
    expect(await stranger.closed()).toMatch(/\r\n\* BYE \[UNAVAILABLE\] /);
    await until('the list to be empty', async () => (await sessions()).length === 0);
    const unknown = await usher.attempt('sessions', 'close', first?.id ?? '');
    expect(unknown.code).toBe(3);
  });

  test('sessions are closed evenly over the time that is asked for', async () => {
    const clients = await Promise.all(Array.from({ length: 10 }, () => idling('bob')));
    const begunAt = performance.now();
    const endedAt = clients.map(async (client) => {
      await client.closed();
      return performance.now() - begunAt;
    });
    const answer = await usher.cli('sessions', 'close', '--user', addressOf('bob'), '--over', '3s', '--json');
    expect(JSON.parse(answer)).toEqual({ closing: 10, overMs: 3000, unknown: [] });
    const times = (await Promise.all(endedAt)).toSorted((one, other) => one - other);
    const [shortest = 0, longest = 0] = [times[0], times.at(-1)];
    expect(longest - shortest).toBeGreaterThan(1500);
    expect(longest - shortest).toBeLessThan(5000);
  });
});
