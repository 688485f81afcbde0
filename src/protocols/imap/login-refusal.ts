import type { LoginCredentials } from '../sasl/login-credentials.js';
import type { LoginFailure, LoginFailureKind } from '../sasl/login-protocol.js';
import { withholdCredentials } from '../sasl/withhold-credentials.js';
import type { ServerStatus } from './server-responses.js';

/** What the codes of a refused login mean for us (RFC 5530 §3, RFC 2221, RFC 9051 §7.1). */
const kinds: ReadonlyMap<string, LoginFailureKind> = new Map([
  ['AUTHENTICATIONFAILED', 'authentication'],
  ['AUTHORIZATIONFAILED', 'authentication'],
  ['EXPIRED', 'authentication'],
  ['CONTACTADMIN', 'authentication'],
  ['NOPERM', 'authentication'],
  ['ALERT', 'authentication'],
  ['UNAVAILABLE', 'authentication-temporary'],
  ['INUSE', 'authentication-temporary'],
  ['SERVERBUG', 'authentication-temporary'],
  ['LIMIT', 'limit'],
  ['REFERRAL', 'moving'],
  // Our connection to the server lacks TLS; the client can do nothing about it.
  ['PRIVACYREQUIRED', 'remote-configuration'],
]);

/**
 * The failure behind a tagged NO or BAD to our login. Words without a code that we know stay with us.
 * @param seen how much of the credentials the server has seen; who refuses them unseen does not keep what it offered
 */
export function imapLoginRefusal(
  status: ServerStatus,
  credentials: LoginCredentials,
  seen: 'all' | 'not-all',
): LoginFailure {
  const detail = `the server answered the login with ${status.status} ${withholdCredentials(status.text, credentials)}`;
  const known = status.status === 'NO' ? kinds.get(status.code ?? '') : undefined;
  if (seen === 'not-all' && known === undefined) {
    return { kind: 'remote-configuration', detail: `${detail} before it saw the credentials` };
  }
  if (status.status !== 'NO') return { kind: 'protocol', detail };
  if (status.code === undefined || known === undefined) return { kind: 'authentication', detail };
  if (known === 'moving' || known === 'remote-configuration') return { kind: known, detail };
  return { kind: known, code: status.code, text: withholdCredentials(status.words, credentials), detail };
}
