import { UsherError } from '../errors.js';

/** Something wrong or odd with a value: where in the object, and what. */
export interface Problem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** `endpoints.imap.port`, `copies[1]`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, step) =>
      typeof step === 'number' ? `${text}[${step}]` : text === '' ? String(step) : `${text}.${String(step)}`,
    '',
  );
}

/** The error of a refused change: every problem on a line of its own. */
export function invalidError(lines: readonly string[], suggestions: readonly string[] = []): UsherError {
  const shown = lines.slice(0, 50);
  const more = lines.length > shown.length ? [`and ${lines.length - shown.length} more`] : [];
  return new UsherError('invalid', 'invalid', [...shown, ...more].join('\n'), suggestions);
}
