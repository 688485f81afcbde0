import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Memory of processes and all their descendants: what they hold now, and the most they held since `forgetPeak`,
 * each process's own peak added up. Pages that processes share are counted for each.
 * @param {readonly number[]} pids
 * @returns {{nowBytes: number, peakBytes: number}}
 */
export function memoryOf(pids) {
  const memory = { nowBytes: 0, peakBytes: 0 };
  for (const pid of processTree(pids)) {
    const status = read(`/proc/${pid}/status`) ?? '';
    memory.nowBytes += bytesAt(status, 'VmRSS');
    memory.peakBytes += bytesAt(status, 'VmHWM');
  }
  return memory;
}

/**
 * @param {readonly number[]} pids
 * @returns {void}
 */
export function forgetPeak(pids) {
  // proc(5): 5 sets the peak resident size to the present one.
  for (const pid of processTree(pids)) ifAlive(() => writeFileSync(`/proc/${pid}/clear_refs`, '5'));
}

/**
 * @param {readonly number[]} pids
 * @returns {Set<number>}
 */
function processTree(pids) {
  const tree = new Set(pids);
  // A set walks what is added meanwhile, too.
  for (const pid of tree) {
    const children = read(`/proc/${pid}/task/${pid}/children`) ?? '';
    for (const child of children.split(' ')) if (child !== '') tree.add(Number(child));
  }
  return tree;
}

/**
 * @param {string} status
 * @param {string} name
 */
function bytesAt(status, name) {
  return Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * 1024;
}

/** @param {string} path */
function read(path) {
  return ifAlive(() => readFileSync(path, 'latin1'));
}

/**
 * @template T
 * @param {() => T} action on a process that may end meanwhile
 * @returns {T | undefined}
 */
function ifAlive(action) {
  try {
    return action();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
