import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, portOpen, startChild, tempDir } from './child.mjs';

/**
 * Starts a HAProxy with one thread that copies bytes between clients and the sink.
 * @param {number} sinkPort
 * @returns {Promise<import('./harness.mjs').Running<number>>}
 */
export async function startHaproxy(sinkPort) {
  const port = await freePort();
  const configFile = join(tempDir('haproxy'), 'haproxy.cfg');
  writeFileSync(configFile, configuration(port, sinkPort));
  const child = await startChild('haproxy', ['-db', '-f', configFile]);
  await portOpen(child, port);
  return { pids: [child.pid], target: port, stop: child.stop };
}

/**
 * @param {number} port
 * @param {number} sinkPort
 */
function configuration(port, sinkPort) {
  return `
global
  nbthread 1
  maxconn 4096
defaults
  mode tcp
  timeout connect 5s
  timeout client 10m
  timeout server 10m
listen smtp
  bind 127.0.0.1:${port} backlog 1024
  server sink 127.0.0.1:${sinkPort}
`;
}
