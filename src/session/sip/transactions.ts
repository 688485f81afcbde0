import type { SipRequest } from '../../protocols/sip/sip-message.js';
import { acknowledgedKey, cancelledKey, mergeKey, transactionKey } from '../../protocols/sip/transaction-key.js';
import type { TransactionTimer } from '../../protocols/sip/transaction-step.js';
import { transactionTag } from '../../protocols/sip/transaction-tag.js';
import { nextRepeatMs, transactionTimers } from '../../protocols/sip/transaction-timers.js';
import { type Exchange, type ReplyPath, StatelessExchange } from './exchange.js';
import { bytesFor, LiveTransaction, type TransactionKeeper, type TransactionKeys } from './live-transaction.js';
import { type TimerList, TimerLists, type TimerPlace } from './timer-lists.js';

/** What a CANCEL is for. */
export type Cancelled =
  /** 481. */
  | { readonly kind: 'nothing' }
  /** 200, and that is all. */
  | { readonly kind: 'answered' }
  /** 200, and 487 to the INVITE. */
  | { readonly kind: 'pending'; readonly request: SipRequest; readonly exchange: Exchange };

/** What a request turned out to be. */
export type Receipt =
  | { readonly kind: 'new'; readonly exchange: Exchange }
  /** The same request came another way before: 482 (RFC 3261 §8.2.2.2). */
  | { readonly kind: 'merged'; readonly exchange: Exchange }
  | { readonly kind: 'cancel'; readonly exchange: Exchange; readonly cancelled: Cancelled }
  /** A copy of a request: it was answered as before, if there was an answer. */
  | { readonly kind: 'copy' }
  /** An ACK that ended the copies of a response, or a copy of one. */
  | { readonly kind: 'acknowledged' }
  /** An ACK that nothing waits for, or a CANCEL that could not be matched because not every request is remembered. */
  | { readonly kind: 'ignored' };

export interface TransactionsOptions {
  /** Random, of this process: the To tags hang on it. At least 128 bits, in any writing; 16 characters or more. */
  readonly secret: string;
  /** A clock that never goes back. */
  readonly nowMs?: () => number;
  /** How many transactions are remembered. */
  readonly max?: number;
  /** How many bytes they may hold together, requests, responses and keys. */
  readonly heldBytesMax?: number;
}

/** What has happened since the start. */
export interface TransactionCounts {
  /** Requests that were answered without being remembered because there was no room. */
  stateless: number;
  /** Final responses that nobody acknowledged in time. */
  unacknowledged: number;
  /** Responses that found no way back. */
  unsent: number;
  /** Requests that nobody answered in time; a fault of ours. */
  abandoned: number;
}

const maxDefault = 20_000;
const heldBytesMaxDefault = 64 * 1024 * 1024;

/**
 * The server transactions of a front end. Without room for more it serves on without remembering: whatever a redirect
 * server says once it says again when asked again, and a client that got no answer asks again (RFC 3261 §8.2.7). This
 * refuses no call, costs no memory and sends one response for one request, which is the least a flood can be given.
 */
export class Transactions {
  readonly counts: TransactionCounts = { stateless: 0, unacknowledged: 0, unsent: 0, abandoned: 0 };
  readonly #secret: string;
  readonly #max: number;
  readonly #heldBytesMax: number;
  readonly #byKey = new Map<string, LiveTransaction>();
  readonly #byMergeKey = new Map<string, LiveTransaction>();
  readonly #timers: TimerLists<LiveTransaction>;
  /** Of timer G, by how long it runs. */
  readonly #repeats = new Map<number, TimerList<LiveTransaction>>();
  readonly #unanswered: TimerList<LiveTransaction>;
  readonly #ends: Readonly<Record<'H' | 'I' | 'J', TimerList<LiveTransaction>>>;
  readonly #keeper: TransactionKeeper;
  #heldBytes = 0;

  constructor(options: TransactionsOptions) {
    if (options.secret.length < 16) throw new Error('the secret of the To tags is too short');
    this.#secret = options.secret;
    this.#max = options.max ?? maxDefault;
    this.#heldBytesMax = options.heldBytesMax ?? heldBytesMaxDefault;
    this.#timers = new TimerLists(options.nowMs ?? (() => performance.now()));
    const { repeatMs, acknowledgeMs, confirmedMs, completedMs } = transactionTimers;
    for (let afterMs: number = repeatMs; !this.#repeats.has(afterMs); afterMs = nextRepeatMs(afterMs)) {
      this.#repeats.set(afterMs, this.#list(afterMs, 'G'));
    }
    this.#ends = {
      H: this.#list(acknowledgeMs, 'H'),
      I: this.#list(confirmedMs, 'I'),
      J: this.#list(completedMs, 'J'),
    };
    this.#unanswered = this.#timers.add(acknowledgeMs, (transaction) => this.#abandon(transaction));
    this.#keeper = this.#keep();
  }

  /** How many are remembered. */
  get size(): number {
    return this.#byKey.size;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Takes a request. Nobody may answer an ACK: it is given here whatever else is wrong with it. */
  receive(request: SipRequest, path: ReplyPath): Receipt {
    if (request.method === 'ACK') return this.#receiveAck(request);
    const key = transactionKey(request);
    const known = this.#byKey.get(key);
    if (known) {
      known.receiveAgain(path);
      return { kind: 'copy' };
    }
    if (request.method === 'CANCEL') return this.#receiveCancel(request, key, path);
    const merge = mergeKey(request);
    const earlier = merge === null ? undefined : this.#byMergeKey.get(merge);
    // RFC 3263 §4.3: who lost its connection sends the request again with another branch; that is no loop.
    const kind = earlier && !earlier.isLost ? 'merged' : 'new';
    const keys = { key, mergeKey: kind === 'new' ? merge : null, tagKey: key };
    return { kind, exchange: this.#begin(request, keys, path) };
  }

  /** For a request that is not worth remembering, such as a stranger's. Not for ACK and CANCEL. */
  answerOnce(request: SipRequest, path: ReplyPath): Exchange {
    return this.#stateless(transactionKey(request), path);
  }

  /** Serves the timers that are due; they serve themselves. */
  fireDue(): void {
    this.#timers.fireDue();
  }

  /** Forgets everything; nothing is sent any more. */
  close(): void {
    this.#timers.clear();
    for (const transaction of this.#byKey.values()) this.#forget(transaction);
  }

  #receiveAck(ack: SipRequest): Receipt {
    const known = this.#byKey.get(acknowledgedKey(ack, (key) => transactionTag(this.#secret, key)));
    if (!known) return { kind: 'ignored' };
    known.receiveAck();
    return { kind: 'acknowledged' };
  }

  #receiveCancel(request: SipRequest, key: string, path: ReplyPath): Receipt {
    const inviteKey = cancelledKey(request);
    const invite = this.#byKey.get(inviteKey);
    const keys = { key, mergeKey: null, tagKey: inviteKey };
    // RFC 3261 §8.2.7: who does not remember the INVITE ignores its CANCEL.
    if (!invite && !this.#makesRoomFor(keys, request)) return { kind: 'ignored' };
    return { kind: 'cancel', exchange: this.#begin(request, keys, path), cancelled: cancelledBy(invite) };
  }

  #begin(request: SipRequest, keys: TransactionKeys, path: ReplyPath): Exchange {
    if (!this.#makesRoomFor(keys, request)) {
      this.counts.stateless += 1;
      return this.#stateless(keys.tagKey, path);
    }
    const transaction = new LiveTransaction(this.#keeper, keys, request, path);
    this.#byKey.set(keys.key, transaction);
    if (keys.mergeKey !== null) this.#byMergeKey.set(keys.mergeKey, transaction);
    this.#heldBytes += transaction.heldBytes;
    this.#unanswered.start(transaction.endPlace);
    return transaction;
  }

  #stateless(tagKey: string, path: ReplyPath): Exchange {
    return new StatelessExchange(transactionTag(this.#secret, tagKey), path, () => this.#failed('unsent'));
  }

  /** Whether there is room, once what only waits for stray copies has made way, oldest first. */
  #makesRoomFor(keys: TransactionKeys, request: SipRequest): boolean {
    const bytes = bytesFor(keys, request);
    while (this.#byKey.size >= this.#max || this.#heldBytes + bytes > this.#heldBytesMax) {
      const idle = this.#ends.I.first ?? this.#ends.J.first;
      if (!idle) return false;
      this.#forget(idle.owner);
    }
    return true;
  }

  #keep(): TransactionKeeper {
    return {
      tagOf: (key) => transactionTag(this.#secret, key),
      startTimer: (transaction, timer, afterMs) => {
        const place = placeOf(transaction, timer);
        const list = timer === 'G' ? this.#repeats.get(afterMs) : this.#ends[timer];
        if (!place || list?.afterMs !== afterMs) throw new Error(`timer ${timer} cannot run for ${afterMs} ms`);
        list.start(place);
      },
      stopTimer: (transaction, timer) => {
        const place = placeOf(transaction, timer);
        place?.list?.stop(place);
      },
      holds: (transaction, bytesBefore) => {
        this.#heldBytes += transaction.heldBytes - bytesBefore;
        // Longer than foreseen: what is sent is sent, and the next copy of the request is answered anew.
        if (this.#heldBytes > this.#heldBytesMax) this.#forget(transaction);
      },
      failed: (failure) => this.#failed(failure),
      ended: (transaction) => this.#forget(transaction),
    };
  }

  #list(afterMs: number, timer: TransactionTimer): TimerList<LiveTransaction> {
    return this.#timers.add(afterMs, (transaction) => transaction.timerFired(timer));
  }

  #failed(failure: 'unacknowledged' | 'unsent'): void {
    this.counts[failure] += 1;
  }

  #abandon(transaction: LiveTransaction): void {
    this.counts.abandoned += 1;
    this.#forget(transaction);
  }

  #forget(transaction: LiveTransaction): void {
    const { key, mergeKey } = transaction.keys;
    if (this.#byKey.get(key) !== transaction) return;
    this.#byKey.delete(key);
    if (mergeKey !== null && this.#byMergeKey.get(mergeKey) === transaction) this.#byMergeKey.delete(mergeKey);
    transaction.giveUp();
    this.#heldBytes -= transaction.heldBytes;
    const { repeatPlace, endPlace } = transaction;
    repeatPlace?.list?.stop(repeatPlace);
    endPlace.list?.stop(endPlace);
  }
}

function placeOf(transaction: LiveTransaction, timer: TransactionTimer): TimerPlace<LiveTransaction> | null {
  return timer === 'G' ? transaction.repeatPlace : transaction.endPlace;
}

function cancelledBy(invite: LiveTransaction | undefined): Cancelled {
  if (!invite) return { kind: 'nothing' };
  const request = invite.pendingRequest;
  return request === null ? { kind: 'answered' } : { kind: 'pending', request, exchange: invite };
}
