import { Buffer } from 'node:buffer';

export type CommandLine =
  /** Without its CRLF, a character a byte; may hold any byte, even a CR or LF of its own. */
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'more' }
  /** A line of more bytes than allowed was passed over. */
  | { readonly kind: 'too-long'; readonly sizeBytes: number }
  /** So long that its end is not waited for; said again at each call. */
  | { readonly kind: 'endless' };

// RFC 4954 §4: a line of AUTH, and of its exchange.
const authLengthMax = 12_288;
const passedOverMax = 64 * 1024;
const lineFeed = 10;
const carriageReturn = 13;
const nothing = Buffer.alloc(0);
const more: CommandLine = { kind: 'more' };
const endless: CommandLine = { kind: 'endless' };

/**
 * What a client sent and nobody has consumed yet: command lines, which end with CRLF only, and message bytes. It holds
 * at most one incomplete line of the greatest length besides the last chunk. The chunks must not change afterwards.
 */
export class CommandInput {
  readonly #commandLengthMax: number;
  #held: Buffer = nothing;
  #at = 0;
  #searched = 0;
  /** Bytes of a too long line that were dropped already. */
  #passedOver = 0;

  /** @param commandLengthMax bytes of a line with its CRLF, but for AUTH */
  constructor(commandLengthMax: number) {
    this.#commandLengthMax = commandLengthMax;
  }

  get heldBytes(): number {
    return this.#held.length - this.#at;
  }

  /** The bytes held begin at `offset` of `bytes`. */
  get bytes(): Buffer {
    return this.#held;
  }

  get offset(): number {
    return this.#at;
  }

  push(chunk: Buffer): void {
    if (this.heldBytes === 0) {
      this.#held = chunk;
      this.#searched = 0;
    } else {
      this.#held = Buffer.concat([this.#held.subarray(this.#at), chunk]);
      this.#searched -= this.#at;
    }
    this.#at = 0;
  }

  /** Goes on behind `offset` of `bytes`. */
  advanceTo(offset: number): void {
    this.#at = offset;
    this.#searched = offset;
    if (offset < this.#held.length) return;
    this.#held = nothing;
    this.#at = 0;
    this.#searched = 0;
  }

  clear(): void {
    this.advanceTo(this.#held.length);
    this.#passedOver = 0;
  }

  /** @param kind a `response` within AUTH may be as long as an AUTH command */
  nextLine(kind: 'command' | 'response'): CommandLine {
    const end = this.#findEnd();
    if (end < 0) return this.#incomplete(kind);
    const from = this.#at;
    const sizeBytes = this.#passedOver + end + 2 - from;
    if (sizeBytes > passedOverMax) return endless;
    if (this.#passedOver > 0 || (sizeBytes > this.#commandLengthMax && sizeBytes > this.#lengthMax(kind))) {
      this.#passedOver = 0;
      this.advanceTo(end + 2);
      return { kind: 'too-long', sizeBytes };
    }
    const text = this.#held.toString('latin1', from, end);
    this.advanceTo(end + 2);
    return { kind: 'line', text };
  }

  /** The place of the next CRLF, or -1. */
  #findEnd(): number {
    for (let from = this.#searched; ; ) {
      const found = this.#held.indexOf(lineFeed, from);
      if (found < 0) break;
      if (found > this.#at && this.#held[found - 1] === carriageReturn) return found - 1;
      from = found + 1;
    }
    this.#searched = this.#held.length;
    return -1;
  }

  #incomplete(kind: 'command' | 'response'): CommandLine {
    const { heldBytes } = this;
    if (this.#passedOver + heldBytes > passedOverMax) return endless;
    // Two more bytes are to come, or one when a CR is there.
    const isWithin = heldBytes < this.#commandLengthMax || heldBytes < this.#lengthMax(kind);
    if (this.#passedOver === 0 && isWithin) return more;
    const kept = this.#held[this.#held.length - 1] === carriageReturn ? 1 : 0;
    this.#passedOver += heldBytes - kept;
    this.advanceTo(this.#held.length - kept);
    return more;
  }

  #lengthMax(kind: 'command' | 'response'): number {
    const isAuth = kind === 'response' || /^auth /i.test(this.#held.toString('latin1', this.#at, this.#at + 5));
    return isAuth ? Math.max(authLengthMax, this.#commandLengthMax) : this.#commandLengthMax;
  }
}
