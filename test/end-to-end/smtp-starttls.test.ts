import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScriptedServer, startScriptedServer } from '../session/smtp/scripted-server.js';
import { begin, connectClient, type SmtpClient, secureClient } from '../session/smtp/smtp-client.js';
import { freePorts } from '../support/free-port.js';
import { makeCertificate } from '../support/peers/certificate.js';
import { type RecordingServer, startRecordingServer } from '../support/recording-server.js';
import { describePeer } from '../support/require-peer.js';
import { run } from '../support/run.js';
import { startUsher, type Usher } from '../support/usher.js';
import { plainEndpoint, smtpEstate } from './smtp-estate.js';

let mbx: RecordingServer;
let injecting: ScriptedServer;
let usher: Usher;
let port: number;
let caFile: string;
const clients: SmtpClient[] = [];

/** What a server sends behind its 220 in the clear, for a client that takes it for an answer under TLS. */
let injected = '';

beforeAll(async () => {
  const certificate = await makeCertificate(['front.contoso.com', '127.0.0.1']);
  ({ caFile } = certificate);
  mbx = await startRecordingServer();
  injecting = await startScriptedServer({
    certificate: { key: certificate.key, cert: certificate.cert },
    answer: (line) => (line === 'STARTTLS' ? `220 2.0.0 go ahead${injected}` : undefined),
  });
  [port = 0] = await freePorts(1);
  const tls = { certificates: [{ name: 'front', certFile: certificate.certFile, keyFile: certificate.keyFile }] };
  const connectors = [{ bindings: [`127.0.0.1:${port}`], certificate: 'front' }];
  usher = await startUsher(smtpEstate({ servers: [plainEndpoint(mbx)], connectors, rest: tls }));
});
afterAll(async () => {
  for (const client of clients) client.close();
  await usher?.stop();
  mbx?.close();
  injecting?.close();
});

async function greeted(): Promise<SmtpClient> {
  const client = await connectClient(port);
  clients.push(client);
  await client.reply();
  expect(await client.ask('EHLO client.example')).toMatch(/^250[- ]STARTTLS$/m);
  return client;
}

const commands = 'EHLO evil.test\r\nMAIL FROM:<mallory@evil.test>\r\nRCPT TO:<ann@contoso.com>\r\n';

test.each([
  ['in the same packet', [`STARTTLS\r\n${commands}`]],
  ['cut within the line', ['STARTTLS\r', `\n${commands}`]],
  ['one byte', ['STARTTLS\r\nN']],
])('commands behind STARTTLS (%s) are not carried into TLS', async (_how, pieces) => {
  const client = await greeted();
  for (const piece of pieces) {
    client.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const replies = await client.rest();
  expect(replies.filter((reply) => reply.startsWith('250'))).toEqual([]);
  expect(mbx.commands.filter((line) => line.includes('mallory'))).toEqual([]);
});

test('commands in the clear after the 220 end the connection', async () => {
  const client = await greeted();
  expect(await client.ask('STARTTLS')).toMatch(/^220 /);
  client.write(commands);
  expect(await client.rest()).toEqual([]);
});

test('what was said before TLS is forgotten', async () => {
  const client = await greeted();
  expect(await client.ask('MAIL FROM:<mallory@evil.test>')).toMatch(/^250 /);
  expect(await client.ask('STARTTLS')).toMatch(/^220 |^503 /);
  const second = await greeted();
  expect(await second.ask('STARTTLS')).toMatch(/^220 /);
  const secure = await secureClient(second, 'front.contoso.com');
  clients.push(secure);
  expect(await secure.ask('RCPT TO:<ann@contoso.com>')).toMatch(/^503 /);
  expect(await secure.ask('MAIL FROM:<kim@fabrikam.test>')).toMatch(/^503 /);
  expect(await secure.ask('EHLO client.example')).not.toContain('STARTTLS');
  expect(await secure.ask('STARTTLS')).toMatch(/^50\d /);
  expect(await secure.ask('MAIL FROM:<kim@fabrikam.test>')).toMatch(/^250 /);
});

describePeer('openssl', 'openssl', () => {
  const handshake = (version: string) => {
    const place = ['-connect', `127.0.0.1:${port}`, '-starttls', 'smtp', '-ign_eof'];
    const trust = ['-CAfile', caFile, '-verify_return_error', '-cipher', 'DEFAULT:@SECLEVEL=0'];
    const input = 'EHLO client.example\r\nQUIT\r\n';
    return run('openssl', ['s_client', ...place, ...trust, `-${version}`], { input });
  };

  test.each(['tls1_2', 'tls1_3'])('finds a chain it can check (%s)', async (version) => {
    const { code, stdout } = await handshake(version);
    expect(code, stdout).toBe(0);
    expect(stdout).toContain('Verify return code: 0 (ok)');
    expect(stdout).toMatch(/^221 /m);
  });

  test.each(['tls1', 'tls1_1'])('finds no door for %s', async (version) => {
    expect((await handshake(version)).stdout).not.toMatch(/^221 /m);
  });
});

test('an answer injected behind the 220 of a server is not believed: nothing is sent there', async () => {
  const sets = [`port=${injecting.port}`, 'tls=starttls', `ca=${caFile}`];
  await usher.cli('server', 'update', 'MBX1', ...sets.flatMap((set) => ['--set', `endpoints.smtp.${set}`]));
  const send = async (): Promise<string | null> => {
    const client = await connectClient(port);
    clients.push(client);
    await begin(client);
    return client.ask('DATA');
  };
  expect(await send()).toMatch(/^354 /);
  expect(injecting.secured).toEqual([true]);
  const before = injecting.commands.length;
  for (injected of ['\r\n250 2.0.0 ok', '\r\n250-evil\r\n250 8BITMIME', '\r\n2']) {
    expect(await send()).toMatch(/^451 4\.4\.1 /);
  }
  expect(injecting.commands.slice(before).filter((line) => !/^(EHLO front|STARTTLS|RSET|QUIT)/.test(line))).toEqual([]);
  expect(injecting.secured).toEqual([true]);
});
