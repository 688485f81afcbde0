import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePorts } from '../support/free-port.js';
import { type Dovecot, type DovecotLogin, startDovecot } from '../support/peers/dovecot.js';
import { describePeer } from '../support/require-peer.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';
import { accounts, type DoorPorts, mailboxDoors, mailboxEstate, passwordOf } from './mailbox-estate.js';

const names = ['ann', 'bob', 'cat', 'dan'] as const;
const users = accounts(...names);
const clientAddress = '127.0.0.77';

describePeer('dovecot', "a client's own address at the mailbox server", () => {
  let dovecot: Dovecot;
  let ports: DoorPorts;
  let balanced: { imap: number; pop: number };
  let usher: Usher;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    dovecot = await startDovecot({ name: 'MBX', users, tls: 'available' });
    const { imapPort, imapsPort, popPort, popsPort, imapProxyPort, popProxyPort, caFile } = dovecot;
    const doors = await mailboxDoors();
    const [imap = 0, pop = 0] = await freePorts(2);
    ports = doors.ports;
    balanced = { imap, pop };
    const behindBalancer = { tls: 'none', plaintextLogin: true, proxyPeers: ['127.0.0.9'] };
    usher = await startUsher(
      mailboxEstate({
        servers: [
          {
            imap: { port: imapPort, tls: 'none', clientAddress: 'id' },
            pop: { port: popPort, tls: 'none', clientAddress: 'xclient' },
          },
          {
            imap: { port: imapProxyPort, tls: 'starttls', ca: caFile, proxyProtocol: 'v2' },
            pop: { port: popProxyPort, tls: 'starttls', ca: caFile, proxyProtocol: 'v2' },
          },
          {
            imap: { port: imapsPort, tls: 'implicit', ca: caFile, clientAddress: 'id' },
            pop: { port: popsPort, tls: 'implicit', ca: caFile, clientAddress: 'xclient' },
          },
          { imap: { port: imapPort, tls: 'none' }, pop: { port: popPort, tls: 'none' } },
        ],
        mailboxes: Object.fromEntries(users.map(({ user }, index) => [`DB${index + 1}`, [user]])),
        listeners: [
          ...doors.listeners,
          { name: 'balanced imap', protocol: 'imap', bind: `127.0.0.1:${imap}`, ...behindBalancer },
          { name: 'balanced pop', protocol: 'pop', bind: `127.0.0.1:${pop}`, ...behindBalancer },
        ],
      }),
    );
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await usher?.stop();
    await dovecot?.stop();
  });

  /** Says everything at once; what came back up to the login's answer. */
  async function say(port: number, localAddress: string, words: string, answer: RegExp): Promise<string> {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    sockets.push(socket);
    let text = '';
    socket.on('data', (chunk: Buffer) => void (text += chunk.toString('latin1')));
    await once(socket, 'connect');
    socket.write(words);
    await until('the answer to the login', () => answer.test(text) && text);
    socket.end();
    return text;
  }

  const logIn = {
    imap: (port: number, localAddress: string, user: string, before = '') =>
      say(port, localAddress, `${before}a LOGIN ${user} "${passwordOf(user)}"\r\n`, /^a OK/m),
    pop: (port: number, localAddress: string, user: string, before = '') =>
      say(port, localAddress, `${before}USER ${user}\r\nPASS ${passwordOf(user)}\r\n`, /^\+OK.*Logged in/m),
  } as const;

  async function loginAfter(act: () => Promise<unknown>): Promise<DovecotLogin> {
    const count = dovecot.logins().length;
    await act();
    return until('the login in the log', () => dovecot.logins()[count]);
  }

  describe.each(['imap', 'pop'] as const)('%s', (protocol) => {
    const door = (): number => (protocol === 'imap' ? ports.imapClear : ports.popClear);
    const balancedDoor = (): number => balanced[protocol];

    test.each([
      ['ann@example.org', protocol === 'imap' ? 'by ID' : 'by XCLIENT', false],
      ['bob@example.org', 'by a PROXY header, before STARTTLS', true],
      ['cat@example.org', 'within TLS', true],
    ])('of %s is told %s', async (user, _, tls) => {
      const login = await loginAfter(() => logIn[protocol](door(), clientAddress, user));
      expect(login).toMatchObject({ user, tls, remoteAddress: clientAddress, localAddress: '127.0.0.1' });
    });

    test('is not told where the endpoint does not ask for it', async () => {
      const login = await loginAfter(() => logIn[protocol](door(), clientAddress, 'dan@example.org'));
      expect(login).toMatchObject({ remoteAddress: '127.0.0.1' });
    });

    test('cannot be made up by the client', async () => {
      const claim =
        protocol === 'imap'
          ? 'x ID ("x-originating-ip" "192.0.2.66" "x-originating-port" "1" "x-session-id" "forged")\r\n'
          : 'XCLIENT ADDR=192.0.2.66 PORT=1 SESSION=forged\r\n';
      for (const user of users) {
        const login = await loginAfter(() => logIn[protocol](door(), clientAddress, user.user, claim));
        expect(login.remoteAddress).toMatch(/^127\.0\.0\./);
        expect(login.session).not.toBe('forged');
      }
    });

    test.each(['ann@example.org', 'bob@example.org'])('of %s goes through a balancer and us', async (user) => {
      const header = 'PROXY TCP4 192.0.2.10 192.0.2.1 40000 143\r\n';
      const login = await loginAfter(() => logIn[protocol](balancedDoor(), '127.0.0.9', user, header));
      // Dovecot's XCLIENT of POP has no word for the address that the client came to.
      const localAddress = protocol === 'pop' && user === 'ann@example.org' ? '127.0.0.1' : '192.0.2.1';
      expect(login).toMatchObject({ remoteAddress: '192.0.2.10', localAddress });
      const before6 = 'PROXY TCP6 2001:db8::10 2001:db8::1 40000 143\r\n';
      const login6 = await loginAfter(() => logIn[protocol](balancedDoor(), '127.0.0.9', user, before6));
      expect(login6).toMatchObject({ remoteAddress: '2001:db8::10' });
    });

    test('a header of somebody who is no balancer is no header', async () => {
      const header = 'PROXY TCP4 192.0.2.10 192.0.2.1 40000 143\r\n';
      const login = await loginAfter(() => logIn[protocol](balancedDoor(), clientAddress, 'ann@example.org', header));
      expect(login).toMatchObject({ remoteAddress: clientAddress });
    });
  });
});
