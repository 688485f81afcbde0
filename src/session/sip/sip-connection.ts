import type { Socket } from 'node:net';
import type { IdleEntry, IdleWheel } from '../../net/idle-wheel.js';
import { MessageSplitter } from '../../protocols/sip/message-splitter.js';
import type { CallRouter } from './call-router.js';
import type { SipPeer } from './call-services.js';
import type { ReplyPath } from './exchange.js';

export interface SipConnectionOptions {
  readonly peer: SipPeer;
  readonly router: CallRouter;
  readonly wheel: IdleWheel;
  /** Without a message, or a ping, of the peer. */
  readonly idleTimeoutMs: number;
  /** For a message that has begun; also without one, of a peer that is no gateway. */
  readonly messageTimeoutMs: number;
  /** Whether its door is still what it was as it came; if not, the connection ends behind the next answer. */
  readonly isWanted: () => boolean;
  /** Told of a fault of ours, which ends the connection. */
  readonly onFault: (error: unknown) => void;
}

const pong = '\r\n';
/** Answers that wait; the next messages do too, until the event loop has come round. */
const waitingBytesMax = 64 * 1024;
/** Answers that the peer does not read; then it is gone. More than what one chunk can be answered with. */
const unreadBytesMax = 512 * 1024;

/** A TCP or TLS connection of a SIP peer: its messages to the router, our answers back over it. */
export class SipConnection implements ReplyPath, IdleEntry {
  readonly reliable = true;
  readonly life = { isOver: false };
  readonly closed: Promise<void>;
  idleEndAtMs: number;
  idlePlace = 0;
  readonly #socket: Socket;
  readonly #options: SipConnectionOptions;
  readonly #splitter = new MessageSplitter();
  #stage: 'open' | 'ending' = 'open';

  constructor(socket: Socket, options: SipConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.idleEndAtMs = performance.now() + options.messageTimeoutMs;
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.life.isOver = true;
        options.wheel.forget(this);
        resolve();
      });
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        this.#take(chunk);
      } catch (error) {
        options.onFault(error);
        socket.destroy();
      }
    });
    socket.on('end', () => this.end());
    options.wheel.watch(this);
  }

  send(bytes: Buffer): boolean {
    const socket = this.#socket;
    if (socket.destroyed || !socket.writable) return false;
    if (socket.writableLength > unreadBytesMax) {
      socket.destroy();
      return false;
    }
    socket.write(bytes);
    return true;
  }

  /** What was said goes out, and nothing more is heard. */
  end(): void {
    if (this.#stage === 'ending') return;
    this.#stage = 'ending';
    this.#socket.end();
    this.idleEndAtMs = Math.min(this.idleEndAtMs, performance.now() + this.#options.messageTimeoutMs);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  idle(): void {
    this.#socket.destroy();
  }

  get #isEnding(): boolean {
    return this.#stage === 'ending';
  }

  #take(chunk: Buffer): void {
    if (this.#isEnding) return;
    const { router, peer, idleTimeoutMs, messageTimeoutMs, isWanted } = this.#options;
    const hadBegun = this.#splitter.hasBegun;
    let hasCome = false;
    let pingCount = 0;
    this.#splitter.push(chunk);
    this.#socket.cork();
    for (let step = this.#splitter.next(); step.kind !== 'more'; step = this.#splitter.next()) {
      hasCome = true;
      if (step.kind === 'ping') {
        pingCount += 1;
        continue;
      }
      if (pingCount > 0) this.#sendPongs(pingCount);
      pingCount = 0;
      router.receive(step.reading, peer, this);
      if (step.kind !== 'broken') continue;
      this.end();
      break;
    }
    if (pingCount > 0) this.#sendPongs(pingCount);
    this.#socket.uncork();
    this.#holdBack();
    if (this.#isEnding) return;
    const hasBegun = this.#splitter.hasBegun;
    if (hasCome && !hasBegun && !isWanted()) return this.end();
    if (!hasCome && (!hasBegun || hadBegun)) return;
    const nowMs = performance.now();
    // Whatever a stranger says, it has no more time.
    if (!router.knows(peer)) this.idleEndAtMs = Math.min(this.idleEndAtMs, nowMs + messageTimeoutMs);
    // A message that has begun must come to its end, however it drips.
    else this.idleEndAtMs = nowMs + (hasBegun ? messageTimeoutMs : idleTimeoutMs);
  }

  /** Many at once: each piece that is written costs far more than its two bytes. */
  #sendPongs(count: number): void {
    this.send(Buffer.from(pong.repeat(count), 'latin1'));
  }

  // Over TLS what is written counts as waiting until the loop comes round, and many chunks may come before.
  #holdBack(): void {
    const socket = this.#socket;
    if (socket.writableLength <= waitingBytesMax) return;
    socket.pause();
    setImmediate(() => socket.resume());
  }
}
