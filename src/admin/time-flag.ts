import { parseDuration } from '../topology/quantities.js';
import { badFlag } from './test-routing.js';

/** The furthest time that a date can hold, in milliseconds from 1970. */
const timeMax = 8.64e15;

/**
 * The time a flag says, in milliseconds from 1970: `2026-12-31T00:00:00Z`, or a duration (`7d`) that is counted from
 * now, into the past or the future.
 */
export function timeFlag(flag: string, text: string, nowMs: number, direction: 'past' | 'future'): number {
  const durationMs = parseDuration(text);
  const timeMs = durationMs === undefined ? timestamp(text) : nowMs + (direction === 'past' ? -durationMs : durationMs);
  if (Number.isNaN(timeMs) || Math.abs(timeMs) > timeMax) {
    const counted = direction === 'past' ? 'back from now' : 'from now';
    throw badFlag(flag, text, `a time (2026-12-31T00:00:00Z) or a duration ${counted} (90m, 7d)`);
  }
  return timeMs;
}

const timestamp = (text: string): number => (/^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN);
