import { Buffer } from 'node:buffer';
import { chmodSync, chownSync, closeSync, fstatSync, mkdirSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, portOpen, startChild, tempDir } from './child.mjs';

/** @typedef {import('./mail-access-stage.mjs').Certificate} Certificate */

const nobody = 65_534;

/**
 * The mailbox server: every name may log in with the password "secret", and all share one mail folder.
 * @param {Certificate} certificate
 */
export async function startDovecotBackend(certificate) {
  const directory = ownDirectory('dovecot');
  const mail = join(directory, 'mail');
  mkdirSync(mail);
  const owner = process.getuid?.() === 0 ? nobody : (process.getuid?.() ?? nobody);
  if (process.getuid?.() === 0) chownSync(mail, nobody, nobody);
  const ports = { plain: await freePort(), tls: await freePort() };
  const child = await startInstance(directory, ports, certificate, [
    `mail_location = maildir:${mail}`,
    'mail_max_userip_connections = 0',
    'passdb {\n  driver = static\n  args = password=secret\n}',
    `userdb {\n  driver = static\n  args = uid=${owner} gid=${owner} home=${mail}\n}`,
    'service imap {\n  service_count = 1000\n  process_limit = 512\n}',
  ]);
  return { pid: child.pid, ports, logins: countLogins(join(directory, 'log')), stop: child.stop };
}

/**
 * A Dovecot that only passes on to another server.
 * @param {{serverPort: number, door: import('./mail-access-stage.mjs').DoorKind, certificate: Certificate}} options
 */
export async function startDovecotProxy({ serverPort, door, certificate }) {
  const port = await freePort();
  const ports = door === 'plain' ? { plain: port, tls: 0 } : { plain: 0, tls: port };
  const child = await startInstance(ownDirectory('dovecot-proxy'), ports, certificate, [
    `passdb {\n  driver = static\n  args = proxy=y host=127.0.0.1 port=${serverPort} nopassword=y\n}`,
  ]);
  return { pids: [child.pid], target: port, stop: child.stop };
}

/** @param {string} label */
function ownDirectory(label) {
  const directory = tempDir(label);
  // Its login processes run as other users.
  chmodSync(directory, 0o755);
  return directory;
}

/**
 * @param {string} directory
 * @param {{plain: number, tls: number}} ports 0 leaves one out
 * @param {Certificate} certificate
 * @param {readonly string[]} more
 */
async function startInstance(directory, ports, certificate, more) {
  const configFile = join(directory, 'dovecot.conf');
  writeFileSync(configFile, configuration(directory, ports, certificate, more));
  const child = await startChild('dovecot', ['-F', '-c', configFile]);
  for (const port of [ports.plain, ports.tls]) if (port !== 0) await portOpen(child, port);
  return child;
}

/**
 * Dovecot's "high performance mode": one login process for all connections.
 * @param {string} directory
 * @param {{plain: number, tls: number}} ports
 * @param {Certificate} certificate
 * @param {readonly string[]} more
 */
function configuration(directory, ports, certificate, more) {
  return `
base_dir = ${directory}/run
state_dir = ${directory}/state
log_path = ${directory}/log
protocols = imap
listen = 127.0.0.1
login_trusted_networks = 127.0.0.0/8
disable_plaintext_auth = no
auth_mechanisms = plain
ssl = yes
ssl_min_protocol = TLSv1.3
ssl_cert = <${certificate.certFile}
ssl_key = <${certificate.keyFile}
service imap-login {
  chroot =
  service_count = 0
  process_min_avail = 1
  process_limit = 1
  client_limit = 18000
  vsz_limit = 8 G
  inet_listener imap {
    port = ${ports.plain}
  }
  inet_listener imaps {
    port = ${ports.tls}
    ssl = yes
  }
}
service auth {
  client_limit = 20000
}
service anvil {
  chroot =
  client_limit = 20000
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
${more.join('\n')}
`;
}

/**
 * Reads a log as it grows.
 * @param {string} file
 * @returns {(atLeast: number) => Promise<number>} the logins since the last call; waits 3 s for as many
 */
function countLogins(file) {
  let offset = 0;
  let held = '';
  const read = () => {
    const descriptor = openSync(file, 'r');
    const bytes = Buffer.alloc(fstatSync(descriptor).size - offset);
    offset += readSync(descriptor, bytes, 0, bytes.length, offset);
    closeSync(descriptor);
    const lines = (held + bytes.toString('latin1')).split('\n');
    held = lines.pop() ?? '';
    return lines.filter((line) => line.includes(' Login: user=<')).length;
  };
  return async (atLeast) => {
    let count = read();
    for (let waitedMs = 0; count < atLeast && waitedMs < 3000; waitedMs += 50) {
      await sleep(50);
      count += read();
    }
    return count;
  };
}
