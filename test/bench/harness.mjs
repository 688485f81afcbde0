import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/**
 * Something to measure. `peer` is true for what usher is compared with.
 * `pids` are the roots of all its processes, `target` is what `load` takes.
 * @template T
 * @typedef {object} System
 * @property {string} name
 * @property {boolean} peer
 * @property {() => Promise<Running<T>>} start
 */

/**
 * @template T
 * @typedef {object} Running
 * @property {readonly number[]} pids
 * @property {T} target
 * @property {() => Promise<void>} stop
 */

/** @typedef {{operations: number, seconds: number}} Load */

/**
 * Medians over the rounds.
 * @typedef {object} Figures
 * @property {string} name
 * @property {boolean} peer
 * @property {number} operationsPerSecond
 * @property {number} cpuMicrosecondsPerOperation
 */

const microsecondsPerTick = 1_000_000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/**
 * CPU time used so far by processes, all their descendants, and those of their children that have ended.
 * Linux counts it in ticks, mostly of 10 ms.
 * @param {readonly number[]} pids
 * @returns {number} microseconds
 */
export function processTreeCpuMicroseconds(pids) {
  const processes = runningProcesses();
  const seen = new Set();
  const open = [...pids];
  let ticks = 0;
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    const process = processes.get(pid);
    if (process === undefined || seen.has(pid)) continue;
    seen.add(pid);
    ticks += process.ticks;
    for (const [child, { parent }] of processes) if (parent === pid) open.push(child);
  }
  return ticks * microsecondsPerTick;
}

/** @returns {Map<number, {parent: number, ticks: number}>} */
function runningProcesses() {
  const processes = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const fields = statFields(name);
    if (fields === undefined) continue;
    // proc(5): state is field 3, so ppid (4) is at 1 and utime, stime, cutime, cstime (14 to 17) at 11 to 14.
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    processes.set(Number(name), { parent: Number(fields[1]), ticks });
  }
  return processes;
}

/** @param {string} pid */
function statFields(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name before may hold spaces and parentheses.
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

/**
 * Starts every system, loads one after the other, round by round so that a slow minute of the machine meets all of
 * them, and stops them. One round before the counted ones warms up.
 * @template T
 * @param {{systems: readonly System<T>[], load: (target: T) => Promise<Load>, rounds: number}} options
 * @returns {Promise<Figures[]>}
 */
export async function measure({ systems, load, rounds }) {
  /** @type {{system: System<T>, running: Running<T>, samples: {perSecond: number, cpu: number}[]}[]} */
  const contestants = [];
  try {
    for (const system of systems) contestants.push({ system, running: await system.start(), samples: [] });
    for (let round = 0; round <= rounds; round++) {
      for (const { running, samples } of contestants) {
        const before = processTreeCpuMicroseconds(running.pids);
        const { operations, seconds } = await load(running.target);
        const cpu = processTreeCpuMicroseconds(running.pids) - before;
        if (operations === 0) throw new Error('the load made no operation');
        if (round > 0) samples.push({ perSecond: operations / seconds, cpu: cpu / operations });
      }
    }
  } finally {
    for (const { running } of contestants) await running.stop();
  }
  return contestants.map(({ system, samples }) => ({
    name: system.name,
    peer: system.peer,
    operationsPerSecond: median(samples.map(({ perSecond }) => perSecond)),
    cpuMicrosecondsPerOperation: median(samples.map(({ cpu }) => cpu)),
  }));
}

/**
 * The middle value, or the mean of the two in the middle.
 * @param {readonly number[]} values at least one
 */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  if (low === undefined || high === undefined) throw new Error('no values');
  return (low + high) / 2;
}

/**
 * One line a system: its medians, and each as a multiple of the first peer's.
 * @param {readonly Figures[]} figures
 * @returns {string[]}
 */
export function figureLines(figures) {
  const first = figures.find(({ peer }) => peer);
  const ratio = (/** @type {number} */ value, /** @type {number | undefined} */ other) =>
    other === undefined ? '-' : (value / other).toFixed(2);
  const rows = figures.map((row) => [
    row.name,
    row.operationsPerSecond.toFixed(0),
    ratio(row.operationsPerSecond, first?.operationsPerSecond),
    row.cpuMicrosecondsPerOperation.toFixed(1),
    ratio(row.cpuMicrosecondsPerOperation, first?.cpuMicrosecondsPerOperation),
  ]);
  const to = first === undefined ? 'ratio' : `to ${first.name}`;
  return tableLines([['system', 'operations/s', to, 'CPU us/operation', to], ...rows]);
}

/**
 * Columns padded to their widest cell, the first to the right, the others to the left.
 * @param {readonly (readonly string[])[]} rows
 * @returns {string[]}
 */
export function tableLines(rows) {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    return cells.join('  ').trimEnd();
  });
}
