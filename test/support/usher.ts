import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Answer } from '../../src/admin/test-routing.js';
import { type RunResult, run } from './run.js';
import { tempDir } from './temp-dir.js';

const program = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

/** The real program with a store and control sockets of its own. */
export interface Usher {
  readonly store: string;
  /** Runs a command; a non-zero exit is an error. */
  cli(...words: readonly string[]): Promise<string>;
  /** Runs a command that may fail. */
  attempt(...words: readonly string[]): Promise<RunResult>;
  /** What `test routing` says. */
  route(...words: readonly string[]): Promise<Answer>;
  stop(): Promise<void>;
}

/** A store with this estate; `start` opens its doors by the command. */
export async function startUsher(estate: object, start = true): Promise<Usher> {
  const folder = tempDir('usher');
  const store = join(folder, 'usher.db');
  const env = { USHER_STORE: store, XDG_RUNTIME_DIR: folder, NO_COLOR: '1' };
  const attempt = (...words: readonly string[]): Promise<RunResult> =>
    run(process.execPath, [program, ...words], { env, timeoutMs: 30_000 });
  const cli = async (...words: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await attempt(...words);
    if (code !== 0) throw new Error(`usher ${words.join(' ')} exited ${String(code)}: ${stderr}`);
    return stdout;
  };
  const apply = await run(process.execPath, [program, 'apply', '-f', '-'], { env, input: JSON.stringify(estate) });
  if (apply.code !== 0) throw new Error(`apply exited ${String(apply.code)}: ${apply.stderr}`);
  if (start) await cli('start');
  return {
    store,
    cli,
    attempt,
    route: async (...words) => JSON.parse((await attempt('test', 'routing', ...words, '--json')).stdout) as Answer,
    stop: async () => void (await cli('stop', '--now')),
  };
}
