const shrinkBytes = 65_536;

export type LineOutcome = { readonly kind: 'line'; readonly bytes: Buffer } | { readonly kind: 'too-long' };

/** Received bytes that wait to be taken as lines or as blocks of a known size. */
export class ByteQueue {
  #storage = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  #scanned = 0;

  push(chunk: Buffer): void {
    const length = this.#end - this.#start;
    if (this.#end + chunk.length > this.#storage.length) {
      const grown = Buffer.allocUnsafe(Math.max(2 * length, length + chunk.length));
      this.#storage.copy(grown, 0, this.#start, this.#end);
      this.#storage = grown;
      this.#scanned -= this.#start;
      this.#start = 0;
      this.#end = length;
    }
    chunk.copy(this.#storage, this.#end);
    this.#end += chunk.length;
  }

  /** The next line without its line end; undefined while it is incomplete and not yet too long. */
  takeLine(bytesMax: number): LineOutcome | undefined {
    const newline = this.#storage.subarray(0, this.#end).indexOf(0x0a, Math.max(this.#scanned, this.#start));
    const lineEnd = newline < 0 ? this.#end : newline;
    if (lineEnd - this.#start > bytesMax + 1) return { kind: 'too-long' };
    this.#scanned = this.#end;
    if (newline < 0) return undefined;
    const carriageReturn = newline > this.#start && this.#storage[newline - 1] === 0x0d;
    const bytes = Buffer.from(this.#storage.subarray(this.#start, carriageReturn ? newline - 1 : newline));
    this.#drop(newline + 1);
    return bytes.length > bytesMax ? { kind: 'too-long' } : { kind: 'line', bytes };
  }

  /** The next `count` bytes; undefined while they are not all there. */
  takeBytes(count: number): Buffer | undefined {
    if (this.#end - this.#start < count) return undefined;
    const bytes = Buffer.from(this.#storage.subarray(this.#start, this.#start + count));
    this.#drop(this.#start + count);
    return bytes;
  }

  #drop(start: number): void {
    this.#start = start;
    this.#scanned = start;
    if (start < this.#end || this.#storage.length <= shrinkBytes) return;
    this.#storage = Buffer.alloc(0);
    this.#start = 0;
    this.#end = 0;
    this.#scanned = 0;
  }
}
