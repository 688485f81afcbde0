import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * A process of this bench that does what it is asked, one task at a time.
 * @typedef {object} Worker
 * @property {number} pid
 * @property {(task: string, options: object) => Promise<unknown>} ask rejects where the task does, or the process ends
 * @property {() => void} stop
 */

/**
 * @param {string} file beside this one; it calls `serveTasks`
 * @returns {Worker}
 */
export function startWorker(file) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), { execArgv: [] });
  const ask = (/** @type {string} */ task, /** @type {object} */ options) =>
    new Promise((resolve, reject) => {
      const settle = (/** @type {() => void} */ act) => {
        child.off('message', onMessage).off('exit', onExit);
        act();
      };
      const onMessage = (/** @type {{result?: unknown, error?: string}} */ { result, error }) =>
        settle(() => (error === undefined ? resolve(result) : reject(new Error(error))));
      const onExit = () => settle(() => reject(new Error(`${file} ended in the middle of "${task}"`)));
      child.on('message', onMessage).on('exit', onExit);
      child.send({ task, options });
    });
  return { pid: child.pid ?? 0, ask, stop: () => void child.kill('SIGKILL') };
}

/**
 * The worker's side: answers what its parent asks, and ends with it.
 * @param {Readonly<Record<string, (options: never) => unknown>>} tasks
 */
export function serveTasks(tasks) {
  process.once('disconnect', () => process.exit());
  process.on('message', (/** @type {{task: string, options: object}} */ { task, options }) => {
    const done = Promise.resolve().then(() => tasks[task]?.(/** @type {never} */ (options)));
    done.then(
      (result) => process.send?.({ result }),
      (error) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
    );
  });
}
