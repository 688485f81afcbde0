import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, portOpen, startChild, tempDir } from './child.mjs';

const mailModule = '/usr/lib/nginx/modules/ngx_mail_module.so';

/** Why nginx cannot be a mail proxy here, or undefined. */
export function nginxMailMissing() {
  return existsSync(mailModule) ? undefined : `${mailModule} is missing (apt-get install libnginx-mod-mail)`;
}

/**
 * Starts an nginx mail proxy with one worker, which itself answers the question where to (`auth_http`).
 * @param {number} sinkPort
 * @returns {Promise<import('./harness.mjs').Running<number>>}
 */
export async function startNginxMail(sinkPort) {
  const directory = tempDir('nginx-mail');
  mkdirSync(join(directory, 'temp'));
  const port = await freePort();
  const authPort = await freePort();
  const configFile = join(directory, 'nginx.conf');
  writeFileSync(configFile, configuration({ directory, port, authPort, sinkPort }));
  const child = await startChild('nginx', ['-p', directory, '-c', configFile, '-e', join(directory, 'error.log')]);
  await portOpen(child, port);
  return { pids: [child.pid], target: port, stop: child.stop };
}

/** @param {{directory: string, port: number, authPort: number, sinkPort: number}} places */
function configuration({ directory, port, authPort, sinkPort }) {
  return `
load_module ${mailModule};
daemon off;
worker_processes 1;
worker_rlimit_nofile 65536;
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${directory}/pid;
events {
  worker_connections 32768;
}
mail {
  server_name edge1.example.org;
  auth_http 127.0.0.1:${authPort}/;
  xclient off;
  timeout 600s;
  server {
    listen 127.0.0.1:${port} backlog=1024;
    protocol smtp;
    smtp_auth none;
  }
}
http {
  access_log off;
  client_body_temp_path ${directory}/temp/body;
  proxy_temp_path ${directory}/temp/proxy;
  fastcgi_temp_path ${directory}/temp/fastcgi;
  uwsgi_temp_path ${directory}/temp/uwsgi;
  scgi_temp_path ${directory}/temp/scgi;
  server {
    listen 127.0.0.1:${authPort} backlog=1024;
    location / {
      add_header Auth-Status OK;
      add_header Auth-Server 127.0.0.1;
      add_header Auth-Port ${sinkPort};
      return 200;
    }
  }
}
`;
}
