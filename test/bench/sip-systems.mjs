import { makeCertificate } from './mail-access-stage.mjs';
import { startTlsHaproxy } from './outbound-haproxy.mjs';
import { startKamailio } from './sip-kamailio.mjs';
import { pilots } from './sip-load.mjs';
import { startCallRouter } from './sip-usher.mjs';

/** `clear` is one port for UDP and TCP. */
/** @typedef {{readonly clear: number, readonly tls: number}} SipPorts */
/** @typedef {'udp' | 'tcp' | 'tls'} Way */
/** @typedef {Readonly<Record<Way, import('./sip-load.mjs').CallTarget>>} CallTargets */
/** @typedef {{name: string, peer: boolean, pids: readonly number[], targets: CallTargets}} Contestant */
/** @typedef {{stop: () => Promise<void>}} Stoppable */

/**
 * Starts what stands between the gateway and the mailbox server.
 * @param {'all' | 'peers'} systems
 * @param {Stoppable[]} started gets each process as soon as it runs
 * @returns {Promise<Contestant[]>}
 */
export async function startContestants(systems, started) {
  const certificate = await makeCertificate();
  const starts = [
    { name: 'Kamailio, stateless', peer: true, start: () => startKamailio('stateless', certificate) },
    { name: 'Kamailio, stateful', peer: true, start: () => startKamailio('stateful', certificate) },
    ...(systems === 'all' ? [{ name: 'usher', peer: false, start: () => startCallRouter(certificate) }] : []),
  ];
  const contestants = [];
  for (const { name, peer, start } of starts) contestants.push({ name, peer, ...(await meet(name, start(), started)) });
  return contestants;
}

/**
 * Starts usher alone, with its garbage collected when it is told to.
 * @param {readonly string[]} nodeOptions
 * @param {Stoppable[]} started
 */
export async function startUsherAlone(nodeOptions, started) {
  return meet('usher', startCallRouter(await makeCertificate(), nodeOptions), started);
}

/**
 * sipp speaks no TLS: a HAProxy, which counts for nobody, puts it on.
 * @param {string} name
 * @param {Promise<import('./harness.mjs').Running<SipPorts>>} starting
 * @param {Stoppable[]} started
 */
async function meet(name, starting, started) {
  const running = await starting;
  started.push(running);
  const tls = await startTlsHaproxy(running.target.tls);
  started.push(tls);
  const clear = {
    name,
    port: running.target.clear,
    pilot: pilots.clear,
    contact: `sip:${pilots.clear}@127.0.0.1:5062;transport=tcp`,
  };
  return {
    pids: running.pids,
    targets: {
      udp: { ...clear, transport: /** @type {const} */ ('udp') },
      tcp: { ...clear, transport: /** @type {const} */ ('tcp') },
      tls: {
        name,
        port: tls.target,
        transport: /** @type {const} */ ('tcp'),
        pilot: pilots.tls,
        contact: `sip:${pilots.tls}@127.0.0.1:5063;transport=tls`,
      },
    },
  };
}
