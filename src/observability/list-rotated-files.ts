import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface RotatedFileName {
  readonly path: string;
  /** The UTC day in the name. */
  readonly dayStartMs: number;
  readonly number: number;
  /** False for a folder, a link or whatever else bears such a name. */
  readonly isFile: boolean;
}

/** `RECV20261122-1.log` for a prefix `RECV`, a suffix `.log` and the number 1. */
export function rotatedFileName(prefix: string, suffix: string, dayStartMs: number, number: number): string {
  return `${prefix}${new Date(dayStartMs).toISOString().slice(0, 10).replaceAll('-', '')}-${number}${suffix}`;
}

/** The files of one log in a folder, oldest first. Throws what the file system throws. */
export async function listRotatedFiles(folder: string, prefix: string, suffix: string): Promise<RotatedFileName[]> {
  const found: RotatedFileName[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const { name } = entry;
    if (!name.startsWith(prefix) || !name.endsWith(suffix)) continue;
    const match = /^(\d{4})(\d{2})(\d{2})-([1-9]\d{0,8})$/.exec(name.slice(prefix.length, -suffix.length));
    if (!match) continue;
    const [, year, month, day, number] = match;
    const dayStartMs = Date.parse(`${year}-${month}-${day}`);
    if (Number.isNaN(dayStartMs)) continue;
    found.push({ path: join(folder, name), dayStartMs, number: Number(number), isFile: entry.isFile() });
  }
  return found.sort((one, other) => one.dayStartMs - other.dayStartMs || one.number - other.number);
}
