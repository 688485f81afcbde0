import type { Socket } from 'node:net';

/** Who takes the bytes of a connection, in steps. */
export interface ByteTaker {
  /** Whether bytes can be taken now. */
  readonly isReading: boolean;
  /** Whether, while they cannot, the end of the connection is to be heard of all the same, ahead of what has come. */
  readonly isListening: boolean;
  /** Takes some of a chunk from an offset on; the result is the offset after them. */
  step(chunk: Buffer, from: number): number;
  drained(): void;
  /** The other end has said its last; told again when what had come before is taken. */
  ended(): void;
  closed(): void;
}

interface CarryingSocket extends Socket {
  [intakeOf]?: ByteIntake;
}

const intakeOf = Symbol('intake');
const aheadBytesMax = 65_536;
const noBytes = Buffer.alloc(0);

/** Reads a socket for somebody who cannot always take what has come: it waits here, and the socket is paused. */
export class ByteIntake {
  readonly #socket: Socket;
  readonly #taker: ByteTaker;
  #ahead: Buffer = noBytes;
  #isTaking = false;

  constructor(socket: Socket, taker: ByteTaker) {
    this.#socket = socket;
    this.#taker = taker;
  }

  start(): void {
    const socket: CarryingSocket = this.#socket;
    socket[intakeOf] = this;
    socket.allowHalfOpen = true;
    socket.on('data', onData).on('drain', onDrain).on('end', onEnd).on('close', onClose);
    if (socket.closed) process.nextTick(() => this.#taker.closed());
    else if (socket.readableEnded) this.#taker.ended();
  }

  /** Whether the other end has said its last and all of it was taken. */
  get isAtEnd(): boolean {
    return this.#socket.readableEnded && this.#ahead.length === 0 && !this.#isTaking;
  }

  take(chunk: Buffer): void {
    const whole = this.#ahead.length === 0 ? chunk : Buffer.concat([this.#ahead, chunk]);
    this.#ahead = noBytes;
    this.#advance(whole);
  }

  #advance(chunk: Buffer): void {
    this.#isTaking = true;
    let from = 0;
    while (from < chunk.length && this.#taker.isReading) from = this.#taker.step(chunk, from);
    this.#isTaking = false;
    if (from < chunk.length) this.#ahead = chunk.subarray(from);
    if (!this.#isFlowing) this.#socket.pause();
    if (this.isAtEnd) this.#taker.ended();
  }

  get #isFlowing(): boolean {
    if (this.#taker.isReading) return true;
    return this.#taker.isListening && this.#ahead.length <= aheadBytesMax;
  }

  /** Bytes can no longer be taken. */
  hold(): void {
    if (!this.#isTaking) this.#socket.pause();
  }

  /** Bytes can be taken again: first those that have come already. */
  goOn(): void {
    if (this.#isTaking) return;
    const ahead = this.#ahead;
    if (ahead.length > 0 && this.#taker.isReading) {
      this.#ahead = noBytes;
      this.#advance(ahead);
    }
    if (this.#isFlowing && this.#socket.isPaused()) this.#socket.resume();
  }

  /** What comes from now on is dropped. */
  dropAll(): void {
    this.#ahead = noBytes;
    this.#socket.resume();
  }

  /** Lets go of the socket, with what was not taken yet; only its end is still told. */
  letGo(): Socket {
    const socket = this.#socket;
    socket.off('data', onData).off('drain', onDrain).off('end', onEnd);
    socket.pause();
    if (this.#ahead.length > 0) socket.unshift(this.#ahead);
    this.#ahead = noBytes;
    return socket;
  }

  tellDrained(): void {
    this.#taker.drained();
  }

  tellEnded(): void {
    this.#taker.ended();
  }

  tellClosed(): void {
    this.#taker.closed();
  }
}

// Shared by all sockets: thousands of them are idle most of the time.
function onData(this: CarryingSocket, chunk: Buffer): void {
  this[intakeOf]?.take(chunk);
}

function onDrain(this: CarryingSocket): void {
  this[intakeOf]?.tellDrained();
}

function onEnd(this: CarryingSocket): void {
  this[intakeOf]?.tellEnded();
}

function onClose(this: CarryingSocket): void {
  this[intakeOf]?.tellClosed();
}
