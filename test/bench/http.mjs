import { largeBodies } from './http-bodies.mjs';
import { latency } from './http-latency.mjs';
import { pollMemory } from './http-polls.mjs';
import { requestsOfManyUsers, requestsOfOneUser, requestsOverTls } from './http-requests.mjs';
import { startStage } from './http-stage.mjs';

export const title = 'web requests, large bodies and long polls, through usher and the proxies beside it';
export const programs = { haproxy: 'haproxy', nginx: 'nginx-light', openssl: 'openssl', wrk: 'wrk' };
// Where the command line says nothing: all of it in less than four minutes.
export const rounds = 4;
export const seconds = 1;

/** @typedef {{rounds: number, seconds: number, idle: number | undefined}} Options */
/** @typedef {import('./http-stage.mjs').Stage} Stage */

/**
 * Each makes one table or more; `--only` counts from 1.
 * @type {readonly (readonly ((stage: Stage, options: Options) => Promise<string[]>)[])[]}
 */
const parts = [
  [requestsOfOneUser, requestsOfManyUsers],
  [latency],
  [
    (stage, options) => largeBodies(stage, 'download', options),
    (stage, options) => largeBodies(stage, 'upload', options),
  ],
  [(stage, { idle }) => pollMemory(stage, 'plain', idle), (stage, { idle }) => pollMemory(stage, 'tls', idle)],
  [requestsOverTls],
];

/**
 * @param {{systems: 'all' | 'peers', rounds: number, seconds: number, idle?: number | undefined,
 *   only?: number | undefined}} options
 * @returns {Promise<string[]>}
 */
export async function bench({ systems, rounds, seconds, idle, only }) {
  if (only !== undefined && only > parts.length) throw new Error(`there are parts 1 to ${parts.length}`);
  const stage = await startStage(systems);
  try {
    const lines = [];
    for (const table of (only === undefined ? parts : parts.slice(only - 1, only)).flat()) {
      lines.push('', ...(await table(stage, { rounds, seconds, idle })));
    }
    return lines;
  } finally {
    await stage.stop();
  }
}
