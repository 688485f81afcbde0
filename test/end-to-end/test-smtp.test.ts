import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConnectorTest } from '../../src/runtime/test-connector.js';
import { stateFolder } from '../../src/settings.js';
import { parseStrictCsv } from '../observability/strict-csv.js';
import { freePort } from '../support/free-port.js';
import { makeCertificate } from '../support/peers/certificate.js';
import { type Dovecot, startDovecot } from '../support/peers/dovecot.js';
import { type Postfix, startPostfix } from '../support/peers/postfix.js';
import { describePeer } from '../support/require-peer.js';
import type { RunResult } from '../support/run.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';
import { impatient, type OutboundEstate, startOutboundEstate } from './outbound-estate.js';
import { codeOf, message, send } from './outbound-sender.js';

const user = 'contoso@fabrikam.example';
const password = 'Right-Horse-7731';
const wrongPassword = 'Wrong-Horse-4492';

describePeer(['postfix', 'dovecot'], 'usher test smtp and a Postfix that wants TLS and a password', () => {
  let dovecot: Dovecot;
  let postfix: Postfix;
  let estate: OutboundEstate;
  let nobodysPort: number;

  beforeAll(async () => {
    const certificate = await makeCertificate(['localhost']);
    const stranger = await makeCertificate(['localhost']);
    dovecot = await startDovecot({ name: 'SASL', users: [{ user, password }] });
    postfix = await startPostfix({
      name: 'smart.fabrikam.example',
      domains: ['fabrikam.example'],
      recipients: ['kim@fabrikam.example'],
      settings: {
        smtpd_tls_security_level: 'may',
        smtpd_tls_auth_only: 'yes',
        smtpd_tls_chain_files: `${certificate.keyFile}, ${certificate.certFile}`,
        smtpd_sasl_auth_enable: 'yes',
        smtpd_sasl_type: 'dovecot',
        smtpd_sasl_path: dovecot.authSocket,
        smtpd_relay_restrictions: 'permit_sasl_authenticated, reject',
      },
      doors: { plain: { smtpd_tls_security_level: 'none' } },
    });
    const folder = tempDir('passwords');
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), `${text}\n`, { mode: 0o600 });
      return join(folder, name);
    };
    nobodysPort = await freePort();
    const common = {
      smartHosts: [`localhost:${postfix.port}`],
      tls: 'verify',
      ca: certificate.caFile,
      auth: { user, passwordFile: file('right', password) },
      ...impatient,
    };
    estate = await startOutboundEstate({
      sendConnectors: [
        { ...common, name: 'Fabrikam', addressSpaces: ['fabrikam.example'], protocolLog: true },
        { ...common, name: 'Two', smartHosts: [`localhost:${nobodysPort}`, ...common.smartHosts] },
        { ...common, name: 'Wrong', auth: { user, passwordFile: file('wrong', wrongPassword) } },
        { ...common, name: 'Untrusted', ca: stranger.caFile },
        { ...common, name: 'Plain', tls: 'encrypt', auth: null, smartHosts: [`localhost:${postfix.ports['plain']}`] },
        { name: 'Internet', enabled: false },
      ],
    });
  });
  afterAll(async () => {
    await estate?.usher.stop();
    await postfix?.stop();
    await dovecot?.stop();
  });

  const attempt = (...words: readonly string[]): Promise<RunResult> => estate.usher.attempt('test', 'smtp', ...words);

  async function ask(...words: readonly string[]): Promise<{ code: number | null; answer: ConnectorTest }> {
    const { code, stdout, stderr } = await attempt(...words, '--json');
    expect(stderr).toBe('');
    expect(stdout).not.toMatch(/Horse|AGNvbnRvc29/);
    return { code, answer: JSON.parse(stdout) as ConnectorTest };
  }

  test('a recipient that is taken: exit 0, and no message', async () => {
    const { code, answer } = await ask('--connector', 'fabrikam', '--to', 'kim@fabrikam.example', '--from', '<>');
    expect(code).toBe(0);
    expect(answer).toMatchObject({ connector: 'Fabrikam', to: 'kim@fabrikam.example' });
    expect(answer.revision).toBeGreaterThan(0);
    const host = answer.hosts.find(({ outcome }) => outcome === 'accepted');
    expect(host).toMatchObject({ host: 'localhost', address: '127.0.0.1', port: postfix.port });
    expect(host?.reason).toMatch(/^250 2\.1\.5/);
    expect(host?.tls).toMatchObject({ version: 'TLSv1.3', certificate: { verified: true, names: ['localhost'] } });
    const said = host?.dialogue.map(({ direction, text }) => `${direction} ${text}`) ?? [];
    expect(said).toEqual(expect.arrayContaining(['> AUTH PLAIN *', '< 235 2.7.0', '> RCPT TO:<kim@fabrikam.example>']));
    expect(said.at(-1)).toMatch(/^< 221 /);
    expect(postfix.messages()).toEqual([]);
    expect(existsSync(join(stateFolder(estate.usher.store), 'log', 'send'))).toBe(false);
  });

  test('people read the same', async () => {
    const { code, stdout, stderr } = await attempt('--connector', 'Fabrikam');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^ {2}outbound\/smart-hosts {2}Fabrikam -> localhost:/);
    expect(stdout).toMatch(/^ {2}< 220 smart\.fabrikam\.example ESMTP/m);
    expect(stdout).toMatch(/^ {2}\* certificate verified$/m);
    expect(stdout).toMatch(/^accepted 250 2\.1\.0 Ok$/m);
    expect(stdout).not.toContain('RCPT');
  });

  test('one host of several is enough', async () => {
    const { code, answer } = await ask('--connector', 'Two', '--to', 'kim@fabrikam.example');
    expect(code).toBe(0);
    const outcomes = new Map(answer.hosts.map(({ port, outcome }) => [port, outcome]));
    expect([...outcomes].toSorted(([a], [b]) => a - b)).toEqual(
      [
        [nobodysPort, 'failed'],
        [postfix.port, 'accepted'],
      ].toSorted(([a], [b]) => Number(a) - Number(b)),
    );
  });

  test.each([
    ['Fabrikam', 'nobody@fabrikam.example', 'refused', /^550 5\.1\.1 .*unknown/],
    ['Wrong', 'kim@fabrikam.example', 'failed', /^auth: 535 5\.7\.8 \(words withheld/],
    ['Untrusted', 'kim@fabrikam.example', 'failed', /failed the TLS handshake/],
    ['Plain', 'kim@fabrikam.example', 'failed', /does not offer STARTTLS/],
  ] as const)('%s, %s: exit 7', async (connector, to, outcome, reason) => {
    const { code, answer } = await ask('--connector', connector, '--to', to);
    expect(code).toBe(7);
    const [host] = answer.hosts.filter(({ address }) => address === '127.0.0.1');
    expect(host).toMatchObject({ outcome, reason: expect.stringMatching(reason) });
    if (connector === 'Untrusted') {
      expect(host?.tls?.certificate).toMatchObject({ subject: 'CN=localhost', verified: false });
    }
  });

  test.each([
    [['--connector', 'Nowhere'], 3, 'there is no send connector "Nowhere"'],
    [['--connector', 'Internet'], 2, 'send connector "Internet" has no smart hosts'],
    [['--connector', 'Fabrikam', '--to', 'kim'], 2, '--to takes an address, found "kim"'],
    [['--to', 'kim@fabrikam.example'], 2, '--connector'],
  ])('%j: exit %i', async (words, exit, expected) => {
    const { code, stdout, stderr } = await attempt(...words);
    expect({ code, stdout }).toEqual({ code: exit, stdout: '' });
    expect(stderr).toContain(expected);
  });

  test('mail of a connector with a protocol log leaves its conversation in log/send', async () => {
    const answers = await send(estate.ports.proxy, { to: ['kim@fabrikam.example'], content: message('logged') });
    expect(codeOf(answers.end)).toBe('250 2.0.0');
    const folder = join(stateFolder(estate.usher.store), 'log', 'send');
    const text = await until('the protocol log', () => {
      const [file] = existsSync(folder) ? readdirSync(folder) : [];
      const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8');
      return text.includes(',DATA,') && text;
    });
    expect(readdirSync(folder)).toEqual([expect.stringMatching(/^SEND\d{8}-1\.log$/)]);
    expect(text).toContain('#Log-type: SMTP Send Protocol Log\n');
    expect(text).not.toMatch(/Horse|AGNvbnRvc29/);
    const rows = parseStrictCsv(text.replace(/^#.*\n/gm, ''));
    expect(rows.every(([, connector]) => connector === 'Fabrikam')).toBe(true);
    expect(rows.map(([, , , , , , event, data]) => `${event} ${data}`)).toContain('> AUTH PLAIN *');
  });
});
