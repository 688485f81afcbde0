import type { Socket } from 'node:net';

/** What came of waiting for one event of a socket. */
export type EventOutcome =
  | { readonly kind: 'happened' }
  | { readonly kind: 'failed'; readonly error: Error }
  | { readonly kind: 'closed' }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'aborted'; readonly reason: unknown };

/**
 * Waits for `event` on `socket`, at most `timeoutMs`; never rejects and leaves no listener behind.
 * `closed` is the peer's end of stream or the socket's own close, whichever came first.
 */
export function awaitEvent(
  socket: Socket,
  event: 'connect' | 'readable' | 'secure' | 'secureConnect',
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<EventOutcome> {
  return new Promise((resolve) => {
    const settle = (result: EventOutcome): void => {
      clearTimeout(timer);
      socket.off(event, onEvent).off('error', onError).off('end', onClosed).off('close', onClosed);
      signal?.removeEventListener('abort', onAbort);
      resolve(result);
    };
    const onEvent = (): void => settle({ kind: 'happened' });
    const onError = (error: Error): void => settle({ kind: 'failed', error });
    const onClosed = (): void => settle({ kind: 'closed' });
    const onAbort = (): void => settle({ kind: 'aborted', reason: signal?.reason });
    const timer = setTimeout(() => settle({ kind: 'timeout' }), Math.max(0, timeoutMs));
    socket.on(event, onEvent).on('error', onError).on('end', onClosed).on('close', onClosed);
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted === true) onAbort();
    else if (socket.destroyed || socket.readableEnded) onClosed();
  });
}
