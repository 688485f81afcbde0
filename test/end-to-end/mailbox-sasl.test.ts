import { createHmac, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

const [ann, bob, team, shared] = [
  'ann@example.org',
  'bob@example.org',
  'team@example.org',
  'example.org/ann/team',
] as const;
const tokenKey = randomBytes(32);
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A JWT as an identity provider would sign it. */
function tokenFor(user: string, key = tokenKey, livesSeconds = 3600): string {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { sub: user, iat: nowSeconds - 60, nbf: nowSeconds - 60, exp: nowSeconds + livesSeconds };
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
}

const plain = (user: string, authorizationId = ''): string =>
  base64(`${authorizationId}\0${user}\0${passwordOf(user)}`);
const tokenMessages = {
  XOAUTH2: (user: string, token: string) => base64(`user=${user}\u0001auth=Bearer ${token}\u0001\u0001`),
  OAUTHBEARER: (user: string, token: string) => base64(`n,a=${user},\u0001auth=Bearer ${token}\u0001\u0001`),
} as const;

describePeer('dovecot', 'SASL at two Dovecot servers', () => {
  let servers: [Dovecot, Dovecot];
  let ports: DoorPorts;
  let usher: Usher;
  const opened: MailClient[] = [];

  beforeAll(async () => {
    const users = [...accounts('ann', 'bob', 'team'), { user: shared, password: passwordOf('ann') }];
    const masters = [{ user: 'master', password: passwordOf('master') }];
    const options = { users, masters, tokenKey, tls: 'available' } as const;
    servers = await Promise.all([
      startDovecot({ name: 'MBX1', ...options }),
      startDovecot({ name: 'MBX2', ...options }),
    ]);
    const doors = await mailboxDoors();
    ports = doors.ports;
    usher = await startUsher(
      mailboxEstate({
        servers: [dovecotEndpoints(servers[0], 'none'), dovecotEndpoints(servers[1], 'implicit')],
        mailboxes: { DB1: [ann], DB2: [bob, team] },
        listeners: doors.listeners,
      }),
    );
    await until('the doors to know what their servers take', async () => /AUTH=OAUTHBEARER/.test(await capability()));
  });
  afterAll(async () => {
    for (const client of opened) client.socket.destroy();
    await usher?.stop();
    await Promise.all((servers ?? []).map((server) => server.stop()));
  });

  const connected = async (protocol: 'imap' | 'pop'): Promise<MailClient> => {
    const client = await connectClient(protocol === 'imap' ? ports.imapClear : ports.popClear);
    opened.push(client);
    await client.until(/ready/);
    return client;
  };

  async function capability(): Promise<string> {
    const client = await connected('imap');
    client.send('a CAPABILITY\r\n');
    const text = await client.until(/^a OK/m);
    client.socket.destroy();
    return text;
  }

  /** Where the login ended: the subject of the one message of the mailbox, or the refusal. */
  async function attempt(
    protocol: 'imap' | 'pop',
    mechanism: string,
    responses: readonly string[],
    initial: 'with the command' | 'when asked',
  ): Promise<string> {
    const client = await connected(protocol);
    const [isAtOnce, rest] =
      initial === 'with the command' ? [responses[0] ?? '', responses.slice(1)] : [undefined, responses];
    const command = `${protocol === 'imap' ? 'a AUTHENTICATE' : 'AUTH'} ${mechanism}`;
    client.send(`${command}${isAtOnce === undefined ? '' : ` ${isAtOnce}`}\r\n`);
    for (const response of rest) {
      await client.until(/^\+ .*\r\n/m);
      client.send(`${response}\r\n`);
    }
    const decided = await client.until(protocol === 'imap' ? /^a .*\r\n/m : /^(?:\+OK|-ERR) .*\r\n/m);
    if (!/^(?:a OK|\+OK)/m.test(decided)) return decided;
    client.send(protocol === 'imap' ? 'b EXAMINE INBOX\r\nc FETCH 1 BODY[HEADER]\r\n' : 'RETR 1\r\n');
    const text = await client.until(protocol === 'imap' ? /^c OK/m : /\r\n\.\r\n/);
    client.socket.destroy();
    return `${/^Subject: (.*)\r$/m.exec(text)?.[1]} of ${/^To: (.*)\r$/m.exec(text)?.[1]}`;
  }

  const lastLogin = (server: Dovecot, protocol: 'imap' | 'pop', user: string) =>
    until('the login in the log', () =>
      server
        .logins()
        .findLast((login) => login.protocol === (protocol === 'imap' ? 'imap' : 'pop3') && login.user === user),
    );

  describe.each(['imap', 'pop'] as const)('%s', (protocol) => {
    describe.each(['with the command', 'when asked'] as const)('the first response %s', (initial) => {
      test.each([
        [ann, 'MBX1'],
        [bob, 'MBX2'],
      ])('PLAIN and tokens lead %s to %s', async (user, server) => {
        const there = `${server} of ${user}`;
        expect(await attempt(protocol, 'PLAIN', [plain(user)], initial)).toBe(there);
        for (const mechanism of ['XOAUTH2', 'OAUTHBEARER'] as const) {
          const message = tokenMessages[mechanism](user, tokenFor(user));
          expect(await attempt(protocol, mechanism, [message], initial)).toBe(there);
          const dovecot = server === 'MBX1' ? servers[0] : servers[1];
          expect(await lastLogin(dovecot, protocol, user)).toMatchObject({ method: mechanism });
        }
      });
    });

    test('LOGIN asks for the name, then for the password', async () => {
      const responses = [base64(bob), base64(passwordOf(bob))];
      expect(await attempt(protocol, 'LOGIN', responses, 'when asked')).toBe(`MBX2 of ${bob}`);
    });

    test('an authorization identity leads to the mailbox of the other, by leave of the server', async () => {
      expect(await attempt(protocol, 'PLAIN', [plain('master', bob)], 'with the command')).toBe(`MBX2 of ${bob}`);
      expect(await attempt(protocol, 'PLAIN', [plain('master', ann)], 'with the command')).toBe(`MBX1 of ${ann}`);
      expect(await lastLogin(servers[0], protocol, ann)).toMatchObject({ method: 'PLAIN' });
      // Bob is no master: his own password does not open another's mailbox.
      const refused = protocol === 'imap' ? /^a NO \[AUTHENTICATIONFAILED\]/ : /^-ERR \[AUTH\]/;
      expect(await attempt(protocol, 'PLAIN', [plain(bob, ann)], 'with the command')).toMatch(refused);
    });

    test('a login for a shared mailbox leads to that one, and the server hears the login as it is', async () => {
      expect(await attempt(protocol, 'PLAIN', [base64(`\0${shared}\0${passwordOf('ann')}`)], 'when asked')).toBe(
        `MBX2 of ${shared}`,
      );
      const client = await connected(protocol);
      if (protocol === 'imap') client.send(`a LOGIN "${shared}" "${passwordOf('ann')}"\r\n`);
      else client.send(`USER ${shared}\r\nPASS ${passwordOf('ann')}\r\n`);
      await client.until(protocol === 'imap' ? /^a OK/m : /^\+OK[^]*^\+OK/m);
      const sessions = await usher.cli('sessions', 'list', '--user', team, '--protocol', protocol, '--json');
      expect(JSON.parse(sessions)).toMatchObject([{ user: team, server: 'MBX2' }]);
      client.socket.destroy();
    });

    test('a token that is forged, out of date or of somebody else is refused', async () => {
      const tokens = [tokenFor(ann, randomBytes(32)), tokenFor(ann, tokenKey, -30), tokenFor(bob)];
      const refused = protocol === 'imap' ? /^a NO \[AUTHENTICATIONFAILED\]/ : /^-ERR \[AUTH\]/;
      const countBefore = servers[0].logins().filter(({ user }) => user === ann).length;
      const answers = await Promise.all(
        tokens.map((token) => attempt(protocol, 'XOAUTH2', [tokenMessages.XOAUTH2(ann, token)], 'with the command')),
      );
      for (const answer of answers) expect(answer).toMatch(refused);
      expect(servers[0].logins().filter(({ user }) => user === ann)).toHaveLength(countBefore);
    });
  });
});
