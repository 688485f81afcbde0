import { beforeAll, describe, expect, test } from 'vitest';
import { makeCertificate } from '../../net/make-certificate.js';
import { until } from '../../support/until.js';
import { snapshotOf } from './estate.js';
import { demoEstate, logins, mailStage, oneServer } from './mail-stage.js';
import { imapScript, popScript } from './mailbox-scripts.js';
import type { TestDoor } from './open-test-door.js';

let certificate: { key: string; cert: string };

beforeAll(async () => {
  certificate = await makeCertificate(['localhost']);
});

const { openDoor, connected, twoServers, scripted } = mailStage(() => certificate);

const endedBy = (door: TestDoor): readonly unknown[] =>
  door.lines.filter(({ message }) => message === 'connection ended').map((line) => line['endedBy']);

describe.each(['imap', 'pop'] as const)('%s', (protocol) => {
  const listener = { protocol, plaintextLogin: true };
  const login = logins[protocol];

  test.each(['none', 'implicit'] as const)('clients are let go before and after their login, TLS %s', async (tls) => {
    const servers = await twoServers();
    const door = await openDoor({ snapshot: snapshotOf(demoEstate(servers, { listener: { ...listener, tls } })) });
    const kind = tls === 'none' ? 'plain' : 'implicit';
    const [early, busy] = [await connected(door, kind), await connected(door, kind)];
    await early.until(/ready/);
    busy.send(login('ann@contoso.com', 'secret-1'));
    await busy.until(/signed in on MBX1/);
    const drained = door.sessions.drain(5000);
    expect(await early.closed()).toMatch(/The service is not available\..*\r\n$/);
    busy.send(protocol === 'imap' ? 'n NOOP\r\n' : 'NOOP\r\n');
    const text = await busy.closed();
    expect(text).toMatch(protocol === 'imap' ? /n OK .*\r\n\* BYE Server moved, reconnect\r\n$/ : /\+OK.*\r\n$/);
    expect(await drained).toBe(0);
    await until('both ends in the log', () => endedBy(door).length === 2);
    expect(endedBy(door)).toEqual(['draining', 'draining']);
  });

  test('somebody may choose the words', async () => {
    const script = protocol === 'imap' ? imapScript() : popScript();
    const server = await scripted(script);
    const door = await openDoor({ snapshot: snapshotOf(oneServer({ port: server.port }, { listener })) });
    const [early, late] = [await connected(door), await connected(door)];
    await early.until(/ready/);
    late.send(login('ann', 'pass'));
    await late.until(/welcome/);
    for (const session of door.sessions.list()) session.drain('moved\r\naway');
    expect(await early.closed()).toMatch(
      protocol === 'imap' ? /\* BYE \[UNAVAILABLE\] moved {2}away\r\n$/ : /-ERR \[SYS\/TEMP\] moved {2}away\r\n$/,
    );
    expect(await late.closed()).toMatch(protocol === 'imap' ? /\* BYE moved {2}away\r\n$/ : /welcome.*\r\n$/);
    await until('the server to be let go', () => server.openConnections() === 0);
  });

  test('nobody waits for ever', async () => {
    const script = protocol === 'imap' ? imapScript({ ignore: /NOOP/ }) : popScript({ ignore: /NOOP/ });
    const server = await scripted(script);
    const door = await openDoor({ snapshot: snapshotOf(oneServer({ port: server.port }, { listener })) });
    const client = await connected(door);
    client.send(login('ann', 'pass'));
    await client.until(/welcome/);
    client.send('n NOOP\r\nNOOP\r\n');
    await until('the command at the server', () => server.lines.some((line) => line.includes('NOOP')));
    expect(await door.sessions.drain(500)).toBe(1);
    expect(await client.closed()).not.toContain('BYE');
    await until('the end in the log', () => endedBy(door).length === 1);
    expect(endedBy(door)).toEqual(['destroyed']);
  });
});

test('a client in IDLE hears goodbye between two responses', async () => {
  const servers = await twoServers();
  const door = await openDoor({ snapshot: snapshotOf(demoEstate(servers)) });
  const client = await connected(door);
  client.send('a LOGIN ann@contoso.com secret-1\r\nb SELECT INBOX\r\nc IDLE\r\n');
  await client.until(/^\+ .*\r\n/m);
  for (const session of door.sessions.list()) session.drain();
  expect(await client.closed()).toMatch(/\+ [^\r]*\r\n\* BYE Server moved, reconnect\r\n$/);
});

test('a message on its way arrives whole, however slowly', async () => {
  const parts = ['* 1 FETCH (BODY[] {25}\r\nline one\r\n', 'line two\r\n', 'end\r\n', ')\r\nf OK done\r\n'];
  const server = await scripted(imapScript({ ignore: /FETCH/ }));
  const door = await openDoor({ snapshot: snapshotOf(oneServer({ port: server.port })) });
  const client = await connected(door);
  client.send('a LOGIN ann pass\r\n');
  await client.until(/welcome/);
  client.send('f FETCH 1 BODY[]\r\n');
  await until('the command at the server', () => server.lines.some((line) => line.includes('FETCH')));
  server.say(parts[0] ?? '');
  await client.until(/line one/);
  for (const session of door.sessions.list()) session.drain();
  for (const part of parts.slice(1)) {
    await new Promise((resolve) => setTimeout(resolve, 400));
    server.say(part);
  }
  expect((await client.closed()).endsWith(`${parts.join('')}* BYE Server moved, reconnect\r\n`)).toBe(true);
});
