import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks `probe` every 20 ms until it gives something other than undefined or false, and returns that.
 * @throws Error naming `what` after `timeoutMs` (default 10,000)
 */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 10_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await sleep(20);
  }
}
