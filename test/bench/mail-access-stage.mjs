import { join } from 'node:path';
import { run, tempDir } from './child.mjs';
import { startDovecotBackend } from './mail-access-dovecot.mjs';
import { prepareUsher } from './mail-access-usher.mjs';
import { startWorker } from './mail-access-worker.mjs';

/**
 * Where a mail client meets the system: in clear, or with TLS from the first byte.
 * @typedef {'plain' | 'tls'} DoorKind
 * @typedef {{port: number, door: DoorKind, mailboxes: 'dovecot' | 'scripted'}} Target
 * @typedef {{certFile: string, keyFile: string, bothFile: string}} Certificate
 */

/**
 * What all systems have in common.
 * @typedef {object} Stage
 * @property {Certificate} certificate
 * @property {Awaited<ReturnType<typeof startDovecotBackend>>} dovecot
 * @property {{pid: number, port: number}} scripted
 * @property {import('./mail-access-worker.mjs').Worker} client
 * @property {import('./mail-access-usher.mjs').PreparedUsher | undefined} usher
 * @property {() => Promise<void>} stop
 */

/**
 * @param {'all' | 'peers'} systems
 * @returns {Promise<Stage>}
 */
export async function startStage(systems) {
  const certificate = await makeCertificate();
  const dovecot = await startDovecotBackend(certificate);
  const client = startWorker('mail-access-client.mjs');
  const backend = startWorker('mail-access-backend.mjs');
  const stop = async () => {
    client.stop();
    backend.stop();
    await dovecot.stop();
  };
  try {
    const scripted = { pid: backend.pid, port: /** @type {number} */ (await backend.ask('listen', {})) };
    const ports = { dovecotPort: dovecot.ports.plain, scriptedPort: scripted.port };
    const usher = systems === 'all' ? await prepareUsher({ ...ports, certificate }) : undefined;
    return { certificate, dovecot, scripted, client, usher, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** One for all: ECDSA P-256. */
export async function makeCertificate() {
  const directory = tempDir('certificate');
  const [certFile, keyFile, bothFile] = ['cert.pem', 'key.pem', 'both.pem'].map((name) => join(directory, name));
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  await run('openssl', ['req', '-x509', ...key, '-out', certFile, '-days', '2', ...names]);
  await run('sh', ['-c', 'cat "$1" "$2" > "$3"', 'sh', certFile, keyFile, bothFile]);
  return { certFile, keyFile, bothFile };
}
