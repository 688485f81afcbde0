// A body that comes slower than 50 bytes a second, after the first silence that is allowed, is not waited for.
const msPerByteMax = 20;

/** When a client that sends a body is given up: since when it is asked for it, when some came last, and how much did. */
export function bodyDeadlineMs(sinceMs: number, cameAtMs: number, bytes: number, silenceTimeoutMs: number): number {
  return Math.min(cameAtMs, sinceMs + bytes * msPerByteMax) + silenceTimeoutMs;
}
