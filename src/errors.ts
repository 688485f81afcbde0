/** What went wrong, as a caller can act on it: each kind has one exit code and one wire form per protocol. */
export type ErrorKind =
  | 'usage'
  | 'invalid'
  | 'missing'
  | 'conflict'
  | 'store'
  | 'unreachable'
  | 'no'
  | 'refused'
  | 'failed';

/** Exit codes of the command line, by kind; the same with and without `--json`. */
export const exitCodes: Readonly<Record<ErrorKind, number>> = {
  failed: 1,
  usage: 2,
  invalid: 2,
  missing: 3,
  conflict: 4,
  store: 5,
  unreachable: 6,
  no: 7,
  refused: 8,
};

/**
 * An expected failure with a way out.
 * `message` is lower case: what failed and with which value, then the way out.
 * `suggestions` are near names or commands to try next.
 */
export class UsherError extends Error {
  override readonly name = 'UsherError';
  readonly code: string;
  readonly kind: ErrorKind;
  readonly suggestions: readonly string[];

  constructor(
    kind: ErrorKind,
    code: string,
    message: string,
    suggestions: readonly string[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.kind = kind;
    this.code = code;
    this.suggestions = suggestions;
  }

  get exitCode(): number {
    return exitCodes[this.kind];
  }
}

/** The text of anything thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The system error code (`EADDRINUSE`, `ECONNREFUSED`) of anything thrown, if it has one. */
export function systemCodeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
