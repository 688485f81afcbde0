import { median, tableLines } from './harness.mjs';
import { names, systemsOf } from './http-systems.mjs';
import { loadOf, warmedUp } from './http-wrk.mjs';

/** @typedef {import('./http-client-rate.mjs').Latency} Latency */

const connections = 64;
// What one process of Node sends beside the others on two processors without being late itself.
const perSecondMax = 5000;
// Loads of a second; the best one tells what can be carried.
const probes = 3;
const aimAddedMs = 1;
// More than this with nothing between: other work on the machine is what is measured.
const quietMs = 1;

/**
 * Response times at one steady rate for all systems: half of what usher carries at most, or nginx with auth_request
 * where usher is not to run.
 * @param {import('./http-stage.mjs').Stage} stage
 * @param {{rounds: number, seconds: number}} options
 */
export async function latency(stage, { rounds, seconds }) {
  const systems = systemsOf(stage, ['direct', 'map', 'authRequest', 'httpProxy', 'usher']).map(warmedUp);
  const measuring = names[stage.usher === undefined ? 'authRequest' : 'usher'];
  /** @type {{name: string, running: import('./harness.mjs').Running<import('./http-systems.mjs').Target>, samples: Latency[]}[]} */
  const contestants = [];
  try {
    for (const { name, start } of systems) contestants.push({ name, running: await start(), samples: [] });
    const probed = contestants.find(({ name }) => name === measuring);
    if (probed === undefined) throw new Error(`${measuring} does not run`);
    const load = loadOf([0]);
    let most = 0;
    for (let probe = 0; probe < probes; probe++) {
      const { operations, seconds: elapsed } = await load(probed.running.target, 1);
      most = Math.max(most, operations / elapsed);
    }
    const perSecond = Math.min(perSecondMax, Math.round(most / 2));
    for (let round = 0; round <= rounds; round++) {
      for (const { running, samples } of contestants) {
        const options = { target: running.target, perSecond, seconds, connections };
        const sample = /** @type {Latency} */ (await stage.client.ask('rate', options));
        if (round > 0) samples.push(sample);
      }
    }
    return latencyLines(contestants, perSecond);
  } finally {
    for (const { running } of contestants) await running.stop();
  }
}

/**
 * @param {readonly {name: string, samples: readonly Latency[]}[]} contestants
 * @param {number} perSecond
 */
function latencyLines(contestants, perSecond) {
  const direct = contestants.find(({ name }) => name === names.direct)?.samples ?? [];
  const ms = (/** @type {readonly number[]} */ values) => {
    const middle = median(values);
    return Number.isFinite(middle) ? middle.toFixed(2) : 'too slow';
  };
  const rows = contestants.map(({ name, samples }) => {
    const added = samples.map(({ p99Ms }, round) => p99Ms - (direct[round]?.p99Ms ?? Number.NaN));
    return [
      name,
      median(samples.map((sample) => sample.perSecond)).toFixed(0),
      ms(samples.map(({ p50Ms }) => p50Ms)),
      ms(samples.map(({ p99Ms }) => p99Ms)),
      ...(name === names.direct ? ['-', '-'] : [ms(added), ms([Math.min(...added)])]),
      name === names.usher ? aimAddedMs.toFixed(2) : '',
    ];
  });
  const p99Direct = median(direct.map(({ p99Ms }) => p99Ms));
  return [
    `response time at ${perSecond} requests a second over ${connections} connections`,
    ...tableLines([['system', 'answers/s', 'p50 ms', 'p99 ms', 'p99 added', 'least added', 'aim'], ...rows]),
    ...(p99Direct > quietMs ? ['the machine was not quiet: the p99 of "direct" is its own'] : []),
  ];
}
