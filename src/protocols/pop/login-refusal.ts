import type { LoginCredentials } from '../sasl/login-credentials.js';
import type { LoginFailure, LoginFailureKind } from '../sasl/login-protocol.js';
import { withholdCredentials } from '../sasl/withhold-credentials.js';
import type { PopReply } from './syntax.js';

/** What the codes of a refused login mean for us (RFC 2449 §8, RFC 3206 §4); others count as refused credentials. */
const kinds: ReadonlyMap<string, LoginFailureKind> = new Map([
  ['SYS/TEMP', 'authentication-temporary'],
  ['IN-USE', 'limit'],
  ['LOGIN-DELAY', 'limit'],
]);

/** The failure behind `-ERR` to our login. Words without a code stay with us. */
export function popLoginRefusal(
  reply: PopReply & { readonly kind: 'error' },
  credentials: LoginCredentials,
): LoginFailure {
  const detail = `the server answered the login with -ERR ${withholdCredentials(reply.text, credentials)}`;
  if (reply.code === undefined) return { kind: 'authentication', detail };
  const kind = kinds.get(reply.code) ?? 'authentication';
  return { kind, code: reply.code, text: withholdCredentials(reply.words, credentials), detail };
}
