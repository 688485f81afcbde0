import { Agent, request as startRequest } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { downServers } from '../../../src/routing/availability.js';
import { until } from '../../support/until.js';
import { ask, basic } from './ask.js';
import { type FrontEnd, type FrontEndOptions, startFrontEnd } from './front-end.js';
import { type Origin, type OriginOptions, startOrigin } from './origin.js';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function origin(name: string, options?: OriginOptions): Promise<Origin> {
  const started = await startOrigin(name, options);
  stops.push(() => started.stop());
  return started;
}

async function frontEnd(options: FrontEndOptions): Promise<FrontEnd> {
  const started = await startFrontEnd(options);
  stops.push(() => started.close());
  return started;
}

const reachedAt = (port: number) => ({ endpoints: { http: { port, tls: 'none' } } });
const mailboxes = { 'ann@contoso.com': 'DB1', 'bob@contoso.com': 'DB2', 'cyd@contoso.com': 'DB3' };

/** MBX1 and MBX2 in site A, MBX3 in site B; ann is on MBX1, bob on MBX2, cyd on MBX3. */
async function estate(options: Partial<FrontEndOptions> = {}) {
  const [one, two, three] = await Promise.all([origin('MBX1'), origin('MBX2'), origin('MBX3')]);
  const front = await frontEnd({
    servers: {
      MBX1: reachedAt(one.port),
      MBX2: reachedAt(two.port),
      MBX3: { ...reachedAt(three.port), site: 'B' },
    },
    databases: { DB1: 'MBX1', DB2: 'MBX2', DB3: 'MBX3' },
    mailboxes,
    ...options,
  });
  return { one, two, three, front };
}

describe('where a request goes', () => {
  test('to the server with the mailbox of the user, of the anchor or of the explicit logon', async () => {
    const { front } = await estate();
    const serverOf = async (path: string, user: string | null, headers = {}): Promise<string> =>
      (await ask(front.url, path, { ...(user && { user }), headers })).echo.server;
    expect(await serverOf('/owa/', 'ann@contoso.com')).toBe('MBX1');
    expect(await serverOf('/ews/exchange.asmx', 'CONTOSO\\bob')).toBe('MBX2');
    expect(await serverOf('/ews/', 'ann@contoso.com', { 'X-AnchorMailbox': 'bob@contoso.com' })).toBe('MBX2');
    expect(await serverOf('/owa/bob@contoso.com/', 'ann@contoso.com')).toBe('MBX2');
    expect(await serverOf('/mapi/emsmdb/', 'cyd@contoso.com')).toBe('MBX3');
    expect(['MBX1', 'MBX2']).toContain(await serverOf('/autodiscover/autodiscover.xml', null));
    expect(['MBX1', 'MBX2']).toContain(await serverOf('/owa/', 'nobody@contoso.com'));
  });

  test('credentials pass untouched and stand in no log line', async () => {
    const { front } = await estate();
    const { echo } = await ask(front.url, '/owa/?token=hidden', { user: 'ann@contoso.com' });
    expect(echo.headers.authorization).toBe(basic('ann@contoso.com'));
    expect(echo.url).toBe('/owa/?token=hidden');
    const line = await until('the log line', () => front.records[0]);
    expect(line).toMatchObject({
      method: 'GET',
      path: '/owa/',
      status: 200,
      end: 'answered',
      user: 'ann@contoso.com',
      server: 'MBX1',
      outcome: 'proxy',
      reason: 'active-copy',
    });
    expect(line['trace']).toContainEqual(expect.objectContaining({ rule: 'anchor/user' }));
    expect(line['bytesReceived']).toBe(0);
    expect(line['bytesSent']).toBeGreaterThan(100);
    expect(JSON.stringify([front.log, front.records])).not.toMatch(/hidden|secret-word|Basic/);
  });

  test('the front end answers its own pages', async () => {
    const { front, one } = await estate();
    expect(await ask(front.url, '/nothing/here')).toMatchObject({ status: 404, text: 'Not Found\n' });
    expect(await ask(front.url, '/owax')).toMatchObject({ status: 404 });
    expect(await ask(front.url, '//owa/')).toMatchObject({ status: 400 });
    const page = await ask(front.url, '/owa/healthcheck.htm');
    expect(page).toMatchObject({ status: 200, text: 'FE1\n' });
    expect(page.headers['content-type']).toMatch(/^text\/plain/);
    expect(await ask(front.url, '/')).toMatchObject({ status: 302, headers: { location: '/owa' } });
    expect(one.requests).toEqual([]);
  });

  test('a mailbox that may not use the service is refused', async () => {
    const { front } = await estate({ protocols: { 'ann@contoso.com': { owa: false } } });
    expect(await ask(front.url, '/owa/', { user: 'ann@contoso.com' })).toMatchObject({
      status: 403,
      text: 'Forbidden\n',
    });
    expect((await ask(front.url, '/ews/', { user: 'ann@contoso.com' })).echo.server).toBe('MBX1');
  });

  test('mailboxes of a site with an address of its own are sent there', async () => {
    const services = {
      owa: { externalUrl: 'https://b.contoso.com/owa' },
      eas: { externalUrl: 'https://b.contoso.com/Microsoft-Server-ActiveSync', crossSite: 'redirect' },
    };
    const { front, three } = await estate({ siteB: { services } });
    const user = 'cyd@contoso.com';
    const owa = await ask(front.url, '/owa/', { user });
    expect(owa).toMatchObject({ status: 302, headers: { location: 'https://b.contoso.com/owa' } });
    const eas = await ask(front.url, '/Microsoft-Server-ActiveSync?Cmd=Sync', { user, method: 'POST', body: 'x' });
    expect(eas.status).toBe(451);
    expect(eas.headers['x-ms-location']).toBe('https://b.contoso.com/Microsoft-Server-ActiveSync');
    expect(eas.headers.location).toBeUndefined();
    expect(three.requests).toEqual([]);
  });
});

describe('when a server is away', () => {
  test('anybody can be served by another server; the one with the mailbox cannot be replaced', async () => {
    const { front, one } = await estate();
    await one.stop();
    expect((await ask(front.url, '/autodiscover/')).echo.server).toBe('MBX2');
    const alone = await ask(front.url, '/owa/', { user: 'ann@contoso.com' });
    expect(alone.status).toBe(503);
    expect(alone.headers['retry-after']).toBe('5');
    expect(alone.text).not.toMatch(/MBX|127\.0/);
    expect(front.log).toContainEqual(
      expect.objectContaining({ message: 'server cannot be connected to', server: 'MBX1' }),
    );
  });

  test('a server known to be down is not asked', async () => {
    const { front, one } = await estate({ availability: downServers(['MBX1']) });
    const { status, headers } = await ask(front.url, '/owa/', { user: 'ann@contoso.com' });
    expect(status).toBe(503);
    expect(headers['retry-after']).toBe('5');
    expect(one.requests).toEqual([]);
  });

  test('a failover between two requests of one connection is followed', async () => {
    const { front } = await estate();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    stops.push(() => agent.destroy());
    const options = { user: 'ann@contoso.com', agent };
    expect((await ask(front.url, '/owa/', options)).echo.server).toBe('MBX1');
    front.change({ databases: { DB1: 'MBX2', DB2: 'MBX2', DB3: 'MBX3' } });
    expect((await ask(front.url, '/owa/', options)).echo.server).toBe('MBX2');
    expect(front.sessions.list()).toHaveLength(1);
  });

  test('a request whose server refuses connections follows a failover that the door has not seen yet', async () => {
    const { front, one } = await estate();
    await ask(front.url, '/owa/', { user: 'ann@contoso.com' });
    await one.stop();
    front.change({ databases: { DB1: 'MBX2', DB2: 'MBX2', DB3: 'MBX3' } }, 'when-asked');
    const body = Buffer.alloc(300_000, 'x');
    const answered = await ask(front.url, '/ews/', { user: 'ann@contoso.com', method: 'POST', body });
    expect(answered.echo).toMatchObject({ server: 'MBX2', bodyBytes: body.length });
  });

  test('no request that may be repeated is lost in a failover under load', async () => {
    const { front, one } = await estate();
    const agent = new Agent({ keepAlive: true, maxSockets: 20 });
    stops.push(() => agent.destroy());
    const statuses: number[] = [];
    const over = new AbortController();
    const client = async (): Promise<void> => {
      while (!over.signal.aborted)
        statuses.push((await ask(front.url, '/owa/', { user: 'ann@contoso.com', agent })).status);
    };
    const clients = Array.from({ length: 10 }, client);
    await until('traffic', () => statuses.length > 200);
    front.change({ databases: { DB1: 'MBX2', DB2: 'MBX2', DB3: 'MBX3' } }, 'when-asked');
    await one.stop();
    const before = statuses.length;
    await until('traffic after it', () => statuses.length > before + 200);
    over.abort();
    await Promise.all(clients);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
  });

  test('a database that the estate in force does not know is looked for in the newest', async () => {
    const { front } = await estate({ mailboxes: { 'ann@contoso.com': 'DB9' } });
    const databases = { DB1: 'MBX1', DB9: 'MBX2' };
    expect((await ask(front.url, '/owa/', { user: 'ann@contoso.com' })).status).toBe(503);
    front.change({ databases }, 'when-asked');
    expect((await ask(front.url, '/owa/', { user: 'ann@contoso.com' })).echo.server).toBe('MBX2');
  });

  test('a server that breaks off before an answer is a 502, after its head a cut connection', async () => {
    const cut = await origin('MBX1', {
      onRequest: (request, response) => {
        if (request.url === '/owa/before') request.socket.destroy();
        else response.writeHead(200, { 'Content-Length': 1000 }).write('half', () => request.socket.destroy());
      },
    });
    const front = await frontEnd({ servers: { MBX1: reachedAt(cut.port) }, databases: { DB1: 'MBX1' }, mailboxes });
    const before = await ask(front.url, '/owa/before', { user: 'ann@contoso.com', method: 'POST', body: 'x' });
    expect(before.status).toBe(502);
    await expect(ask(front.url, '/owa/after', { user: 'ann@contoso.com' })).rejects.toThrow(/aborted/);
  });
});

describe('connections', () => {
  test('server connections are reused, and only while the server keeps them', async () => {
    const { front, one } = await estate();
    for (let round = 0; round < 5; round += 1) await ask(front.url, '/owa/', { user: 'ann@contoso.com' });
    expect(one.accepted()).toBe(1);
    one.server.closeIdleConnections();
    await until('the idle connection to end', () => one.open() === 0);
    expect((await ask(front.url, '/ews/', { user: 'ann@contoso.com', method: 'POST', body: 'x' })).status).toBe(200);
    expect(one.accepted()).toBe(2);
  });

  test('a client that logs in its connection has server connections of its own', async () => {
    const { front, one } = await estate();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ntlm = { agent, headers: { authorization: 'NTLM TlRMTVNTUAAB', 'x-anchormailbox': 'ann@contoso.com' } };
    await ask(front.url, '/ews/', { user: 'ann@contoso.com' });
    expect(one.accepted()).toBe(1);
    await ask(front.url, '/ews/', ntlm);
    await ask(front.url, '/ews/', ntlm);
    expect(one.accepted()).toBe(2);
    await ask(front.url, '/ews/', { user: 'ann@contoso.com' });
    expect(one.accepted()).toBe(2);
    agent.destroy();
    await until('its server connection to end with it', () => one.open() === 1);
  });

  test('the registry knows who is on a connection, and forgets it at its end', async () => {
    const { front } = await estate();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await ask(front.url, '/owa/', { user: 'ann@contoso.com', agent });
    const { protocol, clientAddress, user, server } = front.sessions.list()[0] ?? {};
    expect({ protocol, clientAddress, user, server }).toEqual({
      protocol: 'http',
      clientAddress: '127.0.0.1',
      user: 'ann@contoso.com',
      server: 'MBX1',
    });
    agent.destroy();
    await until('an empty registry', () => front.sessions.list().length === 0);
  });

  test('a client that leaves takes its request to the server along', async () => {
    let left = 0;
    const slow = await origin('MBX1', { onRequest: (request) => void request.once('close', () => (left += 1)) });
    const front = await frontEnd({ servers: { MBX1: reachedAt(slow.port) }, databases: { DB1: 'MBX1' }, mailboxes });
    const request = startRequest(`${front.url}/owa/`, {
      agent: false,
      headers: { authorization: basic('ann@contoso.com') },
    });
    request.on('error', () => request.destroy());
    request.end();
    await until('the request at the server', () => slow.requests.length === 1);
    request.destroy();
    await until('its end at the server', () => left === 1);
    await until('the log line', () => front.records.some((line) => line.end === 'aborted' && line.status === null));
    expect(front.sessions.list()).toEqual([]);
  });

  test('draining ends idle connections, and the others after the running request', async () => {
    let release: () => void = () => undefined;
    const slow = await origin('MBX1', {
      onRequest: (request, response) => {
        if (request.url === '/owa/slow') release = () => response.end('done');
        else response.end('fast');
      },
    });
    const front = await frontEnd({ servers: { MBX1: reachedAt(slow.port) }, databases: { DB1: 'MBX1' }, mailboxes });
    const [idle, busy] = [new Agent({ keepAlive: true }), new Agent({ keepAlive: true })];
    await ask(front.url, '/owa/', { agent: idle });
    const running = ask(front.url, '/owa/slow', { agent: busy });
    await until('the slow request at the server', () => slow.requests.includes('GET /owa/slow'));
    expect(front.sessions.list()).toHaveLength(2);
    front.door.drain();
    await until('the idle connection to end', () => front.sessions.list().length === 1);
    release();
    const answered = await running;
    expect(answered).toMatchObject({ status: 200, text: 'done', headers: { connection: 'close' } });
    expect(await front.sessions.drain(2000)).toBe(0);
    await expect(ask(front.url, '/owa/', { agent: idle })).rejects.toThrow(/hang up|ECONNRESET/);
    for (const agent of [idle, busy]) agent.destroy();
  });

  test('closing ends running requests at once', async () => {
    const slow = await origin('MBX1', { onRequest: () => undefined });
    const front = await frontEnd({ servers: { MBX1: reachedAt(slow.port) }, databases: { DB1: 'MBX1' }, mailboxes });
    const running = ask(front.url, '/owa/');
    await until('the request at the server', () => slow.requests.length === 1);
    front.close();
    await expect(running).rejects.toThrow(/hang up|ECONNRESET/);
    await until('both sides to be free', () => front.sessions.list().length === 0 && slow.open() === 0);
  });

  test('connections beyond the limits of the listener are closed', async () => {
    const { front } = await estate({ limits: { maxConnections: 3, maxConnectionsPerSource: 2 } });
    const agents = [1, 2, 3].map(() => new Agent({ keepAlive: true }));
    stops.push(() => agents.forEach((agent) => agent.destroy()));
    const [first, second, third] = agents.map((agent) => () => ask(front.url, '/owa/', { agent }));
    await first?.();
    await second?.();
    await expect(third?.()).rejects.toThrow(/hang up|ECONNRESET/);
    agents[0]?.destroy();
    await until('a place', () => front.sessions.list().length === 1);
    expect((await third?.())?.status).toBe(200);
  });

  test('a long poll outlasts the deadline for heads', async () => {
    const slow = await origin('MBX1', {
      onRequest: (_, response) => void setTimeout(() => response.end('pong'), 2500),
    });
    const front = await frontEnd({
      servers: { MBX1: reachedAt(slow.port) },
      databases: { DB1: 'MBX1' },
      mailboxes,
      limits: { preAuthTimeout: 500, idleTimeout: 500 },
    });
    const ping = await ask(front.url, '/Microsoft-Server-ActiveSync?Cmd=Ping', { method: 'POST', body: 'x' });
    expect(ping).toMatchObject({ status: 200, text: 'pong' });
  });
});
