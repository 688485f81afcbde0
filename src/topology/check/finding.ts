import type { NounName } from '../fields.js';

/** Something wrong (`error`) or odd (`warning`) in an estate: which object, which field, what, and the way out. */
export interface Finding {
  readonly severity: 'error' | 'warning';
  readonly code: string;
  readonly noun: NounName;
  readonly name: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

type Report = (name: string, path: readonly PropertyKey[], code: string, message: string) => Finding;

/** Makes the errors of one noun. */
export const errorOf =
  (noun: NounName): Report =>
  (name, path, code, message) => ({ severity: 'error', code, noun, name, path, message });

/** Makes the warnings of one noun. */
export const warningOf =
  (noun: NounName): Report =>
  (name, path, code, message) => ({ severity: 'warning', code, noun, name, path, message });
