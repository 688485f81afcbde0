import { processTreeCpuMicroseconds } from './harness.mjs';
import {
  fastPeer,
  floor,
  largeMailBytes,
  measures,
  megabyte,
  ours,
  resultLines,
  scriptedPeer,
} from './smtp-figures.mjs';
import { startHaproxy } from './smtp-haproxy.mjs';
import { startHaraka } from './smtp-haraka.mjs';
import { idleConnectionBytes } from './smtp-idle.mjs';
import { sendMail, startSink } from './smtp-load.mjs';
import { forgetPeak, memoryOf } from './smtp-memory.mjs';
import { nginxMailMissing, startNginxMail } from './smtp-nginx.mjs';
import { postfixMissing, startPostfixProxy } from './smtp-postfix.mjs';
import { startMailFrontEnd } from './smtp-usher.mjs';

export const title = 'messages of 4 KB in front of one smtp-sink, kept connections and new ones';
export const programs = { 'smtp-source': 'postfix', 'smtp-sink': 'postfix', haproxy: 'haproxy', nginx: 'nginx-light' };
/** Of one load, where the command line does not say. */
export const seconds = 1;

const lengthBytes = 4096;
const large = { count: 1, sessions: 1, connections: /** @type {const} */ ('kept'), lengthBytes: largeMailBytes };
const countMax = 50_000;

/** @typedef {import('./smtp-figures.mjs').Contestant} Contestant */
/** @typedef {import('./smtp-figures.mjs').Measure} Measure */

/** @typedef {{sink: import('./smtp-load.mjs').Sink, contestants: Contestant[], failures: string[]}} Contest */

/**
 * @param {{systems: 'all' | 'peers', rounds: number, seconds: number, idle: number | undefined}} options
 * @returns {Promise<string[]>}
 * @throws {Error} with the figures, where messages of any system failed
 */
export async function bench({ systems, rounds, seconds, idle }) {
  const sink = await startSink();
  /** @type {Contest} */
  const contest = { sink, contestants: [], failures: [] };
  try {
    const notes = await startAll(contest, systems);
    await measureLargeMail(contest, rounds);
    for (let round = 0; round <= rounds; round++)
      for (const measure of measures) await playRound(contest, measure, { round, seconds });
    if (idle !== undefined) await measureIdle(contest, idle);
    const lines = [...notes, ...resultLines(contest.contestants, idle)];
    if (contest.failures.length > 0) throw new Error([...contest.failures, '', ...lines].join('\n'));
    return lines;
  } finally {
    for (const { running } of contest.contestants) await running.stop();
    await sink.stop();
  }
}

/**
 * @param {Contest} contest gets the systems that run
 * @param {'all' | 'peers'} systems
 * @returns {Promise<string[]>} which peers do not run, and why
 */
async function startAll({ sink, contestants }, systems) {
  const start = async (/** @type {string} */ name, /** @type {Promise<Contestant['running']>} */ starting) =>
    contestants.push({ name, running: await starting, loads: new Map(), largeMail: undefined, idleBytes: undefined });
  const notes = [];
  await start(floor, Promise.resolve({ pids: [], target: sink.port, stop: () => Promise.resolve() }));
  await start('HAProxy', startHaproxy(sink.port));
  for (const { name, missing, startPeer } of [
    { name: fastPeer, missing: nginxMailMissing(), startPeer: startNginxMail },
    { name: 'Postfix', missing: postfixMissing(), startPeer: startPostfixProxy },
  ]) {
    if (missing === undefined) await start(name, startPeer(sink.port));
    else notes.push(`${name} not run: ${missing}`);
  }
  try {
    await start(scriptedPeer, startHaraka(sink.port));
  } catch (error) {
    notes.push(`${scriptedPeer} not run: ${reasonOf(error).split('\n', 1)[0]}`);
  }
  if (systems === 'all') await start(ours, startMailFrontEnd(sink.port));
  return notes;
}

/**
 * Before all other loads, as what they leave behind would hide the growth.
 * @param {Contest} contest
 * @param {number} rounds
 */
async function measureLargeMail({ sink, contestants, failures }, rounds) {
  const playing = new Set(contestants);
  for (let round = 0; round <= rounds; round++) {
    for (const contestant of playing) {
      const { pids, target } = contestant.running;
      const before = memoryOf(pids).nowBytes;
      forgetPeak(pids);
      try {
        const seconds = await sendMail(target, sink, large);
        const grown = memoryOf(pids).peakBytes - before;
        contestant.largeMail ??= { afterStart: grown, afterOne: 0, perSecond: [] };
        if (round === 0) continue;
        contestant.largeMail.afterOne = Math.max(contestant.largeMail.afterOne, grown);
        contestant.largeMail.perSecond.push(large.lengthBytes / megabyte / seconds);
      } catch (error) {
        playing.delete(contestant);
        contestant.largeMail = undefined;
        failures.push(`${contestant.name}, 25 MB: ${reasonOf(error)}`);
      }
    }
  }
}

/**
 * One load of each system; the first round warms up and finds how many messages fill the time.
 * @param {Contest} contest
 * @param {Measure} measure
 * @param {{round: number, seconds: number}} options
 */
async function playRound({ sink, contestants, failures }, measure, { round, seconds }) {
  for (const { name, running, loads } of contestants) {
    if (round === 0) loads.set(measure, { count: measure.countMin, samples: [] });
    const load = loads.get(measure);
    if (load === undefined) continue;
    try {
      const before = processTreeCpuMicroseconds(running.pids);
      const taken = await sendMail(running.target, sink, { ...measure, count: load.count, lengthBytes });
      const cpuUs = (processTreeCpuMicroseconds(running.pids) - before) / load.count;
      const perSecond = load.count / taken;
      if (round > 0) load.samples.push({ msPerMessage: 1000 / perSecond, perSecond, cpuUs });
      const fitting = Math.round(perSecond * seconds * measure.share);
      load.count = Math.min(countMax, Math.max(measure.countMin, fitting));
    } catch (error) {
      loads.delete(measure);
      failures.push(`${name}, ${measure.name}: ${reasonOf(error)}`);
    }
  }
}

/**
 * @param {Contest} contest
 * @param {number} count
 */
async function measureIdle({ contestants, failures }, count) {
  for (const contestant of contestants.filter(({ name }) => name === fastPeer || name === ours)) {
    try {
      contestant.idleBytes = await idleConnectionBytes(contestant.running, count);
    } catch (error) {
      failures.push(`${contestant.name}, ${count} idle connections: ${reasonOf(error)}`);
    }
  }
}

/** @param {unknown} error */
function reasonOf(error) {
  return (error instanceof Error ? error.message : String(error)).trim();
}
