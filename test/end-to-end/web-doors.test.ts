import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePorts } from '../support/free-port.js';
import { startWebServer, type WebServer } from '../support/peers/web-server.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';
import { mailboxEstate } from './mailbox-estate.js';
import { ask } from './web-client.js';

const user = 'ann@example.org';

interface Tracked {
  readonly client: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly server: string | null;
  readonly user: string | null;
  readonly requestId: string;
}

describe('what a web door can be told', () => {
  let server: WebServer;
  let usher: Usher;
  let ports: Record<'redirect' | 'secure' | 'telling' | 'oldest', number>;

  beforeAll(async () => {
    server = await startWebServer('MBX1', {
      onRequest: (request, response) => {
        response.setHeader('X-BEServer', 'a name of its own');
        response.setHeader('X-Request-Id-Seen', request.headers['x-request-id'] ?? '');
        response.statusCode = request.url?.startsWith('/owa/missing') ? 404 : 200;
        response.end('hello');
      },
    });
    const [redirect = 0, secure = 0, telling = 0, oldest = 0] = await freePorts(4);
    ports = { redirect, secure, telling, oldest };
    const door = (name: string, port: number, more: object) => ({
      name,
      protocol: 'http',
      bind: `127.0.0.1:${port}`,
      ...more,
    });
    usher = await startUsher(
      mailboxEstate({
        servers: [{ http: { port: server.port, tls: 'none' } }],
        mailboxes: { DB1: [user] },
        listeners: [
          door('Redirect', redirect, { redirectToHttps: true }),
          door('Secure', secure, { tls: 'implicit', hsts: '365d' }),
          door('Telling', telling, { serverHeaders: true }),
          door('Oldest', oldest, { tls: 'implicit', http2: false }),
        ],
      }),
    );
  });
  afterAll(async () => {
    await usher?.stop();
    server?.die();
  });

  const at = (name: keyof typeof ports, path = '/owa/'): string =>
    `${name === 'secure' || name === 'oldest' ? 'https' : 'http'}://127.0.0.1:${ports[name]}${path}`;

  test('redirectToHttps: every request is sent to https, none to a server', async () => {
    const before = server.requests.length;
    for (const path of ['/', '/owa/?a=b', '/ews/exchange.asmx', '/nothing/here']) {
      const { status, headers } = await ask(at('redirect', path), { user, headers: { host: 'mail.example.org' } });
      expect([301, 302, 307, 308]).toContain(status);
      expect(headers.location).toBe(`https://mail.example.org${path}`);
    }
    const posted = await ask(at('redirect'), { method: 'POST', body: 'x', headers: { host: 'mail.example.org:8080' } });
    expect(posted.status).toBeGreaterThanOrEqual(300);
    expect(server.requests.length).toBe(before);
  });

  test('hsts: on answers of servers and of the front end, at that door alone', async () => {
    const answers = await Promise.all([
      ask(at('secure'), { user }),
      ask(at('secure', '/owa/healthcheck.htm')),
      ask(at('oldest'), { user }),
      ask(at('telling'), { user }),
    ]);
    expect(answers.map(({ headers }) => headers['strict-transport-security'])).toEqual([
      expect.stringContaining('max-age=31536000'),
      expect.stringContaining('max-age=31536000'),
      undefined,
      undefined,
    ]);
  });

  test('serverHeaders: both servers are named, and only there', async () => {
    const { headers } = await ask(at('telling'), { user });
    expect([headers['x-feserver'], headers['x-beserver']]).toEqual(['CAS1', 'MBX1']);
    const silent = (await ask(at('secure'), { user })).headers;
    expect([silent['x-feserver'], silent['x-beserver']]).toEqual([undefined, undefined]);
  });

  test('http2: offered at a TLS door, and not where it is switched off', async () => {
    const chosen = async (port: number): Promise<string | false | null> => {
      const socket = connectTls({
        port,
        host: '127.0.0.1',
        rejectUnauthorized: false,
        ALPNProtocols: ['h2', 'http/1.1'],
      });
      await once(socket, 'secureConnect');
      const { alpnProtocol } = socket;
      socket.destroy();
      return alpnProtocol;
    };
    expect([await chosen(ports.secure), await chosen(ports.oldest)]).toEqual(['h2', 'http/1.1']);
  });

  test('track http: finds requests by user, status, server and request id', async () => {
    const missing = await ask(at('telling', '/owa/missing?secret=1'), { user });
    expect(missing.status).toBe(404);
    const track = async (...words: string[]): Promise<Tracked[]> =>
      JSON.parse(await usher.cli('track', 'http', ...words, '--json')) as Tracked[];
    const found = await until('the record', async () => {
      const records = await track('--user', user, '--status', '4xx');
      return records.length === 1 && records;
    });
    expect(found[0]).toMatchObject({
      client: '127.0.0.1',
      method: 'GET',
      path: '/owa/missing',
      status: 404,
      server: 'MBX1',
      user,
    });
    expect(JSON.stringify(found)).not.toContain('secret');
    const requestId = String(missing.headers['x-request-id-seen']);
    expect(await track('--request-id', requestId)).toMatchObject([{ path: '/owa/missing', requestId }]);
    expect((await track('--server', 'MBX1', '--limit', '3')).length).toBe(3);
    const table = await usher.cli('track', 'http', '--path', '/owa/missing', '--trace');
    expect(table).toContain('/owa/missing');
  });
});
