import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';

/**
 * Says the last words and closes. What the client still sends is thrown away for so long as `lingerMs`: a socket that
 * is closed with unread bytes is reset, and a reset can take the last words with it. Never rejects.
 */
export function farewell(socket: Socket, words: Buffer, lingerMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) {
      resolve();
      return;
    }
    const timer = setTimeout(() => socket.destroy(), lingerMs);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.end(words);
    if (socket.readableEnded) socket.destroySoon();
    else socket.once('end', () => socket.destroySoon()).resume();
  });
}
