import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { imapClient, rawClient, sendMail, startTwoServers, type TwoServers } from './two-servers.js';

let servers: TwoServers;

beforeAll(async () => {
  servers = await startTwoServers();
});

afterAll(async () => {
  await servers.stop();
});

beforeEach(() => {
  const mailbox = servers.store.open('DB1', 'ann@contoso.com');
  mailbox.remove(new Set(mailbox.messages.map(({ uid }) => uid)));
  servers.active.set('DB1', 'MBX1');
});

async function signedIn(): Promise<Awaited<ReturnType<typeof rawClient>>> {
  const client = await rawClient(servers.mbx1.ports.imap);
  client.send('a0 LOGIN ann@contoso.com secret-1\r\n');
  await client.until(/^a0 OK .*signed in on MBX1\r\n/m);
  return client;
}

test('a mail program reads, searches, flags and deletes mail', async () => {
  await sendMail(servers.mbx1.ports.smtp, 'ann@contoso.com', 'Grüße from far');
  await sendMail(servers.mbx1.ports.smtp, 'ann@contoso.com', 'Second');
  const client = imapClient(servers.mbx1, 'ann@contoso.com', 'secret-1');
  await client.connect();
  expect(client.serverInfo).toMatchObject({ server: 'MBX1' });
  const folders = await client.list();
  expect(folders.map(({ path }) => path)).toEqual(['INBOX']);
  expect(await client.status('INBOX', { messages: true, unseen: true })).toMatchObject({ messages: 2, unseen: 2 });
  const lock = await client.getMailboxLock('INBOX');
  const messages = await client.fetchAll('1:*', {
    envelope: true,
    bodyStructure: true,
    flags: true,
    internalDate: true,
    size: true,
    source: true,
  });
  const [first] = messages;
  expect(first?.envelope?.subject).toBe('Grüße from far');
  expect(first?.envelope?.from).toEqual([{ name: 'Eve', address: 'eve@fabrikam.com' }]);
  expect(first?.bodyStructure).toMatchObject({ type: 'text/plain', encoding: '7bit' });
  expect(first?.source?.toString()).toMatch(
    /^Return-Path: <eve@fabrikam\.com>\r\nReceived: from .*\r\n\tby MBX1 with ESMTP for <ann@contoso\.com>;\r\n/,
  );
  expect(first?.size).toBe(first?.source?.length);
  expect(await client.search({ subject: 'second' })).toEqual([2]);
  expect(await client.search({ from: 'eve@', seen: false }, { uid: true })).toHaveLength(2);
  const headers = await client.fetchOne('1', { headers: ['subject', 'from'] });
  expect(headers && headers.headers?.toString()).toMatch(/^From: .*\r\nSubject: .*\r\n\r\n$/s);
  const part = await client.download('1', '1');
  const chunks: Buffer[] = [];
  for await (const chunk of part.content) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString().trim()).toBe('Hello.');
  expect(await client.messageFlagsAdd('1', ['\\Seen', '$Label'])).toBe(true);
  expect((await client.fetchOne('1', { flags: true })) as object).toMatchObject({
    flags: new Set(['\\Seen', '$Label']),
  });
  expect(await client.messageDelete('2')).toBe(true);
  expect(await client.search({ all: true })).toEqual([1]);
  await client.append('INBOX', 'Subject: kept\r\n\r\nbody', ['\\Seen'], new Date('2026-01-02T03:04:05Z'));
  const appended = await client.fetchOne('*', { internalDate: true, envelope: true, flags: true });
  expect(appended && appended.envelope?.subject).toBe('kept');
  expect(appended && new Date(appended.internalDate ?? 0).toISOString()).toBe('2026-01-02T03:04:05.000Z');
  await expect(client.mailboxCreate('Trash')).rejects.toThrow('Command failed');
  lock.release();
  await client.logout();
});

test('the wrong password, an unknown name and the wrong server are told apart', async () => {
  const wrong = imapClient(servers.mbx1, 'ann@contoso.com', 'secret-2');
  await expect(wrong.connect()).rejects.toMatchObject({ serverResponseCode: 'AUTHENTICATIONFAILED' });
  const unknown = imapClient(servers.mbx1, 'nobody@contoso.com', 'x');
  await expect(unknown.connect()).rejects.toMatchObject({ serverResponseCode: 'AUTHENTICATIONFAILED' });
  const elsewhere = imapClient(servers.mbx2, 'ann@contoso.com', 'secret-1');
  await expect(elsewhere.connect()).rejects.toMatchObject({ serverResponseCode: 'UNAVAILABLE' });
});

test('an alias, LOGIN with quoted and literal strings, and AUTHENTICATE with and without an initial response', async () => {
  const plain = Buffer.from('\0bob@contoso.com\0secret "2"').toString('base64');
  const client = await rawClient(servers.mbx2.ports.imap);
  await client.until(/^\* OK \[CAPABILITY IMAP4rev1 .*\] MBX2 /);
  client.send(`a AUTHENTICATE PLAIN ${plain}\r\nb LOGOUT\r\n`);
  expect(await client.closed()).toMatch(/a OK .*bob@contoso\.com signed in on MBX2\r\n\* BYE .*\r\nb OK/s);
  const second = await rawClient(servers.mbx2.ports.imap);
  second.send('a AUTHENTICATE PLAIN\r\n');
  await second.until(/^\+ \r\n/m);
  second.send('*\r\n');
  await second.until(/^a BAD cancelled/m);
  second.send('b LOGIN "bob@contoso.com" {10}\r\n');
  await second.until(/^\+ go ahead/m);
  second.send('secret "2"\r\n');
  await second.until(/^b OK/m);
  second.socket.destroy();
  const alias = await rawClient(servers.mbx1.ports.imap);
  alias.send('a LOGIN ANNIE@contoso.com {8+}\r\nsecret-1\r\n');
  await alias.until(/^a OK .* ann@contoso\.com signed in/m);
  alias.socket.destroy();
});

test('IDLE tells of mail that arrives and of mail that goes', async () => {
  const client = await signedIn();
  client.send('a SELECT INBOX\r\nb IDLE\r\n');
  await client.until(/^\+ idling/m);
  await sendMail(servers.mbx2.ports.smtp, 'ann@contoso.com', 'Now');
  await client.until(/^\* 1 EXISTS/m);
  const mailbox = servers.store.open('DB1', 'ann@contoso.com');
  mailbox.remove(new Set(mailbox.messages.map(({ uid }) => uid)));
  await client.until(/^\* 1 EXPUNGE/m);
  client.send('DONE\r\n');
  expect(await client.until(/^b OK/m)).toMatch(/^\* 1 EXISTS\r\n\* 1 EXPUNGE\r\nb OK done/m);
  client.socket.destroy();
});

test('numbers stay while a FETCH is answered and shift at the next NOOP', async () => {
  for (const subject of ['one', 'two', 'three']) await sendMail(servers.mbx1.ports.smtp, 'ann@contoso.com', subject);
  const client = await signedIn();
  client.send('a SELECT INBOX\r\n');
  await client.until(/^a OK \[READ-WRITE\]/m);
  const mailbox = servers.store.open('DB1', 'ann@contoso.com');
  const [first] = mailbox.messages;
  mailbox.remove(new Set([first?.uid ?? 0]));
  client.send('b FETCH 1:3 BODY.PEEK[HEADER.FIELDS (SUBJECT)]\r\n');
  const fetched = await client.until(/^b OK/m);
  expect(fetched).not.toContain('* 1 FETCH');
  expect(fetched).toMatch(/\* 2 FETCH \(BODY\[HEADER\.FIELDS \(SUBJECT\)\] \{16\}\r\nSubject: two\r\n\r\n\)/);
  expect(fetched).not.toContain('EXPUNGE');
  client.send('c NOOP\r\nd FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]\r\n');
  const renumbered = await client.until(/^d OK/m);
  expect(renumbered).toMatch(/\* 1 EXPUNGE\r\nc OK/);
  expect(renumbered).toMatch(/\* 1 FETCH \(BODY\[HEADER\.FIELDS \(SUBJECT\)\] \{16\}\r\nSubject: two/);
  client.socket.destroy();
});

test('a message is marked seen by BODY[] but not by BODY.PEEK[], a partial fetch or EXAMINE', async () => {
  const mailbox = servers.store.open('DB1', 'ann@contoso.com');
  mailbox.append(Buffer.from('Subject: x\r\n\r\n0123456789'));
  const client = await signedIn();
  client.send('a EXAMINE INBOX\r\nb FETCH 1 BODY[]\r\nc STORE 1 +FLAGS (\\Seen)\r\nd SELECT INBOX\r\n');
  client.send('e FETCH 1 BODY.PEEK[TEXT]<2.3>\r\n');
  const peeked = await client.until(/^e OK/m);
  expect(peeked).toMatch(/^a OK \[READ-ONLY\]/m);
  expect(peeked).toMatch(/^c NO \[CANNOT\]/m);
  expect(peeked).toContain('* 1 FETCH (BODY[TEXT]<2> {3}\r\n234)\r\n');
  expect(mailbox.messages[0]?.flags.size).toBe(0);
  client.send('f FETCH 1 (BODY[])\r\n');
  expect(await client.until(/^f OK/m)).toMatch(/0123456789 FLAGS \(\\Seen\)\)\r\nf OK/);
  client.socket.destroy();
});

test('a session ends when its database goes to another server', async () => {
  const client = await signedIn();
  servers.active.set('DB1', 'MBX2');
  client.send('a SELECT INBOX\r\n');
  expect(await client.closed()).toMatch(/^\* BYE \[UNAVAILABLE\] mailbox is active on another server\r\n$/m);
  servers.active.set('DB1', 'MBX1');
  const idling = await signedIn();
  idling.send('a SELECT INBOX\r\nb IDLE\r\n');
  await idling.until(/^\+ idling/m);
  servers.active.set('DB1', 'MBX2');
  expect(await idling.closed()).toMatch(/^\* BYE \[UNAVAILABLE\]/m);
});

test('a message over the limit is refused before it is sent, or ends the connection', async () => {
  const client = await signedIn();
  client.send('a APPEND INBOX {5242881}\r\n');
  await client.until(/^a NO \[TOOBIG\]/m);
  client.send('b NOOP\r\nc APPEND INBOX {5242881+}\r\n');
  expect(await client.closed()).toMatch(/^b OK done\r\n\* BYE \[TOOBIG\]/m);
  const early = await rawClient(servers.mbx1.ports.imap);
  early.send('a LOGIN ann@contoso.com {2000}\r\n');
  await early.until(/^a NO \[TOOBIG\]/m);
  early.socket.destroy();
});

test('bad commands, failed logins and long lines have an end', async () => {
  const bad = await rawClient(servers.mbx1.ports.imap);
  bad.send('a NONSENSE\r\n\r\nb FETCH 1 FLAGS\r\n'.repeat(4));
  const text = await bad.until(/^\* BYE too many bad commands/m);
  expect(text).toMatch(/^a BAD unknown command\r\n\* BAD tag missing\r\nb BAD not in this state/m);
  await bad.closed();
  const guesser = await rawClient(servers.mbx1.ports.imap);
  guesser.send('a LOGIN ann@contoso.com x\r\n'.repeat(5));
  expect((await guesser.until(/^\* BYE too many failed logins/m)).match(/^a NO/gm)).toHaveLength(3);
  await guesser.closed();
  const long = await rawClient(servers.mbx1.ports.imap);
  long.send('x'.repeat(20_000));
  await long.until(/^\* BYE line too long/m);
  await long.closed();
});

test('a client that never reads is made to wait, not answered into memory', async () => {
  const mailbox = servers.store.open('DB1', 'ann@contoso.com');
  mailbox.append(Buffer.alloc(5 * 1024 * 1024 - 100, 'x'));
  const client = await signedIn();
  client.socket.pause();
  client.send('a SELECT INBOX\r\n');
  const before = process.memoryUsage().arrayBuffers;
  for (let count = 0; count < 50; count += 1) client.send(`b${count} FETCH 1 (BODY.PEEK[] BODY.PEEK[TEXT] RFC822)\r\n`);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
  client.socket.destroy();
});
