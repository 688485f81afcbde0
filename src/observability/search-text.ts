import { jsonLine } from './json-line.js';

/** What a line with this text in it has in it, in lower case. */
export function needleOf(text: string): string {
  return jsonLine(text).slice(1, -1).toLowerCase();
}

/** Whether two texts are the same but for case; nothing wanted fits everything. */
export function isSameText(wanted: string | undefined, found: string | null): boolean {
  return wanted === undefined || wanted.toLowerCase() === found?.toLowerCase();
}
