import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { afterAll } from 'vitest';
import { findProgram } from '../find-program.js';
import { until } from '../until.js';
import { processGroup } from './process-group.js';

/** A server program started by a test, in a process group of its own. */
export interface Child {
  readonly pid: number;
  /** The last 64 KB it wrote to standard output and standard error. */
  output(): string;
  /** How it ended, or undefined while it runs. */
  ended(): string | undefined;
  /**
   * Ends all its group (SIGTERM, after 2 s SIGKILL) and returns when no process of it is left.
   * Done at the end of the test file where the test did not.
   */
  stop(): Promise<void>;
}

const outputLengthMax = 64 * 1024;
const live = new Set<Child>();

// For tests that failed before they came to stop().
afterAll(async () => {
  for (const child of live) await child.stop();
});

/**
 * Starts a program that stays in the foreground; it ends when this process dies, however it dies.
 * @throws Error where it cannot be started
 */
export async function startChild(program: string, args: readonly string[]): Promise<Child> {
  const path = findProgram(program);
  if (path === undefined) throw new Error(`${program} is not installed`);
  // A group and session of its own, so that all of it can be told to end.
  const child = spawn(path, [...args], { detached: true, stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' });
  let output = '';
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString('utf8')).slice(-outputLengthMax);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  await new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const pid = child.pid ?? 0;
  const dismissGuard = startGuard(pid);
  const started: Child = {
    pid,
    output: () => output,
    ended: () => endOf(child),
    stop: async () => {
      if (!live.has(started)) return;
      await stopGroup(child, pid);
      dismissGuard();
      live.delete(started);
    },
  };
  live.add(started);
  return started;
}

/**
 * Waits until `child` answers on `port` of 127.0.0.1: with its first bytes, or where the client speaks first
 * (`greeting: 'none'`) by accepting. On failure the child is stopped.
 * @throws Error with the child's output where it ends before, or after 15 s
 */
export async function answers(child: Child, what: string, port: number, greeting: 'expected' | 'none'): Promise<void> {
  try {
    await until(`${what} on port ${port}`, async () => child.ended() !== undefined || probe(port, greeting), 15_000);
    const end = child.ended();
    if (end !== undefined) throw new Error(`${what} ended: ${end}`);
  } catch (error) {
    await child.stop();
    throw new Error(`${what} did not start\n${child.output()}`, { cause: error });
  }
}

function probe(port: number, greeting: 'expected' | 'none'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const settle = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    socket.once(greeting === 'none' ? 'connect' : 'data', () => settle(true));
    socket.once('error', () => settle(false));
    socket.once('end', () => settle(false));
    socket.setTimeout(5000, () => settle(false));
  });
}

// A process that ends the group when the pipe from this process closes without a word.
function startGuard(group: number): () => void {
  const script = 'read -r _ && exit; kill -s TERM -- "-$1"; sleep 1; kill -s KILL -- "-$1"';
  const guard = spawn('sh', ['-c', script, 'sh', `${group}`], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  guard.unref();
  return () => guard.stdin.end('done\n');
}

function endOf(child: ChildProcess): string | undefined {
  if (child.signalCode !== null) return `signal ${child.signalCode}`;
  return child.exitCode === null ? undefined : `exit code ${child.exitCode}`;
}

async function stopGroup(child: ChildProcess, pid: number): Promise<void> {
  signalGroup(pid, 'SIGTERM');
  const isEmpty = (): boolean => endOf(child) !== undefined && processGroup(pid).length === 0;
  try {
    await until(`process ${pid} to end`, isEmpty, 2000);
  } catch {
    // A daemon asked to end while it was starting may have missed it.
    signalGroup(pid, 'SIGKILL');
    await until(`process group ${pid} to end after SIGKILL`, isEmpty, 5000);
  }
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
