import type { ChalkInstance } from 'chalk';

/** Whether standard output is a person's screen. */
export const onTerminal = (): boolean => process.stdout.isTTY;

// Pipes and scripts start sooner without it.
const chalk = onTerminal() && !process.env['NO_COLOR'] ? (await import('chalk')).default : undefined;

export type Paint = keyof Pick<ChalkInstance, 'bold' | 'dim' | 'red' | 'green'>;

/** Colours text on a terminal; with `NO_COLOR` and in pipes it stays plain. */
export function paint(style: Paint, text: string): string {
  return chalk ? chalk[style](text) : text;
}

/** Rows under headings on a terminal; else one row a line, cells divided by tabs, no headings. */
export function formatTable(
  headings: readonly string[],
  rows: ReadonlyArray<readonly string[]>,
  terminal: boolean,
): string {
  if (!terminal) return rows.map((row) => `${row.map(oneLine).join('\t')}\n`).join('');
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => oneLine(row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === cells.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  const head = paint('bold', line(headings.map((heading) => heading.toUpperCase())));
  return `${[head, ...rows.map((row) => line(row.map(oneLine)))].join('\n')}\n`;
}

const oneLine = (cell: string): string => cell.replace(/[\t\r\n]+/g, ' ');

/** A value of an object in a cell of a table. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return value.map(cellText).join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
