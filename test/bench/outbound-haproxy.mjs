import { startTcpProxy } from './smtp-haproxy.mjs';

/** @typedef {import('./harness.mjs').Running<number>} Running */

/**
 * Starts a HAProxy with one thread that takes bytes in clear and passes them on with TLS.
 * @param {number} smartHostPort where TLS is spoken from the first byte
 * @returns {Promise<Running>}
 */
export function startTlsHaproxy(smartHostPort) {
  return startTcpProxy((port) => [
    `bind 127.0.0.1:${port} backlog 1024`,
    `server host 127.0.0.1:${smartHostPort} ssl verify none`,
  ]);
}

/**
 * Makes the sink a smart host with TLS from the first byte: a HAProxy with one thread that takes the TLS off.
 * @param {number} sinkPort
 * @param {string} certificateFile with its key
 * @returns {Promise<Running>}
 */
export function startTlsSmartHost(sinkPort, certificateFile) {
  return startTcpProxy((port) => [
    `bind 127.0.0.1:${port} backlog 1024 ssl crt ${certificateFile}`,
    `server sink 127.0.0.1:${sinkPort}`,
  ]);
}
