import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** @typedef {{pid: number, output: () => string, ended: () => string | undefined, stop: () => Promise<void>}} Child */

// Daemons stand in directories that an ordinary user's PATH lacks.
const environment = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin` };
const outputLengthMax = 64 * 1024;

/** @type {Set<number>} */
const live = new Set();
/** @type {Set<string>} */
const directories = new Set();

process.once('exit', () => {
  for (const group of live) signalGroup(group, 'SIGKILL');
  for (const path of directories) rmSync(path, { recursive: true, force: true });
});
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.once(signal, () => process.exit(1));

/**
 * Starts a program that stays in the foreground, in a process group of its own that does not outlive this process.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {Readonly<Record<string, string>>} [env] added to the environment
 * @returns {Promise<Child>}
 */
export async function startChild(program, args, env = {}) {
  const child = spawn(program, [...args], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...environment, ...env },
  });
  let output = '';
  const collect = (/** @type {Buffer} */ chunk) => {
    output = (output + chunk.toString('utf8')).slice(-outputLengthMax);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  await new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const pid = child.pid ?? 0;
  live.add(pid);
  const ended = () => child.signalCode ?? (child.exitCode === null ? undefined : `exit code ${child.exitCode}`);
  const stop = async () => {
    for (let waitedMs = 0; ended() === undefined; waitedMs += 20) {
      signalGroup(pid, waitedMs < 5000 ? 'SIGTERM' : 'SIGKILL');
      await sleep(20);
    }
    signalGroup(pid, 'SIGKILL');
    live.delete(pid);
  };
  return { pid, output: () => output, ended, stop };
}

/**
 * Runs a program to its end.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{input?: string, env?: Readonly<Record<string, string>>}} [options]
 * @returns {Promise<string>} its standard output
 * @throws {Error} with its standard error where it does not exit with 0
 */
export function run(program, args, { input = '', env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { env: { ...environment, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    const output = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (/** @type {string} */ text) => (output.out += text));
    child.stderr.setEncoding('utf8').on('data', (/** @type {string} */ text) => (output.err += text));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(output.out);
      else reject(new Error(`${program} ${args.join(' ')} exits ${code}: ${output.err}${output.out}`));
    });
    child.stdin.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
      if (error.code !== 'EPIPE') reject(error);
    });
    child.stdin.end(input);
  });
}

/**
 * Waits until a port of 127.0.0.1 accepts connections.
 * @param {Child} child
 * @param {number} port
 * @throws {Error} with the child's output where it ends before, or after 15 s
 */
export async function portOpen(child, port) {
  const deadline = performance.now() + 15_000;
  while (!(await accepts(port))) {
    const end = child.ended() ?? (performance.now() > deadline ? 'no answer within 15 s' : undefined);
    if (end !== undefined) {
      await child.stop();
      throw new Error(`nothing answers on port ${port} (${end})\n${child.output()}`);
    }
    await sleep(20);
  }
}

/** @param {number} port */
function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const settle = (/** @type {boolean} */ open) => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}

/**
 * A port of 127.0.0.1 that is free now.
 * @returns {Promise<number>}
 */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/**
 * A new directory that goes with this process.
 * @param {string} label
 */
export function tempDir(label) {
  const path = mkdtempSync(join(tmpdir(), `usher-bench-${label}-`));
  directories.add(path);
  return path;
}

/**
 * @param {number} group
 * @param {NodeJS.Signals} signal
 */
function signalGroup(group, signal) {
  try {
    process.kill(-group, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
