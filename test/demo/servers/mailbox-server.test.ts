import { afterEach, expect, test } from 'vitest';

import { createMailStore } from '../../../src/demo/servers/mail-store.js';
import { startMailboxServer } from '../../../src/demo/servers/mailbox-server.js';
import { imapClient, rawClient, sendMail, startTwoServers, type TwoServers } from './two-servers.js';

let servers: TwoServers | undefined;

afterEach(async () => {
  await servers?.stop();
  servers = undefined;
});

test('after a failover the other server shows the same mail', async () => {
  servers = await startTwoServers();
  await sendMail(servers.mbx1.ports.smtp, 'ann@contoso.com', 'Before');
  const before = imapClient(servers.mbx1, 'ann@contoso.com', 'secret-1');
  await before.connect();
  await before.mailboxOpen('INBOX');
  await before.messageFlagsAdd('1', ['\\Flagged']);
  const uidValidity = before.mailbox && before.mailbox.uidValidity;
  await before.logout();
  await servers.mbx1.stop();
  servers.active.set('DB1', 'MBX2');
  await sendMail(servers.mbx2.ports.smtp, 'ann@contoso.com', 'After');
  const after = imapClient(servers.mbx2, 'ann@contoso.com', 'secret-1');
  await after.connect();
  const opened = await after.mailboxOpen('INBOX');
  expect(opened.uidValidity).toBe(uidValidity);
  const messages = await after.fetchAll('1:*', { envelope: true, flags: true });
  expect(messages.map(({ uid, envelope, flags }) => [uid, envelope?.subject, flags?.has('\\Flagged')])).toEqual([
    [1, 'Before', true],
    [2, 'After', false],
  ]);
  await after.logout();
});

test('a mailbox moved to another database keeps its mail', async () => {
  servers = await startTwoServers();
  await sendMail(servers.mbx1.ports.smtp, 'ann@contoso.com', 'Kept');
  servers.accounts.set('ann@contoso.com', { password: 'secret-1', database: 'DB2' });
  const client = imapClient(servers.mbx2, 'ann@contoso.com', 'secret-1');
  await client.connect();
  expect(await client.status('INBOX', { messages: true })).toMatchObject({ messages: 1 });
  await client.logout();
});

test('who does not sign in is cut off, on every port that asks for it', async () => {
  servers = await startTwoServers({ limits: { preLoginTimeoutMs: 200 } });
  const { imap, pop, submission } = servers.mbx1.ports;
  for (const port of [imap, pop, submission]) {
    const client = await rawClient(port);
    expect(await client.closed()).toMatch(/^\S+ [^\r]*MBX1[^\r]*\r\n$/);
  }
  const slow = await rawClient(imap);
  const drip = setInterval(() => slow.send('a'), 20);
  expect(await slow.closed()).not.toContain('BAD');
  clearInterval(drip);
});

test('a silent session and a long SMTP connection end', async () => {
  servers = await startTwoServers({ limits: { idleTimeoutMs: 100, smtpSessionTimeoutMs: 400 } });
  const idle = await rawClient(servers.mbx1.ports.imap);
  idle.send('a LOGIN ann@contoso.com secret-1\r\n');
  expect(await idle.closed()).toMatch(/^a OK .*\r\n$/m);
  const smtp = await rawClient(servers.mbx1.ports.smtp);
  await smtp.until(/^220 /);
  smtp.send('EHLO client\r\nMAIL FROM:<>\r\nRCPT TO:<ann@contoso.com>\r\nDATA\r\n');
  await smtp.until(/^354 /m);
  const drip = setInterval(() => smtp.send('x\r\n'), 20);
  // The drip goes on while the server closes: the end may come as a reset.
  expect(await smtp.closed()).toMatch(/354 [^\n]*\n(?:\[read ECONNRESET\])?$/);
  clearInterval(drip);
});

test('a connection over the limit is closed at once, on every port', async () => {
  servers = await startTwoServers({ limits: { connectionsMax: 2 } });
  for (const port of Object.values(servers.mbx1.ports)) {
    const clients = [await rawClient(port), await rawClient(port)];
    const third = await rawClient(port);
    await third.closed();
    expect(third.received().replace(/\[.*\]/, '')).toBe('');
    for (const client of clients) client.socket.destroy();
  }
});

test('stopping cuts open connections and frees the ports', async () => {
  servers = await startTwoServers();
  const clients = await Promise.all(Object.values(servers.mbx1.ports).map((port) => rawClient(port)));
  await servers.mbx1.stop();
  await Promise.all(clients.map((client) => client.closed()));
  const again = await startMailboxServer({
    name: 'MBX3',
    host: '127.0.0.1',
    ports: servers.mbx1.ports,
    store: createMailStore(),
    accounts: () => undefined,
    isActive: () => true,
  });
  expect(again.ports).toEqual(servers.mbx1.ports);
  await again.stop();
});

test('a port in use is named, and nothing stays open', async () => {
  servers = await startTwoServers();
  const { http } = servers.mbx1.ports;
  const start = startMailboxServer({
    name: 'MBX3',
    host: '127.0.0.1',
    ports: { http },
    store: createMailStore(),
    accounts: () => undefined,
    isActive: () => true,
  });
  await expect(start).rejects.toMatchObject({
    code: 'port-unavailable',
    message: `cannot listen on 127.0.0.1:${http}: it is in use; choose another port`,
  });
});
