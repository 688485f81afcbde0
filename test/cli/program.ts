import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { applyEstate } from '../../src/admin/apply.js';
import { openStore } from '../../src/store/store.js';
import { type RunResult, run } from '../support/run.js';
import { tempDir } from '../support/temp-dir.js';

export const programPath = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

/** What `--json` prints where a command fails. */
export interface ErrorDocument {
  readonly error: { readonly code: string; readonly message: string; readonly suggestions: readonly string[] };
}

/** What a changing command prints with `--json`. */
export interface ChangeDocument {
  readonly revision: number | null;
  readonly changed: ReadonlyArray<{ readonly noun: string; readonly name: string; readonly change: string }>;
  readonly warnings: ReadonlyArray<{ readonly code: string; readonly object: string; readonly message: string }>;
}

interface AttemptOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface FailureOptions extends AttemptOptions {
  /** For commands that would stand in each other's way. */
  readonly order?: 'at once' | 'in turn';
}

/** The built program with a store and a folder of control sockets of its own. */
export interface Program {
  readonly folder: string;
  readonly store: string;
  readonly env: Readonly<Record<string, string>>;
  attempt(words: readonly string[], options?: AttemptOptions): Promise<RunResult>;
  /** Standard output of a command that has to succeed. */
  ok(...words: readonly string[]): Promise<string>;
  /** The document that a command which has to succeed prints with `--json`. */
  json<T>(...words: readonly string[]): Promise<T>;
  change(...words: readonly string[]): Promise<ChangeDocument>;
}

/** A program whose store holds this estate; without one there is no store yet. */
export function createProgram(estate?: object): Program {
  const folder = tempDir('cli');
  const store = join(folder, 'usher.db');
  const env = { USHER_STORE: store, XDG_RUNTIME_DIR: folder };
  const attempt: Program['attempt'] = (words, options = {}) =>
    run(process.execPath, [programPath, ...words], {
      env: { ...env, ...options.env },
      input: options.input ?? '',
      timeoutMs: 30_000,
    });
  const ok: Program['ok'] = async (...words) => {
    const { code, stdout, stderr } = await attempt(words);
    if (code !== 0) throw new Error(`usher ${words.join(' ')} exited ${String(code)}: ${stdout}${stderr}`);
    return stdout;
  };
  const json: Program['json'] = async (...words) => JSON.parse(await ok(...words, '--json'));
  if (estate) {
    const opened = openStore(store, { purpose: 'write' });
    const meta = { actor: 'test', command: 'usher apply -f estate.json', message: null };
    applyEstate(opened, { text: JSON.stringify(estate), fileName: 'estate.json', prune: false }, meta, {});
    opened.close();
  }
  return { folder, store, env, attempt, ok, json, change: (...words) => json(...words) };
}

interface ExpectedFailure {
  readonly exit: number;
  readonly message: RegExp;
  readonly suggestions?: readonly string[];
}

/**
 * A command fails the same way with and without `--json`: same exit code, same message; one `error:` line on standard
 * error and nothing on standard output, or one document on standard output and nothing on standard error.
 */
export async function expectFailure(
  program: Program,
  words: readonly string[],
  expected: ExpectedFailure,
  options?: FailureOptions,
): Promise<ErrorDocument['error']> {
  const asText = program.attempt(words, options);
  if (options?.order === 'in turn') await asText;
  const [text, json] = await Promise.all([asText, program.attempt([...words, '--json'], options)]);
  expect(text, `usher ${words.join(' ')}`).toMatchObject({ code: expected.exit, stdout: '' });
  expect(text.stderr).toMatch(/^error: /);
  expect(text.stderr).toMatch(expected.message);
  expect(text.stderr).not.toMatch(/\n\s+at |\u001b|›/);
  expect(json, `usher ${words.join(' ')} --json`).toMatchObject({ code: expected.exit, stderr: '' });
  const { error } = JSON.parse(json.stdout) as ErrorDocument;
  expect(error.message).toMatch(expected.message);
  expect(Object.keys(error).toSorted()).toStrictEqual(['code', 'message', 'suggestions']);
  expect(text.stderr).toContain(error.message.split('\n')[0]);
  if (expected.suggestions) expect(error.suggestions).toStrictEqual(expected.suggestions);
  return error;
}
