import { Buffer } from 'node:buffer';
import { decodeText } from './base64.js';
import { credentialsProblem } from './credentials-problem.js';
import type { Credentials } from './login-protocol.js';

export type PlainMessage =
  | { readonly kind: 'credentials'; readonly credentials: Credentials }
  | { readonly kind: 'malformed'; readonly reason: string };

/** Reads a PLAIN message (RFC 4616 §2) from its base64 form, which must be canonical (RFC 4648 §3.5). */
export function decodePlain(encoded: string): PlainMessage {
  const decoded = decodeText(encoded);
  if (decoded.kind === 'malformed') return decoded;
  const parts = decoded.text.split('\0');
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

function malformed(reason: string): PlainMessage {
  return { kind: 'malformed', reason };
}
