import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { freePort, portOpen, run, startChild, tempDir } from './child.mjs';

// The newest that runs on Node 20.
const version = '3.3.4';
const npmMsMax = 120_000;

/**
 * The folder of Haraka's package, installed by npm into the user's cache folder where an earlier run has not.
 * @throws {Error} where npm cannot install it
 */
async function installedHaraka() {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'usher-bench');
  const folder = join(cache, `haraka-${version}`);
  const haraka = join(folder, 'node_modules', 'Haraka');
  if (existsSync(haraka)) return haraka;
  mkdirSync(cache, { recursive: true });
  const begun = mkdtempSync(join(cache, 'begun-'));
  try {
    const flags = ['--no-audit', '--no-fund', '--omit=optional', '--ignore-scripts', '--loglevel=error'];
    const npm = ['npm', 'install', '--prefix', begun, ...flags, `Haraka@${version}`];
    await run('timeout', ['--foreground', String(npmMsMax / 1000), ...npm]);
    renameSync(begun, folder);
  } finally {
    rmSync(begun, { recursive: true, force: true });
  }
  return haraka;
}

/**
 * Starts a Haraka in one process that hands each message to the sink before it answers (queue/smtp_forward).
 * @param {number} sinkPort
 * @returns {Promise<import('./harness.mjs').Running<number>>}
 */
export async function startHaraka(sinkPort) {
  const haraka = await installedHaraka();
  const directory = tempDir('haraka');
  const config = join(directory, 'config');
  mkdirSync(config);
  const port = await freePort();
  const files = {
    me: 'edge1.example.org',
    host_list: 'example.org',
    plugins: 'rcpt_to.in_host_list\nqueue/smtp_forward',
    'smtp.ini': `listen=127.0.0.1:${port}\nnodes=0`,
    'smtp_forward.ini': `host=127.0.0.1\nport=${sinkPort}\nenable_outbound=false`,
    // It does not start a session without the other sections of its own file.
    'connection.ini': readFileSync(join(haraka, 'config', 'connection.ini'), 'utf8').replace(
      /^bytes=.*$/m,
      'bytes=52428800',
    ),
    'log.ini': '[main]\nlevel=warn',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(config, name), `${text}\n`);
  const child = await startChild(process.execPath, [join(haraka, 'bin', 'haraka'), '-c', directory]);
  await portOpen(child, port);
  return { pids: [child.pid], target: port, stop: child.stop };
}
