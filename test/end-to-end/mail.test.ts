import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePorts } from '../support/free-port.js';
import { type Postfix, startPostfix } from '../support/peers/postfix.js';
import { type SmtpSink, startSmtpSink } from '../support/peers/smtp-sink.js';
import { describePeer } from '../support/require-peer.js';
import { run } from '../support/run.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';

const estate = (port: number, servers: readonly object[], rest: object) => ({
  estate: 1,
  sites: [{ name: 'A' }],
  servers: [{ name: 'CAS1', host: 'localhost', site: 'A', roles: ['frontend'] }, ...servers],
  domains: [{ name: 'example.org', type: 'authoritative' }],
  receiveConnectors: [
    {
      name: 'Default Frontend',
      bindings: [`127.0.0.1:${port}`],
      permissionGroups: ['anonymous'],
      maxConnectionsPerSource: 1000,
    },
  ],
  ...rest,
});
const smtpServer = (name: string, port: number, tls = 'none') => ({
  name,
  host: '127.0.0.1',
  site: 'A',
  accepts: 'own',
  endpoints: { smtp: { port, tls } },
});
const swaks = (port: number, ...more: readonly string[]) =>
  run('swaks', ['--server', `127.0.0.1:${port}`, '--from', 'kim@fabrikam.com', ...more]);

describePeer(['postfix', 'swaks'], 'swaks through usher into two Postfix servers', () => {
  let servers: [Postfix, Postfix];
  let usher: Usher;
  let port: number;
  beforeAll(async () => {
    servers = [
      await startPostfix({ name: 'mbx1.example.org', domains: ['example.org'] }),
      await startPostfix({ name: 'mbx2.example.org', domains: ['example.org'], tls: 'available' }),
    ];
    [port = 0] = await freePorts(1);
    usher = await startUsher(
      estate(port, [smtpServer('MBX1', servers[0].port), smtpServer('MBX2', servers[1].port, 'opportunistic')], {
        databases: [
          { name: 'DB1', copies: ['MBX1'] },
          { name: 'DB2', copies: ['MBX2'] },
        ],
        mailboxes: [
          { address: 'ann@example.org', database: 'DB1' },
          { address: 'bob@example.org', database: 'DB2' },
        ],
      }),
    );
  });
  afterAll(async () => {
    await usher?.stop();
    await Promise.all((servers ?? []).map((server) => server.stop()));
  });

  test.each([
    ['ann@example.org', 0],
    ['bob@example.org', 1],
  ] as const)('mail for %s is delivered by its own server', async (recipient, index) => {
    const body = `line one\n.a line that begins with a dot\n..and two\nfor ${recipient}`;
    const { code, stdout } = await swaks(port, '--to', recipient, '--header', 'Subject: hello', '--body', body);
    expect(code, stdout).toBe(0);
    const delivered = await until('the delivery', () =>
      servers[index].messages().find((message) => message.recipient === recipient),
    );
    expect(delivered.sender).toBe('kim@fabrikam.com');
    expect(delivered.body.replaceAll('\r', '').trim()).toBe(body);
    expect(servers[1 - index]?.messages().some((message) => message.recipient === recipient)).toBe(false);
    const answer = await usher.route('mail', '--to', recipient, '--port', String(port));
    expect(answer.targets.map((target) => target.server)).toEqual([index === 0 ? 'MBX1' : 'MBX2']);
  });

  test('relaying is refused and the session goes on for our own recipient', async () => {
    const { stdout } = await swaks(port, '--to', 'x@wingtip.com,ann@example.org', '--header', 'Subject: relay');
    expect(stdout).toMatch(/550 5\.7\.1 .*relay/i);
    expect(stdout).toMatch(/250 2\.0\.0/);
  });

  test('a recipient of the other server is to come again in a transaction of its own', async () => {
    const { stdout } = await swaks(port, '--to', 'ann@example.org,bob@example.org');
    expect(stdout).toMatch(/452 4\.5\.3/);
  });
});

describePeer(['smtp-sink', 'smtp-source'], 'smtp-source through usher into two sinks', () => {
  let sinks: [SmtpSink, SmtpSink];
  let usher: Usher;
  let port: number;
  beforeAll(async () => {
    sinks = [await startSmtpSink({ name: 'MBX1' }), await startSmtpSink({ name: 'MBX2' })];
    [port = 0] = await freePorts(1);
    const member = (sink: SmtpSink) => ({ ...smtpServer(sink.name, sink.port), accepts: 'any', dag: 'DAG1' });
    usher = await startUsher(
      estate(port, sinks.map(member), {
        dags: [{ name: 'DAG1' }],
        databases: [{ name: 'DB1', copies: ['MBX1', 'MBX2'] }],
        mailboxes: [{ address: 'ann@example.org', database: 'DB1' }],
      }),
    );
  });
  afterAll(async () => {
    await usher?.stop();
    await Promise.all((sinks ?? []).map(gone));
  });

  const stopped = new Set<SmtpSink>();
  const gone = async (sink: SmtpSink): Promise<void> => {
    if (!stopped.has(sink)) await sink.stop();
    stopped.add(sink);
  };
  const source = (count: number) =>
    run('smtp-source', [
      '-m',
      String(count),
      '-s',
      '5',
      '-l',
      '4000',
      '-f',
      'kim@fabrikam.com',
      '-t',
      'ann@example.org',
      `inet:127.0.0.1:${port}`,
    ]);

  test('messages take turns among the members of the DAG, none lost', async () => {
    const { code, stderr } = await source(40);
    expect(code, stderr).toBe(0);
    expect(sinks.map((sink) => sink.messages().length)).toEqual([20, 20]);
  });

  test('a member that is gone is skipped within the same session', async () => {
    await gone(sinks[0]);
    const before = sinks[1].messages().length;
    const { code, stderr } = await source(10);
    expect(code, stderr).toBe(0);
    expect(sinks[1].messages().length - before).toBe(10);
  });
});
