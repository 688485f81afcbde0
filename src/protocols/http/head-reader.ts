import type { Buffer } from 'node:buffer';
import { parseAnswerHead } from './answer-head.js';
import { isRefusal } from './field-section.js';
import { type CollectedHead, HeadCollector, startsWithEmptyLine } from './head-collector.js';
import type { AnswerHead, Refusal, RequestHead } from './http-message.js';
import { parseRequestHead } from './request-head.js';

export interface HeadLimits {
  /** Of a whole head, with its empty line. */
  readonly headBytesMax: number;
  /** Of the first line and of each field, without its CRLF. */
  readonly lineLengthMax: number;
  readonly fieldsMax: number;
}

export type HeadStep<H> =
  | { readonly kind: 'more' }
  | {
      readonly kind: 'head';
      readonly head: H;
      /** Where the chunk goes on behind the head. */
      readonly end: number;
    }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

const more = { kind: 'more' } as const;

const refused = (refusal: Refusal) => ({ kind: 'refused', refusal }) as const;

const malformed = refused({ status: 400, text: 'the request is malformed' });
const tooLarge = refused({ status: 431, text: 'the header is too large' });
const uriTooLong = refused({ status: 414, text: 'the request line is too long' });
const answerMalformed = refused({ status: 502, text: "the answer's head is malformed" });
const answerTooLarge = refused({ status: 502, text: "the answer's head is too large" });

/**
 * Reads the heads of a client's requests, one after another, strictly by RFC 9112: nothing that another reader could
 * take for another message. What it says does not depend on how the bytes are cut; after a refusal it is of no more use.
 */
export class RequestReader {
  readonly #limits: HeadLimits;
  readonly #collector: HeadCollector;
  /** What may stand before the request line. */
  #before: 'empty-line' | 'line-feed' | 'nothing' = 'empty-line';

  constructor(limits: HeadLimits) {
    this.#limits = limits;
    this.#collector = new HeadCollector({
      headBytesMax: limits.headBytesMax,
      firstLineLengthMax: limits.lineLengthMax,
    });
  }

  /** Whether a part of a head has come; an empty line before it does not count. */
  get hasBegun(): boolean {
    return this.#collector.heldBytes > 0;
  }

  /** Bytes that are kept of an unfinished head. */
  get heldBytes(): number {
    return this.#collector.heldBytes;
  }

  /** Reads on from a place in a chunk; the bytes of the chunk up to `end`, or all of them, are taken. */
  read(chunk: Buffer, from: number): HeadStep<RequestHead> {
    const start = this.#before === 'nothing' ? from : this.#skipEmptyLine(chunk, from);
    if (start === null) return malformed;
    if (start >= chunk.length) return more;
    const collected = this.#collector.collect(chunk, start);
    if (collected.kind !== 'whole') return this.#stepFor(collected.kind);
    const head = parseRequestHead(collected.text, this.#limits);
    if (isRefusal(head)) return refused(head);
    this.#before = 'empty-line';
    return { kind: 'head', head, end: collected.end };
  }

  #stepFor(kind: Exclude<CollectedHead['kind'], 'whole'>): HeadStep<RequestHead> {
    switch (kind) {
      case 'more':
        return more;
      case 'malformed':
        return malformed;
      case 'too-large':
        return tooLarge;
      case 'first-line-too-long':
        return uriTooLong;
    }
  }

  // RFC 9112 §2.2: one empty line before the request line; clients of old sent it after a body.
  #skipEmptyLine(chunk: Buffer, from: number): number | null {
    if (from >= chunk.length) return from;
    if (this.#before === 'line-feed') {
      this.#before = 'nothing';
      return chunk[from] === 0x0a ? from + 1 : null;
    }
    const isEmptyLine = startsWithEmptyLine(chunk, from);
    this.#before = isEmptyLine === undefined ? 'line-feed' : 'nothing';
    if (isEmptyLine === undefined) return from + 1;
    return isEmptyLine ? from + 2 : from;
  }
}

/** Reads the heads of a server's answers, interim ones too, as strictly; every refusal has the status 502. */
export class AnswerReader {
  readonly #limits: HeadLimits;
  readonly #collector: HeadCollector;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
    this.#collector = new HeadCollector({
      headBytesMax: limits.headBytesMax,
      firstLineLengthMax: limits.lineLengthMax,
    });
  }

  /** Whether a part of a head has come. */
  get hasBegun(): boolean {
    return this.#collector.heldBytes > 0;
  }

  /** Reads on from a place in a chunk. @param method of the request: it says whether there is a body */
  read(chunk: Buffer, from: number, method: string): HeadStep<AnswerHead> {
    if (from >= chunk.length) return more;
    const collected = this.#collector.collect(chunk, from);
    switch (collected.kind) {
      case 'more':
        return more;
      case 'malformed':
        return answerMalformed;
      case 'too-large':
      case 'first-line-too-long':
        return answerTooLarge;
      case 'whole': {
        const head = parseAnswerHead(collected.text, this.#limits, method);
        return isRefusal(head) ? refused(head) : { kind: 'head', head, end: collected.end };
      }
    }
  }
}
