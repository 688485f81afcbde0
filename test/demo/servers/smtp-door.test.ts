import { createTransport } from 'nodemailer';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { rawClient, sendMail, startTwoServers, type TwoServers } from './two-servers.js';

let servers: TwoServers;

beforeAll(async () => {
  servers = await startTwoServers({
    storeLimits: { messageBytesMax: 5 * 1024 * 1024, mailboxBytesMax: 10 * 1024 * 1024, mailboxMessagesMax: 5 },
  });
});

afterAll(async () => {
  await servers.stop();
});

beforeEach(() => {
  for (const [database, address] of [
    ['DB1', 'ann@contoso.com'],
    ['DB2', 'bob@contoso.com'],
  ] as const) {
    const mailbox = servers.store.open(database, address);
    mailbox.remove(new Set(mailbox.messages.map(({ uid }) => uid)));
  }
  servers.transferred.length = 0;
});

test('any server takes mail for every mailbox and says its name', async () => {
  const reply = await sendMail(servers.mbx1.ports.smtp, ['annie@contoso.com', 'Bob@contoso.com'], 'Hi');
  expect(reply).toMatch(/^250 2\.6\.0 <[^ ]+> Queued mail for delivery on MBX1$/);
  const [message] = servers.store.open('DB2', 'bob@contoso.com').messages;
  expect(servers.store.open('DB1', 'ann@contoso.com').messages).toHaveLength(1);
  const text = message?.raw.toString() ?? '';
  expect(text).toMatch(
    /^Return-Path: <eve@fabrikam\.com>\r\nReceived: from \S+ \(\[127\.0\.0\.1\]\)\r\n\tby MBX1 with ESMTP;\r\n/,
  );
  expect(text).toContain('Subject: Hi\r\n');
  expect(servers.transferred).toEqual(['bob@contoso.com by MBX1']);
});

test('an unknown recipient is refused and the known one is not', async () => {
  const client = await rawClient(servers.mbx2.ports.smtp);
  await client.until(/^220 MBX2 /);
  client.send('EHLO client\r\nMAIL FROM:<>\r\nRCPT TO:<nobody@contoso.com>\r\nRCPT TO:<ann@contoso.com>\r\nDATA\r\n');
  await client.until(/550 5\.1\.1 no mailbox nobody@contoso\.com here\r\n250 .*\r\n354 /);
  client.send('Subject: no id\r\n\r\n..x\r\n.\r\nQUIT\r\n');
  await client.until(/^250 2\.6\.0 <[^>]+@mbx2\.demo> Queued mail for delivery on MBX2/m);
  await client.closed();
  const text = servers.store.open('DB1', 'ann@contoso.com').messages[0]?.raw.toString() ?? '';
  expect(text).toMatch(
    /^Return-Path: <>\r\nReceived: from client .* for <ann@contoso\.com>;\r\n.*\r\nMessage-ID: <[^>]+@mbx2\.demo>\r\nSubject: no id\r\n\r\n\.x\r\n$/s,
  );
  await expect(sendMail(servers.mbx1.ports.smtp, 'nobody@contoso.com', 'Hi')).rejects.toMatchObject({
    responseCode: 550,
  });
});

test('submission asks for the password first', async () => {
  const port = servers.mbx2.ports.submission;
  await expect(sendMail(port, 'ann@contoso.com', 'Hi')).rejects.toMatchObject({ responseCode: 530 });
  for (const method of ['PLAIN', 'LOGIN']) {
    const auth = { user: 'bob@contoso.com', pass: 'secret "2"' };
    const options = { host: '127.0.0.1', port, secure: false, ignoreTLS: true, authMethod: method };
    const sender = createTransport({ ...options, auth });
    const sent = await sender.sendMail({ from: auth.user, to: 'ann@contoso.com', subject: method, text: 'x' });
    expect(sent.response).toMatch(/Queued mail for delivery on MBX2$/);
    sender.close();
    const guesser = createTransport({ ...options, auth: { ...auth, pass: 'x' } });
    await expect(guesser.verify()).rejects.toMatchObject({ responseCode: 535 });
    guesser.close();
  }
  const text = servers.store.open('DB1', 'ann@contoso.com').messages[0]?.raw.toString() ?? '';
  expect(text).toContain('by MBX2 with ESMTPA for <ann@contoso.com>;');
});

test('a full mailbox and a large message are refused, and nobody else gets them', async () => {
  const mailbox = servers.store.open('DB1', 'ann@contoso.com');
  for (let count = 0; count < 5; count += 1) mailbox.append(Buffer.from('x'));
  const to = ['bob@contoso.com', 'ann@contoso.com'];
  const client = await rawClient(servers.mbx1.ports.smtp);
  client.send('');
  await client.until(/^220 /);
  client.send('EHLO client\r\nMAIL FROM:<eve@fabrikam.com> SIZE=9999999\r\nMAIL FROM:<eve@fabrikam.com>\r\n');
  client.send(`RCPT TO:<${to[1]}>\r\n`);
  await client.until(/^552 [\s\S]*^452 4\.2\.2 mailbox of ann@contoso\.com is full/m);
  client.send(`RCPT TO:<${to[0]}>\r\nDATA\r\n`);
  await client.until(/^354 /m);
  client.send(Buffer.concat([Buffer.alloc(5 * 1024 * 1024 + 1, 'line of text\r\n'), Buffer.from('\r\n.\r\n')]));
  await client.until(/354 [\s\S]*^552 /m);
  client.socket.destroy();
  expect(servers.store.open('DB2', 'bob@contoso.com').messages).toHaveLength(0);
});
