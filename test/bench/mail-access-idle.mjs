import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { tableLines } from './harness.mjs';
import { treeMemory } from './mail-access-memory.mjs';
import { proxies } from './mail-access-systems.mjs';

/**
 * @typedef {import('./mail-access-stage.mjs').Stage} Stage
 * @typedef {import('./mail-access-stage.mjs').DoorKind} DoorKind
 * @typedef {import('./mail-access-stage.mjs').Target} Target
 */

const parallel = 50;
const warmUps = 2000;
// They fill what memory a program has taken and not used; those behind them show what one more costs.
const firstCount = 1500;
const settleMs = 1500;
const aimsKb = { plain: 12, tls: 35 };

/**
 * The growth of each proxy with idle connections, logged in, both legs, behind the first 1,500.
 * @param {Stage} stage
 * @param {DoorKind} door
 * @param {number} count
 */
export async function idleMemory(stage, door, count) {
  checkFiles(firstCount + count);
  const rows = [];
  for (const system of idleProxies(stage, door)) {
    const running = await system.start();
    try {
      const { eachKb, totalKb } = await growth(stage, running, system.peer ? 'as-is' : 'collected', count);
      const aim = system.peer ? '' : aimsKb[door].toFixed(1);
      rows.push([system.name, eachKb.toFixed(1), aim, (totalKb / 1024).toFixed(0)]);
    } finally {
      await running.stop();
    }
  }
  return [
    `memory of ${count} idle connections, ${door === 'plain' ? 'in clear' : 'TLS 1.3 at the door'}`,
    ...tableLines([['system', 'KB each', 'aim', `MB with ${firstCount + count}`], ...rows]),
  ];
}

/**
 * @param {Stage} stage
 * @param {DoorKind} door
 */
function idleProxies(stage, door) {
  return proxies(stage, 'idle', door, (target) => stage.client.ask('logins', { target, parallel, times: warmUps }));
}

/**
 * @param {Stage} stage
 * @param {import('./harness.mjs').Running<Target>} running
 * @param {'as-is' | 'collected'} how
 * @param {number} count
 */
async function growth({ client }, { pids, target }, how, count) {
  await client.ask('open', { target, count: firstCount, parallel });
  await sleep(settleMs);
  const before = await settledKb(pids, how);
  await client.ask('open', { target, count, parallel });
  await sleep(settleMs);
  const totalKb = treeMemory(pids).pssKb;
  const after = await settledKb(pids, how);
  await client.ask('check', {});
  await client.ask('close', {});
  return { eachKb: (after - before) / count, totalKb };
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

/**
 * Holds idle connections at usher, first at the one door, then at the other, and says each minute what it takes.
 * @param {Stage} stage
 * @param {{count: number, minutes: number}} options
 */
export async function hold(stage, { count, minutes }) {
  checkFiles(count);
  const lines = [];
  for (const door of /** @type {const} */ (['plain', 'tls'])) {
    const usher = idleProxies(stage, door).find(({ peer }) => !peer);
    if (usher === undefined) throw new Error('there is no usher to hold connections at');
    const running = await usher.start();
    try {
      lines.push(await holdAt(stage, running, door, { count, minutes }));
    } finally {
      await running.stop();
    }
  }
  return lines;
}

/**
 * @param {Stage} stage
 * @param {import('./harness.mjs').Running<Target>} running
 * @param {DoorKind} door
 * @param {{count: number, minutes: number}} options
 */
async function holdAt({ client }, { pids, target }, door, { count, minutes }) {
  const mega = (/** @type {number} */ kb) => `${(kb / 1024).toFixed(1)} MB`;
  const empty = treeMemory(pids).rssKb;
  await client.ask('open', { target, count, parallel });
  console.log(
    `${door}, ${count} connections: RSS without any ${mega(empty)}, with all ${mega(treeMemory(pids).rssKb)}`,
  );
  for (let minute = 1; minute <= minutes; minute++) {
    await sleep(60_000);
    console.log(`${door}, minute ${minute}: RSS ${mega(treeMemory(pids).rssKb)}`);
  }
  const end = treeMemory(pids).rssKb;
  await client.ask('check', {});
  await client.ask('close', {});
  return `${door}: ${count} connections held for ${minutes} min, every one answers; ${mega(end)} at the end`;
}

/**
 * A proxy opens two sockets a connection.
 * @param {number} count
 */
function checkFiles(count) {
  const limit = /^Max open files\s+\d+\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? '0';
  const needed = 2 * count + 200;
  if (limit === 'unlimited' || Number(limit) >= needed) return;
  throw new Error(`${count} connections need ${needed} open files; "ulimit -Hn" is ${limit}`);
}
