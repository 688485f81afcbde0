import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { terminateTls } from '../../net/terminate-tls.js';
import type { ContextFor } from './smtp-services.js';

export interface ClientLinkHandlers {
  /** The next bytes, only while the link is not held. */
  received(chunk: Buffer): void;
  /** The client has ended its side, and everything it sent was handed over. */
  ended(): void;
  /** The connection is gone. */
  gone(): void;
}

const handshakeTimeoutMs = 30_000;
const lingerMs = 2000;
const unreadMax = 64 * 1024;

/**
 * The socket of a client. While it is held nothing is handed over: one chunk at most waits here, and the rest with the
 * client. A client that does not read its replies is not read either.
 */
export class ClientLink {
  readonly #handlers: ClientLinkHandlers;
  #socket: Socket;
  #isHeld = true;
  #waiting: Buffer[] = [];
  #end: 'open' | 'seen' | 'told' = 'open';
  #plain: Socket | null = null;

  constructor(socket: Socket, handlers: ClientLinkHandlers) {
    this.#handlers = handlers;
    this.#socket = socket;
    this.#listen();
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** Whether the client has sent something that was not handed over. */
  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Whether the client has not read what it was told, so far that it must not be told more. */
  get isClogged(): boolean {
    return this.#socket.writableLength > unreadMax;
  }

  get tls(): { readonly version: string; readonly cipher: string } | null {
    if (!(this.#socket instanceof TLSSocket)) return null;
    return { version: this.#socket.getProtocol() ?? 'TLS', cipher: this.#socket.getCipher().name };
  }

  /** Whether a TLS handshake is under way, and no words can be said. */
  get isShakingHands(): boolean {
    return this.#plain !== null;
  }

  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    while (!this.#isHeld) {
      const chunk = this.#waiting.shift();
      if (chunk === undefined) break;
      this.#handlers.received(chunk);
    }
    if (this.#isHeld) return;
    if (this.#socket.isPaused()) this.#socket.resume();
    this.#tellEnd();
  }

  write(bytes: Buffer): void {
    if (bytes.length > 0 && this.#socket.writable) this.#socket.write(bytes);
  }

  /** Resolves when what was written has left, or the connection is gone. */
  async drained(): Promise<void> {
    const socket = this.#socket;
    if (!socket.writableNeedDrain || socket.destroyed) return;
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        socket.off('drain', settle).off('close', settle);
        resolve();
      };
      socket.on('drain', settle).on('close', settle);
    });
  }

  /** RFC 3207: nothing that was read in the clear survives; bytes that came ahead of the handshake end the connection. */
  async startTls(contextFor: ContextFor): Promise<void> {
    const plain = this.#socket;
    plain.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose);
    plain.pause();
    this.#plain = plain;
    if (this.#waiting.length > 0) plain.destroy();
    this.#waiting = [];
    try {
      const options = { contextFor, timeoutMs: handshakeTimeoutMs, pending: 'refuse' } as const;
      this.#socket = await terminateTls(plain, options);
    } catch (error) {
      this.#plain = null;
      plain.destroy();
      this.#handlers.gone();
      throw error;
    }
    this.#plain = null;
    this.#listen();
    if (this.#socket.destroyed) this.#handlers.gone();
  }

  /** The last words; the client is read to its end for a short time, so that they arrive. */
  finish(bytes: Buffer): void {
    const socket = this.#socket;
    if (this.#plain !== null) {
      socket.destroy();
      return;
    }
    this.#isHeld = false;
    this.#waiting = [];
    this.#end = 'told';
    socket.off('data', this.#onData);
    const timer = setTimeout(() => socket.destroy(), lingerMs);
    timer.unref();
    socket.once('close', () => clearTimeout(timer)).once('end', () => socket.destroySoon());
    if (socket.writable) socket.end(bytes);
    if (socket.readableEnded) socket.destroySoon();
    socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #listen(): void {
    this.#socket.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.#isHeld && this.#waiting.length === 0) {
      this.#handlers.received(chunk);
      return;
    }
    this.#waiting.push(chunk);
    this.#socket.pause();
  };

  readonly #onEnd = (): void => {
    if (this.#end === 'open') this.#end = 'seen';
    if (!this.#isHeld) this.#tellEnd();
  };

  readonly #onClose = (): void => this.#handlers.gone();

  #tellEnd(): void {
    if (this.#end !== 'seen' || this.#waiting.length > 0) return;
    this.#end = 'told';
    this.#handlers.ended();
  }
}
