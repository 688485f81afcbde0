const sizeUnits: ReadonlyArray<readonly [string, number]> = [
  ['GB', 1024 ** 3],
  ['MB', 1024 ** 2],
  ['KB', 1024],
];

const durationUnits: ReadonlyArray<readonly [string, number]> = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
];

/** Bytes of `36MB`, `256 KB`, `1024`; undefined when it is none of these. */
export function parseSize(value: string | number): number | undefined {
  const match = /^(\d{1,16}(?:\.\d{1,6})?)\s*(KB|MB|GB|B)?$/i.exec(String(value).trim());
  if (!match) return undefined;
  const unit = (match[2] ?? 'B').toUpperCase();
  const bytes = Number(match[1]) * (sizeUnits.find(([name]) => name === unit)?.[1] ?? 1);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Milliseconds of `5m`, `90s`, `500ms`, `1h`; a bare number counts only when it is 0. */
export function parseDuration(value: string | number): number | undefined {
  const match = /^(\d{1,16}(?:\.\d{1,6})?)\s*(ms|s|m|h|d)?$/i.exec(String(value).trim());
  if (!match) return undefined;
  const unit = durationUnits.find(([name]) => name === match[2]?.toLowerCase());
  if (!unit) return Number(match[1]) === 0 ? 0 : undefined;
  const milliseconds = Number(match[1]) * unit[1];
  return Number.isSafeInteger(milliseconds) ? milliseconds : undefined;
}

/** The largest unit that says it without a fraction: `36MB`, else bytes as a number. */
export function formatSize(bytes: number): string | number {
  for (const [name, factor] of sizeUnits) {
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${name}`;
  }
  return bytes;
}

/** The largest unit that says it without a fraction: `5m`, `90s`, `0s`. */
export function formatDuration(milliseconds: number): string {
  for (const [name, factor] of durationUnits) {
    if (milliseconds >= factor && milliseconds % factor === 0) return `${milliseconds / factor}${name}`;
  }
  return '0s';
}
