import { beforeAll, describe, expect, test } from 'vitest';
import { imapProtocol } from '../../../src/protocols/imap/imap-protocol.js';
import { decide } from '../../../src/routing/decision.js';
import { logInAtOneOf } from '../../../src/session/mail-access/log-in.js';
import { createSessionRegistry } from '../../../src/session/session-registry.js';
import { endpointDefaults } from '../../../src/topology/endpoints.js';
import { makeCertificate } from '../../net/make-certificate.js';
import { snapshotOf } from './estate.js';
import { demoEstate, directory, logins, mailStage, oneServer } from './mail-stage.js';
import { imapScript, popScript } from './mailbox-scripts.js';

let certificate: { key: string; cert: string };

beforeAll(async () => {
  certificate = await makeCertificate(['localhost']);
});

const { openDoor, connected, twoServers, scripted } = mailStage(() => certificate);

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const xoauth2 = (user: string): string => base64(`user=${user}\u0001auth=Bearer s3cr3t\u0001\u0001`);
const bearerOf = (name: string): string => base64(`n,${name},\u0001auth=Bearer s3cr3t\u0001\u0001`);

describe.each(['imap', 'pop'] as const)('%s', (protocol) => {
  const script = protocol === 'imap' ? imapScript : popScript;
  const listener = { protocol, plaintextLogin: true };
  const login = logins[protocol];
  const asked = (mechanism: string, message: string): string =>
    protocol === 'imap' ? `a AUTHENTICATE ${mechanism} ${message}\r\n` : `AUTH ${mechanism} ${message}\r\n`;
  const refusal = protocol === 'imap' ? /a NO \[AUTHENTICATIONFAILED\].*\r\n/ : /-ERR \[AUTH\].*\r\n/;
  const unavailable = protocol === 'imap' ? /a NO \[UNAVAILABLE\].*\r\n/ : /-ERR \[SYS\/TEMP\].*\r\n/;

  test.each(['XOAUTH2', 'OAUTHBEARER'] as const)('a token by %s reaches the server of its user whole', async (name) => {
    const server = await scripted(script({ offers: protocol === 'imap' ? `AUTH=${name}` : name }));
    const door = await openDoor({ snapshot: snapshotOf(oneServer({ port: server.port }, { listener })) });
    const client = await connected(door);
    const message = name === 'XOAUTH2' ? xoauth2('ann@contoso.com') : bearerOf('a=ann@contoso.com');
    client.send(asked(name, message));
    await client.until(/welcome/);
    expect(server.lines.join('\n')).toContain(`${name} ${message}`);
    expect(await door.logged('login accepted')).toMatchObject({ user: 'ann@contoso.com', mailbox: 'ann@contoso.com' });
    expect(JSON.stringify(door.lines)).not.toContain('s3cr3t');
  });

  test('a token that names nobody is refused as a wrong password is', async () => {
    const server = await scripted(script());
    const door = await openDoor({ snapshot: snapshotOf(oneServer({ port: server.port }, { listener })) });
    const client = await connected(door);
    client.send(asked('OAUTHBEARER', bearerOf('')));
    await client.until(refusal);
    expect(await door.logged('login refused')).toMatchObject({ kind: 'authentication', server: null });
    expect(server.connections()).toBe(0);
  });

  test('credentials that do not fit the mechanism of the endpoint are not sent', async () => {
    const server = await scripted(script());
    const endpoint = { port: server.port, auth: 'XOAUTH2' };
    const door = await openDoor({ snapshot: snapshotOf(oneServer(endpoint, { listener })) });
    const client = await connected(door);
    client.send(login('ann', 'wrong-secret'));
    await client.until(unavailable);
    expect((await door.logged('login refused'))['kind']).toMatch(/configuration/);
    expect(server.lines.join('\n')).not.toMatch(/AUTH|PASS|LOGIN/);
  });

  test.each([
    ['contoso.com/ann', 'MBX1'],
    ['CONTOSO\\ann', 'MBX1'],
    ['contoso.com/ann/bob', 'MBX2'],
    ['CONTOSO/ann/bob@contoso.com', 'MBX2'],
  ])('the login %s leads to %s and is sent as it came', async (user, name) => {
    const [one, two] = [await scripted(script()), await scripted(script())];
    const door = await openDoor({
      snapshot: snapshotOf({
        servers: [one, two].map(({ port }, index) => ({
          name: `MBX${index + 1}`,
          endpoints: { imap: { port, tls: 'none' }, pop: { port, tls: 'none' } },
        })),
        databases: { DB1: 'MBX1', DB2: 'MBX2' },
        directory,
        listener,
      }),
    });
    const client = await connected(door);
    client.send(asked('PLAIN', base64(`\0${user}\0pass`)));
    await client.until(/welcome/);
    const mailbox = name === 'MBX1' ? 'ann@contoso.com' : 'bob@contoso.com';
    expect(await door.logged('login accepted')).toMatchObject({ server: name, user, mailbox });
    expect(door.sessions.list()).toMatchObject([{ server: name, user: mailbox }]);
    expect((name === 'MBX1' ? one : two).lines.join('\n')).toContain(`PLAIN ${base64(`\0${user}\0pass`)}`);
  });

  test('a login has a limited number of proxies to pass', async () => {
    const server = await scripted(script());
    const endpoint = { port: server.port, clientAddress: protocol === 'imap' ? 'id' : 'xclient' };
    const door = await openDoor({ snapshot: snapshotOf(oneServer(endpoint, { listener })) });
    const say = async (ttl: string | null): Promise<string> => {
      const client = await connected(door);
      const told = protocol === 'imap' ? `i ID ("x-proxy-ttl" "${ttl}")\r\n` : `XCLIENT TTL=${ttl}\r\n`;
      client.send(`${ttl === null ? '' : told}${login('ann', 'pass')}`);
      return client.until(/welcome|a NO|-ERR/);
    };
    const ttls = (): readonly string[] =>
      server.lines.flatMap((line) => /(?:x-proxy-ttl" "|TTL=)(\d+)/i.exec(line)?.[1] ?? []);
    await say(null);
    expect(ttls()).toEqual(['4']);
    if (protocol === 'pop') return; // XCLIENT is nothing a stranger may say
    await say('3');
    await say('1000');
    expect(ttls()).toEqual(['4', '2', '4']);
    expect(await say('1')).toMatch(unavailable);
    expect(await door.logged('login refused')).toMatchObject({ kind: 'configuration', detail: 'proxying loops' });
    expect(server.connections()).toBe(3);
  });

  test('a mailbox that is being moved is left alone', async () => {
    const server = await scripted(script());
    const door = await openDoor({
      snapshot: snapshotOf(oneServer({ port: server.port }, { listener })),
      isHeld: (mailbox) => mailbox === 'ann@contoso.com',
    });
    const client = await connected(door);
    client.send(login('ann', 'pass'));
    await client.until(unavailable);
    expect(await door.logged('login refused')).toMatchObject({ level: 'info', kind: 'moving' });
    expect(server.connections()).toBe(0);
  });

  test('the door announces what its servers can do', async () => {
    const servers = await twoServers();
    const serverCapabilities =
      protocol === 'imap' ? ['IMAP4REV1', 'IDLE', 'AUTH=XOAUTH2'] : ['TOP', 'UIDL', 'EXPIRE NEVER', 'SASL XOAUTH2'];
    const door = await openDoor({ snapshot: snapshotOf(demoEstate(servers, { listener })), serverCapabilities });
    const client = await connected(door);
    client.send(protocol === 'imap' ? 'a CAPABILITY\r\n' : 'CAPA\r\n');
    const text = await client.until(protocol === 'imap' ? /a OK/ : /\r\n\.\r\n/);
    expect(text).toMatch(protocol === 'imap' ? /\bIDLE\b/ : /\r\nEXPIRE NEVER\r\n/);
    expect(text).toMatch(protocol === 'imap' ? /AUTH=XOAUTH2/ : /SASL .*XOAUTH2/);
    expect(text).not.toMatch(/OAUTHBEARER/);
  });

  test('sixteen connections of one user, and more where the listener says so', async () => {
    const server = await scripted(script());
    const countOf = async (limits: object): Promise<number> => {
      const door = await openDoor({ snapshot: snapshotOf(oneServer({ port: server.port }, { listener, limits })) });
      const answers: string[] = [];
      for (let count = 0; count < 18; count += 1) {
        const client = await connected(door);
        client.send(login(count % 2 === 0 ? 'ann' : 'ANN@contoso.com', 'pass'));
        answers.push(await client.until(/welcome|a NO \[LIMIT\]|-ERR \[IN-USE\]/));
      }
      return answers.filter((answer) => answer.includes('welcome')).length;
    };
    expect(await countOf({})).toBe(16);
    expect(await countOf({ maxConnectionsPerUser: 2 ** 31 - 1 })).toBe(18);
  });

  test('refusals are remembered across connections, and a success makes up for half of them', async () => {
    const servers = await twoServers();
    let nowMs = 0;
    const asked: number[] = [];
    const refusalDelayMs = (count: number): number => {
      asked.push(count);
      return 0;
    };
    const access = { refusalDelayMs, nowMs: () => nowMs };
    const door = await openDoor({ snapshot: snapshotOf(demoEstate(servers, { listener })), access });
    for (const user of ['ann@contoso.com', 'nobody', 'ann@contoso.com', 'nobody']) {
      const client = await connected(door);
      client.send(login(user, 'wrong'));
      await client.until(refusal);
    }
    const good = await connected(door);
    good.send(login('ann@contoso.com', 'secret-1'));
    await good.until(/signed in/);
    const again = await connected(door);
    again.send(login('nobody', 'wrong'));
    await again.until(refusal);
    nowMs = 11 * 60_000;
    again.send(login('nobody', 'wrong'));
    await again.until(refusal);
    expect(asked).toEqual([1, 2, 3, 4, 3, 1]);
  });

  test('two sides that say nothing are parted after the time of the listener', async () => {
    const server = await scripted(script());
    const door = await openDoor({
      snapshot: snapshotOf(oneServer({ port: server.port }, { listener, limits: { idleTimeout: 300 } })),
    });
    const client = await connected(door);
    client.send(login('ann', 'pass'));
    await client.until(/welcome/);
    await client.closed();
    expect(await door.logged('connection ended')).toMatchObject({ endedBy: 'idle', detail: 'no bytes for 300 ms' });
  });

  test('a client that names other protocols by ALPN is turned away, one that names none is not', async () => {
    const servers = await twoServers();
    const listener = { protocol, tls: 'implicit' };
    const door = await openDoor({ snapshot: snapshotOf(demoEstate(servers, { listener })) });
    const name = protocol === 'imap' ? 'imap' : 'pop3';
    const other = protocol === 'imap' ? 'pop3' : 'imap';
    await (await connected(door, 'implicit', name)).until(/ready/);
    await (await connected(door, 'implicit')).until(/ready/);
    for (const alpn of [other, 'http/1.1']) {
      await expect(connected(door, 'implicit', alpn)).rejects.toThrow(/alert no application protocol/);
    }
  });
});

describe('candidates', () => {
  const saw: string[] = [];

  async function tryOn(ports: readonly number[]) {
    saw.length = 0;
    const targets = ports.map((port, index) => ({ server: `MBX${index + 1}`, host: '127.0.0.1', port, site: 'A' }));
    const decision = decide('proxy', 'active-copy', [], { targets });
    const endpoint = { ...endpointDefaults.imap, tls: 'none' } as const;
    const candidates = targets.map((target) => ({ target, endpoint: { ...endpoint, port: target.port } }));
    const snapshot = snapshotOf(oneServer({ port: ports[0] ?? 1 }));
    const services = {
      snapshot: () => snapshot,
      freshSnapshot: () => snapshot,
      availability: { isDown: () => false },
      isHeld: () => false,
      rotate: <T>(all: T): T => all,
      serverCapabilities: () => null,
      sessions: createSessionRegistry(),
      log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
      secureContext: () => {
        throw new Error('no certificate');
      },
    };
    const outcome = await logInAtOneOf(
      {
        services,
        snapshot,
        protocol: imapProtocol,
        client: { clientAddress: '192.0.2.1', clientPort: 1, localAddress: '192.0.2.2', localPort: 143 },
        credentials: { kind: 'password', user: 'ann', authorizationId: '', password: 'pass' },
        proxyTtl: null,
        sessionId: 'x',
        signal: new AbortController().signal,
        observe: (server, _protocol, health) => void saw.push(`${server} ${health}`),
      },
      { kind: 'server', decision, candidates, mailbox: 'ann@contoso.com' },
      candidates,
    );
    if (outcome.kind === 'accepted') outcome.login.socket.destroy();
    return outcome;
  }

  test('the next one is asked where the first cannot be reached', async () => {
    const [gone, good] = [await scripted(imapScript()), await scripted(imapScript())];
    gone.close();
    expect(await tryOn([gone.port, good.port])).toMatchObject({ kind: 'accepted', server: 'MBX2' });
    expect(saw).toEqual(['MBX1 bad', 'MBX2 good']);
  });

  test('the next one is asked where the first says goodbye or hangs up before the login', async () => {
    const [rude, cut, good] = [
      await scripted({ greeting: '* BYE not now\r\n', answer: () => undefined }),
      await scripted(imapScript({ admit: () => false })),
      await scripted(imapScript()),
    ];
    expect(await tryOn([rude.port, cut.port, good.port])).toMatchObject({ kind: 'accepted', server: 'MBX3' });
    expect(good.connections()).toBe(1);
  });

  test('nobody else hears credentials that one has heard', async () => {
    for (const say of ['NO [UNAVAILABLE] later\r\n', { say: '', next: 'close' as const }]) {
      const [first, second] = [await scripted(imapScript({ login: () => say })), await scripted(imapScript())];
      expect(await tryOn([first.port, second.port])).toMatchObject({ kind: 'refused', server: 'MBX1' });
      expect(second.connections()).toBe(0);
    }
  });

  test('where all have failed, one that had hung up is asked once more', async () => {
    const gone = await scripted(imapScript());
    gone.close();
    const back = await scripted(imapScript({ admit: (connection) => connection > 1 }));
    expect(await tryOn([back.port, gone.port])).toMatchObject({ kind: 'accepted', server: 'MBX1' });
    expect(await tryOn([gone.port, gone.port])).toMatchObject({ kind: 'refused', failure: { kind: 'connect' } });
  });
});
