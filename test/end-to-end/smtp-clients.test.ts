import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TrackingRecord } from '../../src/observability/tracking.js';
import { stateFolder } from '../../src/settings.js';
import { freePorts } from '../support/free-port.js';
import { makeCertificate, type TestCertificate } from '../support/peers/certificate.js';
import { type Dovecot, startDovecot } from '../support/peers/dovecot.js';
import { type DeliveredMessage, type Postfix, startPostfix } from '../support/peers/postfix.js';
import { headerValues } from '../support/peers/stored-message.js';
import { describePeer } from '../support/require-peer.js';
import { type RunResult, run } from '../support/run.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';
import { smtpEstate } from './smtp-estate.js';

const user = 'ann@contoso.com';
const password = 'pass-word-of-ann';
const peers = ['postfix', 'dovecot', 'swaks-tls', 'curl', 'smtp-source'] as const;

describePeer(peers, 'clients of all kinds, and a Postfix that asks Dovecot about passwords', () => {
  let dovecot: Dovecot;
  let postfix: Postfix;
  let usher: Usher;
  let certificate: TestCertificate;
  let ports: { mail: number; submission: number; submissions: number };

  beforeAll(async () => {
    dovecot = await startDovecot({ name: 'MBX1', users: [{ user, password }] });
    postfix = await startPostfix({
      name: 'mbx1.contoso.com',
      domains: ['contoso.com'],
      tls: 'available',
      // What goes outside is kept too, where it can be seen.
      settings: { default_transport: 'virtual', relay_transport: 'virtual' },
      doors: {
        submissions: {
          smtpd_tls_wrappermode: 'yes',
          smtpd_sasl_auth_enable: 'yes',
          smtpd_sasl_type: 'dovecot',
          smtpd_sasl_path: dovecot.authSocket,
          smtpd_sasl_authenticated_header: 'yes',
          smtpd_relay_restrictions: 'permit_sasl_authenticated, reject',
        },
      },
    });
    certificate = await makeCertificate(['front.contoso.com', 'localhost', '127.0.0.1']);
    const [mail = 0, submission = 0, submissions = 0] = await freePorts(3);
    ports = { mail, submission, submissions };
    const door = { protocolLog: true, certificate: 'front' };
    const endpoints = {
      smtp: { port: postfix.port, tls: 'starttls', ca: postfix.caFile },
      submission: { port: postfix.ports['submissions'], tls: 'implicit', ca: postfix.caFile },
    };
    const forUsers = { ...door, permissionGroups: ['users'] };
    usher = await startUsher(
      smtpEstate({
        servers: [endpoints],
        connectors: [
          { ...door, bindings: [`127.0.0.1:${mail}`] },
          { ...forUsers, bindings: [`127.0.0.1:${submission}`], auth: ['tls', 'basic', 'basic-require-tls'] },
          { ...forUsers, bindings: [`127.0.0.1:${submissions}`], auth: ['tls', 'basic'], implicitTls: true },
        ],
        rest: {
          certificates: [{ name: 'front', certFile: certificate.certFile, keyFile: certificate.keyFile }],
        },
      }),
    );
  });
  afterAll(async () => {
    await usher?.stop();
    await postfix?.stop();
    await dovecot?.stop();
  });

  const delivered = (subject: string): Promise<DeliveredMessage> =>
    until(`the delivery of "${subject}"`, () =>
      postfix.messages().find((message) => headerValues(message, 'Subject')[0] === subject),
    );

  const tracked = async (...words: readonly string[]) =>
    JSON.parse(await usher.cli('track', '--json', ...words)) as TrackingRecord[];

  const swaks = (port: number, subject: string, ...words: readonly string[]): Promise<RunResult> =>
    run('swaks', [
      ...['--server', `127.0.0.1:${port}`, '--header', `Subject: ${subject}`, '--body', '.one\n..two\nthree.'],
      ...['--header', `Message-Id: <${subject}@client.test>`, ...words],
    ]);

  const curl = (url: string, subject: string, ...words: readonly string[]): Promise<RunResult> =>
    run('curl', ['--silent', '--show-error', '--url', url, '--cacert', certificate.caFile, '-T', '-', ...words], {
      input: `Subject: ${subject}\r\n\r\n.one\r\n..two\r\nthree.\r\n`,
    });

  test('swaks with STARTTLS', async () => {
    const { code, stdout } = await swaks(
      ports.mail,
      'swaks',
      ...['--from', 'kim@fabrikam.test', '--to', user, '--tls', '--pipeline'],
    );
    expect(code, stdout).toBe(0);
    const message = await delivered('swaks');
    expect(message).toMatchObject({ recipient: user, sender: 'kim@fabrikam.test' });
    expect(message.body.trim()).toBe('.one\n..two\nthree.');
    // Our field is below that of Postfix, which spoke TLS with us.
    const [ofPostfix, ofUsher] = headerValues(message, 'Received');
    expect(ofPostfix).toMatch(/^from front\.contoso\.com .*using TLSv1\.3/);
    expect(ofUsher).toMatch(/ with ESMTPS id .*\(connector "Inbound 1"; TLSv1\.3 TLS_/);
    expect(await tracked('--message-id', '<swaks@client.test>')).toMatchObject([
      { outcome: 'accepted', server: 'MBX1', decision: { outcome: 'proxy', reason: 'one-mailbox-recipient' } },
    ]);
  });

  test('curl, with TLS that it checks', async () => {
    const words = ['--mail-from', 'kim@fabrikam.test', '--mail-rcpt', user, '--mail-rcpt', 'bob@contoso.com'];
    const { code, stderr } = await curl(`smtp://127.0.0.1:${ports.mail}`, 'curl', '--ssl-reqd', ...words);
    expect(code, stderr).toBe(0);
    expect((await delivered('curl')).body.trim()).toBe('.one\n..two\nthree.');
    const recipients = () => postfix.messages().filter((message) => headerValues(message, 'Subject')[0] === 'curl');
    await until('both deliveries', () => recipients().length === 2);
    const [record] = await tracked('--to', 'bob@contoso.com', '--from', 'kim@fabrikam.test');
    expect(record?.recipients.map(({ address, verdict }) => `${address} ${verdict}`)).toEqual([
      `${user} accept`,
      'bob@contoso.com accept',
    ]);
  });

  test('nodemailer with an attachment of every byte', async () => {
    const content = Buffer.from(Array.from({ length: 4096 }, (_, index) => index % 256));
    const tls = { ca: certificate.ca };
    const transport = createTransport({ host: 'localhost', port: ports.mail, secure: false, tls });
    const attachments = [{ filename: 'all.bin', content }];
    const { response } = await transport.sendMail({
      ...{ from: 'kim@fabrikam.test', to: user, subject: 'nodemailer', text: 'Grüße', attachments },
    });
    expect(response).toMatch(/^250 2\.0\.0 Ok: queued as /);
    expect((await delivered('nodemailer')).body.replaceAll('\n', '')).toContain(content.toString('base64'));
  });

  test('smtp-source with messages by the dozen', async () => {
    const before = postfix.messages().length;
    const words = ['-m', '60', '-s', '6', '-l', '3000', '-f', 'kim@fabrikam.test', '-t', user];
    const { code, stderr } = await run('smtp-source', [...words, `inet:127.0.0.1:${ports.mail}`]);
    expect(code, stderr).toBe(0);
    await until('the deliveries', () => postfix.messages().length === before + 60);
  });

  test.each([
    ['PLAIN', 'submission', '--tls'],
    ['LOGIN', 'submission', '--tls'],
    ['PLAIN', 'submissions', '--tlsc'],
    ['LOGIN', 'submissions', '--tlsc'],
  ] as const)('swaks logs on by %s at the %s door', async (mechanism, door, tls) => {
    const subject = `auth-${mechanism}-${door}`;
    const login = ['--auth', mechanism, '--auth-user', user, '--auth-password', password];
    const words = [tls, '--from', user, '--to', 'friend@fabrikam.test', ...login];
    const { code, stdout } = await swaks(ports[door], subject, ...words);
    expect(code, stdout).toBe(0);
    const message = await delivered(subject);
    expect(message).toMatchObject({ recipient: 'friend@fabrikam.test', sender: user });
    expect(headerValues(message, 'Received')[0]).toContain(`(Authenticated sender: ${user})`);
    expect(headerValues(message, 'Received')[1]).toContain(' with ESMTPSA ');
    expect(await tracked('--message-id', `${subject}@client.test`)).toMatchObject([
      { outcome: 'accepted', user, server: 'MBX1', tls: 'TLSv1.3' },
    ]);
  });

  test('curl and nodemailer log on too', async () => {
    const words = ['--mail-from', user, '--mail-rcpt', 'friend@fabrikam.test', '--user', `${user}:${password}`];
    const { code, stderr } = await curl(`smtps://127.0.0.1:${ports.submissions}`, 'curl-auth', ...words);
    expect(code, stderr).toBe(0);
    await delivered('curl-auth');
    const transport = createTransport({
      ...{ host: 'localhost', port: ports.submission, requireTLS: true, tls: { ca: certificate.ca } },
      auth: { user, pass: password },
    });
    await transport.sendMail({ from: user, to: 'friend@fabrikam.test', subject: 'mailer-auth', text: 'hello' });
    expect(await delivered('mailer-auth')).toMatchObject({ recipient: 'friend@fabrikam.test', sender: user });
  });

  test.each([
    ['a wrong password', user, 'wrong-pass-word'],
    ['an unknown user', 'nobody@contoso.com', password],
  ])('%s: 535, and nothing is sent', async (_what, name, word) => {
    const login = ['--auth', 'PLAIN', '--auth-user', name, '--auth-password', word];
    const { code, stdout } = await swaks(ports.submission, 'refused', '--tls', '--from', user, '--to', user, ...login);
    expect(code, stdout).toBe(28);
    expect(stdout).toMatch(/535 5\.7\.8 /);
  });

  test('without TLS there is no login at the submission door, and no mail', async () => {
    const login = ['--auth', 'PLAIN', '--auth-user', user, '--auth-password', password];
    const { code, stdout } = await swaks(ports.submission, 'refused', '--from', user, '--to', user, ...login);
    expect(code, stdout).toBe(28);
    expect(stdout).not.toMatch(/250[- ]AUTH|-> AUTH/);
    const { stdout: words } = await swaks(ports.submission, 'refused', '--from', user, '--to', user);
    expect(words).toMatch(/530 5\.7\.1 /);
  });

  test('the protocol log has the conversations, and nothing we write down has a password', async () => {
    const folder = stateFolder(usher.store);
    const receive = join(folder, 'log', 'receive');
    const log = await until('the last conversation', () => {
      const text = filesIn(receive).join('');
      return text.includes('530 5.7.1') && text;
    });
    const lines = log.split('\r\n').join('\n').split('\n');
    expect(lines.some((line) => /,<,MAIL FROM:<kim@fabrikam\.test>/.test(line))).toBe(true);
    expect(lines.some((line) => /,Inbound 2,.*,<,AUTH PLAIN/.test(line))).toBe(true);
    expect(lines.some((line) => /,>,235 /.test(line))).toBe(true);
    const all = filesIn(folder).join('');
    for (const word of [password, 'wrong-pass-word']) {
      expect(all).not.toContain(word);
      expect(all).not.toContain(Buffer.from(word).toString('base64').slice(0, -3));
    }
    const plain = Buffer.from(`\0${user}\0${password}`).toString('base64');
    expect(all).not.toContain(plain.slice(0, -3));
  });
});

/** The texts of all files below a folder. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'latin1'));
}
