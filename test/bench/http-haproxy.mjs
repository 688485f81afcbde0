import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, portOpen, startChild, tempDir } from './child.mjs';
import { mailboxServers, writeUsers } from './http-users.mjs';

/** @typedef {import('./http-systems.mjs').ProxyOptions} ProxyOptions */

/**
 * HAProxy that passes all requests on to one server.
 * @param {ProxyOptions} options
 */
export function startHaproxy(options) {
  return start(options, `  default_backend ${options.server}`);
}

/**
 * HAProxy that knows from a map where the mailbox of each user is.
 * @param {ProxyOptions} options
 */
export async function startHaproxyWithMap(options) {
  const file = join(tempDir('users'), 'map');
  await writeUsers(file, '', (user, server) => `${user} ${server}\n`);
  // An unknown user meets a backend that does not exist: 503.
  return start(
    options,
    `  http-request set-var(txn.where) req.hdr(Authorization),word(2,' '),b64dec,field(1,:),map_str(${file},none)
  use_backend %[var(txn.where)]`,
  );
}

/**
 * @param {ProxyOptions} options
 * @param {string} choice
 */
async function start({ door, certificate, ports }, choice) {
  const port = await freePort();
  const configFile = join(tempDir('haproxy'), 'haproxy.cfg');
  const tls = door === 'tls' ? ` ssl crt ${certificate.bothFile} ssl-min-ver TLSv1.3` : '';
  const backends = mailboxServers.map((name) => `backend ${name}\n  server ${name} 127.0.0.1:${ports[name]}\n`);
  writeFileSync(
    configFile,
    `
global
  nbthread 1
  maxconn 9900
defaults
  mode http
  timeout connect 10s
  timeout client 2h
  timeout server 2h
frontend web
  bind 127.0.0.1:${port} backlog 4096${tls}
${choice}
${backends.join('')}`,
  );
  const child = await startChild('haproxy', ['-db', '-f', configFile]);
  await portOpen(child, port);
  return { pids: [child.pid], target: port, stop: child.stop };
}
