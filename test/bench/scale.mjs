import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { run } from './child.mjs';
import { tableLines } from './harness.mjs';
import * as estate from './scale-estate.mjs';
import { usherCommand } from './usher.mjs';

export const title = `an estate of ${estate.siteCount} sites, ${estate.linkCount} links, ${estate.serverCount} servers, \
${estate.dagCount} DAGs, ${estate.databaseCount} databases and a million mailboxes`;
export const programs = {};

const [small, large] = [10_000, 1_000_000];
const migrations = fileURLToPath(new URL('../../migrations/', import.meta.url));
const measuring = fileURLToPath(new URL('./scale-process.mjs', import.meta.url));

/**
 * @typedef {{importSeconds: number, storeBytes: number, importPeakBytes: number}} Import
 * @typedef {{medianUs: number, p99Us: number}} Latency
 */

/**
 * @param {{systems: 'all' | 'peers'}} options
 * @returns {Promise<string[]>}
 */
export async function bench({ systems }) {
  if (systems === 'peers') return ['nothing to compare with'];
  const few = await ask(small);
  const many = await ask(large);
  const ratio = (/** @type {number} */ a, /** @type {number} */ b) => (b / a).toFixed(2);
  const micro = (/** @type {number} */ value) => `${value.toFixed(1)} us`;
  const rows = (/** @type {string} */ name, /** @type {Latency} */ a, /** @type {Latency} */ b) => [
    [`${name}, median`, micro(a.medianUs), micro(b.medianUs), ratio(a.medianUs, b.medianUs)],
    [`${name}, p99`, micro(a.p99Us), micro(b.p99Us), ratio(a.p99Us, b.p99Us)],
  ];
  const seconds = (/** @type {Import} */ made) => `${made.importSeconds.toFixed(1)} s`;
  const mega = (/** @type {number} */ bytes) => `${(bytes / 1024 ** 2).toFixed(0)} MB`;
  const speed = (/** @type {Import} */ made, /** @type {number} */ count) => (count / made.importSeconds).toFixed(0);
  return tableLines([
    ['mailboxes', String(small), String(large), 'ratio'],
    ['import, the command', seconds(few.made), seconds(many.made), ''],
    ['import, rows/s', speed(few.made, small), speed(many.made, large), ''],
    ['import, most memory', mega(few.made.importPeakBytes), mega(many.made.importPeakBytes), ''],
    ['the store', mega(few.made.storeBytes), mega(many.made.storeBytes), ''],
    [
      'read and build the topology',
      `${few.buildMs.toFixed(0)} ms`,
      `${many.buildMs.toFixed(0)} ms`,
      ratio(few.buildMs, many.buildMs),
    ],
    ...rows('mail decision', few.mail, many.mail),
    ...rows('client decision', few.client, many.client),
    ['memory with the topology', mega(few.rssBytes), mega(many.rssBytes), ratio(few.rssBytes, many.rssBytes)],
  ]);
}

/**
 * @param {number} count
 * @returns {Promise<{made: Import, buildMs: number, mail: Latency, client: Latency, rssBytes: number}>}
 */
async function ask(count) {
  const store = await storeWith(count);
  const made = JSON.parse(readFileSync(`${store}.json`, 'utf8'));
  const measure = async (/** @type {string} */ task) =>
    JSON.parse(await run(process.execPath, ['--expose-gc', measuring, store, String(count), task]));
  return { made, ...(await measure('times')), ...(await measure('memory')) };
}

/**
 * A store with so many mailboxes, made by the commands; one that an earlier run made is used again.
 * @param {number} count
 * @returns {Promise<string>} its path
 */
async function storeWith(count) {
  const version = readdirSync(migrations).filter((name) => name.endsWith('.sql')).length;
  const folder = join(tmpdir(), `usher-bench-scale-${version}-${estate.generatorVersion}`);
  const store = join(folder, `${count}.db`);
  if (existsSync(`${store}.json`)) return store;
  mkdirSync(folder, { recursive: true });
  const [begun, file] = [join(folder, `${count}-begun.db`), join(folder, `${count}.csv`)];
  for (const path of [begun, `${begun}-wal`, `${begun}-shm`, store]) rmSync(path, { force: true });
  await run(process.execPath, usherCommand(begun, ['apply', '-f', '-']), {
    input: JSON.stringify(estate.scaleEstate()),
  });
  await pipeline(Readable.from(estate.mailboxFile(count)), createWriteStream(file));
  const start = performance.now();
  const peak = fileURLToPath(new URL('./scale-peak.mjs', import.meta.url));
  const args = ['--import', peak, ...usherCommand(begun, ['import', 'mailboxes', '-f', file])];
  const peakFile = join(dirname(begun), `${count}-peak`);
  await run(process.execPath, args, { env: { PEAK_MEMORY_FILE: peakFile } });
  const importSeconds = (performance.now() - start) / 1000;
  const importPeakBytes = Number(readFileSync(peakFile, 'utf8'));
  renameSync(begun, store);
  rmSync(file);
  writeFileSync(`${store}.json`, JSON.stringify({ importSeconds, importPeakBytes, storeBytes: statSync(store).size }));
  return store;
}
