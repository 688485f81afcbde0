import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { imapScript, popScript } from '../session/mail-access/mailbox-scripts.js';
import { type ScriptedServer, startScriptedServer } from '../session/mail-access/scripted-server.js';
import { makeCertificate, type TestCertificate } from '../support/peers/certificate.js';
import { describePeer } from '../support/require-peer.js';
import { run } from '../support/run.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';
import { type DoorPorts, mailboxDoors, mailboxEstate } from './mailbox-estate.js';

const folder = tempDir('certificates');
const files = { certFile: join(folder, 'host.pem'), keyFile: join(folder, 'host.key') };

let imapServer: ScriptedServer;
let popServer: ScriptedServer;
let host: TestCertificate;
let other: TestCertificate;
let ports: DoorPorts;
let usher: Usher;
const sockets: TLSSocket[] = [];

beforeAll(async () => {
  imapServer = await startScriptedServer(imapScript());
  popServer = await startScriptedServer(popScript());
  [host, other] = await Promise.all([makeCertificate(['localhost']), makeCertificate(['mail.example.org'])]);
  install(host);
  const doors = await mailboxDoors();
  ports = doors.ports;
  usher = await startUsher(
    mailboxEstate({
      servers: [{ imap: { port: imapServer.port, tls: 'none' }, pop: { port: popServer.port, tls: 'none' } }],
      mailboxes: { DB1: ['ann@example.org'] },
      listeners: doors.listeners,
      rest: {
        certificates: [
          { name: 'other', certFile: other.certFile, keyFile: other.keyFile },
          { name: 'host', ...files },
        ],
      },
    }),
  );
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await usher?.stop();
  imapServer?.close();
  popServer?.close();
});

/** As certificate clients do: each file is complete whenever it is looked at. */
function install({ cert, key }: Pick<TestCertificate, 'cert' | 'key'>): void {
  for (const [file, text] of [
    [files.keyFile, key],
    [files.certFile, cert],
  ] as const) {
    writeFileSync(`${file}.new`, text, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
}

interface TlsWish {
  readonly name?: string;
  readonly alpn?: readonly string[];
}

async function opened(door: 'imaps' | 'pops', { name, alpn }: TlsWish = {}): Promise<TLSSocket> {
  const socket = connectTls({
    port: ports[door],
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ...(name === undefined ? {} : { servername: name }),
    ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }),
  });
  sockets.push(socket);
  await once(socket, 'secureConnect');
  return socket;
}

async function commonNameAt(door: 'imaps' | 'pops', name?: string): Promise<string> {
  const socket = await opened(door, name === undefined ? {} : { name });
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

describe.each(['imaps', 'pops'] as const)('%s', (door) => {
  test('the name that the client asks for picks the certificate, else the name of the front end', async () => {
    expect(await commonNameAt(door, 'mail.example.org')).toBe('mail.example.org');
    expect(await commonNameAt(door, 'localhost')).toBe('localhost');
    expect(await commonNameAt(door, 'nobody.example.net')).toBe('localhost');
    expect(await commonNameAt(door)).toBe('localhost');
  });

  test('a client that means another protocol is refused, one that means this or none is served', async () => {
    const own = door === 'imaps' ? 'imap' : 'pop3';
    expect((await opened(door, { alpn: ['http/1.1', own] })).alpnProtocol).toBe(own);
    expect((await opened(door)).alpnProtocol).toBe(false);
    for (const alpn of [['http/1.1'], ['h2', 'http/1.1'], [door === 'imaps' ? 'pop3' : 'imap']]) {
      await expect(opened(door, { alpn })).rejects.toMatchObject({
        code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
      });
    }
  });
});

describePeer('openssl', 'after STARTTLS', () => {
  test.each([
    ['imap', 'imap'],
    ['pop', 'pop3'],
  ] as const)('%s: the name picks the certificate, and the protocol must be ours', async (door, startTls) => {
    const args = (name: string): string[] => {
      const check = ['-verify_return_error', '-verify_hostname', name, '-servername', name, '-CAfile'];
      return ['s_client', '-connect', `localhost:${ports[door]}`, '-starttls', startTls, ...check];
    };
    for (const [name, certificate] of [
      ['localhost', host],
      ['mail.example.org', other],
    ] as const) {
      const { code, stdout } = await run('openssl', [...args(name), certificate.caFile, '-alpn', startTls]);
      expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('Verification: OK') });
      expect(stdout).toContain(`ALPN protocol: ${startTls}`);
    }
    const { code, stderr } = await run('openssl', [...args('localhost'), host.caFile, '-alpn', 'http/1.1']);
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('no application protocol') });
  });
});

test('a renewed certificate is shown to new connections, and the old ones go on', { timeout: 40_000 }, async () => {
  const fingerprint = (socket: TLSSocket): string => socket.getPeerCertificate().fingerprint256;
  const old = await opened('imaps');
  let heard = '';
  old.on('data', (chunk: Buffer) => void (heard += chunk.toString()));
  old.write('a LOGIN ann@example.org secret\r\n');
  await until('the login', () => /^a OK/m.test(heard));
  const before = fingerprint(old);
  install(await makeCertificate(['localhost']));
  await until(
    'the renewed certificate',
    async () => {
      const socket = await opened('pops');
      const after = fingerprint(socket);
      socket.destroy();
      return after !== before;
    },
    20_000,
  );
  expect(fingerprint(await opened('imaps'))).not.toBe(before);
  old.write('b NOOP\r\n');
  await until('an answer over the old connection', () => /^b OK/m.test(heard));
  expect(old.destroyed).toBe(false);
});
