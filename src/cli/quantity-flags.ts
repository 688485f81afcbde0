import { UsherError } from '../errors.js';
import { parseDuration } from '../topology/quantities.js';

/** Milliseconds of a flag's value. */
export function durationFlag(flag: string, value: string): number {
  const milliseconds = parseDuration(value);
  if (milliseconds !== undefined) return milliseconds;
  throw new UsherError('usage', 'usage', `--${flag} takes a duration (30s, 5m), found "${value}"`);
}
