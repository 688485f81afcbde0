import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';

export type WriteOutcome = 'written' | 'ended' | 'timeout' | 'aborted';

/**
 * Writes and waits until the socket takes more, so that a peer that does not read is not read either. Never rejects.
 * @param endAtMs by `performance.now()`
 */
export function writeOut(
  socket: Socket,
  bytes: Buffer,
  endAtMs: number,
  signal: AbortSignal,
): Promise<WriteOutcome> | WriteOutcome {
  if (signal.aborted) return 'aborted';
  if (!socket.writable) return 'ended';
  if (bytes.length === 0 || socket.write(bytes)) return 'written';
  return new Promise((resolve) => {
    const settle = (outcome: WriteOutcome): void => {
      clearTimeout(timer);
      socket.off('drain', onDrain).off('close', onClose);
      signal.removeEventListener('abort', onAbort);
      resolve(outcome);
    };
    const onDrain = (): void => settle('written');
    const onClose = (): void => settle('ended');
    const onAbort = (): void => settle('aborted');
    const timer = setTimeout(() => settle('timeout'), Math.max(0, endAtMs - performance.now()));
    socket.on('drain', onDrain).on('close', onClose);
    signal.addEventListener('abort', onAbort);
  });
}
