import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stateFolder } from '../../src/settings.js';
import { startDnsServer, type TestDnsServer } from '../support/dns-server.js';
import { makeCertificate, type TestCertificate } from '../support/peers/certificate.js';
import { type Dovecot, startDovecot } from '../support/peers/dovecot.js';
import { type DeliveredMessage, type Postfix, startPostfix } from '../support/peers/postfix.js';
import { type ScriptedHost, startScriptedHost } from '../support/peers/scripted-host.js';
import { headerValues } from '../support/peers/stored-message.js';
import { describePeer } from '../support/require-peer.js';
import { run } from '../support/run.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';
import { hq1Address, impatient, type OutboundEstate, startOutboundEstate } from './outbound-estate.js';
import { codeOf, connectSender, copiesOf, lastOf, message, send } from './outbound-sender.js';

const user = 'contoso@fabrikam.example';
const password = 'Right-Horse-7731';
const wrongPassword = 'Wrong-Horse-4492';

/** Everything that must not be lost or changed on the way: dots, tabs, spaces at line ends, bytes above 127, folds. */
const awkward = [
  'Message-ID: <awkward@contoso.com>',
  'Received: from inner.contoso.com ([10.0.0.1])\r\n\tby hq1.contoso.com; Sun, 22 Nov 2026 10:00:00 +0000',
  'from: "Ann"  <ann@contoso.com>',
  'Date: Sun, 22 Nov 2026 10:00:01 +0000',
  'X-Folded: one\r\n  two\r\n\tthree ',
  'Subject: awkward',
  '',
  '.',
  '..two dots',
  '.one dot',
  'spaces at the end   ',
  '\ttab',
  '',
  Array.from({ length: 128 }, (_, index) => String.fromCharCode(128 + index)).join(''),
  'y'.repeat(990),
  '',
  '',
].join('\r\n');

describePeer(['postfix', 'dovecot', 'swaks-tls'], 'a Postfix as smart host that wants TLS and a password', () => {
  let dovecot: Dovecot;
  let postfix: Postfix;
  let dns: TestDnsServer;
  let estate: OutboundEstate;
  const folder = tempDir('passwords');
  const variable = 'USHER_TEST_SMART_HOST_PASSWORD';

  beforeAll(async () => {
    const certificate = await makeCertificate(['smart.fabrikam.example']);
    const stranger = await makeCertificate(['smart.fabrikam.example']);
    dovecot = await startDovecot({ name: 'SASL', users: [{ user, password }] });
    postfix = await startPostfix({
      name: 'smart.fabrikam.example',
      domains: ['fabrikam.example', 'variable.example', 'wrong.example', 'untrusted.example'],
      settings: {
        smtpd_tls_security_level: 'may',
        smtpd_tls_auth_only: 'yes',
        smtpd_tls_chain_files: `${certificate.keyFile}, ${certificate.certFile}`,
        smtpd_tls_received_header: 'yes',
        smtpd_sasl_auth_enable: 'yes',
        smtpd_sasl_type: 'dovecot',
        smtpd_sasl_path: dovecot.authSocket,
        smtpd_sasl_authenticated_header: 'yes',
        smtpd_relay_restrictions: 'permit_sasl_authenticated, reject',
      },
    });
    dns = await startDnsServer({ 'A smart.fabrikam.example': ['127.0.0.1'] });
    writeFileSync(join(folder, 'right'), `${password}\n`, { mode: 0o600 });
    writeFileSync(join(folder, 'wrong'), `${wrongPassword}\n`, { mode: 0o600 });
    process.env[variable] = password;
    const common = {
      smartHosts: [`smart.fabrikam.example:${postfix.port}`],
      resolvers: [dns.address],
      tls: 'verify',
      ca: certificate.caFile,
      heloName: 'front.contoso.com',
      protocolLog: true,
    };
    const auth = { user, passwordFile: join(folder, 'right') };
    estate = await startOutboundEstate({
      sendConnectors: [
        { ...common, name: 'Fabrikam', addressSpaces: ['fabrikam.example'], auth },
        { ...common, name: 'By variable', addressSpaces: ['variable.example'], auth: { user, passwordEnv: variable } },
        {
          ...common,
          name: 'Wrong',
          addressSpaces: ['wrong.example'],
          auth: { user, passwordFile: join(folder, 'wrong') },
        },
        { ...common, name: 'Untrusted', addressSpaces: ['untrusted.example'], auth, ca: stranger.caFile },
      ],
      doors: { protocolLog: true },
    });
  });
  afterAll(async () => {
    delete process.env[variable];
    await estate?.usher.stop();
    dns?.close();
    await postfix?.stop();
    await dovecot?.stop();
  });

  const delivered = (subject: string): Promise<DeliveredMessage> =>
    until(`the delivery of "${subject}"`, () =>
      postfix.messages().find((message) => headerValues(message, 'Subject')[0] === subject),
    );

  test('mail of a server arrives byte for byte, below our Received', async () => {
    const mail = { to: ['kim@fabrikam.example'], content: awkward, mailParameters: 'BODY=8BITMIME' };
    expect(codeOf((await send(estate.ports.proxy, mail)).end)).toBe('250 2.0.0');
    const { text, sender, recipient } = await delivered('awkward');
    expect({ sender, recipient }).toEqual({ sender: 'ann@contoso.com', recipient: 'kim@fabrikam.example' });
    const sent = awkward.replaceAll('\r\n', '\n');
    expect(text.slice(-sent.length)).toBe(sent);
    const above = { header: text.slice(0, -sent.length) };
    const [theirs, ours, ...others] = headerValues(above, 'Received');
    expect(others).toEqual([]);
    expect(theirs).toMatch(/^from front\.contoso\.com .*TLSv1\.[23].*Authenticated sender: contoso@fabrikam\.example/);
    expect(ours).toMatch(/^from hq1\.contoso\.com \(\[127\.0\.0\.21\]\) by front\.contoso\.com \(usher\) with ESMTP/);
  });

  test('a password may come from the environment', async () => {
    const answers = await send(estate.ports.proxy, { to: ['kim@variable.example'], content: message('variable') });
    expect(codeOf(answers.end)).toBe('250 2.0.0');
    expect(copiesOf([{ content: (await delivered('variable')).text }], 'variable')).toHaveLength(1);
  });

  test('swaks at the address of the server, with TLS to us', async () => {
    const { code, stdout } = await run('swaks', [
      ...['--server', `127.0.0.1:${estate.ports.proxy}`, '--local-interface', hq1Address, '--tls'],
      ...['--from', 'ann@contoso.com', '--to', 'kim@fabrikam.example', '--header', 'Subject: swaks', '--body', 'hello'],
    ]);
    expect(code, stdout).toBe(0);
    expect((await delivered('swaks')).body.trim()).toBe('hello');
  });

  test('a wrong password of ours is a temporary failure for the sender', async () => {
    const answers = await send(estate.ports.proxy, { to: ['kim@wrong.example'], content: message('wrong') });
    expect(codeOf(lastOf(answers))).toBe('451 4.7.0');
    await until('the log line', () => /"connector":"Wrong".*\bauth: 535 /.test(estate.log()));
    expect(postfix.messages().filter(({ recipient }) => recipient === 'kim@wrong.example')).toEqual([]);
  });

  test('a password put right is used at once', async () => {
    const file = join(folder, 'wrong');
    writeFileSync(file, password);
    const answers = await send(estate.ports.proxy, { to: ['kim@wrong.example'], content: message('put-right') });
    expect(codeOf(answers.end)).toBe('250 2.0.0');
    expect((await delivered('put-right')).recipient).toBe('kim@wrong.example');
  });

  test('a certificate of an authority nobody named is not trusted', async () => {
    const before = postfix.log().length;
    const answers = await send(estate.ports.proxy, { to: ['kim@untrusted.example'], content: message('untrusted') });
    expect(codeOf(lastOf(answers))).toMatch(/^4\d\d 4\.\d\.\d$/);
    expect(postfix.log().slice(before)).not.toMatch(/sasl_username|client=.*sasl/);
    expect(postfix.messages().filter(({ recipient }) => recipient === 'kim@untrusted.example')).toEqual([]);
  });

  test('the same from the door for everybody', async () => {
    const answers = await send(estate.ports.front, { to: ['kim@fabrikam.example'], content: message('at25') });
    expect(codeOf(answers.end)).toBe('250 2.0.0');
    const { header } = await delivered('at25');
    expect(headerValues({ header }, 'Received')[1]).toContain('connector "Default Frontend"');
  });

  test('a stranger relays nothing, at neither door', async () => {
    const stranger = await connectSender(estate.ports.front, '127.0.0.77');
    expect(await stranger.ask('MAIL FROM:<ann@contoso.com>')).toMatch(/^250 /);
    expect(await stranger.ask('RCPT TO:<kim@fabrikam.example>')).toMatch(/^550 5\.7\.1 /);
    expect(await stranger.ask('DATA')).toMatch(/^5/);
    stranger.close();
    const other = await connectSender(estate.ports.proxy, '127.0.0.77');
    expect(await other.ask('MAIL FROM:<ann@contoso.com>')).toMatch(/^530 5\.7\.1 /);
    expect(await other.ask('RCPT TO:<kim@fabrikam.example>')).toMatch(/^503 /);
    other.close();
  });

  test('track shows the connector and the host', async () => {
    const mail = { to: ['kim@fabrikam.example'], content: message('tracked') };
    expect(codeOf((await send(estate.ports.proxy, mail)).end)).toBe('250 2.0.0');
    const [record] = await until('the record', async () => {
      const records = await estate.tracked('--message-id', '<tracked@contoso.com>');
      return records.length > 0 && records;
    });
    expect(record).toMatchObject({ outcome: 'accepted', connector: 'Outbound Proxy Frontend', tried: [] });
    expect(record?.server).toContain(`smart.fabrikam.example [127.0.0.1]:${postfix.port}`);
    expect(record?.decision).toMatchObject({ outcome: 'send' });
    const text = await estate.usher.cli('track', '--message-id', '<tracked@contoso.com>', '--trace');
    expect(text).toContain('Fabrikam');
    expect(text).toContain(`[127.0.0.1]:${postfix.port}`);
    const [failed] = await estate.tracked('--to', 'kim@wrong.example');
    expect(JSON.stringify(failed?.tried)).toContain(`[127.0.0.1]:${postfix.port}`);
    expect(JSON.stringify(failed?.decision)).toContain('Wrong (cost');
  });

  test('test routing says the same', async () => {
    const words = ['--from', 'ann@contoso.com', '--client-ip', hq1Address, '--port', `${estate.ports.proxy}`];
    const answer = await estate.usher.route('mail', '--to', 'kim@fabrikam.example', ...words);
    expect(answer).toMatchObject({
      outcome: 'send',
      connector: 'Fabrikam',
      receiveConnector: 'Outbound Proxy Frontend',
      deliveryGroup: { kind: 'connector', name: 'Fabrikam' },
    });
    const nowhere = await estate.usher.route('mail', '--to', 'kim@nowhere.example', ...words);
    expect(nowhere).toMatchObject({ outcome: 'reject', reply: { code: 550, enhanced: '5.4.4' } });
  });

  test('the passwords stand in no file of ours and in no output', async () => {
    const { usher } = estate;
    const shown = [
      await usher.cli('export'),
      await usher.cli('send-connector', 'show', 'Fabrikam'),
      await usher.cli('send-connector', 'show', 'Wrong', '--json'),
      await usher.cli('send-connector', 'list', '--json'),
      await usher.cli('history', '--json'),
      await usher.cli('status', '--json'),
      ...filesBelow([stateFolder(usher.store), usher.store, `${usher.store}-wal`]),
    ];
    // The conversations are among them, the password aside.
    expect(shown.filter((text) => /,<,.*235 2\.7\.0/.test(text))).not.toEqual([]);
    const forms = [password, wrongPassword].flatMap((secret) => [
      secret,
      Buffer.from(secret).toString('base64'),
      Buffer.from(`\0${user}\0${secret}`).toString('base64'),
    ]);
    for (const form of forms) expect(shown.filter((text) => text.includes(form))).toEqual([]);
  });
});

function filesBelow(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    if (!existsSync(path)) return [];
    if (statSync(path).isFile()) return [readFileSync(path, 'latin1')];
    const entries = readdirSync(path, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
    return entries.map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
  });
}

describe('certificates at smart hosts', () => {
  let asking: ScriptedHost;
  let implicit: ScriptedHost;
  let theirs: TestCertificate;
  let estate: OutboundEstate;

  beforeAll(async () => {
    theirs = await makeCertificate(['mail.partner.example']);
    const ours = await makeCertificate(['front.contoso.com']);
    asking = await startScriptedHost({ tls: { certificate: theirs, clientCa: ours.ca } });
    implicit = await startScriptedHost({ tls: { certificate: theirs, from: 'first-byte' } });
    const common = { ca: theirs.caFile, ...impatient };
    const toAsking = { ...common, smartHosts: [`[127.0.0.1]:${asking.port}`] };
    estate = await startOutboundEstate({
      sendConnectors: [
        { ...toAsking, name: 'Named', addressSpaces: ['named.example'], tls: 'domain:mail.partner.example' },
        { ...toAsking, name: 'Other', addressSpaces: ['other.example'], tls: 'domain:mail.other.example' },
        { ...toAsking, name: 'Verify', addressSpaces: ['verify.example'], tls: 'verify' },
        { ...toAsking, name: 'Shown', addressSpaces: ['shown.example'], tls: 'encrypt', certificate: 'ours' },
        {
          ...common,
          name: 'Implicit',
          addressSpaces: ['implicit.example'],
          smartHosts: [`[127.0.0.1]:${implicit.port}`],
          implicitTls: true,
          tls: 'domain:mail.partner.example',
        },
      ],
      rest: { certificates: [{ name: 'ours', certFile: ours.certFile, keyFile: ours.keyFile }] },
    });
  });
  afterAll(async () => {
    await estate?.usher.stop();
    asking?.close();
    implicit?.close();
  });

  const sendTo = (domain: string) =>
    send(estate.ports.proxy, { to: [`kim@${domain}`], content: message(domain.replace('.', '-')) });

  test('a name of the connector is looked for in place of the host', async () => {
    expect(codeOf((await sendTo('named.example')).end)).toMatch(/^250/);
    expect(copiesOf(asking.messages, 'named-example')).toMatchObject([{ tls: 'secure', clientCertificate: null }]);
  });

  test.each(['other.example', 'verify.example'])('%s: a certificate for another name gets nothing', async (domain) => {
    const before = asking.commands.length;
    expect(codeOf(lastOf(await sendTo(domain)))).toMatch(/^4\d\d 4\.\d\.\d$/);
    const said = asking.commands.slice(before).map(({ line }) => line);
    expect(said.filter((line) => !/^(EHLO|STARTTLS)/.test(line))).toEqual([]);
    expect(said.length).toBeGreaterThan(0);
  });

  test('our own certificate is shown to a host that asks for one', async () => {
    expect(codeOf((await sendTo('shown.example')).end)).toMatch(/^250/);
    expect(copiesOf(asking.messages, 'shown-example')).toMatchObject([{ clientCertificate: 'front.contoso.com' }]);
  });

  test('TLS from the first byte', async () => {
    expect(codeOf((await sendTo('implicit.example')).end)).toMatch(/^250/);
    expect(implicit.messages).toMatchObject([{ tls: 'secure', to: ['kim@implicit.example'] }]);
    expect(implicit.commands.some(({ line }) => line === 'STARTTLS')).toBe(false);
  });
});
