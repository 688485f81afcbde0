import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { processTreeCpuMicroseconds, tableLines } from './harness.mjs';
import { treeMemory } from './mail-access-memory.mjs';
import { checkRedirect, makeCalls } from './sip-load.mjs';
import { startUsherAlone } from './sip-systems.mjs';

const collect = fileURLToPath(new URL('./mail-access-collect.mjs', import.meta.url));
const looks = 10;
const ways = /** @type {const} */ (['udp', 'tcp', 'tls']);
const collectMs = 500;

/**
 * Calls through usher alone, a third over each transport in turn, and its memory after each tenth of them.
 * @param {number} count
 * @returns {Promise<string[]>}
 * @throws {Error} with the figures, where a call was lost
 */
export async function memoryLines(count) {
  /** @type {import('./sip-systems.mjs').Stoppable[]} */
  const started = [];
  try {
    const { pids, targets } = await startUsherAlone(['--expose-gc', '--import', collect], started);
    for (const way of ways) await checkRedirect(targets[way]);
    const rows = [];
    const sum = { calls: 0, lost: 0 };
    for (let look = 1; look <= looks; look++) {
      const before = { ...sum, cpu: processTreeCpuMicroseconds(pids) };
      for (const way of ways) {
        const { calls, lost } = await makeCalls(targets[way], Math.ceil(count / looks / ways.length));
        sum.calls += calls;
        sum.lost += lost;
      }
      const cpu = (processTreeCpuMicroseconds(pids) - before.cpu) / (sum.calls - before.calls);
      rows.push([String(sum.calls), String(sum.lost), cpu.toFixed(1), ...(await memory(pids))]);
    }
    const lines = tableLines([['calls', 'lost', 'CPU us/call', 'RSS MB', 'without garbage'], ...rows]);
    if (sum.lost > 0) throw new Error([`${sum.lost} calls were lost`, ...lines].join('\n'));
    return lines;
  } finally {
    for (const { stop } of started) await stop();
  }
}

/**
 * RSS as it stands, and after two collections.
 * @param {readonly number[]} pids
 */
async function memory(pids) {
  const megabytes = () => (treeMemory(pids).rssKb / 1024).toFixed(1);
  const asItStands = megabytes();
  for (let turn = 0; turn < 2; turn++) {
    for (const pid of pids) process.kill(pid, 'SIGUSR2');
    await sleep(collectMs);
  }
  return [asItStands, megabytes()];
}
