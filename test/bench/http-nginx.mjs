import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, portOpen, startChild, tempDir } from './child.mjs';
import { mailboxServers, writeUsers } from './http-users.mjs';

/**
 * @typedef {import('./http-stage.mjs').Ports} Ports
 * @typedef {import('./http-stage.mjs').Certificate} Certificate
 * @typedef {import('./http-systems.mjs').ProxyOptions} ProxyOptions
 * @typedef {import('./child.mjs').Child} Child
 */

/** What a download asks for: a file of 1 GB without blocks on the disk. */
export const downloadPath = '/oab/file';
export const downloadBytes = 1024 ** 3;

/**
 * The two mailbox servers with small answers; downloads come from them too.
 * @returns {Promise<{ports: {mbx0: number, mbx1: number}, stop: () => Promise<void>}>}
 */
export async function startOrigin() {
  const ports = { mbx0: await freePort(), mbx1: await freePort() };
  const files = tempDir('files');
  mkdirSync(join(files, 'oab'));
  writeFileSync(join(files, downloadPath), '');
  truncateSync(join(files, downloadPath), downloadBytes);
  const servers = Object.entries(ports).map(([name, port]) => originServer(name, port, files));
  const child = await startNginx(ports.mbx1, servers.join(''));
  return { ports, stop: child.stop };
}

/**
 * @param {string} name
 * @param {number} port
 * @param {string} files
 */
function originServer(name, port, files) {
  const body = 'a small body of a mailbox server '.repeat(6).trim();
  return `
  server {
    listen 127.0.0.1:${port} backlog=4096;
    add_header X-Served-By ${name};
    default_type text/plain;
    sendfile on;
    location / {
      return 200 "${body}\\n";
    }
    location /oab/ {
      root ${files};
    }
  }`;
}

/**
 * nginx that passes all requests on to one server.
 * @param {ProxyOptions} options
 */
export async function startNginxProxy(options) {
  const port = await freePort();
  const upstream = upstreamOf('origin', options.ports[options.server]);
  const child = await startNginx(port, `${upstream}${proxyServer(port, options, 'proxy_pass http://origin;')}`);
  return { pids: [child.pid], target: port, stop: child.stop };
}

/**
 * nginx that asks with auth_request where each request goes, and a second nginx that knows it from a map of all
 * users; both count as the system.
 * @param {ProxyOptions} options
 */
export async function startNginxWithAuthRequest(options) {
  const [port, answersPort] = [await freePort(), await freePort()];
  const answers = await startAnswers(answersPort);
  try {
    const upstreams = mailboxServers.map((name) => upstreamOf(name, options.ports[name])).join('');
    const proxy = await startNginx(
      port,
      `${upstreams}${upstreamOf('answers', answersPort)}${proxyServer(port, options, askingPass, askingLocation)}`,
    );
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

const keptToServer = 'proxy_http_version 1.1;\n      proxy_set_header Connection "";';
const askingPass = `auth_request /where;
      auth_request_set $where $upstream_http_x_server;
      proxy_pass http://$where;`;
const askingLocation = `
    location = /where {
      internal;
      proxy_pass http://answers;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      ${keptToServer}
    }`;

/** @param {number} port */
async function startAnswers(port) {
  const file = join(tempDir('users'), 'map');
  await writeUsers(file, '', (user, server) => `${user} ${server};\n`);
  return startNginx(
    port,
    `
  map_hash_max_size 262144;
  map_hash_bucket_size 128;
  map $remote_user $server_of_user {
    default "";
    include ${file};
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      if ($server_of_user = "") {
        return 403;
      }
      add_header X-Server $server_of_user;
      return 204;
    }
  }`,
  );
}

/**
 * @param {string} name
 * @param {number} port
 */
function upstreamOf(name, port) {
  return `
  upstream ${name} {
    server 127.0.0.1:${port};
    keepalive 256;
    keepalive_requests 1000000000;
  }`;
}

/**
 * @param {number} port
 * @param {ProxyOptions} options
 * @param {string} pass
 * @param {string} [furtherLocation]
 */
function proxyServer(port, { door, certificate, bodies }, pass, furtherLocation = '') {
  const streaming = 'proxy_buffering off;\n      proxy_request_buffering off;';
  return `
  server {
    listen 127.0.0.1:${port} backlog=4096${door === 'tls' ? ' ssl' : ''};
    ssl_certificate ${certificate.certFile};
    ssl_certificate_key ${certificate.keyFile};
    ssl_protocols TLSv1.3;
    location / {
      ${pass}
      ${keptToServer}
      ${bodies === 'large' ? streaming : ''}
    }${furtherLocation}
  }`;
}

/**
 * One worker, no access log, connections kept.
 * @param {number} port
 * @param {string} block
 * @returns {Promise<Child>}
 */
async function startNginx(port, block) {
  const directory = tempDir('nginx');
  mkdirSync(join(directory, 'temp'));
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const configFile = join(directory, 'nginx.conf');
  writeFileSync(
    configFile,
    `
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${directory}/pid;
events {
  # Where less than a sixteenth is free, nginx closes new connections that have not sent anything yet.
  worker_connections 24000;
}
http {
  access_log off;
  ${temp.map((name) => `${name}_temp_path ${directory}/temp/${name};`).join('\n  ')}
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
  client_max_body_size 0;
  proxy_read_timeout 2h;
  ${block}
}
`,
  );
  const child = await startChild('nginx', ['-p', directory, '-c', configFile, '-e', join(directory, 'error.log')]);
  await portOpen(child, port);
  return child;
}
