import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { portOpen, run, startChild, tempDir } from './child.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = join(root, 'bin', 'run.js');

/** Why usher cannot be run from this checkout, or undefined. */
export function usherMissing() {
  return existsSync(program) && existsSync(join(root, 'dist')) ? undefined : 'usher is not built (npm run build)';
}

/**
 * Command line of node for an usher command on a store.
 * @param {string} store
 * @param {readonly string[]} args
 */
export function usherCommand(store, args) {
  return [program, ...args, '--store', store];
}

/**
 * Makes a store of its own and applies an estate to it.
 * @param {object} estate what `usher apply -f` takes
 * @returns {Promise<string>} the store's path
 */
export async function makeStore(estate) {
  const store = join(tempDir('store'), 'usher.db');
  await run(process.execPath, usherCommand(store, ['apply', '-f', '-']), { input: JSON.stringify(estate) });
  return store;
}

/**
 * Starts a front end and returns when its port answers.
 * @param {object} estate with one front end and a listener on `port` of 127.0.0.1
 * @param {number} port
 * @returns {Promise<{pid: number, stop: () => Promise<void>}>}
 */
export async function startUsher(estate, port) {
  const store = await makeStore(estate);
  const directory = tempDir('runtime');
  const env = { XDG_RUNTIME_DIR: directory, XDG_STATE_HOME: directory };
  const child = await startChild(process.execPath, usherCommand(store, ['start', '--foreground']), env);
  await portOpen(child, port);
  return { pid: child.pid, stop: child.stop };
}
