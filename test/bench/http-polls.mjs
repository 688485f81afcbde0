import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { tableLines } from './harness.mjs';
import { systemsOf } from './http-systems.mjs';
import { treeMemory } from './mail-access-memory.mjs';

/**
 * @typedef {import('./http-stage.mjs').Stage} Stage
 * @typedef {import('./http-stage.mjs').DoorKind} DoorKind
 * @typedef {import('./harness.mjs').Running<import('./http-systems.mjs').Target>} Running
 */

const wantedCount = { plain: 10_000, tls: 4000 };
// They fill what memory a program has taken and not used; those behind them show what one more costs.
const firstCount = 1000;
const parallel = 50;
const settleMs = 600;
// What a process opens beside its polls: logs, the store, doors, kept connections.
const otherFiles = 300;

/**
 * How far each proxy grows for a long poll that its server does not answer, both connections with it.
 * @param {Stage} stage
 * @param {DoorKind} door
 * @param {number | undefined} idle as many polls in all; else what the limit of open files allows
 */
export async function pollMemory(stage, door, idle) {
  const most = Math.floor((openFilesMax() - otherFiles) / 200) * 100;
  const count = idle ?? Math.min(wantedCount[door], most);
  if (count > most) throw new Error(`${count} polls need ${2 * count + otherFiles} open files; see "ulimit -Hn"`);
  if (count <= firstCount) throw new Error(`more than ${firstCount} polls are needed; these are not counted`);
  const rows = [];
  for (const system of systemsOf(stage, ['nginx', 'haproxy', 'usher'], { door, server: 'sink' })) {
    const running = await system.start();
    try {
      const { eachKb, totalKb } = await growth(stage, running, system.peer ? 'as-is' : 'collected', count);
      rows.push([system.name, eachKb.toFixed(1), (totalKb / 1024).toFixed(0)]);
    } finally {
      await running.stop();
    }
  }
  return [
    `${count} long polls, ${door === 'plain' ? 'in clear' : 'TLS 1.3 at the door'}`,
    ...tableLines([['system', 'KB each', `MB with ${count}`], ...rows]),
  ];
}

/**
 * @param {Stage} stage
 * @param {Running} running
 * @param {'as-is' | 'collected'} how
 * @param {number} count
 */
async function growth(stage, { pids, target }, how, count) {
  const open = async (/** @type {number} */ more, /** @type {number} */ all) => {
    await stage.client.ask('open', { target, count: more, parallel });
    for (let waitedMs = 0; (await stage.sink.ask('pollCount', {})) !== all; waitedMs += 50) {
      if (waitedMs > 20_000) throw new Error(`the server has not got all ${all} polls`);
      await sleep(50);
    }
    await sleep(settleMs);
  };
  await open(firstCount, firstCount);
  const before = await settledKb(pids, how);
  await open(count - firstCount, count);
  const totalKb = treeMemory(pids).pssKb;
  const after = await settledKb(pids, how);
  await stage.client.ask('check', { expect: 'silence' });
  await stage.sink.ask('release', {});
  await stage.client.ask('check', { expect: 'answers' });
  await stage.client.ask('close', {});
  return { eachKb: (after - before) / (count - firstCount), totalKb };
}

/**
 * @param {readonly number[]} pids
 * @param {'as-is' | 'collected'} how with garbage, or after two collections
 */
async function settledKb(pids, how) {
  if (how === 'collected') {
    for (const pid of pids) process.kill(pid, 'SIGUSR2');
    await sleep(settleMs);
  }
  return treeMemory(pids).pssKb;
}

function openFilesMax() {
  const limit = /^Max open files\s+\d+\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? '0';
  return limit === 'unlimited' ? 1_000_000 : Number(limit);
}
