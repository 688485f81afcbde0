import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join, resolve as resolvePath } from 'node:path';
import type { RuntimeStatus } from '../control/messages.js';
import type { ErrorKind } from '../errors.js';
import { UsherError } from '../errors.js';
import { stateFolder } from '../settings.js';

/** What the composition root gives a foreground process. */
interface RunningRuntime {
  status(): RuntimeStatus;
  stop(timeoutMs: number): Promise<number>;
  readonly stopped: Promise<void>;
}

/** What a started process tells the one that started it. */
type Report =
  | { readonly report: 'ready'; readonly status: RuntimeStatus }
  | { readonly report: 'failed'; readonly kind: ErrorKind; readonly code: string; readonly message: string };

/** How long sessions may take to end after a signal; a second signal ends them at once. */
const signalDrainMs = 10_000;

/** Runs until a command or a signal stops it. Reports to the parent process when there is one. */
export async function startInForeground(
  start: () => Promise<RunningRuntime>,
  ready: (status: RuntimeStatus) => void,
): Promise<RuntimeStatus> {
  const report = (message: Report): void => {
    if (process.send) process.send(message, () => process.disconnect());
  };
  let runtime: RunningRuntime;
  try {
    runtime = await start();
  } catch (error) {
    if (error instanceof UsherError)
      report({ report: 'failed', kind: error.kind, code: error.code, message: error.message });
    throw error;
  }
  const status = runtime.status();
  if (process.send) report({ report: 'ready', status });
  else ready(status);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    let signalled = false;
    process.on(signal, () => {
      if (signalled) process.exit(1);
      signalled = true;
      void runtime.stop(signalDrainMs);
    });
  }
  await runtime.stopped;
  return status;
}

/** Starts a process of its own for the runtime, and returns when its doors are open; fails with what it says otherwise. */
export async function startInBackground(
  request: {
    readonly storePath: string;
    readonly frontEnd: string | undefined;
    readonly controlSocket: string | undefined;
  },
  ready: (status: RuntimeStatus) => void,
): Promise<RuntimeStatus> {
  const folder = stateFolder(request.storePath);
  mkdirSync(folder, { recursive: true, mode: 0o750 });
  const outputFile = join(folder, 'process.log');
  const output = openSync(outputFile, 'w', 0o640);
  const on = request.frontEnd === undefined ? [] : ['--on', request.frontEnd];
  const socket = request.controlSocket === undefined ? [] : ['--socket', resolvePath(request.controlSocket)];
  const words = [process.argv[1] ?? '', 'start', '--foreground', '--store', request.storePath, ...on, ...socket];
  const child = spawn(process.execPath, words, { detached: true, stdio: ['ignore', output, output, 'ipc'], cwd: '/' });
  closeSync(output);
  const report = await new Promise<Report>((resolve, reject) => {
    child.once('message', (message) => resolve(message as Report));
    child.once('error', reject);
    child.once('exit', (code) => reject(diedEarly(code, outputFile)));
  });
  if (report.report === 'failed') throw new UsherError(report.kind, report.code, report.message);
  child.unref();
  if (child.connected) child.disconnect();
  ready(report.status);
  return report.status;
}

function diedEarly(code: number | null, outputFile: string): UsherError {
  const last = readFileSync(outputFile, 'utf8').trim().split('\n').slice(-5).join('\n');
  return new UsherError('failed', 'not-started', `the runtime ended at once (exit ${String(code)}): ${last}`);
}
