import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectClient, type SmtpClient } from '../session/smtp/smtp-client.js';
import { freePorts } from '../support/free-port.js';
import { makeCertificate } from '../support/peers/certificate.js';
import { type Postfix, startPostfix } from '../support/peers/postfix.js';
import { type RecordingServer, startRecordingServer } from '../support/recording-server.js';
import { describePeer } from '../support/require-peer.js';
import { run } from '../support/run.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';
import { smtpEstate } from './smtp-estate.js';

/** Recipients outside contoso.com, as they are, and dressed up as inside. */
const outside = [
  '<victim@example.net>',
  '<VICTIM@EXAMPLE.NET>',
  '<"victim"@example.net>',
  '<"ann@contoso.com"@example.net>',
  '<ann@contoso.com@example.net>',
  '<ann%contoso.com@example.net>',
  '<contoso.com!ann@example.net>',
  '<@contoso.com:victim@example.net>',
  '<@contoso.com,@front.contoso.com:victim@example.net>',
  '<@[127.0.0.1]:victim@example.net>',
  '<victim@[192.0.2.1]>',
  '<victim@[127.0.0.1]>',
  '<ann@[IPv6:::1]>',
  '<ann@127.0.0.1>',
  '<ann@contoso.com.example.net>',
  '<ann@xcontoso.com>',
  '<ann@sub.contoso.com>',
  '<ann@contoso.co>',
  '<ann@contoso.com..>',
  '<ann@.contoso.com>',
  '<ann@contoso..com>',
  '<ann@contoso.com@>',
  '<ann@contoso.com>@example.net',
  '<ann@contoso.com>,<victim@example.net>',
  '<ann@contoso.com> <victim@example.net>',
  '<ann@contoso.com>> TO:<victim@example.net>',
  'ann@contoso.com <victim@example.net>',
  '<victim@example.net',
  'victim@example.net',
  '<victim@example.net,ann@contoso.com>',
  '<victim@example.net;ann@contoso.com>',
  '<victim@example.net ann@contoso.com>',
  '<victim@example.net:ann@contoso.com>',
  '<victim@example.net\\@contoso.com>',
  '<"victim@example.net\\"@contoso.com>',
  '<"victim"@example.net"@contoso.com>',
  '<victim(@contoso.com)@example.net>',
  '<@contoso.com>',
  '<@contoso.com:>',
  '<>',
  '<victim>',
  '<ann@cont\u043eso.com>', // a Cyrillic letter
  '<ann@contoso.com\u2025>',
  '<ann@contoso\u0585com>',
  '<ann\uff20example.net@\u0441ontoso.com>',
  '<ann@xn--contoso-.com>',
];

/** Recipients of contoso.com by name whose local part says where else to: other servers have followed that. */
const routed = [
  '<user%example.net@contoso.com>',
  '<user%example.net%example.org@contoso.com>',
  '<"user%example.net"@contoso.com>',
  '<example.net!user@contoso.com>',
  '<"example.net!user"@contoso.com>',
  '<"user@example.net"@contoso.com>',
  '<"<user@example.net>"@contoso.com>',
  '<"@example.net:user"@contoso.com>',
  '<"\\user@example.net"@contoso.com>',
  '<@example.net:user%example.org@contoso.com>',
  '<@example.net,@example.org:"user@example.org"@contoso.com>',
];

/** Forms of ann's own address. */
const inside = [
  '<ann@contoso.com>',
  '<ANN@Contoso.COM>',
  '<"ann"@contoso.com>',
  '<ann@contoso.com.>',
  '<@example.net:ann@contoso.com>',
  '<@example.net,@example.org:ann@contoso.com>',
];

async function answerTo(client: SmtpClient, recipient: string, mail = 'MAIL FROM:<eve@fabrikam.test> SMTPUTF8') {
  expect(await client.ask('RSET')).toMatch(/^250 /);
  expect(await client.ask(mail)).toMatch(/^250 /);
  return client.ask(Buffer.from(`RCPT TO:${recipient}`).toString('latin1'));
}

describe('who may write to whom', () => {
  let mbx: RecordingServer;
  let submission: RecordingServer;
  let usher: Usher;
  let ports: { open: number; users: number };
  const clients: SmtpClient[] = [];

  beforeAll(async () => {
    const certificate = await makeCertificate(['127.0.0.1']);
    mbx = await startRecordingServer();
    submission = await startRecordingServer({ certificate, passwords: { 'ann@contoso.com': 'secret' } });
    const [open = 0, users = 0] = await freePorts(2);
    ports = { open, users };
    const endpoints = {
      smtp: { port: mbx.port, tls: 'none' },
      submission: { port: submission.port, tls: 'implicit', ca: certificate.caFile },
    };
    const common = { auth: ['basic'], maxProtocolErrors: 1000, maxRecipients: 1000 };
    usher = await startUsher(
      smtpEstate({
        servers: [endpoints],
        connectors: [
          { ...common, bindings: [`127.0.0.1:${open}`] },
          { ...common, bindings: [`127.0.0.1:${users}`], permissionGroups: ['users'] },
        ],
      }),
    );
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await usher?.stop();
    mbx?.close();
    submission?.close();
  });

  async function greeted(port: number): Promise<SmtpClient> {
    const client = await connectClient(port);
    clients.push(client);
    expect(await client.reply()).toMatch(/^220 /);
    expect(await client.ask('EHLO client.example')).toMatch(/^250/);
    return client;
  }

  async function loggedOn(port: number): Promise<SmtpClient> {
    const client = await greeted(port);
    const plain = Buffer.from('\0ann@contoso.com\0secret').toString('base64');
    expect(await client.ask(`AUTH PLAIN ${plain}`)).toMatch(/^235 /);
    return client;
  }

  const recipientsAt = ({ commands }: RecordingServer) => commands.filter((line) => line.startsWith('RCPT'));

  test('a stranger reaches nobody outside, however the recipient is written', async () => {
    const client = await greeted(ports.open);
    for (const recipient of outside) {
      expect(await answerTo(client, recipient), recipient).toMatch(/^5\d\d 5\./);
      expect(await client.ask('DATA'), recipient).toMatch(/^503 |^554 /);
    }
    expect(recipientsAt(mbx)).toEqual([]);
  });

  test('the empty sender, our own senders and a sender with a route may no more', async () => {
    const client = await greeted(ports.open);
    const senders = ['<>', '<ann@contoso.com>', '<postmaster@contoso.com>', '<@contoso.com:eve@fabrikam.test>'];
    for (const sender of senders) {
      const answer = await answerTo(client, '<victim@example.net>', `MAIL FROM:${sender}`);
      expect(answer, sender).toMatch(/^550 5\.7\.1 /);
    }
    expect(recipientsAt(mbx)).toEqual([]);
  });

  test('an accepted recipient does not open the door for another', async () => {
    const client = await greeted(ports.open);
    await answerTo(client, '<ann@contoso.com>');
    expect(await client.ask('RCPT TO:<victim@example.net>')).toMatch(/^550 5\.7\.1 /);
    expect(await client.ask('DATA')).toMatch(/^354 /);
    expect(await client.ask('Subject: x\r\n\r\nhello\r\n.')).toMatch(/^250 /);
    expect(mbx.messages.at(-1)?.to).toEqual(['ann@contoso.com']);
  });

  test('forms of an address of ours are accepted and passed on without the route', async () => {
    const client = await greeted(ports.open);
    for (const recipient of inside) {
      expect(await answerTo(client, recipient), recipient).toMatch(/^250 /);
      expect(recipientsAt(mbx).at(-1)).toBe(`RCPT TO:<${/([^<:]*)>$/.exec(recipient)?.[1]}>`);
    }
  });

  test('a local part that names another place is refused', async () => {
    const client = await greeted(ports.open);
    const before = recipientsAt(mbx).length;
    for (const recipient of routed) {
      expect(await answerTo(client, recipient), recipient).toMatch(/^55\d 5\.\d\.\d /);
    }
    expect(recipientsAt(mbx)).toHaveLength(before);
  });

  test('a stranger at a connector for users sends nothing at all', async () => {
    const client = await greeted(ports.users);
    expect(await client.ask('MAIL FROM:<eve@fabrikam.test>')).toMatch(/^530 5\.7\.1 /);
    expect(await client.ask('RCPT TO:<victim@example.net>')).toMatch(/^503 /);
  });

  test.each(['open', 'users'] as const)(
    'a user who logged on (%s) writes outside under the own address only, through its server',
    async (door) => {
      const client = await loggedOn(ports[door]);
      const before = submission.messages.length;
      expect(await client.ask('MAIL FROM:<bob@contoso.com>')).toMatch(/^550 5\.7\.1 /);
      expect(await client.ask('MAIL FROM:<ann@example.net>')).toMatch(/^550 5\.7\.1 /);
      expect(await client.ask('MAIL FROM:<ann@contoso.com>')).toMatch(/^250 /);
      expect(await client.ask('RCPT TO:<friend@example.net>')).toMatch(/^250 /);
      expect(await client.ask('DATA')).toMatch(/^354 /);
      expect(await client.ask('Subject: x\r\n\r\nhello\r\n.')).toMatch(/^250 /);
      expect(submission.messages.slice(before).map(({ to }) => to)).toEqual([['friend@example.net']]);
      expect(mbx.messages.filter(({ to }) => to.includes('friend@example.net'))).toEqual([]);
    },
  );

  test('a recipient that is none stays one for a user who logged on', async () => {
    const client = await loggedOn(ports.users);
    const before = recipientsAt(submission).length;
    const malformed = outside.filter((text) => !/^<[^\s<>]*>$/.test(text) || text === '<>');
    expect(malformed.length).toBeGreaterThan(8);
    for (const recipient of malformed) {
      const answer = await answerTo(client, recipient, 'MAIL FROM:<ann@contoso.com>');
      expect(answer, recipient).toMatch(/^5\d\d 5\./);
    }
    expect(recipientsAt(submission)).toHaveLength(before);
  });

  test('a user whose password was refused is a stranger', async () => {
    const client = await greeted(ports.open);
    const wrong = Buffer.from('\0ann@contoso.com\0wrong').toString('base64');
    expect(await client.ask(`AUTH PLAIN ${wrong}`)).toMatch(/^535 5\.7\.8 /);
    expect(await answerTo(client, '<victim@example.net>')).toMatch(/^550 5\.7\.1 /);
  });
});

describePeer(['postfix', 'swaks'], 'a Postfix that relays for us, with its own ideas of addresses', () => {
  let postfix: Postfix;
  let usher: Usher;
  let port: number;
  beforeAll(async () => {
    postfix = await startPostfix({
      name: 'mbx1.contoso.com',
      domains: [],
      settings: {
        mydestination: 'contoso.com',
        smtpd_relay_restrictions: 'permit_mynetworks, reject_unauth_destination',
        // What it would send out is kept as well, and so can be seen.
        local_transport: 'virtual',
        relay_transport: 'virtual',
        default_transport: 'virtual',
      },
    });
    [port = 0] = await freePorts(1);
    const connectors = [{ bindings: [`127.0.0.1:${port}`] }];
    const servers = [{ smtp: { port: postfix.port, tls: 'none' } }];
    usher = await startUsher(smtpEstate({ servers, connectors }));
  });
  afterAll(async () => {
    await usher?.stop();
    await postfix?.stop();
  });

  test('sends nothing out', async () => {
    const recipients = [...routed, '<victim@example.net>', '<@contoso.com:victim@example.net>'];
    for (const recipient of [...recipients, '<ann@contoso.com>']) {
      const to = recipient.slice(1, -1);
      const { code, stdout } = await run('swaks', [
        ...['--server', `127.0.0.1:${port}`, '--from', 'eve@fabrikam.test', '--to', to, '--body', 'x'],
      ]);
      expect(code, stdout).toBe(to === 'ann@contoso.com' ? 0 : 24);
    }
    await until('the delivery', () => postfix.messages().length > 0);
    expect(postfix.messages().map(({ recipient }) => recipient)).toEqual(['ann@contoso.com']);
  });
});
