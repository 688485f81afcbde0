import { Buffer, isUtf8 } from 'node:buffer';
import { credentialsProblem } from './credentials-problem.js';
import type { Credentials } from './login-protocol.js';

export type PlainMessage =
  | { readonly kind: 'credentials'; readonly credentials: Credentials }
  | { readonly kind: 'malformed'; readonly reason: string };

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Reads a PLAIN message (RFC 4616 §2) from its base64 form, which must be canonical (RFC 4648 §3.5). */
export function decodePlain(encoded: string): PlainMessage {
  const bytes = decodeBase64(encoded);
  if (bytes === undefined) return malformed('The SASL response is not valid base64.');
  if (!isUtf8(bytes)) return malformed('The SASL response is not UTF-8.');
  const parts = bytes.toString('utf8').split('\0');
  const [authorizationId, user, password] = parts;
  if (parts.length !== 3 || authorizationId === undefined || user === undefined || password === undefined) {
    return malformed('The SASL response does not have three parts.');
  }
  const credentials = { user, authorizationId, password };
  const problem = credentialsProblem(credentials);
  return problem === undefined ? { kind: 'credentials', credentials } : malformed(problem);
}

/** Writes the PLAIN message of these credentials in base64. */
export function encodePlain(credentials: Credentials): string {
  const message = `${credentials.authorizationId}\0${credentials.user}\0${credentials.password}`;
  return Buffer.from(message, 'utf8').toString('base64');
}

function decodeBase64(encoded: string): Buffer | undefined {
  if (encoded.length % 4 !== 0 || !base64.test(encoded)) return undefined;
  const bytes = Buffer.from(encoded, 'base64');
  return bytes.toString('base64') === encoded ? bytes : undefined;
}

function malformed(reason: string): PlainMessage {
  return { kind: 'malformed', reason };
}
