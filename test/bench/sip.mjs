import { figureLines, measure, median, tableLines } from './harness.mjs';
import { checkRedirect, makeCalls, makeCallsAtRate } from './sip-load.mjs';
import { memoryLines } from './sip-memory.mjs';
import { startContestants } from './sip-systems.mjs';

export const title = 'calls redirected to the mailbox server of the callee (sipp)';
export const programs = {
  kamailio: 'kamailio kamailio-tls-modules',
  sipp: 'sip-tester',
  haproxy: 'haproxy',
  openssl: 'openssl',
};
/** Of one load, where the command line does not say. */
export const seconds = 2;

const warmUpCalls = 20_000;
const callsMin = 1000;
const callsMax = 200_000;
/** Of the rate that the slowest system had, where no call may be lost. */
const steadyShare = 0.8;

/** @type {readonly {name: string, way: import('./sip-systems.mjs').Way}[]} `--only` counts from 1 */
const parts = [
  { name: 'UDP', way: 'udp' },
  { name: 'TCP, one connection', way: 'tcp' },
  { name: 'TLS, one connection', way: 'tls' },
];

/** @typedef {import('./sip-systems.mjs').Contestant} Contestant */
/** @typedef {{rounds: number, seconds: number}} Length */

/**
 * @param {Length & {systems: 'all' | 'peers', only?: number | undefined, calls?: number | undefined}} options
 * @returns {Promise<string[]>}
 * @throws {Error} with the figures, where a call was lost
 */
export async function bench({ systems, rounds, seconds, only, calls }) {
  if (calls !== undefined) return memoryLines(calls);
  if (only !== undefined && only > parts.length) throw new Error(`there are parts 1 to ${parts.length}`);
  const wanted = only === undefined ? parts : parts.slice(only - 1, only);
  /** @type {import('./sip-systems.mjs').Stoppable[]} */
  const started = [];
  try {
    const contestants = await startContestants(systems, started);
    const lines = [];
    let lost = 0;
    for (const { name, way } of wanted) {
      for (const { targets } of contestants) {
        await checkRedirect(targets[way]);
        lost += (await makeCalls(targets[way], warmUpCalls)).lost;
      }
      const rated = await rate(way, contestants, { rounds, seconds });
      const steady = await hold(way, contestants, { perSecond: rated.slowest * steadyShare, rounds, seconds });
      lines.push('', `${name}, as fast as it goes`, ...rated.lines, '', ...steady.lines);
      lost += rated.lost + steady.lost;
    }
    if (lost > 0) throw new Error([`${lost} calls were lost`, ...lines].join('\n'));
    return lines;
  } finally {
    for (const { stop } of started) await stop();
  }
}

/**
 * @param {import('./sip-systems.mjs').Way} way
 * @param {readonly Contestant[]} contestants
 * @param {Length} length
 */
async function rate(way, contestants, { rounds, seconds }) {
  /** How many calls fill the time, worked out from the load before. @type {Map<number, number>} */
  const counts = new Map();
  let lost = 0;
  const figures = await measure({
    systems: contestants.map(({ name, peer, pids, targets }) => ({
      name,
      peer,
      start: async () => ({ pids, target: targets[way], stop: async () => undefined }),
    })),
    load: async (target) => {
      const count = counts.get(target.port) ?? callsMin;
      const result = await makeCalls(target, count);
      lost += result.lost;
      const fitting = Math.round((result.calls / result.seconds) * seconds);
      counts.set(target.port, Math.min(callsMax, Math.max(callsMin, fitting)));
      return { operations: result.calls, seconds: result.seconds };
    },
    rounds,
  });
  const slowest = Math.min(...figures.map(({ operationsPerSecond }) => operationsPerSecond));
  return { lines: figureLines(figures), slowest, lost };
}

/**
 * The same steady rate for all.
 * @param {import('./sip-systems.mjs').Way} way
 * @param {readonly Contestant[]} contestants
 * @param {Length & {perSecond: number}} load
 */
async function hold(way, contestants, { perSecond, rounds, seconds }) {
  const results = contestants.map(() => /** @type {import('./sip-load.mjs').CallResult[]} */ ([]));
  for (let round = 0; round < rounds; round++) {
    for (const [place, { targets }] of contestants.entries()) {
      results[place]?.push(await makeCallsAtRate(targets[way], { perSecond, seconds }));
    }
  }
  const sums = results.map((ofOne) => ({
    calls: ofOne.reduce((sum, { calls }) => sum + calls, 0),
    lost: ofOne.reduce((sum, result) => sum + result.lost, 0),
    medianMs: median(ofOne.map(({ responseMs }) => responseMs.median)),
    p99Ms: median(ofOne.map(({ responseMs }) => responseMs.p99)),
  }));
  const rows = sums.map(({ calls, lost, medianMs, p99Ms }, place) => [
    contestants[place]?.name ?? '',
    ...[calls, lost, medianMs, p99Ms].map(String),
  ]);
  const lost = sums.reduce((sum, result) => sum + result.lost, 0);
  const head = [`${perSecond.toFixed(0)} a second`, 'calls', 'lost', 'median ms', 'p99 ms'];
  return { lines: tableLines([head, ...rows]), lost };
}
