import { UsherError } from '../errors.js';
import { parseDuration } from '../topology/quantities.js';

/** Milliseconds of a flag's value. */
export function durationFlag(flag: string, value: string): number {
  const milliseconds = parseDuration(value);
  if (milliseconds !== undefined) return milliseconds;
  throw new UsherError('usage', 'usage', `--${flag} takes a duration (30s, 5m), found "${value}"`);
}

const holdMsMax = 600_000;

/** Milliseconds of `--hold`: from one second to ten minutes. */
export function holdFlag(value: string): number {
  const milliseconds = durationFlag('hold', value);
  if (milliseconds >= 1000 && milliseconds <= holdMsMax) return milliseconds;
  throw new UsherError('usage', 'usage', `--hold takes 1s to 10m, found "${value}"`);
}
