import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { connectorTestText } from '../../src/runtime/connector-test-text.js';
import { type ConnectorQuestion, type ConnectorTest, testConnector } from '../../src/runtime/test-connector.js';
import type { HostProbe } from '../../src/session/outbound/probe-host.js';
import { buildEstate, type EstateParts } from '../routing/build-estate.js';
import { type DnsZone, startDnsServer } from '../support/dns-server.js';
import { makeCertificate, type TestCertificate } from '../support/peers/certificate.js';
import { type ScriptedHost, type ScriptedHostOptions, startScriptedHost } from '../support/peers/scripted-host.js';
import { tempDir } from '../support/temp-dir.js';

type Connector = NonNullable<EstateParts['sendConnectors']>[number];

const password = 'Right-Horse-7731';
const kim = 'kim@fabrikam.example';

let certificate: TestCertificate;
beforeAll(async () => {
  certificate = await makeCertificate(['localhost', 'mx.fabrikam.example', '127.0.0.1']);
});

async function hostWith(options: ScriptedHostOptions = {}): Promise<ScriptedHost> {
  const host = await startScriptedHost(options);
  onTestFinished(() => host.close());
  return host;
}

/** A question about the connector `Out` of the front end front.contoso.com. */
function ask(
  connector: Connector,
  question: Partial<ConnectorQuestion> = {},
  estate: EstateParts = {},
): Promise<ConnectorTest> {
  const { topology, directory } = buildEstate({
    organization: { defaultDomain: 'contoso.com' },
    sites: [{ name: 'A' }],
    servers: [
      { name: 'CAS1', host: 'front.contoso.com', site: 'A', roles: ['frontend'] },
      { name: 'MBX1', host: 'mbx1.contoso.com', site: 'A' },
    ],
    sendConnectors: [{ sources: ['MBX1'], connectTimeout: 1000, replyTimeout: 1000, ...connector, name: 'Out' }],
    ...estate,
  });
  return testConnector(
    { topology, directory },
    { connector: 'Out', to: kim, from: undefined, on: undefined, ...question },
  );
}

/** The probe of the only host that a connector with this smart host has. */
async function probe(
  host: Pick<ScriptedHost, 'port'>,
  connector: Connector = {},
  question: Partial<ConnectorQuestion> = {},
): Promise<HostProbe> {
  const { hosts } = await ask({ smartHosts: [`[127.0.0.1]:${host.port}`], ...connector }, question);
  expect(hosts).toHaveLength(1);
  return hosts[0] as HostProbe;
}

const lines = ({ dialogue }: HostProbe): string[] => dialogue.map(({ direction, text }) => `${direction} ${text}`);
const spoken = (probed: HostProbe): string[] => lines(probed).filter((line) => !line.startsWith('*'));

function passwordFile(text: string): string {
  const file = join(tempDir('password'), 'password');
  writeFileSync(file, `${text}\n`, { mode: 0o600 });
  return file;
}

describe('a host that takes the recipient', () => {
  test('is spoken to up to RCPT over TLS with a login, and bidden goodbye', async () => {
    const host = await hostWith({ tls: { certificate }, passwords: { contoso: password } });
    const probed = await probe(host, {
      smartHosts: [`localhost:${host.port}`],
      tls: 'verify',
      ca: certificate.caFile,
      auth: { user: 'contoso', passwordFile: passwordFile(password), passwordEnv: null },
    });
    expect(probed).toMatchObject({ host: 'localhost', port: host.port, outcome: 'accepted', reason: '250 2.0.0 ok' });
    expect(probed.connectMs).toBeGreaterThanOrEqual(0);
    expect(probed.tls).toEqual({
      version: 'TLSv1.3',
      cipher: expect.stringMatching(/^TLS_/),
      certificate: {
        subject: 'CN=localhost',
        issuer: 'CN=authority of localhost',
        names: ['localhost', 'mx.fabrikam.example', '127.0.0.1'],
        validUntil: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/),
        verified: true,
        problem: null,
      },
    });
    expect(spoken(probed).filter((line) => !line.startsWith('< 250-'))).toEqual([
      '< 220 scripted ESMTP',
      '> EHLO front.contoso.com',
      expect.stringMatching(/^< 250 /),
      '> STARTTLS',
      '< 220 2.0.0 go ahead',
      '> EHLO front.contoso.com',
      expect.stringMatching(/^< 250 /),
      '> AUTH PLAIN *',
      '< 235 2.7.0',
      '> MAIL FROM:<postmaster@contoso.com>',
      `> RCPT TO:<${kim}>`,
      '< 250 2.0.0 ok',
      '< 250 2.0.0 ok',
      '> QUIT',
      '< 221 2.0.0 bye',
    ]);
    expect(lines(probed)).toContain('* logged in as contoso');
    expect(JSON.stringify(probed)).not.toContain(password);
    expect(host.commands.map(({ line }) => line)).not.toContain('DATA');
  });

  test('is asked for the sender alone without a recipient', async () => {
    const host = await hostWith();
    const probed = await probe(host, {}, { to: undefined, from: '<>' });
    expect(probed).toMatchObject({ outcome: 'accepted', tls: null });
    expect(host.commands.map(({ line }) => line)).toEqual(['EHLO front.contoso.com', 'MAIL FROM:<>', 'QUIT']);
  });

  test('speaks TLS from the first byte where the connector says so', async () => {
    const host = await hostWith({ tls: { certificate, from: 'first-byte' } });
    const probed = await probe(host, { implicitTls: true });
    expect(probed).toMatchObject({ outcome: 'accepted', tls: { certificate: { verified: false } } });
    expect(probed.tls?.certificate?.problem).toBe('the connector does not ask for it to be checked');
  });
});

describe('a host that does not', () => {
  test('because it offers no TLS and the connector wants it', async () => {
    const probed = await probe(await hostWith(), { tls: 'encrypt' });
    const reason = 'starttls: the server does not offer STARTTLS';
    expect(probed).toMatchObject({ outcome: 'failed', reason, tls: null });
  });

  test.each(['starttls', 'first-byte'] as const)(
    'because its certificate is of somebody else (%s): which one it is, is told all the same',
    async (from) => {
      const host = await hostWith({ tls: { certificate, from } });
      const stranger = await makeCertificate(['localhost']);
      const implicitTls = from === 'first-byte';
      const probed = await probe(host, { tls: 'verify', ca: stranger.caFile, implicitTls });
      expect(probed.outcome).toBe('failed');
      expect(probed.reason).toMatch(/failed the TLS handshake: .*certificate/);
      expect(probed.tls?.certificate).toMatchObject({ subject: 'CN=localhost', verified: false });
      expect(probed.tls?.certificate?.problem).toMatch(/failed the TLS handshake: .*certificate/);
      expect(host.commands.filter(({ line }) => line.startsWith('MAIL'))).toEqual([]);
    },
  );

  test('because its certificate is for another name', async () => {
    const host = await hostWith({ tls: { certificate } });
    const probed = await probe(host, { tls: 'domain:other.example', ca: certificate.caFile });
    expect(probed).toMatchObject({ outcome: 'failed', tls: { certificate: { verified: false } } });
    expect(probed.tls?.certificate?.problem).toContain('other.example');
  });

  test('because the password is wrong, which nobody gets to see', async () => {
    const host = await hostWith({ tls: { certificate }, passwords: { contoso: password } });
    const auth = { user: 'contoso', passwordFile: passwordFile('Wrong-Horse-4492'), passwordEnv: null };
    const probed = await probe(host, { auth });
    expect(probed).toMatchObject({ outcome: 'failed', reason: expect.stringMatching(/^auth: 535 5\.7\.8 /) });
    expect(spoken(probed).slice(-2)).toEqual(['> AUTH PLAIN *', '< 535 5.7.8']);
    expect(JSON.stringify(probed)).not.toMatch(/Horse|AGNvbnRvc28/);
  });

  test('because it refuses the recipient, or the sender', async () => {
    const refusing = (moment: string) =>
      hostWith({ at: (now) => (now === moment ? { say: '550 5.1.1 not here' } : undefined) });
    const recipient = await probe(await refusing('RCPT'));
    expect(recipient).toMatchObject({ outcome: 'refused', reason: '550 5.1.1 not here' });
    const sender = await probe(await refusing('MAIL'));
    expect(sender).toMatchObject({ outcome: 'refused', reason: 'mail: 550 5.1.1 not here' });
  });

  test.each(['GREETING', 'EHLO', 'HANDSHAKE', 'AUTH', 'RCPT'] as const)('because it hangs at %s', async (moment) => {
    const at = (now: string) => (now === moment ? 'hang' : undefined);
    const host = await hostWith({ at, tls: { certificate }, passwords: { contoso: password } });
    const auth = { user: 'contoso', passwordFile: passwordFile(password), passwordEnv: null };
    const probed = await probe(host, { auth });
    expect(probed).toMatchObject({ outcome: 'failed', reason: expect.stringMatching(/within 1000 ms/) });
  });

  test('because nobody is there', async () => {
    const host = await hostWith();
    host.die();
    const probed = await probe(host);
    expect(probed).toMatchObject({ outcome: 'failed', connectMs: null, dialogue: [{ direction: '*' }] });
    expect(probed.reason).toContain('refused the connection');
  });
});

test('a handshake that fails where nobody asked for TLS is followed by a try in the clear, as with mail', async () => {
  const host = await hostWith({ tls: { certificate }, at: (now) => (now === 'HANDSHAKE' ? 'cut' : undefined) });
  const probed = await probe(host);
  expect(probed).toMatchObject({ outcome: 'accepted', tls: null });
  expect(lines(probed).filter((line) => line.endsWith('once more without TLS'))).toHaveLength(1);
});

describe('by MX', () => {
  const zone = (policy: boolean): DnsZone => ({
    'MX fabrikam.example': ['10 mx.fabrikam.example', '20 mx2.fabrikam.example'],
    'A mx.fabrikam.example': ['127.0.0.1'],
    'A mx2.fabrikam.example': ['127.0.0.2'],
    ...(policy && { 'TXT _mta-sts.fabrikam.example': ['v=STSv1; id=1'] }),
  });

  async function askByMx(port: number, policy = false, to = kim): Promise<ConnectorTest> {
    const dns = await startDnsServer(zone(policy));
    onTestFinished(() => dns.close());
    return ask({ resolvers: [dns.address], allowPrivateAddresses: true, port, enabled: false }, { to });
  }

  test('every host is asked in its order, and how they were found is told', async () => {
    const host = await hostWith();
    const { hosts, trace, to } = await askByMx(host.port);
    expect(to).toBe(kim);
    expect(hosts.map(({ host, address, outcome }) => [host, address, outcome])).toEqual([
      ['mx.fabrikam.example', '127.0.0.1', 'accepted'],
      ['mx2.fabrikam.example', '127.0.0.2', 'failed'],
    ]);
    expect(trace.map(({ rule }) => rule)).toEqual(['send-connector', 'outbound/mx', 'mta-sts']);
    expect(trace[0]?.detail).toContain('disabled');
    expect(trace[1]?.detail).toMatch(/10 mx\.fabrikam\.example \(127\.0\.0\.1\), 20 mx2/);
    expect(trace[2]?.detail).toBe('fabrikam.example: no policy is in force');
  });

  test('a policy that cannot be had is told, with the reason', async () => {
    const host = await hostWith();
    const { trace } = await askByMx(host.port, true);
    const said = trace.filter(({ rule }) => rule === 'mta-sts').map(({ detail }) => detail);
    expect(said[0]).toMatch(/^fabrikam\.example: the MTA-STS policy of a domain could not be had: ./);
  });

  test('a domain without hosts has an answer without hosts', async () => {
    const { hosts, trace } = await askByMx(25, false, 'kim@nowhere.example');
    expect(hosts).toEqual([]);
    expect(trace.at(-1)).toMatchObject({ rule: 'outbound/nobody', detail: expect.stringMatching(/^5\d\d /) });
  });
});

test.each([
  { auth: { user: 'contoso', passwordFile: '/nonexistent/password', passwordEnv: null } },
  { ca: '/nonexistent/ca.pem' },
])('where a file is missing nobody is asked: %j', async (connector) => {
  const host = await hostWith();
  const answer = await ask({ smartHosts: [`[127.0.0.1]:${host.port}`], ...connector });
  expect(answer.hosts).toEqual([]);
  const detail = expect.stringContaining('/nonexistent/') as string;
  expect(answer.trace.at(-1)).toEqual({ rule: 'outbound/not-set-up', detail });
  expect(host.connections().total).toBe(0);
});

test('of more than twenty hosts the first twenty are asked', async () => {
  const host = await hostWith();
  host.die();
  const names = Array.from({ length: 8 }, (_, index) => `smart${index}.example`);
  const addresses = (index: number): string[] => [1, 2, 3].map((last) => `127.0.${index + 1}.${last}`);
  const dns = await startDnsServer(Object.fromEntries(names.map((name, index) => [`A ${name}`, addresses(index)])));
  onTestFinished(() => dns.close());
  const smartHosts = names.map((name) => `${name}:${host.port}`);
  const { hosts, trace } = await ask({ smartHosts, resolvers: [dns.address] });
  expect(hosts).toHaveLength(20);
  expect(trace.at(-1)?.detail).toBe('the first 20 are asked, 4 more are not');
});

describe('a question that cannot be asked', () => {
  test.each([
    [{ connector: 'Uot' }, 3, /no send connector "Uot" \(did you mean "Out"\?\)/],
    [{ to: undefined }, 2, /"Out" has no smart hosts.*--to/],
    [{ to: 'kim' }, 2, /--to takes an address, found "kim"/],
    [{ from: 'kim@' }, 2, /--from takes an address, found "kim@"/],
    [{ on: 'CAS9' }, 3, /no front end "CAS9"/],
  ])('%j: exit code %i', async (question, exitCode, message) => {
    await expect(ask({}, question)).rejects.toMatchObject({ exitCode, message: expect.stringMatching(message) });
  });
});

test('people see the way to the hosts, what was said, the certificate and the end', async () => {
  const host = await hostWith({ tls: { certificate } });
  const answer = await ask({ smartHosts: [`localhost:${host.port}`], tls: 'verify', ca: certificate.caFile });
  const text = connectorTestText(answer, (_, words) => words);
  const expected = [
    /^ {2}outbound\/smart-hosts {2}Out -> localhost:\d+ \(127\.0\.0\.1/,
    new RegExp(`^localhost \\[127\\.0\\.0\\.1\\]:${host.port}$`, 'm'),
    /^ {2}\* tls: verify: the certificate must be for localhost$/m,
    /^ {2}\* connected from 127\.0\.0\.1 in [\d.]+ ms$/m,
    /^ {2}< 220 scripted ESMTP$/m,
    /^ {2}> STARTTLS$/m,
    /^ {2}\* TLS: TLSv1\.3 TLS_\S+$/m,
    /^ {2}\* certificate of CN=localhost, issued by CN=authority of localhost, valid until 20/m,
    /^ {2}\* certificate is for localhost, mx\.fabrikam\.example, 127\.0\.0\.1$/m,
    /^ {2}\* certificate verified$/m,
    /^accepted 250 2\.0\.0 ok$/m,
  ];
  for (const part of expected) expect(text).toMatch(part);
});
