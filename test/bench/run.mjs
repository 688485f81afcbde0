import { accessSync, constants } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as coldStart from './cold-start.mjs';
import * as http from './http.mjs';
import * as mailAccess from './mail-access.mjs';
import * as outbound from './outbound.mjs';
import * as scale from './scale.mjs';
import * as sip from './sip.mjs';
import * as smtp from './smtp.mjs';
import { usherMissing } from './usher.mjs';

/**
 * @typedef {typeof http | typeof smtp | typeof outbound | typeof sip | typeof mailAccess | typeof coldStart
 *   | typeof scale} Bench
 */

/** @type {Readonly<Record<string, Bench>>} */
const benches = { http, smtp, outbound, sip, 'mail-access': mailAccess, 'cold-start': coldStart, scale };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'peers-only': { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    idle: { type: 'string' },
    hold: { type: 'string' },
    only: { type: 'string' },
    calls: { type: 'string' },
  },
});
const unknown = positionals.filter((name) => !Object.hasOwn(benches, name));
const rounds = optionalNumber(values.rounds);
const seconds = optionalNumber(values.seconds);
const idle = optionalNumber(values.idle);
const holdMinutes = optionalNumber(values.hold);
const only = optionalNumber(values.only);
const calls = optionalNumber(values.calls);
const counts = [rounds, seconds, idle, holdMinutes, only, calls].map((count) => count ?? 1);
if (unknown.length > 0 || !counts.every(isCount)) {
  console.error(
    'usage: run.mjs [--peers-only] [--rounds N] [--seconds N] [--idle N] [--hold MINUTES] [--only N] [--calls N]',
    '[NAME...]',
  );
  console.error(`names: ${Object.keys(benches).join(', ')}`);
  process.exit(2);
}

console.log(`node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}`);
let failures = 0;
for (const name of positionals.length > 0 ? positionals : Object.keys(benches)) {
  if (!(await runBench(name))) failures++;
}
process.exitCode = failures === 0 ? 0 : 1;

/** @param {string} name */
async function runBench(name) {
  const bench = benches[name];
  if (bench === undefined) throw new Error(`no bench ${name}`);
  console.log(`\n${name}: ${bench.title}`);
  const systems = values['peers-only'] ? 'peers' : 'all';
  const missing = missingPrograms(bench.programs);
  const reason = missing ?? (systems === 'all' ? usherMissing() : undefined);
  if (reason !== undefined) {
    console.log(`not run: ${reason}`);
    return false;
  }
  try {
    for (const line of await bench.bench({
      systems,
      rounds: rounds ?? ('rounds' in bench ? bench.rounds : 5),
      seconds: seconds ?? ('seconds' in bench ? bench.seconds : 5),
      idle,
      holdMinutes,
      only,
      calls,
    }))
      console.log(line);
    return true;
  } catch (error) {
    console.log(`failed: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

/**
 * @param {Readonly<Record<string, string>>} programs the Debian package of each
 * @returns {string | undefined}
 */
function missingPrograms(programs) {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  const missing = Object.entries(programs).filter(
    ([program]) => !folders.some((folder) => isThere(join(folder, program))),
  );
  if (missing.length === 0) return undefined;
  const names = missing.map(([program]) => program).join(', ');
  return `${names} not installed (apt-get install ${missing.map(([, name]) => name).join(' ')})`;
}

/** @param {string} path */
function isThere(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @param {string | undefined} text */
function optionalNumber(text) {
  return text === undefined ? undefined : Number(text);
}

/** @param {number} value */
function isCount(value) {
  return Number.isInteger(value) && value > 0;
}
