import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';

/** Takes what a socket brings. */
export interface ByteSink {
  takeBytes(chunk: Buffer): void;
  /** The peer has said its last, or the socket is closed; maybe told twice. */
  peerEnded(): void;
}

interface ReadSocket extends Socket {
  [sinkOf]?: ByteSink | undefined;
}

const sinkOf = Symbol('sink');

/** Gives a socket's bytes to `sink` until `stopReading`. Nobody else may read it. */
export function startReading(socket: ReadSocket, sink: ByteSink): void {
  if (socket[sinkOf] === sink) return;
  socket[sinkOf] = sink;
  socket.on('data', onData).on('end', onEnd).on('close', onEnd);
  if (socket.destroyed || socket.readableEnded) process.nextTick(onEndOf, socket);
  else socket.resume();
}

/** Leaves what comes from now on to the next reader. */
export function stopReading(socket: ReadSocket): void {
  if (socket[sinkOf] === undefined) return;
  socket[sinkOf] = undefined;
  socket.pause().off('data', onData).off('end', onEnd).off('close', onEnd);
}

function onData(this: ReadSocket, chunk: Buffer): void {
  this[sinkOf]?.takeBytes(chunk);
}

function onEnd(this: ReadSocket): void {
  onEndOf(this);
}

function onEndOf(socket: ReadSocket): void {
  socket[sinkOf]?.peerEnded();
}
