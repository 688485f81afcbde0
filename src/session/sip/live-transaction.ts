import type { Buffer } from 'node:buffer';
import { ServerTransaction } from '../../protocols/sip/server-transaction.js';
import type { SipRequest } from '../../protocols/sip/sip-message.js';
import type { TransactionEvent, TransactionStep, TransactionTimer } from '../../protocols/sip/transaction-step.js';
import type { ConnectionLife, Exchange, ReplyPath } from './exchange.js';
import { TimerPlace } from './timer-lists.js';

/** By what a transaction is found. */
export interface TransactionKeys {
  readonly key: string;
  /** Null: it is not found by its call. */
  readonly mergeKey: string | null;
  /** Of the request whose To tag its responses have: its own, but that of the INVITE for a CANCEL. */
  readonly tagKey: string;
}

/** Whoever keeps the transactions: their timers, and where they are found. */
export interface TransactionKeeper {
  tagOf(key: string): string;
  startTimer(transaction: LiveTransaction, timer: TransactionTimer, afterMs: number): void;
  stopTimer(transaction: LiveTransaction, timer: TransactionTimer): void;
  /** How much is held for the transaction has changed. */
  holds(transaction: LiveTransaction, bytesBefore: number): void;
  failed(failure: 'unacknowledged' | 'unsent'): void;
  /** It is over, to be forgotten at once. */
  ended(transaction: LiveTransaction): void;
}

/** Of the objects that stand for a transaction, about. */
const ownBytes = 1200;

/** One server transaction, driven over a way back to the client. */
export class LiveTransaction implements Exchange {
  readonly keys: TransactionKeys;
  /** Where it waits for timer G; null where this never runs. */
  readonly repeatPlace: TimerPlace<LiveTransaction> | null;
  /** Where it waits for its end. */
  readonly endPlace = new TimerPlace<LiveTransaction>(this);
  readonly #keeper: TransactionKeeper;
  readonly #machine: ServerTransaction;
  readonly #invite: boolean;
  /** Null: nothing is sent any more of its own accord, only where a copy of the request came from. */
  #path: ReplyPath | null;
  /** Of the connection that the request came by last. */
  #life: ConnectionLife | undefined;
  #request: SipRequest | null;
  #heldBytes: number;

  constructor(keeper: TransactionKeeper, keys: TransactionKeys, request: SipRequest, path: ReplyPath) {
    this.#keeper = keeper;
    this.keys = keys;
    this.#machine = new ServerTransaction(request.method, path.reliable ? 'reliable' : 'unreliable');
    this.#invite = request.method === 'INVITE';
    this.#path = path;
    this.#life = path.life;
    this.#request = request;
    this.repeatPlace = this.#invite && !path.reliable ? new TimerPlace<LiveTransaction>(this) : null;
    this.#heldBytes = bytesFor(keys, request);
  }

  get toTag(): string {
    return this.#keeper.tagOf(this.keys.tagKey);
  }

  get takesProvisional(): boolean {
    return this.#machine.stage === 'pending' && this.#path !== null;
  }

  /** What the memory limit counts. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** As long as it waits for its final response. */
  get pendingRequest(): SipRequest | null {
    return this.#request;
  }

  /** Whether nobody may have got the answer: the connection is over, and no ACK came by it. */
  get isLost(): boolean {
    return this.#life?.isOver ?? false;
  }

  respond(code: number, bytes: Buffer): boolean {
    if (this.#invite && code >= 200 && code < 300) throw new Error('a call router answers no INVITE with 2xx');
    if (!this.takesProvisional) return false;
    if (code < 200) {
      this.#advance({ kind: 'provisional', bytes }, this.#path);
      return true;
    }
    this.#request = null;
    this.#advance({ kind: 'final', bytes }, this.#path);
    if (this.repeatPlace === null) this.#path = null;
    if (this.#machine.stage === 'answered') this.#hold(this.#baseBytes() + bytes.length);
    return true;
  }

  /** The request came again, maybe from elsewhere: the answer goes where this copy came from. */
  receiveAgain(path: ReplyPath): void {
    this.#life = path.life;
    // A connection cannot be feigned, and whoever opens a new one has lost the old one.
    if (path.reliable && this.#path?.reliable && this.#machine.stage === 'pending') this.#path = path;
    this.#advance({ kind: 'request' }, path);
  }

  receiveAck(): void {
    this.#advance({ kind: 'ack' }, null);
    if (this.#machine.stage !== 'acknowledged') return;
    this.#path = null;
    this.#hold(this.#baseBytes());
  }

  /** Nobody waits for an answer any more. */
  giveUp(): void {
    this.#path = null;
    this.#request = null;
  }

  timerFired(timer: TransactionTimer): void {
    this.#advance({ kind: 'timer', timer }, this.#path);
  }

  #advance(event: TransactionEvent, path: ReplyPath | null): void {
    let sent = true;
    for (const step of this.#machine.advance(event)) sent = this.#take(step, path) && sent;
    if (!sent) for (const step of this.#machine.advance({ kind: 'transport-error' })) this.#take(step, null);
    if (this.#machine.stage === 'ended') this.#keeper.ended(this);
  }

  /** False: it could not be sent. */
  #take(step: TransactionStep, path: ReplyPath | null): boolean {
    switch (step.kind) {
      case 'send':
        return path?.send(step.bytes) ?? false;
      case 'start':
        this.#keeper.startTimer(this, step.timer, step.afterMs);
        return true;
      case 'stop':
        this.#keeper.stopTimer(this, step.timer);
        return true;
      case 'unacknowledged':
      case 'unsent':
        this.#keeper.failed(step.kind);
        return true;
    }
  }

  #baseBytes(): number {
    return bytesFor(this.keys, null);
  }

  #hold(bytes: number): void {
    const before = this.#heldBytes;
    this.#heldBytes = bytes;
    this.#keeper.holds(this, before);
  }
}

/** What a transaction holds as it begins; without a request: what it holds beside its response. */
export function bytesFor(keys: TransactionKeys, request: SipRequest | null): number {
  // A string takes up to two bytes a character; a request is held as text and again as its parts.
  const keyBytes = 2 * (keys.key.length + (keys.mergeKey?.length ?? 0));
  return ownBytes + keyBytes + 4 * (request?.totalBytes ?? 0);
}
