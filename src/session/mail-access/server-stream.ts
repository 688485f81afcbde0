import { Buffer } from 'node:buffer';
import type { ServerStream } from '../../net/relay.js';

const lineFeed = 0x0a;
const brace = 0x7b;
const announced = Buffer.from('}\r\n');
// `{`, as many digits as a number without loss has, `+`, `}` and CR.
const announcementLengthMax = 20;
const announcement = /\{(\d{1,15})\+?\}\r\n$/;
const nothing: Buffer = Buffer.alloc(0);

/** Where a POP server's words end: at the end of a line. */
export class PopServerStream implements ServerStream {
  isComplete = true;

  push(chunk: Buffer): void {
    this.isComplete = chunk[chunk.length - 1] === lineFeed;
  }
}

/**
 * Where an IMAP server's responses end: at the end of a line that announces no literal (RFC 9051 §4.3). Literals, which
 * are most of what a server says, are skipped and not looked into.
 */
export class ImapServerStream implements ServerStream {
  #literalBytes = 0;
  #isLineEnd = true;
  /** The end of an unfinished line where a literal may be on its way to being announced. */
  #held: Buffer = nothing;

  get isComplete(): boolean {
    return this.#literalBytes === 0 && this.#isLineEnd;
  }

  push(chunk: Buffer): void {
    let at = this.#held.length === 0 ? 0 : this.#bridge(chunk);
    while (at < chunk.length) {
      if (this.#literalBytes > 0) {
        const skipped = Math.min(this.#literalBytes, chunk.length - at);
        this.#literalBytes -= skipped;
        at += skipped;
        this.#isLineEnd = false;
        continue;
      }
      const found = chunk.indexOf(announced, at);
      if (found === -1) return this.#hold(chunk, at);
      this.#announce(chunk, at, found + announced.length);
      at = found + announced.length;
    }
  }

  /** An announcement that lies in this chunk and the one before; where to go on. */
  #bridge(chunk: Buffer): number {
    const held = this.#held;
    this.#held = nothing;
    const both = Buffer.concat([held, chunk.subarray(0, announcementLengthMax + announced.length)]);
    const found = both.indexOf(announced);
    if (found === -1) {
      if (chunk.length < announcementLengthMax) this.#hold(both, 0);
      return chunk.length < announcementLengthMax ? chunk.length : 0;
    }
    const end = found + announced.length;
    if (end <= held.length) return 0;
    this.#announce(both, 0, end);
    return end - held.length;
  }

  #announce(bytes: Buffer, from: number, end: number): void {
    const text = bytes.toString('latin1', Math.max(from, end - announcementLengthMax - announced.length), end);
    const literal = announcement.exec(text)?.[1];
    this.#literalBytes = Number(literal ?? 0);
    this.#isLineEnd = literal === undefined;
  }

  #hold(bytes: Buffer, from: number): void {
    this.#isLineEnd = bytes[bytes.length - 1] === lineFeed;
    if (this.#isLineEnd) return;
    const tail = bytes.subarray(Math.max(from, bytes.length - announcementLengthMax));
    const begun = tail.lastIndexOf(brace);
    if (begun !== -1) this.#held = Buffer.from(tail.subarray(begun));
  }
}
