const lineFeed = 10;
const carriageReturn = 13;
const dot = 46;
const nul = 0;
/** The byte before, when it is the last of some NUL at the start of a line. */
const nulAtStart = -1;

/**
 * Turns the bytes of a message into what follows DATA: lines that begin with a dot get a second one, and the end is
 * marked (RFC 5321 §4.5.2). A bare CR or LF is written as CRLF, so that nothing but the end looks like the end to
 * any server, and is reported by `bareLineEnding`.
 */
export class BodyEncoder {
  // The byte before the next one, as far as it matters: LF at the start of a line, CR, NUL at the start, or 0.
  #before = lineFeed;
  #bare = false;
  #hiddenDot = false;

  /** Whether a CR or LF of its own has been seen; RFC 5321 §2.3.8 forbids them. */
  get bareLineEnding(): boolean {
    return this.#bare;
  }

  /** Whether a line begins with NUL and then a dot: for a server that drops NUL it may be the end of the data. */
  get hiddenDot(): boolean {
    return this.#hiddenDot;
  }

  /** The wire form of the next bytes: the chunk itself when nothing has to change, else about twice its length at most. */
  encode(chunk: Buffer): Buffer {
    const clean = this.#cleanUntil(chunk);
    if (clean > 0) {
      const last = chunk[clean - 1] ?? 0;
      this.#before = last === lineFeed || last === carriageReturn ? last : 0;
    }
    return clean === chunk.length ? chunk : this.#rewrite(chunk, clean);
  }

  /** The end of the data; the content's own last CRLF counts as the first half of `CRLF.CRLF`. */
  end(): Buffer {
    const before = this.#before;
    this.#before = lineFeed;
    if (before === lineFeed) return Buffer.from('.\r\n');
    if (before !== carriageReturn) return Buffer.from('\r\n.\r\n');
    this.#bare = true;
    return Buffer.from('\n.\r\n');
  }

  /**
   * How much of the chunk can be sent as it is. Two native searches a line, measured at 0.3 ns a byte of ordinary mail
   * where a loop over the bytes takes 1.0 to 1.4; lines so short that the loop is faster are left to it.
   */
  #cleanUntil(chunk: Buffer): number {
    const { length } = chunk;
    let at = 0;
    let lines = 0;
    if (this.#before === nulAtStart) return 0;
    if (this.#before === carriageReturn && length > 0) {
      if (chunk[0] !== lineFeed) return 0;
      at = 1;
    }
    let atLineStart = at === 1 || this.#before === lineFeed;
    while (at < length) {
      if (atLineStart && (chunk[at] === dot || chunk[at] === nul)) return at;
      const cr = chunk.indexOf(carriageReturn, at);
      const lf = chunk.indexOf(lineFeed, at);
      if (lf < 0) return cr < 0 || cr === length - 1 ? length : cr;
      if (cr < 0 || cr !== lf - 1) return cr < 0 ? lf : Math.min(cr, lf);
      atLineStart = true;
      at = lf + 1;
      lines += 1;
      if (lines > 64 && at < lines * 16) return at;
    }
    return length;
  }

  #rewrite(chunk: Buffer, from: number): Buffer {
    const out = Buffer.allocUnsafe(chunk.length * 2 + 2);
    let to = chunk.copy(out, 0, 0, from);
    let before = this.#before;
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0;
      if (before === carriageReturn && byte !== lineFeed) {
        out[to++] = before = lineFeed;
        this.#bare = true;
      } else if (byte === lineFeed && before !== carriageReturn) {
        out[to++] = carriageReturn;
        this.#bare = true;
      }
      if (byte === dot && before === lineFeed) out[to++] = dot;
      else if (byte === dot && before === nulAtStart) this.#hiddenDot = true;
      out[to++] = byte;
      before = byte === nul && (before === lineFeed || before === nulAtStart) ? nulAtStart : byte;
    }
    this.#before = before === lineFeed || before === carriageReturn || before === nulAtStart ? before : 0;
    return out.subarray(0, to);
  }
}
