import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectClient } from '../session/mail-access/mail-client.js';
import { makeCertificate } from '../support/peers/certificate.js';
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

const users = accounts('ann', 'bob', 'cat', 'dan', 'eve', 'fay', 'gus');
/** Who meets which trouble on the way to the mailbox server. */
const troubles = {
  ann: 'TLS with a certificate of another authority',
  bob: 'STARTTLS with a certificate of another authority',
  cat: 'TLS with a certificate for another name',
  dan: 'STARTTLS with a certificate for another name',
  eve: 'STARTTLS at a server that does not offer it',
  fay: 'TLS at a server that does not speak it',
} as const;
const names = Object.keys(troubles) as (keyof typeof troubles)[];

describePeer('dovecot', 'a mailbox server that is not who it should be', () => {
  let clear: Dovecot;
  let secure: Dovecot;
  let ports: DoorPorts;
  let usher: Usher;

  beforeAll(async () => {
    [clear, secure] = await Promise.all([
      startDovecot({ name: 'clear', users }),
      startDovecot({ name: 'secure', users, tls: 'available' }),
    ]);
    const other = await makeCertificate(['localhost', '127.0.0.1']);
    const doors = await mailboxDoors();
    ports = doors.ports;
    const foreign = { ca: other.caFile };
    const misnamed = { serverName: 'mbx.example.org' };
    usher = await startUsher(
      mailboxEstate({
        servers: [
          dovecotEndpoints(secure, 'implicit', foreign),
          dovecotEndpoints(secure, 'starttls', foreign),
          dovecotEndpoints(secure, 'implicit', misnamed),
          dovecotEndpoints(secure, 'starttls', misnamed),
          dovecotEndpoints(clear, 'starttls', foreign),
          {
            imap: { port: clear.imapPort, tls: 'implicit', ca: other.caFile },
            pop: { port: clear.popPort, tls: 'implicit', ca: other.caFile },
          },
          dovecotEndpoints(secure, 'implicit', { ...foreign, verify: false }),
        ],
        mailboxes: Object.fromEntries(users.map(({ user }, index) => [`DB${index + 1}`, [user]])),
        listeners: doors.listeners,
      }),
    );
  });
  afterAll(async () => {
    await usher?.stop();
    await Promise.all([clear, secure].map((server) => server?.stop()));
  });

  const logIn = async (protocol: 'imap' | 'pop', user: string): Promise<string> => {
    const client = await connectClient(protocol === 'imap' ? ports.imapClear : ports.popClear);
    try {
      await client.until(/ready/);
      if (protocol === 'imap') {
        client.send(`a LOGIN ${user} "${passwordOf(user)}"\r\n`);
        return await client.until(/^a .*\r\n/m);
      }
      client.send(`USER ${user}\r\n`);
      await client.until(/^\+OK/m);
      client.send(`PASS ${passwordOf(user)}\r\n`);
      return await client.until(/^(?:\+OK|-ERR) .*\r\n/m);
    } finally {
      client.socket.destroy();
    }
  };

  test('gets no login, and the client hears that its mailbox is not available', async () => {
    const answers = await Promise.all(
      names.map(async (name) => {
        const user = `${name}@example.org`;
        return [troubles[name], ...(await Promise.all([logIn('imap', user), logIn('pop', user)]))];
      }),
    );
    expect(answers).toEqual(
      names.map((name) => [
        troubles[name],
        expect.stringMatching(/^a NO \[UNAVAILABLE\] /),
        expect.stringMatching(/^-ERR \[SYS\/TEMP\] /),
      ]),
    );
    const hasCome = /imap-login: .*no auth attempts/;
    await until('the connections in both logs', () => [clear, secure].every((server) => hasCome.test(server.log())));
    for (const server of [clear, secure]) {
      expect(server.logins()).toEqual([]);
      expect(server.log()).not.toMatch(/auth failed|attempted|user=<[^>]/);
    }
  });

  test('is taken where its endpoint says that it is not to be verified', async () => {
    expect(await logIn('imap', 'gus@example.org')).toMatch(/^a OK /m);
    expect(await logIn('pop', 'gus@example.org')).toMatch(/^\+OK /m);
    await until('two logins over TLS', () => secure.logins().filter(({ tls }) => tls).length === 2);
  });
});
