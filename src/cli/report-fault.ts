import { reportFailure, toFailure } from './failure.js';

/** Whether a command line asks for JSON; what follows `--` is not for us. */
export function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv.slice(0, end < 0 ? undefined : end).includes('--json');
}

/** Reports what was thrown outside of any command (an unknown command, a damaged installation); an exit is kept as it is. */
export function reportFault(error: unknown, argv: readonly string[]): void {
  const exit = (error as { oclif?: { exit?: number }; code?: string } | undefined) ?? {};
  if (exit.code === 'EEXIT') {
    process.exitCode = exit.oclif?.exit ?? 0;
    return;
  }
  reportFailure(toFailure(error), wantsJson(argv) ? 'json' : 'text');
}
