import { printable, type SmtpReply } from './replies.js';

/** A reply and its lines as sent (without codes, enhanced codes still on them). */
export type ReadReply =
  | { readonly kind: 'reply'; readonly reply: SmtpReply; readonly lines: readonly string[] }
  | { readonly kind: 'more' }
  | { readonly kind: 'bad'; readonly reason: string };

// RFC 5321 §4.5.3.1.5: 512 octets with CRLF; servers are known to send more.
export const lineLengthMax = 4096;
const replyLengthMax = 64 * 1024;

/**
 * Reads replies from chunks of any size. Take replies with `next()` until it says `more`, then no more than
 * `replyLengthMax` and one line are held. After `bad` the reader says the same for ever. Never throws.
 */
export class ReplyReader {
  #pending: Buffer = Buffer.alloc(0);
  #at = 0;
  #scanned = 0;
  #code: string | null = null;
  #lines: string[] = [];
  #length = 0;
  #bad: ReadReply | null = null;

  push(chunk: Buffer): void {
    if (this.#bad !== null) return;
    this.#pending = this.held === 0 ? chunk : Buffer.concat([this.#pending.subarray(this.#at), chunk]);
    this.#scanned -= this.#at;
    this.#at = 0;
  }

  /** Bytes that were pushed and are not yet part of a line. */
  get held(): number {
    return this.#pending.length - this.#at;
  }

  /** Whether nothing is held, no part of a reply either. */
  get isEmpty(): boolean {
    return this.held === 0 && this.#code === null;
  }

  next(): ReadReply {
    while (this.#bad === null) {
      const line = this.#line();
      if (line === null) return this.#bad ?? { kind: 'more' };
      const read = this.#take(line);
      if (read !== null) return read;
    }
    return this.#bad;
  }

  #line(): string | null {
    const end = this.#pending.indexOf(10, Math.max(this.#at, this.#scanned));
    const length = (end < 0 ? this.#pending.length : end) - this.#at;
    if (length > lineLengthMax) {
      this.#fail(`the server sent a reply line of more than ${lineLengthMax} bytes`);
      return null;
    }
    if (end < 0) {
      this.#scanned = this.#pending.length;
      return null;
    }
    const from = this.#at;
    this.#at = end + 1;
    return this.#pending.toString('utf8', from, this.#pending[end - 1] === 13 && end > from ? end - 1 : end);
  }

  /** RFC 5321 §4.2: `Reply-code [ SP textstring ] CRLF`, with `-` for SP on all lines but the last. */
  #take(line: string): ReadReply | null {
    const match = /^([2-5]\d\d)(?:([ -])(.*))?$/s.exec(line);
    const [, code, mark = ' ', text = ''] = match ?? [];
    if (code === undefined)
      return this.#fail(`the server sent "${printable(line.slice(0, 60))}", which is no SMTP reply`);
    if (this.#code !== null && this.#code !== code) return this.#fail('the server changed the code within one reply');
    this.#code = code;
    this.#length += line.length + 2;
    if (this.#length > replyLengthMax)
      return this.#fail(`the server sent a reply of more than ${replyLengthMax} bytes`);
    this.#lines.push(printable(text));
    if (mark === '-') return null;
    const lines = this.#lines;
    this.#code = null;
    this.#lines = [];
    this.#length = 0;
    return { kind: 'reply', reply: replyOf(Number(code), lines), lines };
  }

  #fail(reason: string): ReadReply {
    this.#bad = { kind: 'bad', reason };
    this.#pending = Buffer.alloc(0);
    this.#at = 0;
    this.#lines = [];
    return this.#bad;
  }
}

// RFC 2034 §4: the enhanced code stands on every line, and its class is the first digit of the code.
function replyOf(code: number, lines: readonly string[]): SmtpReply {
  const enhanced = /^[245]\.\d{1,3}\.\d{1,3}(?= |$)/.exec(lines[0] ?? '')?.[0] ?? null;
  if (enhanced === null || !enhanced.startsWith(String(code).charAt(0))) {
    return { code, enhanced: null, text: lines.join('\n') };
  }
  const strip = (line: string): string =>
    line === enhanced || line.startsWith(`${enhanced} `) ? line.slice(enhanced.length + 1) : line;
  return { code, enhanced, text: lines.map(strip).join('\n') };
}
