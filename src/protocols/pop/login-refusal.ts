import type { Credentials, LoginFailure, LoginFailureKind } from '../sasl/login-protocol.js';
import { withholdSecrets } from '../sasl/withhold-secrets.js';
import type { PopReply } from './syntax.js';

/** What the codes of a refused login mean for us (RFC 2449 §8, RFC 3206 §4); others count as refused credentials. */
const kinds: ReadonlyMap<string, LoginFailureKind> = new Map([
  ['SYS/TEMP', 'authentication-temporary'],
  ['IN-USE', 'limit'],
  ['LOGIN-DELAY', 'limit'],
]);

/** The failure behind `-ERR` to our login. Words without a code stay with us. */
export function popLoginRefusal(reply: PopReply & { readonly kind: 'error' }, credentials: Credentials): LoginFailure {
  const detail = `the server answered the login with -ERR ${withholdSecrets(reply.text, credentials)}`;
  if (reply.code === undefined) return { kind: 'authentication', detail };
  const kind = kinds.get(reply.code) ?? 'authentication';
  return { kind, code: reply.code, text: withholdSecrets(reply.words, credentials), detail };
}
