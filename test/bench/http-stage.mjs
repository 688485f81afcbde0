import { startOrigin } from './http-nginx.mjs';
import { prepareUsher } from './http-usher.mjs';
import { makeCertificate } from './mail-access-stage.mjs';
import { startWorker } from './mail-access-worker.mjs';

/**
 * @typedef {import('./mail-access-stage.mjs').Certificate} Certificate
 * @typedef {import('./mail-access-stage.mjs').DoorKind} DoorKind
 * @typedef {Readonly<Record<import('./http-users.mjs').MailboxServer, number>>} Ports
 */

/**
 * What all systems have in common.
 * @typedef {object} Stage
 * @property {Certificate} certificate
 * @property {Ports} ports of the mailbox servers
 * @property {import('./mail-access-worker.mjs').Worker} client
 * @property {import('./mail-access-worker.mjs').Worker} sink
 * @property {import('./http-usher.mjs').PreparedUsher | undefined} usher
 * @property {() => Promise<void>} stop
 */

/**
 * @param {'all' | 'peers'} systems
 * @returns {Promise<Stage>}
 */
export async function startStage(systems) {
  const certificate = await makeCertificate();
  const origin = await startOrigin();
  const client = startWorker('http-client.mjs');
  const sink = startWorker('http-sink.mjs');
  const stop = async () => {
    client.stop();
    sink.stop();
    await origin.stop();
  };
  try {
    const ports = { ...origin.ports, sink: /** @type {number} */ (await sink.ask('listen', {})) };
    const usher = systems === 'all' ? await prepareUsher(ports, certificate) : undefined;
    return { certificate, ports, client, sink, usher, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
