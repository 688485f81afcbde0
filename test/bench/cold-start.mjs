import { run } from './child.mjs';
import { median, tableLines } from './harness.mjs';
import { makeStore, usherCommand } from './usher.mjs';

export const title = 'time of a short command: 50 sites listed as JSON';
export const programs = {};

const runs = 30;
const siteCount = 50;

/**
 * @param {{systems: 'all' | 'peers'}} options
 * @returns {Promise<string[]>}
 */
export async function bench({ systems }) {
  const bare = { name: 'node -e 0', args: ['-e', '0'] };
  const contestants = systems === 'all' ? [bare, { name: 'usher site list', args: await siteList() }] : [bare];
  /** @type {number[][]} */
  const times = contestants.map(() => []);
  for (let round = 0; round <= runs; round++) {
    for (const [index, { args }] of contestants.entries()) {
      const start = performance.now();
      await run(process.execPath, args);
      // The first run fills the file caches.
      if (round > 0) times[index]?.push(performance.now() - start);
    }
  }
  const medians = times.map(median);
  const [bareMs = 0] = medians;
  const rows = contestants.map(({ name }, index) => {
    const ms = medians[index] ?? 0;
    return [name, ms.toFixed(1), index === 0 ? '-' : (ms - bareMs).toFixed(1)];
  });
  return tableLines([['command', 'ms', `more than ${bare.name}`], ...rows]);
}

async function siteList() {
  const sites = Array.from({ length: siteCount }, (_, index) => ({ name: `Site${index + 1}` }));
  const args = usherCommand(await makeStore({ estate: 1, sites }), ['site', 'list', '--json']);
  const listed = JSON.parse(await run(process.execPath, args));
  if (!Array.isArray(listed) || listed.length !== siteCount)
    throw new Error(`"site list" does not list ${siteCount} sites`);
  return args;
}
