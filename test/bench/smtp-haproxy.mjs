import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, portOpen, startChild, tempDir } from './child.mjs';

/** @typedef {import('./harness.mjs').Running<number>} Running */

/**
 * Starts a HAProxy with one thread that copies bytes between clients and the sink.
 * @param {number} sinkPort
 * @returns {Promise<Running>}
 */
export function startHaproxy(sinkPort) {
  return startTcpProxy((port) => [`bind 127.0.0.1:${port} backlog 1024`, `server sink 127.0.0.1:${sinkPort}`]);
}

/**
 * Starts a HAProxy with one thread that copies bytes.
 * @param {(port: number) => readonly string[]} proxyLines where it listens, and whom it passes them on to
 * @returns {Promise<Running>}
 */
export async function startTcpProxy(proxyLines) {
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
