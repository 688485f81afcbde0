import { oneLine } from '../lines/one-line.js';
import type { Credentials } from './login-protocol.js';
import { encodePlain } from './plain.js';

/** A server's words for a log or a client, on one line; replaced as a whole when they repeat the password. */
export function withholdSecrets(text: string, credentials: Credentials): string {
  const repeats = text.includes(credentials.password) || text.includes(encodePlain(credentials));
  return repeats ? '(words that repeat the password)' : oneLine(text);
}
