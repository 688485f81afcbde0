import { makeCertificate } from './mail-access-stage.mjs';
import { startTlsHaproxy, startTlsSmartHost } from './outbound-haproxy.mjs';
import { startOutboundFrontEnd } from './outbound-usher.mjs';
import { startHaproxy } from './smtp-haproxy.mjs';

export const names = /** @type {const} */ ({
  direct: 'direct',
  haproxy: 'HAProxy',
  usher: 'usher',
  usherByDefault: 'usher, default limits',
});

/** The way to the smart host: in clear, or with TLS from the first byte. */
/** @typedef {'clear' | 'tls'} Way */
/** @typedef {import('./harness.mjs').Running<number>} Running */
/** @typedef {{name: string, peer: boolean, running: Running}} Contestant */

/** As many connections to the smart host as there are clients, and no fewer messages over each than a byte copier has. */
const wide = { maxConnectionsPerHost: 200, maxMessagesPerConnection: 1_000_000 };

/**
 * Starts what stands between the clients and the smart host.
 * @param {{sinkPort: number, way: Way, systems: 'all' | 'peers'}} options
 * @param {Running[]} started gets each process as soon as it runs, also those that no load meets
 * @returns {Promise<Contestant[]>}
 */
export async function startContestants({ sinkPort, way, systems }, started) {
  const keep = async (/** @type {Promise<Running>} */ starting) => {
    const running = await starting;
    started.push(running);
    return running;
  };
  const isTls = way === 'tls';
  const hostPort = isTls
    ? (await keep(startTlsSmartHost(sinkPort, (await makeCertificate()).bothFile))).target
    : sinkPort;
  const haproxy = await keep(isTls ? startTlsHaproxy(hostPort) : startHaproxy(hostPort));
  const peers = [{ name: names.haproxy, peer: true, running: haproxy }];
  const direct = { pids: [], target: sinkPort, stop: async () => undefined };
  // The clients of the bench speak no TLS.
  const floor = isTls ? [] : [{ name: names.direct, peer: false, running: direct }];
  if (systems === 'peers') return [...floor, ...peers];
  const tls = isTls ? /** @type {const} */ ('encrypt') : /** @type {const} */ ('none');
  const byDefault = { tls, implicitTls: isTls };
  const usher = await keep(startOutboundFrontEnd(hostPort, { ...byDefault, ...wide }));
  const usherByDefault = await keep(startOutboundFrontEnd(hostPort, byDefault));
  return [
    ...floor,
    ...peers,
    { name: names.usher, peer: false, running: usher },
    { name: names.usherByDefault, peer: false, running: usherByDefault },
  ];
}
