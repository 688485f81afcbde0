import { writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { freePorts } from '../support/free-port.js';
import { makeCertificate, type TestCertificate } from '../support/peers/certificate.js';
import { startWebServer, type WebServer } from '../support/peers/web-server.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';
import { dagServers } from './dag-servers.js';
import { type Answered, ask, CookieJar } from './web-client.js';

const one = 'one@example.org';
const two = 'two@example.org';

describe('two front ends of one estate', () => {
  let servers: WebServer[];
  let usher: Usher;
  let doors: [string, string];
  let certificate: TestCertificate;
  let waiting: ServerResponse[] = [];

  beforeAll(async () => {
    certificate = await makeCertificate(['127.0.0.1']);
    servers = await Promise.all(
      ['MBX1', 'MBX2'].map((name) =>
        startWebServer(name, { tls: certificate, onRequest: (request, response) => answer(name, request, response) }),
      ),
    );
    const [first = 0, second = 0] = await freePorts(2);
    doors = [`http://127.0.0.1:${first}`, `http://127.0.0.1:${second}`];
    usher = await startUsher(estate([first, second]), false);
    await usher.cli('start', '--on', 'CAS1');
    await usher.cli('start', '--on', 'CAS2');
  });
  afterAll(async () => {
    for (const name of ['CAS1', 'CAS2']) await usher?.attempt('stop', '--now', '--on', name);
    for (const server of servers ?? []) server.die();
  });
  afterEach(() => {
    for (const response of waiting.splice(0)) response.end();
  });

  function estate(ports: readonly number[]): object {
    const http = servers.map(({ port }) => ({ http: { port, tls: 'implicit', ca: certificate.caFile } }));
    const { names, parts } = dagServers('localhost', http);
    return {
      ...parts,
      servers: [...parts.servers, { name: 'CAS2', host: 'localhost', site: 'A', roles: ['frontend'] }],
      databases: names.map((name, index) => ({ name: `DB${index + 1}`, copies: names, active: name })),
      mailboxes: [
        { address: one, database: 'DB1' },
        { address: two, database: 'DB2' },
      ],
      domains: [{ name: 'example.org', type: 'authoritative' }],
      organization: { defaultDomain: 'example.org', maxRequestsPerServer: 150 },
      listeners: ports.map((port, index) => ({
        name: `HTTP${index + 1}`,
        server: `CAS${index + 1}`,
        protocol: 'http',
        bind: `127.0.0.1:${port}`,
      })),
    };
  }

  function answer(name: string, request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    if (request.url === '/owa/auth.owa') {
      response.setHeader('Set-Cookie', 'cadata=1; Path=/; HttpOnly');
      response.writeHead(302, { Location: '/owa/' }).end();
    } else if (request.url === '/owa/wait') waiting.push(response);
    else response.end(JSON.stringify({ server: name, cookie: request.headers.cookie ?? null }));
  }

  async function setComponents(components: readonly object[]): Promise<void> {
    const file = join(tempDir('components'), 'estate.json');
    writeFileSync(file, JSON.stringify({ estate: 1, servers: [{ name: 'CAS1', components }] }));
    await usher.cli('apply', '--file', file);
  }

  const serverOf = ({ text }: Answered): string => (JSON.parse(text) as { server: string }).server;

  async function signIn(door: string, user: string): Promise<CookieJar> {
    const jar = new CookieJar();
    const answered = await ask(`${door}/owa/auth.owa`, {
      method: 'POST',
      body: new URLSearchParams({ destination: '/owa/', username: user, password: 'secret' }).toString(),
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    });
    expect(answered.status).toBe(302);
    jar.take(answered);
    expect(jar.names().sort()).toEqual(['X-BackEndCookie', 'cadata']);
    return jar;
  }

  test('G01, G03: one session alternates between them and stays on its server, over TLS', async () => {
    const jar = await signIn(doors[0], two);
    for (let count = 0; count < 10; count += 1) {
      const answered = await ask(`${doors[count % 2]}/owa/`, { headers: jar.header });
      jar.take(answered);
      expect(serverOf(answered)).toBe('MBX2');
      // The server gets its own cookies, not those of the front ends.
      expect(JSON.parse(answered.text)).toMatchObject({ cookie: 'cadata=1' });
    }
  });

  test('G02: after an activation the same session goes to the other server, at both', async () => {
    const jar = await signIn(doors[1], two);
    await usher.cli('database', 'activate', 'DB2', '--to', 'MBX1');
    try {
      for (const door of doors) expect(serverOf(await ask(`${door}/owa/`, { headers: jar.header }))).toBe('MBX1');
    } finally {
      await usher.cli('database', 'activate', 'DB2', '--to', 'MBX2');
    }
    for (const door of doors) expect(serverOf(await ask(`${door}/owa/`, { headers: jar.header }))).toBe('MBX2');
  });

  test('a session cookie that nobody made leads nowhere in particular', async () => {
    const jar = await signIn(doors[0], two);
    const value = /X-BackEndCookie=([^;]+)/.exec(jar.header['cookie'] ?? '')?.[1] ?? '';
    const [version = '', expires = '', mailbox = '', mac = ''] = value.split('.');
    const other = Buffer.from(one).toString('base64url');
    const forged = [
      [version, expires, other, mac],
      [version, 'zzzzzzz', mailbox, mac],
      [version, expires, mailbox, mac.slice(0, -2)],
      [version, expires, mailbox],
      [version, expires, mailbox, `${mac.startsWith('A') ? 'B' : 'A'}${mac.slice(1)}`],
    ].map((parts) => parts.join('.'));
    for (const cookie of [...forged, 'MBX2', 'mbx2.example.org~1942062522']) {
      const headers = { cookie: `X-BackEndCookie=${cookie}`, 'X-AnchorMailbox': 'nobody@example.org' };
      const answered = await ask(`${doors[0]}/owa/`, { headers });
      expect(['MBX1', 'MBX2']).toContain(serverOf(answered));
      const told = await usher.route(
        'client',
        '--on',
        'CAS1',
        '--url',
        '/owa/',
        '--protocol',
        'owa',
        '--header',
        `Cookie: ${headers.cookie}`,
      );
      expect(told.targets.length).toBe(2);
    }
  });

  test('G10, G12: server affinity is remembered in a cookie, and only together with its header', async () => {
    const affinity = { 'X-PreferServerAffinity': 'true' };
    const answered = await ask(`${doors[0]}/ews/exchange.asmx`, {
      headers: { ...affinity, 'X-AnchorMailbox': two },
      user: one,
    });
    expect(serverOf(answered)).toBe('MBX2');
    const jar = new CookieJar();
    jar.take(answered);
    expect(jar.names()).toEqual(['X-BackEndOverrideCookie']);
    expect(answered.headers['set-cookie']?.[0]).toMatch(/; ?Path=\/.*; ?HttpOnly/i);
    const anchored = { 'X-AnchorMailbox': one, ...jar.header };
    for (const door of doors) {
      const sticky = await ask(`${door}/ews/exchange.asmx`, { headers: { ...anchored, ...affinity }, user: one });
      const free = await ask(`${door}/ews/exchange.asmx`, { headers: anchored, user: one });
      expect([serverOf(sticky), serverOf(free)]).toEqual(['MBX2', 'MBX1']);
    }
  });

  test('G19, G21: a balancer that asks for the page of OWA takes a front end out for all protocols', async () => {
    const page = (door: string, service: string): Promise<Answered> => ask(`${door}/${service}/healthcheck.htm`);
    const healthy = await page(doors[0], 'owa');
    expect([healthy.status, healthy.text]).toEqual([200, expect.stringContaining('CAS1')]);
    await setComponents([{ component: 'owa-proxy', requester: 'maintenance', state: 'inactive' }]);
    try {
      expect((await page(doors[0], 'owa')).status).toBe(503);
      expect((await page(doors[0], 'ews')).status).toBe(200);
      expect((await page(doors[1], 'owa')).text).toContain('CAS2');
      const inService: string[] = [];
      for (const door of doors) if ((await page(door, 'owa')).status === 200) inService.push(door);
      expect(inService).toEqual([doors[1]]);
    } finally {
      await setComponents([]);
    }
    expect((await page(doors[0], 'owa')).status).toBe(200);
  });

  test('G23: / leads to OWA', async () => {
    for (const door of doors) {
      const { status, headers } = await ask(`${door}/`);
      expect([status, headers.location]).toEqual([302, expect.stringMatching(/\/owa\/?$/)]);
    }
  });

  test('G26: a server whose TLS is broken fails with 5xx and a reason in the log; the health page does not', async () => {
    await usher.cli('server', 'update', 'MBX1', '--unset', 'endpoints.http.ca');
    try {
      const [broken, other, health] = await Promise.all([
        ask(`${doors[0]}/owa/`, { user: one }),
        ask(`${doors[0]}/owa/`, { user: two }),
        ask(`${doors[0]}/owa/healthcheck.htm`),
      ]);
      expect([broken.status, serverOf(other), health.status]).toEqual([503, 'MBX2', 200]);
      const logged = await until('the log', async () => {
        const text = await usher.cli('track', 'http', '--user', one, '--status', '5xx', '--json');
        const records = JSON.parse(text) as { tried: { server: string; reason: string }[] }[];
        return records.length > 0 && records;
      });
      expect(logged.at(-1)?.tried[0]).toMatchObject({ server: 'MBX1', reason: expect.stringMatching(/certificate/) });
    } finally {
      await usher.cli('server', 'update', 'MBX1', '--set', `endpoints.http.ca=${certificate.caFile}`);
    }
    await until('MBX1 to be used again', async () => (await ask(`${doors[0]}/owa/`, { user: one })).status === 200);
  });

  test('G28: request 151 to a server is refused at once; other servers and the other front end do not notice', async () => {
    const many = Array.from({ length: 150 }, () => ask(`${doors[0]}/owa/wait`, { user: one }));
    await until('150 requests at the server', () => waiting.length === 150);
    const began = performance.now();
    const refused = await ask(`${doors[0]}/owa/`, { user: one });
    expect(refused.status).toBe(503);
    expect(performance.now() - began).toBeLessThan(500);
    const others = [ask(`${doors[0]}/owa/`, { user: two }), ask(`${doors[1]}/owa/`, { user: one })];
    expect((await Promise.all(others)).map(serverOf)).toEqual(['MBX2', 'MBX1']);
    waiting.shift()?.end('done');
    await Promise.race(many);
    expect(serverOf(await ask(`${doors[0]}/owa/`, { user: one }))).toBe('MBX1');
    for (const response of waiting.splice(0)) response.end('done');
    expect((await Promise.all(many)).map(({ status }) => status)).toEqual(many.map(() => 200));
  });

  test('a request that is under way when its front end is stopped is finished', async () => {
    const asked = ask(`${doors[1]}/owa/wait`, { user: one });
    const response = await until('the request', () => waiting[0]);
    const stopped = usher.cli('stop', '--on', 'CAS2');
    await until('the door to close', async () => {
      const refused = await ask(`${doors[1]}/owa/`).then(
        () => false,
        () => true,
      );
      return refused;
    });
    response.end('finished');
    expect(await asked).toMatchObject({ status: 200, text: 'finished' });
    await stopped;
    await usher.cli('start', '--on', 'CAS2');
  });
});
