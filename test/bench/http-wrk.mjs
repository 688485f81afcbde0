import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, tempDir } from './child.mjs';
import { urlOf } from './http-ask.mjs';
import { names } from './http-systems.mjs';
import { authorizationOf } from './http-users.mjs';

const script = fileURLToPath(new URL('./http-wrk-users.lua', import.meta.url));
const connections = 64;
const warmUpSeconds = 2;

/**
 * Node compiles what runs often: what runs on it has served a while before anything is measured.
 * @param {import('./harness.mjs').System<import('./http-systems.mjs').Target>} system
 * @returns {import('./harness.mjs').System<import('./http-systems.mjs').Target>}
 */
export function warmedUp(system) {
  if (system.name !== names.usher && system.name !== names.httpProxy) return system;
  const start = async () => {
    const running = await system.start();
    try {
      await loadOf([0])(running.target, warmUpSeconds);
      return running;
    } catch (error) {
      await running.stop();
      throw error;
    }
  };
  return { ...system, start };
}

/**
 * @param {readonly number[]} users
 * @returns {(target: import('./http-systems.mjs').Target, seconds: number) => Promise<import('./harness.mjs').Load>}
 *   asks for a small answer over 64 kept connections, as fast as it is answered, as one user after the other
 */
export function loadOf(users) {
  const [only = 0] = users;
  const one = ['-H', `Authorization: ${authorizationOf(only)}`];
  const file = users.length === 1 ? '' : authorizationFile(users);
  return (target, seconds) => wrk(target, seconds, file === '' ? one : ['-s', script], file === '' ? [] : ['--', file]);
}

/** @param {readonly number[]} users */
function authorizationFile(users) {
  const file = join(tempDir('users'), 'authorizations');
  writeFileSync(file, users.map((index) => `${authorizationOf(index)}\n`).join(''));
  return file;
}

/**
 * @param {import('./http-systems.mjs').Target} target
 * @param {number} seconds
 * @param {readonly string[]} options
 * @param {readonly string[]} scriptArgs
 * @returns {Promise<import('./harness.mjs').Load>}
 */
async function wrk(target, seconds, options, scriptArgs) {
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, ...options, urlOf(target), ...scriptArgs];
  const output = await run('wrk', args);
  const problem = /^\s*(Socket errors|Non-2xx or 3xx responses): .*$/m.exec(output);
  if (problem !== null) throw new Error(`wrk on port ${target.port}: ${problem[0].trim()}`);
  const total = /(\d+) requests in ([\d.]+)(ms|s|m),/.exec(output);
  if (total === null) throw new Error(`cannot read what wrk says: ${output}`);
  const unit = { ms: 0.001, s: 1, m: 60 }[total[3] ?? 's'] ?? 1;
  return { operations: Number(total[1]), seconds: Number(total[2]) * unit };
}
