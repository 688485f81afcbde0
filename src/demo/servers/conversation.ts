import type { Socket } from 'node:net';

import type { ServerLimits } from './server-limits.js';

const queuedBytesMax = 16 * 1024 * 1024;
const farewellTimeoutMs = 10_000;

/** The other end of a conversation. */
export interface Peer {
  /** Text is sent as bytes, one per character. A peer that leaves too much unread is cut off. */
  write(data: string | Buffer): void;
  /** Resolves when the peer has taken what was written, or is gone. */
  drained(): Promise<void>;
  /** Ends the conversation after what was written. */
  end(): void;
  /** From now on the idle time counts, no longer the time to sign in. */
  signedIn(): void;
}

export interface Dialogue {
  /** Called with one chunk at a time: the next one waits until this one is answered. */
  receive(chunk: Buffer): Promise<void>;
  close(): void;
}

export type Fault = (error: unknown) => void;

/** Drives a dialogue over a socket, with its deadlines. `onFault` hears of exceptions, which end the conversation. */
export function converse(socket: Socket, limits: ServerLimits, start: (peer: Peer) => Dialogue, onFault: Fault): void {
  let deadline = setTimeout(() => socket.destroy(), limits.preLoginTimeoutMs);
  let ended = false;
  // a broken connection concerns only its client: 'close' follows and tidies up
  socket.on('error', () => socket.destroy());
  socket.on('timeout', () => socket.destroy());
  const peer: Peer = {
    write(data) {
      if (ended || socket.destroyed || data.length === 0) return;
      if (typeof data === 'string') socket.write(data, 'latin1');
      else socket.write(data);
      if (socket.writableLength > queuedBytesMax) socket.destroy();
    },
    drained: () => drained(socket),
    end() {
      ended = true;
      socket.end();
      clearTimeout(deadline);
      deadline = setTimeout(() => socket.destroy(), farewellTimeoutMs);
    },
    signedIn() {
      clearTimeout(deadline);
      socket.setTimeout(limits.idleTimeoutMs);
    },
  };
  const dialogue = start(peer);
  socket.on('close', () => {
    clearTimeout(deadline);
    dialogue.close();
  });
  socket.on('data', (chunk: Buffer) => {
    if (ended) return;
    socket.pause();
    dialogue.receive(chunk).then(
      () => socket.resume(),
      (error: unknown) => {
        socket.destroy();
        onFault(error);
      },
    );
  });
}

async function drained(socket: Socket): Promise<void> {
  if (!socket.writableNeedDrain || socket.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}
