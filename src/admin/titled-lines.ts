import { shownText } from './shown-text.js';

export type TitledLine = readonly [head: string, text: string];

/** A title and below it what there is to say, each with its head in a column of its own. */
export function titledLines(title: string, lines: readonly TitledLine[]): string {
  const width = Math.max(...lines.map(([head]) => head.length));
  const body = lines.map(([head, text]) => `  ${shownText(head.padEnd(width))}  ${shownText(text)}\n`);
  return `${shownText(title)}\n${body.join('')}`;
}

/** One line, or none where nothing is known. */
export function lineOf(head: string, text: string | null): TitledLine[] {
  return text === null ? [] : [[head, text]];
}

/** `192.0.2.1:40000`, `[2001:db8::1]:40000`. */
export function withPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
