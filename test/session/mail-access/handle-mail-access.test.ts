import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ImapFlow } from 'imapflow';
import { beforeAll, describe, expect, test } from 'vitest';
import { sendMail } from '../../demo/servers/two-servers.js';
import { makeCertificate } from '../../net/make-certificate.js';
import { tempDir } from '../../support/temp-dir.js';
import { until } from '../../support/until.js';
import { directoryOf, type EstateOptions, snapshotOf } from './estate.js';
import { connectClient } from './mail-client.js';
import { demoEstate, directory, logins, mailStage, oneServer, plainEndpoints, popDoor } from './mail-stage.js';
import { imapScript, popScript } from './mailbox-scripts.js';

let certificate: { key: string; cert: string };
let caFile: string;

beforeAll(async () => {
  certificate = await makeCertificate(['localhost', 'mbx.contoso.com'], true);
  caFile = join(tempDir('mail-access'), 'ca.pem');
  writeFileSync(caFile, certificate.cert);
});

const { openDoor, connected, twoServers, scripted } = mailStage(() => certificate);

describe.each(['imap', 'pop'] as const)('%s', (protocol) => {
  const script = protocol === 'imap' ? imapScript : popScript;
  const login = logins[protocol];
  const listener = { protocol, plaintextLogin: true };
  const unavailable = protocol === 'imap' ? /a NO \[UNAVAILABLE\] .*\r\n$/ : /-ERR \[SYS\/TEMP\] .*\r\n$/;
  const greeting = protocol === 'imap' ? /^\* OK .* FE1 IMAP4 ready\.\r\n$/ : /^\+OK FE1 POP3 ready\.\r\n$/;
  const closing = protocol === 'imap' ? '* BYE' : '-ERR';

  test.each(['none', 'starttls', 'implicit'] as const)(
    'a login at a door with TLS %s, and commands behind it',
    async (tls) => {
      const servers = await twoServers();
      const plaintextLogin = tls === 'none';
      const door = await openDoor({
        snapshot: snapshotOf(demoEstate(servers, { listener: { protocol, tls, plaintextLogin } })),
      });
      let client = await connected(
        door,
        tls === 'implicit' ? 'implicit' : 'plain',
        protocol === 'pop' ? 'pop3' : 'imap',
      );
      await client.until(greeting);
      if (tls === 'starttls') {
        client.send(protocol === 'imap' ? 's STARTTLS\r\n' : 'STLS\r\n');
        await client.until(/OK Begin TLS negotiation now\.\r\n/);
        client = await client.startTls();
      }
      client.send(
        `${login('ann@contoso.com', 'secret-1')}${protocol === 'imap' ? 'b NOOP\r\nc LOGOUT\r\n' : 'STAT\r\nQUIT\r\n'}`,
      );
      const text = await client.closed();
      expect(text).toMatch(
        protocol === 'imap'
          ? /a OK \[CAPABILITY .*\] .* on MBX1\r\nb OK .*\r\n\* BYE .*\r\nc OK .*\r\n$/
          : /\+OK ann@contoso\.com signed in on MBX1, 0 messages\r\n\+OK 0 0\r\n\+OK bye\r\n$/,
      );
      const accepted = await door.logged('login accepted');
      expect(accepted).toMatchObject({
        level: 'info',
        protocol,
        user: 'ann@contoso.com',
        server: 'MBX1',
        serverTls: null,
      });
      expect(accepted['tls']).toBe(tls === 'none' ? null : 'TLSv1.3');
      expect(accepted['reason']).toBe('active-copy');
      expect(accepted['trace']).toContain('DB1 is active on MBX1');
      const ended = await door.logged('connection ended');
      expect(ended).toMatchObject({ endedBy: 'server', user: 'ann@contoso.com', server: 'MBX1' });
      expect(ended['bytesFromServer']).toBeGreaterThan(20);
      expect(JSON.stringify(door.lines)).not.toContain('secret-1');
      expect(door.sessions.list()).toEqual([]);
    },
  );

  test.each(['none', 'starttls', 'implicit', 'opportunistic'] as const)('TLS %s towards the server', async (tls) => {
    const server = await scripted(script({ tls: tls === 'opportunistic' ? 'starttls' : tls, certificate }));
    const trust = tls === 'opportunistic' ? {} : { ca: caFile, serverName: 'mbx.contoso.com' };
    const door = await openDoor({
      snapshot: snapshotOf(oneServer({ port: server.port, tls, ...trust }, { listener })),
    });
    const client = await connected(door);
    await client.until(greeting);
    client.send(login('ann', 'pass'));
    await client.until(tls === 'none' ? /welcome over clear\r\n/ : /welcome over tls\r\n/);
    expect((await door.logged('login accepted'))['serverTls']).toBe(tls === 'none' ? null : 'TLSv1.3');
    client.send('x NOOP\r\n');
    await client.until(/OK.*done\r\n/);
    client.socket.destroy();
    expect(await door.logged('connection ended')).toMatchObject({ user: 'ann@contoso.com' });
    await until('the server to be let go', () => server.openConnections() === 0);
  });

  test('a server whose certificate is not trusted gets no password', async () => {
    const server = await scripted(script({ tls: 'implicit', certificate }));
    const door = await openDoor({
      snapshot: snapshotOf(oneServer({ port: server.port, tls: 'implicit' }, { listener })),
    });
    const client = await connected(door);
    client.send(login('ann', 'pass'));
    await client.until(unavailable);
    expect(await door.logged('login refused')).toMatchObject({ level: 'warn', kind: 'configuration' });
    expect(server.lines).toEqual([]);
    expect(server.connections()).toBe(1);
  });

  test('a wrong password, an unknown user and a mailbox without the protocol are answered alike', async () => {
    const servers = await twoServers();
    const off = directoryOf({ 'ann@contoso.com': 'DB1' }, { [protocol]: false });
    const both = {
      find: (key: string) => (key.startsWith('off') ? off.find('ann@contoso.com') : directory.find(key)),
      findByGuid: () => undefined,
      findByExtension: () => undefined,
      membersOf: () => [],
    };
    const door = await openDoor({ snapshot: snapshotOf(demoEstate(servers, { listener, directory: both })) });
    const answers: string[] = [];
    for (const user of ['ann@contoso.com', 'nobody@contoso.com', 'off@contoso.com', 'x'.repeat(200)]) {
      const client = await connected(door);
      await client.until(greeting);
      client.send(login(user, 'wrong-secret'));
      answers.push(await client.until(protocol === 'imap' ? /a NO.*\r\n/ : /-ERR.*\r\n/));
      client.send(login('ann@contoso.com', 'secret-1'));
      await client.until(/signed in on MBX1/);
      client.socket.destroy();
    }
    expect(new Set(answers).size).toBe(1);
    expect(door.lines.filter(({ message }) => message === 'login refused')).toMatchObject([
      { level: 'info', kind: 'authentication', server: 'MBX1', user: 'ann@contoso.com' },
      { level: 'info', kind: 'authentication', server: null, reason: 'unknown-user' },
      { level: 'info', kind: 'authentication', server: null, reason: 'protocol-off' },
      { level: 'info', kind: 'authentication', server: null, reason: 'unknown-user' },
    ]);
    expect(JSON.stringify(door.lines)).not.toMatch(/wrong-secret|secret-1/);
  });

  test('a server that is down is a temporary failure, and the conversation goes on', async () => {
    const server = await scripted(script());
    server.close();
    const door = await openDoor({ snapshot: snapshotOf(oneServer({ port: server.port }, { listener })) });
    const client = await connected(door);
    await client.until(greeting);
    client.send(login('ann', 'pass'));
    await client.until(unavailable);
    expect(await door.logged('login refused')).toMatchObject({ level: 'warn', kind: 'connect', server: 'MBX1' });
    client.send(protocol === 'imap' ? 'b LOGOUT\r\n' : 'QUIT\r\n');
    await client.closed();
    expect(await door.logged('connection ended')).toMatchObject({ endedBy: 'dialogue', server: null });
  });

  test('a server that cuts the connection before the login is asked once more', async () => {
    const server = await scripted(script({ admit: (connection) => connection > 1 }));
    const door = await openDoor({ snapshot: snapshotOf(oneServer({ port: server.port }, { listener })) });
    const client = await connected(door);
    client.send(login('ann', 'pass'));
    await client.until(/welcome over clear/);
    expect(server.connections()).toBe(2);
  });

  test('a server that closes without answering the login is not asked again when nothing has moved', async () => {
    const server = await scripted(script({ login: () => ({ say: '', next: 'close' }) }));
    const door = await openDoor({ snapshot: snapshotOf(oneServer({ port: server.port }, { listener })) });
    const client = await connected(door);
    client.send(login('ann', 'pass'));
    await client.until(unavailable);
    expect(await door.logged('login refused')).toMatchObject({ kind: 'remote', level: 'warn' });
    expect([server.connections(), door.freshCount()]).toEqual([1, 1]);
  });

  test("the coded words of a server's refusal reach the client", async () => {
    const words = protocol === 'imap' ? 'NO [LIMIT] ten is enough\r\n' : '-ERR [IN-USE] ten is enough\r\n';
    const server = await scripted(script({ login: () => words }));
    const door = await openDoor({ snapshot: snapshotOf(oneServer({ port: server.port }, { listener })) });
    const client = await connected(door);
    client.send(login('ann', 'pass'));
    await client.until(protocol === 'imap' ? /a NO \[LIMIT\] ten is enough\r\n/ : /-ERR \[IN-USE\] ten is enough\r\n/);
    expect(await door.logged('login refused')).toMatchObject({ kind: 'limit', level: 'warn', server: 'MBX1' });
    await until('the server to be let go', () => server.openConnections() === 0);
  });

  test.each(['it says so', 'it closes', 'it is gone'])(
    'a mailbox that has moved to another server: %s',
    async (how) => {
      const answer = protocol === 'imap' ? 'NO [UNAVAILABLE] not here\r\n' : '-ERR [SYS/TEMP] not here\r\n';
      const old = await scripted(script({ login: () => (how === 'it closes' ? { say: '', next: 'close' } : answer) }));
      if (how === 'it is gone') old.close();
      const servers = await twoServers();
      servers.active.set('DB1', 'MBX2');
      const estate = (active: string): EstateOptions => ({
        ...demoEstate(servers, { listener, databases: { DB1: active } }),
        servers: [
          { name: 'MBX1', ...plainEndpoints({ imap: old.port, pop: old.port }) },
          { name: 'MBX2', ...plainEndpoints(servers.mbx2.ports) },
        ],
      });
      const door = await openDoor({ snapshot: snapshotOf(estate('MBX1')), fresh: () => snapshotOf(estate('MBX2')) });
      const client = await connected(door);
      client.send(login('ann', 'secret-1'));
      await client.until(protocol === 'imap' ? /a NO|signed in/ : /-ERR|signed in/);
      // the demo's servers know full addresses only
      client.send(login('ann@contoso.com', 'secret-1'));
      await client.until(/ann@contoso\.com signed in on MBX2/);
      expect(await door.logged('login accepted')).toMatchObject({ server: 'MBX2', mailbox: 'ann@contoso.com' });
    },
  );

  test('a line that is too long ends the connection', async () => {
    const servers = await twoServers();
    const door = await openDoor({ snapshot: snapshotOf(demoEstate(servers, { listener })) });
    const client = await connected(door);
    await client.until(greeting);
    client.send('x'.repeat(64 * 1024));
    expect(await client.closed()).toMatch(
      new RegExp(`\\${closing[0]}${closing.slice(1)} The command is too long\\.\r\n$`),
    );
    expect(await door.logged('connection ended')).toMatchObject({ endedBy: 'dialogue', detail: 'command too long' });
  });

  test.each(['says nothing', 'drips'])('a client that %s is told goodbye when its time is up', async (how) => {
    const servers = await twoServers();
    const door = await openDoor({
      snapshot: snapshotOf(demoEstate(servers, { listener, limits: { preAuthTimeout: 300 } })),
    });
    const client = await connected(door);
    const timer = how === 'says nothing' ? null : setInterval(() => client.send('x'), 5);
    const text = await client.closed();
    if (timer) clearInterval(timer);
    expect(text).toMatch(/(?:\* BYE|-ERR) Autologout: no login in time\.\r\n$/);
    const ended = await door.logged('connection ended');
    expect(ended).toMatchObject({ endedBy: 'timeout', server: null });
    expect(ended['durationMs']).toBeLessThan(2500);
  });

  test('a client that floods and does not read is not read either', async () => {
    const servers = await twoServers();
    const door = await openDoor({ snapshot: snapshotOf(demoEstate(servers, { listener })) });
    const client = await connected(door);
    client.socket.pause();
    const noop = protocol === 'imap' ? 'n NOOP\r\n' : 'CAPA\r\n';
    client.send(noop.repeat(100_000));
    expect((await door.logged('connection ended'))['endedBy']).toMatch(/dialogue/);
    client.socket.resume();
    expect((await client.closed()).length).toBeLessThan(100_000);
  });

  test('a front end out of service says so instead of a greeting', async () => {
    const servers = await twoServers();
    const component = `${protocol}-proxy`;
    const frontEnd = { components: [{ component, requester: 'maintenance', state: 'draining' }] };
    for (const tls of ['starttls', 'implicit']) {
      const door = await openDoor({
        snapshot: snapshotOf(demoEstate(servers, { frontEnd, listener: { protocol, tls } })),
      });
      const client = await connected(door);
      const text = await client.closed();
      const words = /^(?:\* BYE \[UNAVAILABLE\]|-ERR \[SYS\/TEMP\]) The service is not available\..*\r\n$/;
      expect(text).toMatch(tls === 'implicit' ? /^$/ : words);
      expect(await door.logged('connection ended')).toMatchObject({ endedBy: 'out-of-service' });
    }
  });

  test('draining while a login is pending lets go of the server', async () => {
    const server = await scripted(script({ login: () => '', ignore: /LOGIN|AUTH/i }));
    const door = await openDoor({ snapshot: snapshotOf(oneServer({ port: server.port }, { listener })) });
    const client = await connected(door);
    client.send(login('ann', 'pass'));
    await until('the login at the server', () => server.lines.some((line) => /LOGIN|AUTH/i.test(line)));
    expect(await door.sessions.drain(3000)).toBe(0);
    expect(await client.closed()).toMatch(/service is not available/i);
    await until('the server to be let go', () => server.openConnections() === 0);
  });

  test('a client that breaks off while its login is pending ends it at the server too', async () => {
    const server = await scripted(script({ ignore: /LOGIN|AUTH/i }));
    const door = await openDoor({ snapshot: snapshotOf(oneServer({ port: server.port }, { listener })) });
    const client = await connected(door);
    await client.until(greeting);
    client.send(login('ann', 'pass'));
    await until('the login at the server', () => server.lines.some((line) => /LOGIN|AUTH/i.test(line)));
    client.socket.resetAndDestroy();
    await until('the server to be let go', () => server.openConnections() === 0);
    expect(await door.logged('connection ended')).toMatchObject({ level: 'debug', endedBy: 'client' });
  });

  test('a client that has said everything and ends its side still gets its answers', async () => {
    const servers = await twoServers();
    const door = await openDoor({ snapshot: snapshotOf(demoEstate(servers, { listener })) });
    const client = await connected(door);
    client.socket.end(
      login('bob@contoso.com', 'wrong') +
        login('ann@contoso.com', 'secret-1') +
        (protocol === 'imap' ? 'c LOGOUT\r\n' : 'QUIT\r\n'),
    );
    expect(await client.closed()).toMatch(/ann@contoso\.com signed in on MBX1(?:.*\r\n)+.*OK (?:done|bye)\r\n$/);
  });

  test('a fault in the lookup is a temporary failure', async () => {
    const servers = await twoServers();
    const broken = {
      find: () => {
        throw new Error('disk I/O error');
      },
      findByGuid: () => undefined,
      findByExtension: () => undefined,
      membersOf: () => [],
    };
    const door = await openDoor({ snapshot: snapshotOf(demoEstate(servers, { listener, directory: broken })) });
    const client = await connected(door);
    client.send(login('ann', 'pass'));
    await client.until(/(?:\[UNAVAILABLE\]|\[SYS\/TEMP\]) Internal error/);
    expect((await door.logged('fault'))['error']).toContain('disk I/O error');
    expect(await door.logged('login refused')).toMatchObject({ kind: 'internal', level: 'error' });
  });

  test('a limit of connections in all', async () => {
    const servers = await twoServers();
    const door = await openDoor({
      snapshot: snapshotOf(demoEstate(servers, { listener, limits: { maxConnections: 1 } })),
    });
    const first = await connected(door);
    await first.until(greeting);
    const second = await connected(door);
    expect(await second.closed()).toMatch(/^(?:\* BYE \[LIMIT\]|-ERR \[SYS\/TEMP\]) Too many connections/);
    first.socket.end();
    await until('the first to be gone', () => door.sessions.list().length === 0);
    await (await connected(door)).until(greeting);
  });

  test('limits of connections by source and by user', async () => {
    const servers = await twoServers();
    const limits = { maxConnectionsPerUser: 1, maxConnectionsPerSource: 2 };
    const door = await openDoor({ snapshot: snapshotOf(demoEstate(servers, { listener, limits })) });
    const first = await connected(door);
    first.send(login('ann@contoso.com', 'secret-1'));
    await first.until(/signed in/);
    const second = await connected(door);
    await second.until(greeting);
    const third = await connected(door);
    expect(await third.closed()).toMatch(/^(?:\* BYE \[LIMIT\]|-ERR \[SYS\/TEMP\]) Too many connections/);
    second.send(login('ann@contoso.com', 'secret-1'));
    await second.until(/(?:a NO \[LIMIT\]|-ERR \[IN-USE\]) Too many connections/);
    first.socket.end();
    await until('the first to be gone', () => door.sessions.list().length === 1);
    second.send(login('ann@contoso.com', 'secret-1'));
    await second.until(/signed in/);
  });
});

test.each(['v1', 'v2'] as const)(
  'a PROXY header is read from a listed peer, and %s told on to the server',
  async (version) => {
    const server = await scripted(imapScript({ proxyHeader: true, tls: 'implicit', certificate }));
    const tls = { tls: 'implicit', ca: caFile };
    const endpoint = { port: server.port, ...tls, proxyProtocol: version, clientAddress: 'id' };
    const listener = { plaintextLogin: true, proxyPeers: ['127.0.0.0/8'] };
    const door = await openDoor({ snapshot: snapshotOf(oneServer(endpoint, { listener })) });
    const client = await connected(door);
    client.send('PROXY TCP4 192.0.2.7 198.51.100.1 4711 143\r\na LOGIN ann pass\r\n');
    await client.until(/welcome/);
    expect(door.sessions.list()).toMatchObject([
      { clientAddress: '192.0.2.7', user: 'ann@contoso.com', server: 'MBX1' },
    ]);
    expect(await door.logged('login accepted')).toMatchObject({ client: '192.0.2.7:4711' });
    expect(server.clients).toEqual(['192.0.2.7:4711']);
    expect(server.lines.join('\n')).toMatch(
      /ID \("x-originating-ip" "192\.0\.2\.7" "x-originating-port" "4711" .*"x-session-id" "[\w-]+" "x-proxy-ttl" "4"\)/,
    );
  },
);

test('a listed peer without a PROXY header is closed, an unlisted one with it has sent a bad command', async () => {
  const servers = await twoServers();
  const listed = await openDoor({
    snapshot: snapshotOf(demoEstate(servers, { listener: { proxyPeers: ['127.0.0.1'], plaintextLogin: true } })),
  });
  const bare = await connected(listed);
  bare.send('a LOGIN ann@contoso.com secret-1\r\n');
  expect(await bare.closed()).toBe('');
  expect(await listed.logged('connection ended')).toMatchObject({ endedBy: 'proxy-header' });
  const unlisted = await openDoor({ snapshot: snapshotOf(demoEstate(servers)) });
  const forger = await connected(unlisted);
  forger.send('PROXY TCP4 192.0.2.7 198.51.100.1 4711 143\r\n');
  await forger.until(/^\* OK .*\r\n.* BAD .*\r\n$/);
});

test('the authorization identity names the mailbox, and both go to its server', async () => {
  const server = await scripted(popScript());
  const listener = popDoor;
  const door = await openDoor({
    snapshot: snapshotOf(oneServer({ port: server.port, clientAddress: 'xclient' }, { listener })),
  });
  const client = await connected(door);
  const message = Buffer.from('ann\0admin\0pass').toString('base64');
  client.send(`AUTH PLAIN ${message}\r\n`);
  await client.until(/welcome/);
  expect(server.lines).toContain(`AUTH PLAIN ${message}`);
  expect(server.lines.join('\n')).toMatch(/XCLIENT ADDR=127\.0\.0\.1 PORT=\d+/);
  expect(await door.logged('login accepted')).toMatchObject({ user: 'admin as ann', mailbox: 'ann@contoso.com' });
});

test('a database that the snapshot does not know is looked for in the newest revision, once', async () => {
  const servers = await twoServers();
  const old = snapshotOf(demoEstate(servers, { databases: { DB2: 'MBX2' } }));
  const door = await openDoor({ snapshot: old, fresh: () => snapshotOf(demoEstate(servers)) });
  const client = await connected(door);
  client.send('a LOGIN ann@contoso.com secret-1\r\n');
  await client.until(/signed in on MBX1/);
  expect(door.freshCount()).toBe(1);
  const lost = await openDoor({ snapshot: old });
  const other = await connected(lost);
  other.send('a LOGIN ann@contoso.com secret-1\r\n');
  await other.until(/a NO \[UNAVAILABLE\]/);
  expect(await lost.logged('login refused')).toMatchObject({ reason: 'no-active-server', kind: 'connect' });
});

test('ten refused passwords end the connection', async () => {
  const servers = await twoServers();
  const door = await openDoor({ snapshot: snapshotOf(demoEstate(servers)) });
  const client = await connected(door);
  client.send('a LOGIN nobody x\r\n'.repeat(12));
  const text = await client.closed();
  expect(text.match(/a NO \[AUTHENTICATIONFAILED\]/g)).toHaveLength(10);
  expect(text).toMatch(/\* BYE Too many bad commands\.\r\n$/);
});

test('a refused login is held back as long as it is told to, and the delay grows', async () => {
  const servers = await twoServers();
  const asked: number[] = [];
  const refusalDelayMs = (count: number): number => {
    asked.push(count);
    return 150;
  };
  const door = await openDoor({ snapshot: snapshotOf(demoEstate(servers)), access: { refusalDelayMs } });
  const client = await connected(door);
  for (const user of ['ann@contoso.com', 'nobody']) {
    const startedAt = performance.now();
    client.send(`a LOGIN ${user} wrong\r\n`);
    await client.until(/a NO/);
    expect(performance.now() - startedAt).toBeGreaterThan(145);
  }
  expect(asked).toEqual([1, 2]);
});

test('plain bytes ahead of the handshake of an implicit TLS door, and another protocol by ALPN, are turned away', async () => {
  const servers = await twoServers();
  const door = await openDoor({ snapshot: snapshotOf(demoEstate(servers, { listener: { tls: 'implicit' } })) });
  const plain = await connected(door);
  plain.send('a LOGIN ann@contoso.com secret-1\r\n');
  await plain.closed();
  expect(await door.logged('connection ended')).toMatchObject({ endedBy: 'handshake' });
  await expect(connectClient(door.port, 'implicit', 'h2')).rejects.toThrow(/alert|protocol|disconnected/i);
});

test('commands behind STARTTLS are not taken as said under TLS', async () => {
  const servers = await twoServers();
  const door = await openDoor({ snapshot: snapshotOf(demoEstate(servers)) });
  const client = await connected(door);
  client.send('a STARTTLS\r\nb LOGIN ann@contoso.com secret-1\r\n');
  expect(await client.closed()).toMatch(/a BAD .*\r\n\* BYE .*\r\n$/);
  expect(await door.logged('connection ended')).toMatchObject({ endedBy: 'dialogue', detail: 'input behind STARTTLS' });
  expect(door.lines).toHaveLength(1);
});

test('a mail client reads its mail through the door', async () => {
  const servers = await twoServers();
  const door = await openDoor({ snapshot: snapshotOf(demoEstate(servers, { listener: { tls: 'starttls' } })) });
  const text = 'a line of a long message\r\n'.repeat(60_000);
  await sendMail(servers.mbx1.ports.smtp, 'ann@contoso.com', 'long', text);
  const client = new ImapFlow({
    host: '127.0.0.1',
    port: door.port,
    secure: false,
    auth: { user: 'ann@contoso.com', pass: 'secret-1' },
    tls: { rejectUnauthorized: false },
    logger: false,
  });
  await client.connect();
  await client.mailboxOpen('INBOX');
  const message = await client.fetchOne('1', { source: true });
  expect(message && message.source?.toString('latin1').replaceAll('\r\n', '\n')).toContain(
    text.replaceAll('\r\n', '\n'),
  );
  await client.logout();
  const ended = await door.logged('connection ended');
  expect(ended['bytesFromServer']).toBeGreaterThan(text.length);
});
