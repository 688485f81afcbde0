import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, portOpen, startChild, tempDir } from './child.mjs';

/**
 * Starts an nginx with one worker on 127.0.0.1, without logs, connections kept alive: an origin that answers every
 * request with 200 and a small body, or a plain reverse proxy in front of one.
 * @param {{name: string, proxyTo?: number}} options
 * @returns {Promise<{pid: number, port: number, stop: () => Promise<void>}>}
 */
export async function startNginx(options) {
  const directory = tempDir('nginx');
  mkdirSync(join(directory, 'temp'));
  const port = await freePort();
  const configFile = join(directory, 'nginx.conf');
  writeFileSync(configFile, configuration(directory, port, options));
  const child = await startChild('nginx', ['-p', directory, '-c', configFile, '-e', join(directory, 'error.log')]);
  await portOpen(child, port);
  return { pid: child.pid, port, stop: child.stop };
}

/**
 * @param {string} directory
 * @param {number} port
 * @param {{name: string, proxyTo?: number}} options
 */
function configuration(directory, port, { name, proxyTo }) {
  const body = 'a small body of a mailbox server '.repeat(4).trim();
  const answer = `add_header X-Served-By "${name}";\n      default_type text/plain;\n      return 200 "${body}\\n";`;
  const pass = 'proxy_pass http://origin;\n      proxy_http_version 1.1;\n      proxy_set_header Connection "";';
  const upstream = `upstream origin {\n    server 127.0.0.1:${proxyTo};\n    keepalive 256;\n    keepalive_requests 1000000000;\n  }`;
  return `
daemon off;
worker_processes 1;
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${directory}/pid;
events {
  worker_connections 4096;
}
http {
  access_log off;
  client_body_temp_path ${directory}/temp/body;
  proxy_temp_path ${directory}/temp/proxy;
  fastcgi_temp_path ${directory}/temp/fastcgi;
  uwsgi_temp_path ${directory}/temp/uwsgi;
  scgi_temp_path ${directory}/temp/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
  ${proxyTo === undefined ? '' : upstream}
  server {
    listen 127.0.0.1:${port} backlog=1024;
    location / {
      ${proxyTo === undefined ? answer : pass}
    }
  }
}
`;
}
