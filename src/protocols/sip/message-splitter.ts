import { Buffer } from 'node:buffer';
import { badRequest, type ParsedHead, parseHead } from './parse-head.js';
import { readingOf } from './read-message.js';
import { sipLimits } from './sip-limits.js';
import type { SipReading } from './sip-message.js';
import type { HeadFault } from './start-line.js';

/** What the bytes of a stream have come to. */
export type SplitMessage =
  | { readonly kind: 'more' }
  /** A keep-alive: it is answered with one CRLF (RFC 5626 §4.4.1). */
  | { readonly kind: 'ping' }
  | { readonly kind: 'message'; readonly reading: SipReading }
  /** The stream cannot be read on: what can be answered is, then it is closed. The same again at each call. */
  | { readonly kind: 'broken'; readonly reading: SipReading };

type State =
  | { readonly kind: 'between'; readonly hasEmptyLine: boolean }
  | { readonly kind: 'head' }
  | { readonly kind: 'body'; readonly reading: SipReading; readonly missingBytes: number }
  | { readonly kind: 'broken'; readonly step: SplitMessage };

const more: SplitMessage = { kind: 'more' };
const ping: SplitMessage = { kind: 'ping' };
const between: State = { kind: 'between', hasEmptyLine: false };
const afterEmptyLine: State = { kind: 'between', hasEmptyLine: true };
const inHead: State = { kind: 'head' };

const emptyLine = Buffer.from('\r\n\r\n', 'latin1');
const nothing = Buffer.alloc(0);
const carriageReturn = 0x0d;
const lineFeed = 0x0a;

const tooLarge: HeadFault = { code: 513, reason: 'Message Too Large' };

/**
 * Cuts a TCP or TLS stream into messages. What it says does not depend on how the bytes are cut into chunks; it keeps
 * those of an unfinished head only, at most `headBytesMax`, and none of a body. Drain it with `next` after each push.
 */
export class MessageSplitter {
  #held: Buffer = nothing;
  #searchedBytes = 0;
  #state: State = between;

  /** Whether a part of a message has come; an empty line before it does not count. */
  get hasBegun(): boolean {
    return this.#state.kind === 'head' || this.#state.kind === 'body';
  }

  /** Bytes that are kept of an unfinished head. */
  get heldBytes(): number {
    return this.#held.length;
  }

  push(chunk: Buffer): void {
    if (this.#state.kind === 'broken') return;
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
  }

  next(): SplitMessage {
    for (;;) {
      const step = this.#advance();
      if (step !== null) return step;
    }
  }

  /** Null: the state has changed, and there may be more to say. */
  #advance(): SplitMessage | null {
    const state = this.#state;
    switch (state.kind) {
      case 'between':
        return this.#begin(state.hasEmptyLine);
      case 'head':
        return this.#readHead();
      case 'body':
        return this.#skipBody(state.reading, state.missingBytes);
      case 'broken':
        return state.step;
    }
  }

  #begin(hasEmptyLine: boolean): SplitMessage | null {
    const [first, second] = this.#held;
    if (first === undefined) return more;
    if (first !== carriageReturn) {
      this.#state = inHead;
      return null;
    }
    if (second === undefined) return this.#keepRest();
    if (second !== lineFeed) return this.#break({ kind: 'garbage', reason: 'no SIP' });
    this.#drop(2);
    this.#state = hasEmptyLine ? between : afterEmptyLine;
    return hasEmptyLine ? ping : null;
  }

  #readHead(): SplitMessage | null {
    const held = this.#held;
    const place = held.indexOf(emptyLine, this.#searchedBytes);
    const headBytes = place === -1 ? held.length : place + emptyLine.length;
    if (headBytes > sipLimits.headBytesMax || (place === -1 && headBytes === sipLimits.headBytesMax)) {
      return this.#break({ kind: 'garbage', reason: 'the header is too large' });
    }
    if (place === -1) {
      this.#searchedBytes = Math.max(0, held.length - emptyLine.length + 1);
      return this.#keepRest();
    }
    const head = parseHead(held.toString('latin1', 0, place + 2));
    if (typeof head === 'string') return this.#break({ kind: 'garbage', reason: head });
    this.#drop(headBytes);
    return this.#takeHead(head, headBytes);
  }

  // RFC 3261 §18.3 and §20.14: on a stream the length must be told; without one nobody knows where the next begins.
  #takeHead(head: ParsedHead, headBytes: number): SplitMessage | null {
    const { bodyLength } = head;
    if (bodyLength.kind === 'malformed') return this.#break(readingOf(head, headBytes, null));
    if (bodyLength.kind === 'untold') {
      return this.#break(readingOf(head, headBytes, badRequest('Content-Length is missing')));
    }
    if (bodyLength.bytes > sipLimits.bodyBytesMax) return this.#break(readingOf(head, headBytes, tooLarge));
    const reading = readingOf(head, headBytes + bodyLength.bytes, null);
    this.#state = { kind: 'body', reading, missingBytes: bodyLength.bytes };
    return null;
  }

  #skipBody(reading: SipReading, missingBytes: number): SplitMessage {
    const count = Math.min(missingBytes, this.#held.length);
    this.#drop(count);
    if (count < missingBytes) {
      this.#state = { kind: 'body', reading, missingBytes: missingBytes - count };
      return more;
    }
    this.#state = between;
    return { kind: 'message', reading };
  }

  #break(reading: SipReading): SplitMessage {
    this.#held = nothing;
    const step: SplitMessage = { kind: 'broken', reading };
    this.#state = { kind: 'broken', step };
    return step;
  }

  /** What is kept for long is a copy: a few bytes shall not hold on to a large chunk. */
  #keepRest(): SplitMessage {
    const held = this.#held;
    if (held.length * 2 < held.buffer.byteLength) this.#held = Buffer.from(held);
    return more;
  }

  #drop(count: number): void {
    this.#held = count === this.#held.length ? nothing : this.#held.subarray(count);
    this.#searchedBytes = 0;
  }
}
