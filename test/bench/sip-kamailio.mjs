import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, portOpen, startChild, tempDir } from './child.mjs';
import { extensions, pilots } from './sip-load.mjs';

/** `stateless` forgets a call when it is answered; `stateful` repeats the redirect until its ACK has come, as usher. */
/** @typedef {'stateless' | 'stateful'} Kind */
/** @typedef {import('./sip-systems.mjs').SipPorts} SipPorts */

/**
 * Starts Kamailio as a redirect server with one process for each transport.
 * @param {Kind} kind
 * @param {import('./mail-access-stage.mjs').Certificate} certificate
 * @returns {Promise<import('./harness.mjs').Running<SipPorts>>}
 */
export async function startKamailio(kind, certificate) {
  const ports = { clear: await freePort(), tls: await freePort() };
  const directory = tempDir('kamailio');
  const configFile = join(directory, 'kamailio.cfg');
  writeFileSync(configFile, configuration(kind, ports, certificate));
  const runDirectory = join(directory, 'run');
  mkdirSync(runDirectory);
  // Megabytes shared and of each process; a call is remembered for seconds.
  const memory = ['-m', '1024', '-M', '32'];
  const args = ['-DD', '-E', '-f', configFile, '-Y', runDirectory, ...memory, '-b', String(4 * 1024 * 1024)];
  const child = await startChild('kamailio', args);
  await portOpen(child, ports.clear);
  await portOpen(child, ports.tls);
  return { pids: [child.pid], target: ports, stop: child.stop };
}

/**
 * The way of a call is that of usher: the gateway by its address, the pilot number, the mailbox of whoever diverted.
 * @param {Kind} kind
 * @param {SipPorts} ports
 * @param {import('./mail-access-stage.mjs').Certificate} certificate
 */
function configuration(kind, ports, { certFile, keyFile }) {
  const reply = kind === 'stateful' ? 't_reply' : 'sl_send_reply';
  const begin = kind === 'stateful' ? 'if (!t_newtran()) { exit; }' : '';
  return `
debug=0
log_stderror=yes
children=1
tcp_children=1
tcp_conn_wq_max=1048576
dns=no
rev_dns=no
auto_aliases=no
enable_tls=yes
max_while_loops=${extensions.count + 1}
listen=udp:127.0.0.1:${ports.clear}
listen=tcp:127.0.0.1:${ports.clear}
listen=tls:127.0.0.1:${ports.tls}
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "htable.so"
loadmodule "tls.so"
modparam("htable", "htable", "mailbox=>size=14;")
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "${certFile}")
modparam("tls", "private_key", "${keyFile}")
event_route[htable:mod-init] {
  $var(extension) = ${extensions.first};
  while ($var(extension) < ${extensions.first + extensions.count}) {
    $sht(mailbox=>$var(extension)) = "127.0.0.1";
    $var(extension) = $var(extension) + 1;
  }
}
request_route {
  if ($si != "127.0.0.1") { sl_send_reply("403", "Forbidden"); exit; }
  if ($rm == "ACK") { t_check_trans(); exit; }
  if ($rm != "INVITE") { sl_send_reply("405", "Method Not Allowed"); exit; }
  if ($rU == "${pilots.clear}") { $var(way) = ":5062;transport=tcp"; }
  else if ($rU == "${pilots.tls}") { $var(way) = ":5063;transport=tls"; }
  else { sl_send_reply("404", "Not Found"); exit; }
  ${begin}
  ${reply}("100", "Trying");
  $var(server) = $sht(mailbox=>$(di{uri.user}));
  if ($var(server) == $null) { ${reply}("404", "Not Found"); exit; }
  $ru = "sip:" + $rU + "@" + $var(server) + $var(way);
  ${reply}("302", "Moved Temporarily");
}
`;
}
