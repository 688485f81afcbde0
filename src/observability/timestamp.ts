let last = { atMs: Number.NaN, text: '' };

/** A moment as ISO 8601 in UTC with milliseconds; the text is kept for all that ask within the same millisecond. */
export function timestamp(atMs: number): string {
  if (atMs !== last.atMs) last = { atMs, text: new Date(atMs).toISOString() };
  return last.text;
}
