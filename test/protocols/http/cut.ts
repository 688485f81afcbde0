import { Buffer } from 'node:buffer';
import { type Arbitrary, array, integer } from 'fast-check';

/** The lengths of chunks; the last goes on to the end. */
export const cuts: Arbitrary<number[]> = array(integer({ min: 1, max: 40 }), { maxLength: 40 });

/** Bytes in chunks; with no lengths, a byte each. */
export function cut(bytes: Buffer | string, lengths: readonly number[]): Buffer[] {
  const all = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
  if (lengths.length === 0) return Array.from(all, (byte) => Buffer.from([byte]));
  const chunks: Buffer[] = [];
  let at = 0;
  for (const length of lengths) {
    if (at >= all.length) break;
    chunks.push(all.subarray(at, at + length));
    at += length;
  }
  if (at < all.length) chunks.push(all.subarray(at));
  return chunks;
}
