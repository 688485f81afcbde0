import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { awaitEvent } from '../../net/await-event.js';

export type Chunk =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'ended' }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'aborted' };

/**
 * The next bytes of a socket that nobody else reads; between two calls it is not read, beyond its own buffer.
 * `ended` is the peer's end of stream or the socket's close. Never rejects.
 * @param endAtMs by `performance.now()`; a peer that never stops sending is stopped by it too
 */
export async function nextChunk(socket: Socket, endAtMs: number, signal: AbortSignal): Promise<Chunk> {
  for (;;) {
    if (signal.aborted) return { kind: 'aborted' };
    const leftMs = endAtMs - performance.now();
    if (leftMs <= 0) return { kind: 'timeout' };
    const bytes = socket.read() as Buffer | null;
    if (bytes !== null) return { kind: 'bytes', bytes };
    const awaited = await awaitEvent(socket, 'readable', leftMs, signal);
    switch (awaited.kind) {
      case 'happened':
        break;
      case 'failed':
      case 'closed':
        return { kind: 'ended' };
      case 'timeout':
        return { kind: 'timeout' };
      case 'aborted':
        return { kind: 'aborted' };
    }
  }
}
