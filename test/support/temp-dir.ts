import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const live = new Set<string>();

afterAll(() => {
  for (const path of live) removeTempDir(path);
});

/** A new empty directory (mode 0700) under the system's temporary folder; it goes at the end of the test file at the latest. */
export function tempDir(label = 'test'): string {
  const path = mkdtempSync(join(tmpdir(), `usher-${label}-`));
  live.add(path);
  return path;
}

/** Removes a directory made by `tempDir` with all that is in it. */
export function removeTempDir(path: string): void {
  if (!live.has(path)) throw new Error(`${path} was not made by tempDir`);
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  live.delete(path);
}
