import { spawn } from 'node:child_process';
import { findProgram } from './find-program.js';

/** What a program left behind; `code` is null where a signal ended it. */
export interface RunResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** What it reads on standard input, which is closed otherwise. */
  readonly input?: string | Buffer;
  /** The program is killed and the promise rejected after this time; default 15,000. */
  readonly timeoutMs?: number;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

const outputLengthMax = 16 * 1024 * 1024;

/**
 * Runs a program to its end; a non-zero exit is a result, not an error.
 * @throws Error where it cannot be started, runs too long or writes more than 16 MB
 */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const timeoutMs = options.timeoutMs ?? 15_000;
  const path = program.includes('/') ? program : findProgram(program);
  if (path === undefined) return Promise.reject(new Error(`${program} is not installed`));
  return new Promise((resolve, reject) => {
    const child = spawn(path, [...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    let length = 0;
    const fail = (reason: string): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new Error(`${program} ${args.join(' ')}: ${reason}\n${text(output.stderr).slice(-4096)}`));
    };
    const timer = setTimeout(() => fail(`still runs after ${timeoutMs} ms`), timeoutMs);
    const collect = (into: Buffer[]) => (chunk: Buffer) => {
      length += chunk.length;
      into.push(chunk);
      if (length > outputLengthMax) fail(`wrote more than ${outputLengthMax} bytes`);
    };
    child.stdout.on('data', collect(output.stdout));
    child.stderr.on('data', collect(output.stderr));
    child.once('error', (error) => fail(error.message));
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout: text(output.stdout), stderr: text(output.stderr) });
    });
    // A program that ends without reading its input closes the pipe: its exit code tells.
    child.stdin.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') fail(error.message);
    });
    child.stdin.end(options.input ?? '');
  });
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('utf8');
}
