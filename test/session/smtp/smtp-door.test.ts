import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { until } from '../../support/until.js';
import { type DoorSetting, type DoorUnderTest, openTestDoor } from './door-under-test.js';
import { type Script, type ScriptedServer, startScriptedServer } from './scripted-server.js';
import { askAll, begin, codesOf, connectClient, type SmtpClient } from './smtp-client.js';

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const part of opened.splice(0)) part.close();
});

async function openBoth(
  setting: DoorSetting = {},
  script: Script = {},
): Promise<{ mbx: ScriptedServer; door: DoorUnderTest }> {
  const mbx = await startScriptedServer(script);
  const door = await openTestDoor({ ports: [mbx.port], ...setting });
  opened.push(mbx, door);
  return { mbx, door };
}

async function clientOf(door: { port: number }): Promise<SmtpClient> {
  const client = await connectClient(door.port);
  opened.push(client);
  return client;
}

const binding = (door: { port: number }): string[] => [`127.0.0.1:${door.port}`];

describe('admission', () => {
  test('the greeting and what EHLO offers', async () => {
    const { door } = await openBoth();
    const client = await clientOf(door);
    expect(await client.reply()).toMatch(/^220 front\.contoso\.com ESMTP usher$/);
    const offers = (await client.ask('EHLO client.example'))?.split('\n').map((line) => line.slice(4)) ?? [];
    expect(offers).toEqual([
      'front.contoso.com Hello',
      'SIZE 37748736',
      'PIPELINING',
      '8BITMIME',
      'ENHANCEDSTATUSCODES',
      'DSN',
      'SMTPUTF8',
      'CHUNKING',
    ]);
  });

  test('the banner of the connector is the greeting', async () => {
    const { door } = await openBoth({ connector: { banner: '220 mail.contoso.com at your service' } });
    expect(await (await clientOf(door)).reply()).toBe('220 mail.contoso.com at your service');
  });

  test('where no connector takes the client it hears 421 4.3.2 and is let go', async () => {
    const { door } = await openBoth({ connector: { remoteRanges: ['10.0.0.0/8'] } });
    expect(await (await clientOf(door)).rest()).toEqual(['421 4.3.2 Service not available']);
    expect(door.log.at(-1)).toMatchObject({ message: 'connection refused', client: '127.0.0.1' });
  });

  test('a front end out of service says so instead of a greeting', async () => {
    const { door } = await openBoth();
    const components = [{ component: 'frontend-transport', requester: 'maintenance', state: 'inactive' }];
    door.estate({ servers: [{ name: 'FE1', host: 'front.contoso.com', site: 'A', roles: ['frontend'], components }] });
    expect(await (await clientOf(door)).rest()).toEqual([expect.stringMatching(/^421 4\.3\.2 Service not active/)]);
  });

  test('the PROXY header of a listed peer tells who the client is and which connector takes it', async () => {
    const { mbx, door } = await openBoth();
    const outer = {
      name: 'Balanced',
      bindings: binding(door),
      proxyPeers: ['127.0.0.1'],
      remoteRanges: ['192.0.2.0/24'],
    };
    const inner = { name: 'Other', bindings: binding(door), remoteRanges: ['127.0.0.0/8'] };
    door.estate({ receiveConnectors: [outer, inner] });
    const client = await clientOf(door);
    client.write(`PROXY TCP4 192.0.2.7 127.0.0.1 4711 ${door.port}\r\n`);
    await begin(client);
    await client.ask('DATA');
    expect(await client.ask('hello\r\n.')).toMatch(/^250 /);
    expect(mbx.messages[0]?.data).toContain('from client.example ([192.0.2.7])');
    expect(door.log.at(-1)).toMatchObject({ client: '192.0.2.7', connector: 'Balanced' });
    const bare = await clientOf(door);
    bare.write('EHLO x\r\n');
    expect(await bare.rest()).toEqual([]);
  });

  test('a PROXY header of anybody else is no command', async () => {
    const { door } = await openBoth();
    const client = await clientOf(door);
    await client.reply();
    expect(await client.ask('PROXY TCP4 192.0.2.7 127.0.0.1 4711 25')).toMatch(/^500 5\.3\.3 /);
  });

  test('connections beyond those of a connector, or of one source, are refused until one ends', async () => {
    for (const limit of ['maxConnections', 'maxConnectionsPerSource']) {
      const { door } = await openBoth({ connector: { [limit]: 2 } });
      const [first, second] = [await clientOf(door), await clientOf(door)];
      await Promise.all([first.reply(), second.reply()]);
      expect(await (await clientOf(door)).rest()).toEqual([expect.stringMatching(/^421 4\.3\.2 Too many connections/)]);
      first.close();
      await until('one is gone', () => door.sessions.list().length === 1);
      await until('its place is free', async () => (await (await clientOf(door)).reply())?.startsWith('220'));
    }
  });

  test('a door that is closed refuses new connections and lets the old go on', async () => {
    const { door } = await openBoth();
    const old = await clientOf(door);
    await old.reply();
    door.door.close();
    expect(await (await clientOf(door)).rest()).toEqual(['421 4.3.2 Service shutting down']);
    expect(await old.ask('NOOP')).toMatch(/^250 /);
  });
});

describe('commands', () => {
  test.each([
    ['MAIL FROM:<eve@fabrikam.com> SMTPUTF8', '250 2.1.0'],
    ['MAIL FROM:<gr\xc3\xbc\xc3\x9fe@fabrikam.com> SMTPUTF8', '250 2.1.0'],
    ['MAIL FROM:<eve@fabrikam.com> RET=HDRS ENVID=x+2By', '250 2.1.0'],
    ['MAIL FROM:<eve@fabrikam.com> RET=SOME', '501 5.5.4'],
    ['MAIL FROM:<eve@fabrikam.com> AUTH=<>', '555 5.5.4'],
    ['MAIL FROM:<eve@fabrikam.com> HOLDFOR=5', '555 5.5.4'],
    ['MAIL FROM:<eve@fabrikam.com> BODY=BINARYMIME', '501 5.5.4'],
    ['MAIL FROM:<eve@fabrikam.com> SIZE=-1', '501 5.5.4'],
    ['MAIL FROM:<eve@fabrikam.com> SIZE=1 SIZE=1', '501 5.5.4'],
    ['MAIL FROM:<e\0ve@fabrikam.com>', '500 5.5.2'],
    ['MAIL FROM:<eve@fabrikam.com>\nRCPT TO:<ann@contoso.com>', '500 5.5.2'],
    ['MAIL FROM:<eve@fabrikam.com>\rRCPT TO:<ann@contoso.com>', '500 5.5.2'],
    ['MAIL FROM:<gr\xc3\xbc\xc3\x9fe@fabrikam.com>', '553 5.6.7'],
    ['MAIL FROM:<gr\xfc@fabrikam.com> SMTPUTF8', '500 5.5.2'],
    ['MAIL FROM:eve@fabrikam.com', '501 5.1.7'],
    ['MAIL FROM:<two..dots@fabrikam.com>', '501 5.1.7'],
    ['MAIL FROM:<eve@fabrikam.com>SIZE=1', '501 5.5.4'],
    ['MAIL TO:<eve@fabrikam.com>', '501 5.5.4'],
    ['RCPT TO:<ann@contoso.com>', '503 5.5.1'],
    ['DATA', '503 5.5.1'],
    ['AUTH PLAIN AGEAYg==', '503 5.5.1'],
    ['XCLIENT ADDR=10.0.0.1', '500 5.3.3'],
    ['STARTTLS', '502 5.5.1'],
    ['BDAT 0 LAST', '503 5.5.1'],
    ['WIZ me', '500 5.3.3'],
    ['RSET now', '501 5.5.4'],
    ['HELP', '214 2.0.0'],
    ['EXPN all', '502 5.5.1'],
    ['VRFY ann', '252 2.5.0'],
    ['NOOP', '250 2.0.0'],
  ])('%j is answered %s with one enhanced code', async (line, expected) => {
    const { door } = await openBoth();
    const client = await clientOf(door);
    await client.reply();
    await client.ask('EHLO client.example');
    client.write(Buffer.from(`${line}\r\n`, 'latin1'));
    const reply = (await client.reply()) ?? '';
    expect(reply.startsWith(`${expected} `)).toBe(true);
    expect(reply.slice(4)).not.toMatch(/\d\.\d+\.\d+.*\d\.\d+\.\d+/);
  });

  test('TLS first where the connector says so', async () => {
    const { door } = await openBoth({ connector: { requireTls: true } });
    const client = await clientOf(door);
    await client.reply();
    await client.ask('EHLO client.example');
    expect(await client.ask('MAIL FROM:<eve@fabrikam.com>')).toMatch(/^530 5\.7\.0 /);
  });

  test('too many protocol errors end the connection', async () => {
    const { door } = await openBoth({ connector: { maxProtocolErrors: 3 } });
    const client = await clientOf(door);
    await client.reply();
    client.write('FOO\r\nEHLO\r\nDATA\r\nNOOP\r\nFOO\r\nNOOP\r\nNOOP\r\n');
    const replies = await client.rest();
    expect(replies.map((reply) => reply.slice(0, 3))).toEqual(['500', '501', '503', '250', '500', '421']);
    expect(replies.at(-1)).toBe('421 4.7.0 Too many protocol errors');
    await until('nobody is left', () => door.sessions.list().length === 0);
  });

  test('nothing that concerns mail is heard before a greeting', async () => {
    const { door } = await openBoth({ connector: { auth: ['tls', 'basic'] } });
    const client = await clientOf(door);
    await client.reply();
    const replies = await askAll(client, ['MAIL FROM:<>', 'RCPT TO:<ann@contoso.com>', 'DATA', 'AUTH LOGIN', 'NOOP']);
    expect(codesOf(replies)).toEqual(['503 5.5.2', '503 5.5.2', '503 5.5.2', '503 5.5.2', '250 2.0.0']);
  });

  test('a line that is too long is passed over, and the session goes on', async () => {
    const { door } = await openBoth();
    const client = await clientOf(door);
    await client.reply();
    expect(await client.ask(`NOOP ${'x'.repeat(5000)}`)).toMatch(/^500 5\.5\.6 /);
    expect(await client.ask('NOOP')).toMatch(/^250 2\.0\.0 /);
  });

  test('a line without an end ends the connection', async () => {
    const { door } = await openBoth();
    const client = await clientOf(door);
    await client.reply();
    client.write('x'.repeat(100_000));
    expect(await client.rest()).toEqual([expect.stringMatching(/^500 5\.5\.6 /)]);
    await until('nobody is left', () => door.sessions.list().length === 0);
  });

  test('a name in EHLO cannot add to the header', async () => {
    const { mbx, door } = await openBoth();
    const client = await clientOf(door);
    await client.reply();
    expect(await client.ask('EHLO a\x01b')).toMatch(/^500 5\.5\.2 /);
    await client.ask('EHLO x(by;evil)<>"\xe9');
    for (const line of ['MAIL FROM:<>', 'RCPT TO:<ann@contoso.com>', 'DATA', '.']) await client.ask(line);
    expect(mbx.messages[0]?.data).toMatch(/^Received: from x\?by\?evil\?{4,6} \(\[127\.0\.0\.1\]\)\r\n/);
  });
});

describe('time', () => {
  test('a client that never speaks hears 421 and is let go', async () => {
    const { door } = await openBoth({ connector: { inactivityTimeout: '1s' } });
    const client = await clientOf(door);
    const replies = await client.rest();
    expect(replies[1]).toMatch(/^421 4\.4\.2 /);
    await until('nobody is left', () => door.sessions.list().length === 0 && door.open() === 0);
  });

  test('bytes that make no command do not keep a connection alive', async () => {
    const { door } = await openBoth({ connector: { inactivityTimeout: '1s' } });
    const client = await clientOf(door);
    await client.reply();
    const drip = setInterval(() => client.write('x'), 50);
    const before = performance.now();
    expect(await client.rest()).toEqual([expect.stringMatching(/^421 4\.4\.2 /)]);
    clearInterval(drip);
    expect(performance.now() - before).toBeLessThan(2500);
  });

  test('one that falls silent in its message: the server never takes it', async () => {
    const { mbx, door } = await openBoth({ connector: { inactivityTimeout: '1s' } });
    const client = await clientOf(door);
    await begin(client);
    await client.ask('DATA');
    client.write('Subject: half\r\n');
    expect(await client.rest()).toEqual([expect.stringMatching(/^421 4\.4\.2 /)]);
    await until('nobody is left', () => door.sessions.list().length === 0 && mbx.sockets.size === 0);
    expect(mbx.messages).toEqual([]);
    expect(door.log.at(-1)).toMatchObject({ message: 'message not accepted', outcome: 'deferred' });
  });

  test('a slow server is no silence of the client', async () => {
    const later = (): Promise<undefined> => new Promise((resolve) => setTimeout(resolve, 1500, undefined));
    const { door } = await openBoth(
      { connector: { inactivityTimeout: '1s' } },
      { answer: (line) => (line === 'DATA' || line === '.' ? later() : undefined) },
    );
    const client = await clientOf(door);
    await begin(client);
    await client.ask('DATA');
    expect(await client.ask('hello\r\n.')).toMatch(/^250 2\.6\.0 /);
  });

  test('no connection lasts for ever, however busy', async () => {
    const { door } = await openBoth({ connector: { connectionTimeout: '1s' } });
    const client = await clientOf(door);
    await client.reply();
    let last: string | null = '';
    while (last !== null && !last.startsWith('421')) last = await client.ask('NOOP');
    expect(last).toMatch(/^421 4\.4\.2 /);
  });

  test('a client that goes away in its message leaves nothing behind', async () => {
    const { mbx, door } = await openBoth();
    for (const leave of ['destroy', 'end', 'resetAndDestroy'] as const) {
      const client = await clientOf(door);
      await begin(client);
      await client.ask('DATA');
      client.write('Subject: half\r\n');
      await until('the server has part of it', () => mbx.sockets.size === 1);
      client.socket[leave]();
      await until(
        'nobody is left',
        () => door.sessions.list().length === 0 && mbx.sockets.size === 0 && door.open() === 0,
      );
    }
    expect(mbx.messages).toEqual([]);
  });
});

describe('drain', () => {
  test('an idle client hears 421 4.3.2 at once', async () => {
    const { door } = await openBoth();
    const client = await clientOf(door);
    await client.reply();
    expect(await door.sessions.drain(2000)).toBe(0);
    expect(await client.rest()).toEqual(['421 4.3.2 Service shutting down']);
  });

  test('a message under way comes to its end, and then the client hears 421', async () => {
    const { mbx, door } = await openBoth();
    const client = await clientOf(door);
    await begin(client);
    await client.ask('DATA');
    client.write('Subject: half\r\n');
    const drained = door.sessions.drain(5000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    client.write('\r\nthe other half\r\n.\r\n');
    expect(await client.rest()).toEqual(['250 2.6.0 taken as 4711', '421 4.3.2 Service shutting down']);
    expect(await drained).toBe(0);
    expect(mbx.messages).toHaveLength(1);
  });

  test('a client with an open transaction is let go when it gives it up', async () => {
    const { door } = await openBoth();
    const client = await clientOf(door);
    await begin(client);
    void door.sessions.drain(5000);
    client.write('RSET\r\n');
    expect((await client.rest()).map((reply) => reply.slice(0, 3))).toEqual(['250', '421']);
  });

  test('who does not come to an end is cut off', async () => {
    const { mbx, door } = await openBoth(
      {},
      { answer: (line) => (line === '.' ? new Promise(() => undefined) : undefined) },
    );
    const client = await clientOf(door);
    await begin(client);
    await client.ask('DATA');
    client.write('hello\r\n.\r\n');
    await until('the server has it', () => mbx.bytes() > 200);
    expect(await door.sessions.drain(200)).toBe(1);
    await client.rest();
    await until(
      'nobody is left',
      () => door.sessions.list().length === 0 && door.open() === 0 && mbx.sockets.size === 0,
    );
  });

  test('a client that is being greeted is let go too', async () => {
    const { door } = await openBoth();
    const client = await clientOf(door);
    await until('it is known', () => door.sessions.list().length === 1);
    expect(await door.sessions.drain(3000)).toBe(0);
    expect((await client.rest()).at(-1)).toBe('421 4.3.2 Service shutting down');
  });
});

test('sessions tell who is connected and to which server', async () => {
  const { door } = await openBoth({ nowMs: () => 1234 });
  const client = await clientOf(door);
  await begin(client);
  await client.ask('DATA');
  await client.ask('hello\r\n.');
  expect(door.sessions.list()).toMatchObject([
    { protocol: 'smtp', clientAddress: '127.0.0.1', startedAtMs: 1234, user: null, server: 'MBX1' },
  ]);
  client.write('QUIT\r\n');
  await once(client.socket, 'close');
  await until('the registry is empty', () => door.sessions.list().length === 0);
  expect(door.sessions.countByProtocol()).toEqual({});
});
