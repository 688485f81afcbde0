import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { FileTrouble, LogOptions } from '../../src/observability/rotated-file.js';

/** A folder of one test, that is gone after it. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'usher-log-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Names and contents of the files in a folder. */
export function contentsOf(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  );
}

/** A clock that stands still until it is moved. */
export interface HandClock {
  nowMs: number;
}

/** Options of a log with a clock moved by hand, and the troubles it told. */
export function logOptions(at = '2026-11-22T10:00:00.000Z'): {
  clock: HandClock;
  troubles: FileTrouble[];
  options: LogOptions;
} {
  const clock = { nowMs: Date.parse(at) };
  const troubles: FileTrouble[] = [];
  return { clock, troubles, options: { nowMs: () => clock.nowMs, onTrouble: (trouble) => troubles.push(trouble) } };
}
