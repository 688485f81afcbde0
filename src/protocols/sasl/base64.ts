import { Buffer, isUtf8 } from 'node:buffer';

export type DecodedText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'malformed'; readonly reason: string };

// RFC 4954 §4: 12288 octets are enough for every line of an exchange.
export const responseLengthMax = 12_288;

const alphabet = /^[A-Za-z0-9+/]*={0,2}$/;

/** Reads UTF-8 text from base64, which must be canonical (RFC 4648 §3.5) and no longer than `responseLengthMax`. */
export function decodeText(encoded: string): DecodedText {
  if (encoded.length > responseLengthMax) return { kind: 'malformed', reason: 'The SASL response is too long.' };
  const bytes = encoded.length % 4 === 0 && alphabet.test(encoded) ? Buffer.from(encoded, 'base64') : undefined;
  if (bytes?.toString('base64') !== encoded) {
    return { kind: 'malformed', reason: 'The SASL response is not valid base64.' };
  }
  if (!isUtf8(bytes)) return { kind: 'malformed', reason: 'The SASL response is not UTF-8.' };
  return { kind: 'text', text: bytes.toString('utf8') };
}
