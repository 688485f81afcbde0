import { ImapFlow } from 'imapflow';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePorts } from '../support/free-port.js';
import { type Dovecot, startDovecot } from '../support/peers/dovecot.js';
import { describePeer } from '../support/require-peer.js';
import { run } from '../support/run.js';
import { startUsher, type Usher } from '../support/usher.js';

const users = ['ann', 'bob', 'cat', 'dan'].map((name) => ({ user: `${name}@example.org`, password: `secret ${name}` }));
const passwordOf = (user: string): string => users.find((known) => known.user === user)?.password ?? '';

describePeer(['dovecot', 'curl'], 'mail clients at two Dovecot servers', () => {
  let servers: [Dovecot, Dovecot];
  let usher: Usher;
  let ports: { imap: number; imaps: number; pop: number; pops: number };

  beforeAll(async () => {
    servers = [
      await startDovecot({ name: 'MBX1', users, tls: 'available' }),
      await startDovecot({ name: 'MBX2', users, tls: 'available' }),
    ];
    const [imap = 0, imaps = 0, pop = 0, pops = 0] = await freePorts(4);
    ports = { imap, imaps, pop, pops };
    const server = (dovecot: Dovecot, tls: boolean) => ({
      name: dovecot.name,
      host: '127.0.0.1',
      site: 'A',
      dag: 'DAG1',
      endpoints: tls
        ? {
            imap: { port: dovecot.imapsPort, tls: 'implicit', ca: dovecot.caFile },
            pop: { port: dovecot.popPort, tls: 'starttls', ca: dovecot.caFile },
          }
        : { imap: { port: dovecot.imapPort, tls: 'none' }, pop: { port: dovecot.popPort, tls: 'none' } },
    });
    usher = await startUsher({
      estate: 1,
      sites: [{ name: 'A' }],
      dags: [{ name: 'DAG1' }],
      servers: [
        { name: 'CAS1', host: 'localhost', site: 'A', roles: ['frontend'] },
        server(servers[0], false),
        server(servers[1], true),
      ],
      databases: [
        { name: 'DB1', copies: ['MBX1', 'MBX2'] },
        { name: 'DB2', copies: ['MBX2', 'MBX1'] },
      ],
      mailboxes: users.map(({ user }, index) => ({ address: user, database: index % 2 === 0 ? 'DB1' : 'DB2' })),
      domains: [{ name: 'example.org', type: 'authoritative' }],
      listeners: [
        { name: 'IMAP', protocol: 'imap', bind: `127.0.0.1:${imap}`, plaintextLogin: true },
        { name: 'IMAPS', protocol: 'imap', bind: `127.0.0.1:${imaps}`, tls: 'implicit' },
        { name: 'POP', protocol: 'pop', bind: `127.0.0.1:${pop}`, plaintextLogin: true },
        { name: 'POPS', protocol: 'pop', bind: `127.0.0.1:${pops}`, tls: 'implicit' },
      ],
    });
  });
  afterAll(async () => {
    await usher?.stop();
    await Promise.all((servers ?? []).map((server) => server.stop()));
  });

  const marker = async (client: ImapFlow): Promise<string> => {
    await client.connect();
    try {
      await client.mailboxOpen('INBOX');
      const message = await client.fetchOne('1', { envelope: true });
      return message === false ? '' : (message.envelope?.subject ?? '');
    } finally {
      await client.logout();
    }
  };
  const imap = (user: string, secure: boolean): ImapFlow =>
    new ImapFlow({
      host: '127.0.0.1',
      port: secure ? ports.imaps : ports.imap,
      secure,
      auth: { user, pass: passwordOf(user) },
      tls: { rejectUnauthorized: false },
      logger: false,
    });
  const target = async (protocol: string, user: string): Promise<string | undefined> =>
    (await usher.route('client', '--protocol', protocol, '--user', user)).targets[0]?.server;

  test.each(users.map(({ user }) => user))('imapflow reads the mailbox of %s where it is active', async (user) => {
    expect(await marker(imap(user, true))).toContain(await target('imap', user));
    expect(await marker(imap(user, false))).toContain(await target('imap', user));
  });

  test.each(users.map(({ user }) => user))('curl fetches the mail of %s by IMAP and POP', async (user) => {
    const login = ['--silent', '--insecure', '--user', `${user}:${passwordOf(user)}`];
    const byImap = await run('curl', [...login, `imap://127.0.0.1:${ports.imap}/INBOX;MAILINDEX=1`]);
    const byPop = await run('curl', [...login, `pop3s://127.0.0.1:${ports.pops}/1`]);
    const byStls = await run('curl', [...login, '--ssl-reqd', `pop3://127.0.0.1:${ports.pop}/1`]);
    expect(byImap.stdout).toContain(`Subject: ${await target('imap', user)}`);
    expect(byPop.stdout).toContain(`Subject: ${await target('pop', user)}`);
    expect(byStls.stdout).toBe(byPop.stdout);
  });

  test('a wrong password and an unknown user are told the same', async () => {
    const refusal = async (user: string): Promise<string> => {
      const { code, stderr } = await run('curl', [
        '--silent',
        '--verbose',
        '--user',
        `${user}:wrong`,
        `imap://127.0.0.1:${ports.imap}/`,
      ]);
      expect(code).toBe(67);
      return stderr
        .split('\n')
        .filter((line) => / NO /.test(line))
        .join('\n');
    };
    const known = await refusal('ann@example.org');
    expect(known).toMatch(/NO \[AUTHENTICATIONFAILED\]/);
    expect(await refusal('nobody@example.org')).toBe(known);
  });

  test('after an activation the same login reads from the other server', async () => {
    const before = await target('imap', 'ann@example.org');
    const other = before === 'MBX1' ? 'MBX2' : 'MBX1';
    await usher.cli('database', 'activate', 'DB1', '--to', other);
    expect(await target('imap', 'ann@example.org')).toBe(other);
    expect(await marker(imap('ann@example.org', true))).toContain(other);
    await usher.cli('database', 'activate', 'DB1', '--to', before ?? '');
  });
});
