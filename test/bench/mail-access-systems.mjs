import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, portOpen, startChild, tempDir } from './child.mjs';
import { startDovecotProxy } from './mail-access-dovecot.mjs';

/**
 * @typedef {import('./mail-access-stage.mjs').Stage} Stage
 * @typedef {import('./mail-access-stage.mjs').DoorKind} DoorKind
 * @typedef {import('./mail-access-stage.mjs').Certificate} Certificate
 * @typedef {import('./mail-access-stage.mjs').Target} Target
 * @typedef {{serverPort: number, door: DoorKind, certificate: Certificate}} ProxyOptions
 */

/**
 * The proxies in front of one mailbox server, nginx first since the ratios are to it. What usher runs on compiles what
 * it runs often: it has served a while before anything is measured.
 * @param {Stage} stage
 * @param {import('./mail-access-usher.mjs').Use} use
 * @param {DoorKind} door
 * @param {(target: Target) => Promise<unknown>} warmUp
 * @returns {import('./harness.mjs').System<Target>[]}
 */
export function proxies(stage, use, door, warmUp) {
  const mailboxes = use === 'logins' ? 'dovecot' : 'scripted';
  const serverPort = mailboxes === 'dovecot' ? stage.dovecot.ports.plain : stage.scripted.port;
  const options = { serverPort, door, certificate: stage.certificate };
  /** @type {(port: number) => Target} */
  const targetOf = (port) => ({ port, door, mailboxes });
  const system = (
    /** @type {string} */ name,
    /** @type {() => Promise<import('./harness.mjs').Running<number>>} */ start,
    peer = true,
  ) => ({
    name,
    peer,
    start: async () => {
      const running = await start();
      const target = targetOf(running.target);
      if (!peer) await warmUp(target);
      return { ...running, target };
    },
  });
  const { usher } = stage;
  return [
    system('nginx', () => startNginxProxy(options)),
    system('haproxy', () => startHaproxy(options)),
    system('dovecot', () => startDovecotProxy(options)),
    ...(usher === undefined ? [] : [system('usher', () => usher.start(use, door), false)]),
  ];
}

/** @param {ProxyOptions} options */
async function startHaproxy({ serverPort, door, certificate }) {
  const port = await freePort();
  const configFile = join(tempDir('haproxy'), 'haproxy.cfg');
  const tls = door === 'tls' ? ` ssl crt ${certificate.bothFile} ssl-min-ver TLSv1.3` : '';
  writeFileSync(
    configFile,
    `
global
  nbthread 1
  maxconn 9900
defaults
  mode tcp
  timeout connect 10s
  timeout client 2h
  timeout server 2h
listen imap
  bind 127.0.0.1:${port} backlog 4096${tls}
  server mbx 127.0.0.1:${serverPort}
`,
  );
  const child = await startChild('haproxy', ['-db', '-f', configFile]);
  await portOpen(child, port);
  return { pids: [child.pid], target: port, stop: child.stop };
}

/**
 * nginx with its mail module, and a second nginx that answers its auth_http questions; both count as the system.
 * @param {ProxyOptions} options
 */
async function startNginxProxy(options) {
  const [port, answersPort] = [await freePort(), await freePort()];
  const answers = await startNginx(answersPort, answering(answersPort, options.serverPort));
  try {
    const proxy = await startNginx(port, proxying(port, answersPort, options));
    const stop = async () => {
      await proxy.stop();
      await answers.stop();
    };
    return { pids: [proxy.pid, answers.pid], target: port, stop };
  } catch (error) {
    await answers.stop();
    throw error;
  }
}

/**
 * @param {number} port
 * @param {string} block
 */
async function startNginx(port, block) {
  const directory = tempDir('nginx');
  const configFile = join(directory, 'nginx.conf');
  writeFileSync(
    configFile,
    `
load_module /usr/lib/nginx/modules/ngx_mail_module.so;
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${directory}/pid;
error_log ${directory}/error.log info;
events {
  worker_connections 20000;
}
${block}
`,
  );
  const child = await startChild('nginx', ['-p', directory, '-c', configFile, '-e', join(directory, 'error.log')]);
  await portOpen(child, port);
  return child;
}

/**
 * @param {number} port
 * @param {number} serverPort
 */
function answering(port, serverPort) {
  return `http {
  access_log off;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      add_header Auth-Status OK;
      add_header Auth-Server 127.0.0.1;
      add_header Auth-Port ${serverPort};
      return 200;
    }
  }
}`;
}

/**
 * @param {number} port
 * @param {number} answersPort
 * @param {ProxyOptions} options
 */
function proxying(port, answersPort, { door, certificate }) {
  return `mail {
  auth_http 127.0.0.1:${answersPort}/;
  proxy_timeout 2h;
  ssl_certificate ${certificate.certFile};
  ssl_certificate_key ${certificate.keyFile};
  ssl_protocols TLSv1.3;
  server {
    listen 127.0.0.1:${port} backlog=4096${door === 'tls' ? ' ssl' : ''};
    protocol imap;
  }
}`;
}
