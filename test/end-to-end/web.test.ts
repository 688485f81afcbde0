import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePorts } from '../support/free-port.js';
import { type Nginx, requestSeen, startNginx } from '../support/peers/nginx.js';
import { describePeer } from '../support/require-peer.js';
import { run } from '../support/run.js';
import { startUsher, type Usher } from '../support/usher.js';

describePeer(['nginx', 'curl'], 'curl through usher into two nginx servers', () => {
  let servers: [Nginx, Nginx];
  let usher: Usher;
  let ports: { http: number; https: number };
  beforeAll(async () => {
    servers = [
      await startNginx({ name: 'MBX1', tls: 'available' }),
      await startNginx({ name: 'MBX2', tls: 'available' }),
    ];
    const [http = 0, https = 0] = await freePorts(2);
    ports = { http, https };
    const endpoint = (server: Nginx, tls: boolean) =>
      tls
        ? { port: server.httpsPort, tls: 'implicit', ca: server.caFile, serverName: 'localhost' }
        : { port: server.port, tls: 'none' };
    const server = (nginx: Nginx, tls: boolean) => ({
      name: nginx.name,
      host: '127.0.0.1',
      site: 'A',
      dag: 'DAG1',
      endpoints: { http: endpoint(nginx, tls) },
    });
    usher = await startUsher({
      estate: 1,
      sites: [{ name: 'A' }],
      dags: [{ name: 'DAG1' }],
      servers: [
        { name: 'CAS1', host: 'localhost', site: 'A', roles: ['frontend'] },
        server(servers[0], false),
        server(servers[1], true),
      ],
      databases: [
        { name: 'DB1', copies: ['MBX1', 'MBX2'] },
        { name: 'DB2', copies: ['MBX2', 'MBX1'] },
      ],
      mailboxes: [
        { address: 'ann@example.org', database: 'DB1' },
        { address: 'bob@example.org', database: 'DB2' },
      ],
      domains: [{ name: 'example.org', type: 'authoritative' }],
      listeners: [
        { name: 'HTTP', protocol: 'http', bind: `127.0.0.1:${http}` },
        { name: 'HTTPS', protocol: 'http', bind: `127.0.0.1:${https}`, tls: 'implicit' },
      ],
    });
  });
  afterAll(async () => {
    await usher?.stop();
    await Promise.all((servers ?? []).map((server) => server.stop()));
  });

  const curl = (...words: readonly string[]) => run('curl', ['--silent', '--insecure', ...words]);

  test.each([
    ['ann@example.org', 'MBX1'],
    ['bob@example.org', 'MBX2'],
  ])('the request of %s is answered by %s, where routing says', async (user, server) => {
    const plain = requestSeen(
      (await curl('--user', `${user}:x`, `http://127.0.0.1:${ports.http}/owa/?a=b%20c`)).stdout,
    );
    const secure = requestSeen((await curl('--user', `${user}:x`, `https://127.0.0.1:${ports.https}/owa/`)).stdout);
    expect([plain.server, secure.server]).toEqual([server, server]);
    expect(plain.target).toBe('/owa/?a=b%20c');
    const answer = await usher.route('client', '--protocol', 'owa', '--user', user, '--url', '/owa/');
    expect(answer.targets.map((target) => target.server)).toEqual([server]);
  });

  test('an explicit logon and an anchor header name the mailbox', async () => {
    const explicit = await curl(`http://127.0.0.1:${ports.http}/owa/bob@example.org/`);
    const anchor = await curl(
      '--header',
      'X-AnchorMailbox: bob@example.org',
      `http://127.0.0.1:${ports.http}/ews/exchange.asmx`,
    );
    expect([requestSeen(explicit.stdout).server, requestSeen(anchor.stdout).server]).toEqual(['MBX2', 'MBX2']);
  });

  test('the health page is answered by the front end, and / leads to owa', async () => {
    expect((await curl(`http://127.0.0.1:${ports.http}/owa/healthcheck.htm`)).stdout).toContain('CAS1');
    const { stdout } = await curl(
      '--output',
      '/dev/null',
      '--write-out',
      '%{http_code} %{redirect_url}',
      `http://127.0.0.1:${ports.http}/`,
    );
    expect(stdout).toBe(`302 http://127.0.0.1:${ports.http}/owa`);
  });
});
