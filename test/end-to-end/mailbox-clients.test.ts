import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ImapFlow } from 'imapflow';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificate, type TestCertificate } from '../support/peers/certificate.js';
import { type Dovecot, startDovecot } from '../support/peers/dovecot.js';
import { describePeer } from '../support/require-peer.js';
import { run } from '../support/run.js';
import { tempDir } from '../support/temp-dir.js';
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

const users = accounts('ann', 'bob', 'cat', 'dan');
/** Where each mailbox is, and whether the way to its server is encrypted. */
const homes = [
  { user: 'ann@example.org', server: 'first', tls: false },
  { user: 'bob@example.org', server: 'second', tls: true },
  { user: 'cat@example.org', server: 'second', tls: true },
  { user: 'dan@example.org', server: 'second', tls: true },
] as const;

describePeer(['dovecot', 'curl', 'openssl'], 'mail clients, by every kind of door and of way to the server', () => {
  let first: Dovecot;
  let second: Dovecot;
  let certificate: TestCertificate;
  let ports: DoorPorts;
  let usher: Usher;

  beforeAll(async () => {
    [first, second] = await Promise.all([
      startDovecot({ name: 'first', users }),
      startDovecot({ name: 'second', users, tls: 'available' }),
    ]);
    certificate = await makeCertificate(['localhost']);
    const doors = await mailboxDoors();
    ports = doors.ports;
    usher = await startUsher(
      mailboxEstate({
        servers: [
          dovecotEndpoints(first, 'none'),
          dovecotEndpoints(second, 'starttls'),
          dovecotEndpoints(second, 'implicit'),
          dovecotEndpoints(second, 'opportunistic'),
        ],
        mailboxes: Object.fromEntries(homes.map(({ user }, index) => [`DB${index + 1}`, [user]])),
        listeners: doors.listeners,
        rest: {
          certificates: [{ name: 'localhost', certFile: certificate.certFile, keyFile: certificate.keyFile }],
        },
      }),
    );
  });
  afterAll(async () => {
    await usher?.stop();
    await Promise.all([first, second].map((server) => server?.stop()));
  });

  const dovecotOf = (user: string): Dovecot =>
    homes.find((home) => home.user === user)?.server === 'first' ? first : second;

  describe.each(homes)('$user', ({ user, server, tls }) => {
    const curl = async (url: string, ...options: string[]): Promise<string> => {
      const words = [
        '--silent',
        '--show-error',
        '--cacert',
        certificate.caFile,
        '--user',
        `${user}:${passwordOf(user)}`,
      ];
      const { code, stdout, stderr } = await run('curl', [...words, ...options, url]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return stdout;
    };

    test('curl fetches the message by each of the six doors', async () => {
      const mail = 'INBOX;MAILINDEX=1';
      const fetched = await Promise.all([
        curl(`imap://localhost:${ports.imapClear}/${mail}`),
        curl(`imap://localhost:${ports.imap}/${mail}`, '--ssl-reqd'),
        curl(`imaps://localhost:${ports.imaps}/${mail}`),
        curl(`pop3://localhost:${ports.popClear}/1`),
        curl(`pop3://localhost:${ports.pop}/1`, '--ssl-reqd'),
        curl(`pop3s://localhost:${ports.pops}/1`),
      ]);
      const [one] = fetched;
      expect(one).toContain(`Subject: ${server}`);
      expect(new Set(fetched.map((text) => text.trimEnd()))).toEqual(new Set([one?.trimEnd()]));
    });

    test('the way to the server is as its endpoint says', async () => {
      const known = dovecotOf(user).logins().length;
      await curl(`imaps://localhost:${ports.imaps}/INBOX;MAILINDEX=1`);
      await curl(`pop3s://localhost:${ports.pops}/1`);
      const logins = await until('two logins', () => {
        const fresh = dovecotOf(user)
          .logins()
          .slice(known)
          .filter((login) => login.user === user);
        return fresh.length >= 2 && fresh;
      });
      expect(logins.map((login) => [login.protocol, login.tls])).toEqual([
        ['imap', tls],
        ['pop3', tls],
      ]);
    });

    test.each(['imaps', 'imap', 'imapClear'] as const)('imapflow works by the door %s', async (door) => {
      const client = new ImapFlow({
        host: 'localhost',
        port: ports[door],
        secure: door === 'imaps',
        doSTARTTLS: door === 'imap',
        auth: { user, pass: passwordOf(user) },
        tls: { ca: certificate.ca },
        logger: false,
      });
      await client.connect();
      try {
        const folder = `by ${door}`;
        await client.mailboxCreate(folder);
        const body = `Subject: ${door}\r\n\r\n${'line\r\n'.repeat(5000)}`;
        await client.append(folder, body, ['\\Seen']);
        await client.mailboxOpen(folder);
        const message = await client.fetchOne('1', { source: true, flags: true });
        expect(message === false ? undefined : message.source?.toString()).toBe(body);
        await client.mailboxClose();
        await client.mailboxDelete(folder);
        expect(client.secureConnection).toBe(door !== 'imapClear');
      } finally {
        await client.logout();
      }
    });

    test.each([
      ['imap', 'imap'],
      ['imaps', undefined],
      ['pop', 'pop3'],
      ['pops', undefined],
    ] as const)('openssl s_client speaks with the door %s', async (door, startTls) => {
      const isImap = door.startsWith('imap');
      const words = isImap
        ? ['a LOGIN', user, `"${passwordOf(user)}"\r\nb STATUS INBOX (MESSAGES)\r\nc LOGOUT\r\n`]
        : [`USER ${user}\r\nPASS ${passwordOf(user)}\r\nSTAT\r\nQUIT\r\n`];
      const check = ['-CAfile', certificate.caFile, '-verify_return_error', '-verify_hostname', 'localhost'];
      const how = startTls === undefined ? [] : ['-starttls', startTls];
      const args = [
        's_client',
        '-connect',
        `localhost:${ports[door]}`,
        '-servername',
        'localhost',
        '-quiet',
        '-ign_eof',
      ];
      const { stdout } = await run('openssl', [...args, ...check, ...how], { input: words.join(' ') });
      expect(stdout).toMatch(isImap ? /\* STATUS INBOX \(MESSAGES \d+\)/ : /\+OK 1 \d+/);
      expect(stdout).toMatch(isImap ? /^c OK /m : /^\+OK Logging out/m);
    });
  });

  describePeer('mbsync', 'mbsync', () => {
    test.each(['ann@example.org', 'cat@example.org'])('keeps a folder of %s in step both ways', async (user) => {
      for (const [kind, port] of [
        ['STARTTLS', ports.imap],
        ['IMAPS', ports.imaps],
      ] as const) {
        const folder = tempDir('mbsync');
        mkdirSync(join(folder, 'mail'));
        const settings = join(folder, 'mbsyncrc');
        writeFileSync(settings, mbsyncSettings({ folder, kind, port, user, caFile: certificate.caFile }));
        const sync = async (): Promise<void> => {
          const { code, stderr } = await run('mbsync', ['-c', settings, '-a'], { env: { HOME: folder } });
          expect({ code, stderr }).toMatchObject({ code: 0 });
        };
        await sync();
        const inbox = join(folder, 'mail', 'INBOX');
        const count = dovecotOf(user).mailOf(user).length;
        expect(messagesIn(inbox)).toHaveLength(count);
        expect(messagesIn(inbox).join('')).toContain(`Subject: ${dovecotOf(user).name}`);
        writeFileSync(join(inbox, 'new', '1700000000.1_1.here'), `Subject: written here by ${kind}\n\nhello\n`);
        await sync();
        const subjects = dovecotOf(user)
          .mailOf(user)
          .map(({ header }) => header)
          .join('\n');
        expect(subjects).toContain(`Subject: written here by ${kind}`);
        await sync();
        expect(messagesIn(inbox)).toHaveLength(count + 1);
      }
    });
  });

  describePeer('fetchmail', 'fetchmail', () => {
    test.each(['bob@example.org', 'dan@example.org'])('fetches the mail of %s by four doors', async (user) => {
      const folder = tempDir('fetchmail');
      const fetched = await Promise.all(
        (['imap', 'imaps', 'pop', 'pops'] as const).map(async (door) => {
          const home = join(folder, door);
          mkdirSync(home);
          const settings = join(home, 'fetchmailrc');
          writeFileSync(
            settings,
            fetchmailSettings({ door, port: ports[door], user, home, caFile: certificate.caFile }),
          );
          chmodSync(settings, 0o600);
          const args = ['-f', settings, '--nodetach', '--nosyslog', '--silent'];
          const { code, stderr } = await run('fetchmail', args, { env: { HOME: home, FETCHMAILHOME: home } });
          const troubles = stderr.replace('fetchmail: WARNING: Running as root is discouraged.\n', '');
          expect({ code, troubles }).toEqual({ code: 0, troubles: '' });
          return readFileSync(join(home, 'mail'), 'utf8');
        }),
      );
      for (const text of fetched) expect(text).toContain(`Subject: ${dovecotOf(user).name}`);
    });
  });
});

interface MbsyncAccount {
  readonly folder: string;
  readonly kind: 'STARTTLS' | 'IMAPS';
  readonly port: number;
  readonly user: string;
  readonly caFile: string;
}

const mbsyncSettings = ({ folder, kind, port, user, caFile }: MbsyncAccount): string => `
FSync no
IMAPStore far
Host localhost
Port ${port}
User ${user}
Pass "${passwordOf(user)}"
SSLType ${kind}
SystemCertificates no
CertificateFile ${caFile}

MaildirStore near
Path ${folder}/mail/
Inbox ${folder}/mail/INBOX

Channel all
Far :far:
Near :near:
Patterns INBOX
Create Near
Expunge None
SyncState *
`;

const messagesIn = (maildir: string): string[] =>
  ['new', 'cur'].flatMap((part) =>
    readdirSync(join(maildir, part)).map((name) => readFileSync(join(maildir, part, name), 'utf8')),
  );

interface FetchmailAccount {
  readonly door: 'imap' | 'imaps' | 'pop' | 'pops';
  readonly port: number;
  readonly user: string;
  readonly home: string;
  readonly caFile: string;
}

function fetchmailSettings({ door, port, user, home, caFile }: FetchmailAccount): string {
  const protocol = door.startsWith('imap') ? 'imap' : 'pop3';
  // With `ssl` TLS comes first; without it `sslproto "TLS1.2+"` demands STARTTLS.
  const tls = door.endsWith('s') ? 'ssl' : 'sslproto "TLS1.2+"';
  return `
set idfile "${home}/ids"
set pidfile "${home}/pid"
poll localhost protocol ${protocol} port ${port} auth password
  user "${user}" password "${passwordOf(user)}" ${tls} sslcertck sslcertfile "${caFile}"
  keep fetchall mda "cat >> ${home}/mail"
`;
}
