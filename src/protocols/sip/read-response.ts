import { Buffer } from 'node:buffer';
import { type ParsedHead, parseHead } from './parse-head.js';
import { afterEmptyLines } from './read-message.js';
import { sipLimits } from './sip-limits.js';

/** What tells which request of ours a response answers, and how. */
export interface ReceivedResponse {
  readonly code: number;
  readonly callId: string;
  readonly cseq: { readonly number: number; readonly method: string };
}

/** What the bytes of a stream have come to. */
export type ResponseStep =
  | { readonly kind: 'more' }
  | { readonly kind: 'response'; readonly response: ReceivedResponse }
  /** The stream cannot be read on. The same again at each call. */
  | { readonly kind: 'broken'; readonly reason: string };

const more: ResponseStep = { kind: 'more' };
const emptyLine = Buffer.from('\r\n\r\n', 'latin1');
const nothing = Buffer.alloc(0);

/** Reads the response in a datagram; null: it is none that could be told to belong to a request. */
export function readResponse(bytes: Buffer): ReceivedResponse | null {
  const start = afterEmptyLines(bytes);
  const place = bytes.indexOf(emptyLine, start);
  const end = place === -1 ? bytes.length : place + 2;
  if (end - start > sipLimits.headBytesMax) return null;
  const head = parseHead(bytes.toString('latin1', start, end));
  return typeof head === 'string' ? null : responseOf(head);
}

/**
 * Finds the responses in a TCP or TLS stream; requests and bodies are left aside. It keeps the bytes of an unfinished
 * head only, at most `headBytesMax` and a chunk. Drain it with `next` after each push.
 */
export class ResponseReader {
  #held: Buffer = nothing;
  #bodyBytes = 0;
  #broken: ResponseStep | null = null;

  push(chunk: Buffer): void {
    if (this.#broken === null) this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
  }

  next(): ResponseStep {
    while (this.#broken === null) {
      const skipped = Math.min(this.#bodyBytes, this.#held.length);
      this.#bodyBytes -= skipped;
      this.#held = this.#held.subarray(skipped);
      if (this.#bodyBytes > 0) return more;
      this.#held = this.#held.subarray(afterEmptyLines(this.#held));
      const place = this.#held.indexOf(emptyLine);
      const headBytes = place === -1 ? this.#held.length : place + emptyLine.length;
      if (headBytes > sipLimits.headBytesMax) return this.#break('the header is too large');
      if (place === -1) return more;
      const head = parseHead(this.#held.toString('latin1', 0, place + 2));
      if (typeof head === 'string') return this.#break(head);
      this.#held = this.#held.subarray(headBytes);
      // RFC 3261 §18.3: on a stream the length must be told; without one nobody knows where the next message begins.
      if (head.bodyLength.kind === 'known') this.#bodyBytes = head.bodyLength.bytes;
      else this.#break('Content-Length is missing');
      const response = responseOf(head);
      if (response !== null) return { kind: 'response', response };
    }
    return this.#broken;
  }

  #break(reason: string): ResponseStep {
    this.#held = nothing;
    this.#broken = { kind: 'broken', reason };
    return this.#broken;
  }
}

/** Whatever else is wrong with it: somebody has answered. */
function responseOf({ start, callId, cseq }: ParsedHead): ReceivedResponse | null {
  if (start.kind !== 'response' || callId === null || cseq === null) return null;
  return { code: start.code, callId, cseq };
}
