import { stat, unlink } from 'node:fs/promises';
import { reasonOf, systemCodeOf } from '../errors.js';
import { listRotatedFiles } from './list-rotated-files.js';

const dayMs = 86_400_000;

/**
 * Deletes the files of one log that are older than `ageMaxMs`, and the oldest until the rest has at most `bytesMax`;
 * never `keepPath`, whose bytes do not count. Returns why files stayed that should have gone.
 */
export async function pruneRotatedFiles(
  log: { readonly folder: string; readonly prefix: string; readonly suffix: string; readonly keepPath: string },
  limits: { readonly bytesMax: number; readonly ageMaxMs: number },
  nowMs: number,
): Promise<string[]> {
  const files = await listRotatedFiles(log.folder, log.prefix, log.suffix);
  const old = files.filter(({ path, isFile }) => isFile && path !== log.keepPath);
  const failures: string[] = [];
  let keptBytes = 0;
  for (const { path, dayStartMs } of old.toReversed()) {
    try {
      const { size } = await stat(path);
      const isTooOld = dayStartMs + dayMs + limits.ageMaxMs <= nowMs;
      keptBytes += size;
      if (isTooOld || keptBytes > limits.bytesMax) await unlink(path);
    } catch (error) {
      // Another process that shares the folder was faster.
      if (systemCodeOf(error) !== 'ENOENT') failures.push(`${path}: ${reasonOf(error)}`);
    }
  }
  return failures;
}
