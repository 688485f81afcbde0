import { figureLines, measure, tableLines } from './harness.mjs';
import { names, startContestants } from './outbound-systems.mjs';
import { sendMail, startSink } from './smtp-load.mjs';

export const title = 'messages of 10 KB from a mailbox server to one smart host (smtp-sink)';
export const programs = {
  'smtp-source': 'postfix',
  'smtp-sink': 'postfix',
  haproxy: 'haproxy',
  openssl: 'openssl',
};
/** Of one load, where the command line does not say. */
export const seconds = 1;

const lengthBytes = 10 * 1024;
const countMax = 50_000;
const warmUp = { sessions: 50, connections: /** @type {const} */ ('kept'), count: 6000, lengthBytes };

/**
 * @typedef {object} Measure
 * @property {string} name
 * @property {import('./outbound-systems.mjs').Way} way
 * @property {number} sessions
 * @property {import('./smtp-load.mjs').Connections} connections of the clients
 * @property {number} countMin
 */

/** @type {readonly Measure[]} `--only` counts from 1 */
const measures = [
  { name: 'one session, kept connection', way: 'clear', sessions: 1, connections: 'kept', countMin: 200 },
  { name: 'one session, new connections', way: 'clear', sessions: 1, connections: 'new', countMin: 200 },
  { name: '200 sessions, kept connections', way: 'clear', sessions: 200, connections: 'kept', countMin: 1000 },
  { name: '200 sessions, new connections', way: 'clear', sessions: 200, connections: 'new', countMin: 1000 },
  { name: 'TLS, 200 sessions, kept connections', way: 'tls', sessions: 200, connections: 'kept', countMin: 1000 },
  { name: 'TLS, 200 sessions, new connections', way: 'tls', sessions: 200, connections: 'new', countMin: 1000 },
];

/** @typedef {import('./smtp-load.mjs').Sink} Sink */
/** @typedef {import('./outbound-systems.mjs').Contestant} Contestant */

/**
 * @param {{systems: 'all' | 'peers', rounds: number, seconds: number, only?: number | undefined}} options
 * @returns {Promise<string[]>}
 * @throws {Error} with the figures, where messages of any system failed
 */
export async function bench({ systems, rounds, seconds, only }) {
  if (only !== undefined && only > measures.length) throw new Error(`there are parts 1 to ${measures.length}`);
  const wanted = only === undefined ? measures : measures.slice(only - 1, only);
  const sink = await startSink();
  try {
    const lines = [];
    const failures = [];
    for (const way of /** @type {const} */ (['clear', 'tls'])) {
      const ofWay = wanted.filter((each) => each.way === way);
      if (ofWay.length === 0) continue;
      const played = await playWay({ sink, way, systems, rounds, seconds }, ofWay);
      lines.push(...played.lines);
      failures.push(...played.failures);
    }
    if (failures.length > 0) throw new Error([...failures, ...lines].join('\n'));
    return lines;
  } finally {
    await sink.stop();
  }
}

/**
 * @param {{sink: Sink, way: import('./outbound-systems.mjs').Way, systems: 'all' | 'peers', rounds: number,
 *   seconds: number}} options
 * @param {readonly Measure[]} ofWay
 */
async function playWay({ sink, way, systems, rounds, seconds }, ofWay) {
  /** @type {import('./harness.mjs').Running<number>[]} */
  const started = [];
  const lines = [];
  const failures = [];
  try {
    const contestants = await startContestants({ sinkPort: sink.port, way, systems }, started);
    for (const { running } of contestants) await sendMail(running.target, sink, warmUp);
    for (const each of ofWay) {
      try {
        lines.push('', each.name, ...(await play(each, { sink, contestants, rounds, seconds })));
      } catch (error) {
        failures.push(`${each.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  } finally {
    for (const { stop } of started) await stop();
  }
  return { lines, failures };
}

/**
 * @param {Measure} each
 * @param {{sink: Sink, contestants: readonly Contestant[], rounds: number, seconds: number}} options
 */
async function play({ sessions, connections, countMin }, { sink, contestants, rounds, seconds }) {
  /** How many messages fill the time, worked out from the load before. @type {Map<number, number>} */
  const counts = new Map();
  const figures = await measure({
    systems: contestants.map(({ name, peer, running }) => ({
      name,
      peer,
      start: async () => ({ pids: running.pids, target: running.target, stop: async () => undefined }),
    })),
    load: async (port) => {
      const count = counts.get(port) ?? countMin;
      const taken = await sendMail(port, sink, { sessions, connections, count, lengthBytes });
      counts.set(port, Math.min(countMax, Math.max(countMin, Math.round((count / taken) * seconds))));
      return { operations: count, seconds: taken };
    },
    rounds,
  });
  return [...figureLines(figures), ...(sessions === 1 ? latencyLines(figures) : [])];
}

/**
 * The time of a message from its start to its end where one follows the other.
 * @param {readonly import('./harness.mjs').Figures[]} figures
 */
function latencyLines(figures) {
  const ms = (/** @type {import('./harness.mjs').Figures} */ { operationsPerSecond }) => 1000 / operationsPerSecond;
  const direct = figures.find(({ name }) => name === names.direct);
  const rows = figures.map((row) => [
    row.name,
    ms(row).toFixed(3),
    direct === undefined || row === direct ? '-' : (ms(row) - ms(direct)).toFixed(3),
  ]);
  return tableLines([['', 'ms/message', 'added'], ...rows]);
}
