import { exitCodes, reasonOf, UsherError } from '../errors.js';
import { usageFault } from './usage-fault.js';

/** What a failed command says and exits with. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly suggestions: readonly string[];
  readonly exitCode: number;
}

/** Any error as a failure; `flags` are the names of the command's flags, for near misses. */
export function toFailure(error: unknown, flags: readonly string[] = []): Failure {
  const expected = error instanceof UsherError ? error : usageFault(error, flags);
  if (!expected) return { code: 'bug', message: reasonOf(error), suggestions: [], exitCode: exitCodes.failed };
  const { code, message, suggestions, exitCode } = expected;
  return { code, message, suggestions, exitCode };
}

/** Says what failed: one document on standard output for `--json`, else lines on standard error. Sets the exit code. */
export function reportFailure(failure: Failure, form: 'json' | 'text'): void {
  if (form === 'json') process.stdout.write(failureDocument(failure));
  else process.stderr.write(failureText(failure));
  process.exitCode = failure.exitCode;
}

/** Lines for standard error: the message, then what to try. */
export function failureText({ message, suggestions }: Failure): string {
  return `error: ${message}\n${suggestions.map((suggestion) => `  try: ${suggestion}\n`).join('')}`;
}

function failureDocument({ code, message, suggestions }: Failure): string {
  return `${JSON.stringify({ error: { code, message, suggestions } }, null, 2)}\n`;
}
