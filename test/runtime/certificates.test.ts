import { X509Certificate } from 'node:crypto';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { createCertificateStore } from '../../src/runtime/certificates.js';
import { snapshotOf } from '../session/smtp/door-under-test.js';
import { makeCertificate } from '../support/peers/certificate.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const frontEnd = { name: 'FE1', host: 'front.contoso.com', site: 'A', roles: ['frontend'] };

test('a renewed certificate is shown to new connections, and those that are open go on', async () => {
  const folder = tempDir();
  const [certFile, keyFile] = [join(folder, 'mail.pem'), join(folder, 'mail.key')];
  const install = ({ certFile: cert, keyFile: key }: { certFile: string; keyFile: string }): void => {
    copyFileSync(key, keyFile);
    copyFileSync(cert, certFile);
  };
  const first = await makeCertificate(['front.contoso.com']);
  install(first);
  const store = createCertificateStore(folder);
  const estate = { sites: [{ name: 'A' }], servers: [frontEnd], certificates: [{ name: 'mail', certFile, keyFile }] };
  expect(await store.load(snapshotOf(estate))).toEqual([]);
  const said: string[] = [];
  const log = {
    info: (_: object, text: string) => said.push(text),
    error: (_: object, text: string) => said.push(text),
  };
  closers.push(store.watch(20, log));

  const server = createServer({
    SNICallback: (name, done) => done(null, store.contextFor(null, name)),
  });
  server.on('secureConnection', (socket) => socket.on('error', () => undefined).pipe(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  const { port } = server.address() as { port: number };

  const before = await shown(port);
  expect(before.serial).toBe(serialOf(first.cert));

  const second = await makeCertificate(['front.contoso.com']);
  install(second);
  await until('the new one is taken', () => said.includes('a renewed certificate is shown from now on'));
  expect((await shown(port)).serial).toBe(serialOf(second.cert));
  const echoed = new Promise((resolve) => before.socket.once('data', resolve));
  before.socket.write('still here');
  expect(String(await echoed)).toBe('still here');

  writeFileSync(certFile, 'no certificate');
  await until('the trouble is told', () => said.includes('a renewed certificate cannot be used'));
  expect((await shown(port)).serial).toBe(serialOf(second.cert));
});

const serialOf = (pem: string): string => new X509Certificate(pem).serialNumber;

async function shown(port: number): Promise<{ serial: string; socket: TLSSocket }> {
  const socket = connect({ host: '127.0.0.1', port, servername: 'front.contoso.com', rejectUnauthorized: false });
  closers.push(() => socket.destroy());
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  return { serial: socket.getPeerX509Certificate()?.serialNumber ?? '', socket };
}

test('authorities that cannot be read are told when the estate is taken up', async () => {
  const folder = tempDir();
  const clientCa = join(folder, 'gateways.pem');
  const listeners = [{ name: 'SIPS', protocol: 'sip', bind: '0.0.0.0:5061', tls: 'implicit', clientCa }];
  const store = createCertificateStore(folder);
  const snapshot = snapshotOf({ sites: [{ name: 'A' }], servers: [frontEnd], listeners });
  expect(await store.load(snapshot)).toEqual([expect.stringContaining(`"SIPS": the authorities in ${clientCa}`)]);
  copyFileSync((await makeCertificate(['gw.example'])).caFile, clientCa);
  expect(await store.load(snapshot)).toEqual([]);
});
