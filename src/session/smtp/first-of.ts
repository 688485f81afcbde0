import type { EventEmitter } from 'node:events';

export interface FirstOfLimits {
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Which of the events came first, or `timeout` or `aborted`. Never rejects and leaves no listener behind. */
export function firstOf<E extends string>(
  emitter: EventEmitter,
  events: readonly E[],
  { timeoutMs, signal }: FirstOfLimits,
): Promise<E | 'timeout' | 'aborted'> {
  return new Promise((resolve) => {
    const listeners = events.map((event) => ({ event, hear: () => settle(event) }));
    const settle = (outcome: E | 'timeout' | 'aborted'): void => {
      clearTimeout(timer);
      for (const { event, hear } of listeners) emitter.off(event, hear);
      signal?.removeEventListener('abort', onAbort);
      resolve(outcome);
    };
    const onAbort = (): void => settle('aborted');
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => settle('timeout'), Math.max(0, timeoutMs));
    for (const { event, hear } of listeners) emitter.on(event, hear);
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted === true) onAbort();
  });
}
