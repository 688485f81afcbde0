import { chmodSync, chownSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, portOpen, run, startChild, tempDir } from './child.mjs';

const queueFolders = [
  'active',
  'bounce',
  'corrupt',
  'defer',
  'deferred',
  'flush',
  'hold',
  'incoming',
  'private',
  'saved',
];

/** Why Postfix cannot run here, or undefined. */
export function postfixMissing() {
  return process.getuid?.() === 0 ? undefined : 'postfix can only be started by root';
}

/**
 * Starts a Postfix of its own that passes each message to the sink before it answers (smtpd_proxy_filter), and so
 * keeps none in its queue.
 * @param {number} sinkPort
 * @returns {Promise<import('./harness.mjs').Running<number>>}
 */
export async function startPostfixProxy(sinkPort) {
  const port = await freePort();
  const directory = await makePlaces();
  writeSettled(join(directory, 'config', 'main.cf'), mainSettings(directory, sinkPort));
  writeSettled(join(directory, 'config', 'master.cf'), services(port));
  const child = await startChild('/usr/lib/postfix/sbin/master', ['-c', join(directory, 'config'), '-s']);
  await portOpen(child, port);
  return { pids: [child.pid], target: port, stop: child.stop };
}

async function makePlaces() {
  const directory = tempDir('postfix');
  // Its daemons run as other users.
  chmodSync(directory, 0o755);
  const postfix = Number((await run('id', ['-u', 'postfix'])).trim());
  const postdrop = Number((await run('getent', ['group', 'postdrop'])).split(':')[2]);
  const folder = (/** @type {string} */ name, { user = 0, group = 0, mode = 0o755 } = {}) => {
    const path = join(directory, name);
    mkdirSync(path);
    chownSync(path, user, group);
    chmodSync(path, mode);
  };
  folder('config');
  folder('data', { user: postfix, mode: 0o700 });
  folder('queue');
  for (const name of queueFolders) folder(`queue/${name}`, { user: postfix, mode: 0o700 });
  folder('queue/maildrop', { user: postfix, group: postdrop, mode: 0o1730 });
  folder('queue/public', { user: postfix, group: postdrop, mode: 0o2710 });
  folder('queue/pid');
  return directory;
}

/**
 * @param {string} directory
 * @param {number} sinkPort
 */
function mainSettings(directory, sinkPort) {
  return `
compatibility_level = 3.6
queue_directory = ${directory}/queue
data_directory = ${directory}/data
maillog_file = ${directory}/log
maillog_file_prefixes = ${directory}
myhostname = edge1.example.org
mydestination =
relay_domains = example.org
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_proxy_filter = 127.0.0.1:${sinkPort}
smtpd_client_connection_count_limit = 0
message_size_limit = 0
mailbox_size_limit = 0
virtual_mailbox_limit = 0
default_process_limit = 1000
default_transport = error:this server sends nothing out
relay_transport = smtp:[127.0.0.1]:${sinkPort}
alias_maps =
alias_database =
local_recipient_maps =
biff = no
`;
}

/** @param {number} port */
function services(port) {
  const rows = [
    `127.0.0.1:${port} inet n - n - 0 smtpd`,
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'bounce unix - - n - 0 bounce',
    'defer unix - - n - 0 bounce',
    'trace unix - - n - 0 bounce',
    'proxymap unix - - n - - proxymap',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'anvil unix - - n - 1 anvil',
    'postlog unix-dgram n - n - 1 postlogd',
  ];
  return `${rows.join('\n')}\n`;
}

/**
 * Postfix waits until a configuration file was left alone for two seconds.
 * @param {string} path
 * @param {string} text
 */
function writeSettled(path, text) {
  writeFileSync(path, text);
  const past = new Date(Date.now() - 60_000);
  utimesSync(path, past, past);
}
