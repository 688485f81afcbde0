import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, portOpen, startChild, tempDir } from './child.mjs';

/** @typedef {import('./harness.mjs').Running<number>} Running */

/**
 * Starts a HAProxy with one thread that takes bytes in clear and passes them on with TLS.
 * @param {number} smartHostPort where TLS is spoken from the first byte
 * @returns {Promise<Running>}
 */
export function startTlsHaproxy(smartHostPort) {
  return start((port) => [
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
  return start((port) => [
    `bind 127.0.0.1:${port} backlog 1024 ssl crt ${certificateFile}`,
    `server sink 127.0.0.1:${sinkPort}`,
  ]);
}

/** @param {(port: number) => readonly string[]} proxyLines */
async function start(proxyLines) {
  const port = await freePort();
  const configFile = join(tempDir('haproxy'), 'haproxy.cfg');
  writeFileSync(
    configFile,
    `
global
  nbthread 1
  maxconn 4096
defaults
  mode tcp
  timeout connect 5s
  timeout client 10m
  timeout server 10m
listen smtp
  ${proxyLines(port).join('\n  ')}
`,
  );
  const child = await startChild('haproxy', ['-db', '-f', configFile]);
  await portOpen(child, port);
  return { pids: [child.pid], target: port, stop: child.stop };
}
