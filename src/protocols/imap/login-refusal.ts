import type { Credentials, LoginFailure, LoginFailureKind } from '../sasl/login-protocol.js';
import { withholdSecrets } from '../sasl/withhold-secrets.js';
import type { ServerStatus } from './server-responses.js';

/** What the codes of a refused login mean for us (RFC 5530 §3, RFC 2221); others count as refused credentials. */
const kinds: ReadonlyMap<string, LoginFailureKind> = new Map([
  ['UNAVAILABLE', 'authentication-temporary'],
  ['INUSE', 'authentication-temporary'],
  ['SERVERBUG', 'authentication-temporary'],
  ['LIMIT', 'limit'],
  ['REFERRAL', 'moving'],
  // Our connection to the server lacks TLS; the client can do nothing about it.
  ['PRIVACYREQUIRED', 'remote-configuration'],
]);

/** The failure behind a tagged NO or BAD to our login. Words without a code stay with us. */
export function imapLoginRefusal(status: ServerStatus, credentials: Credentials): LoginFailure {
  const words = withholdSecrets(status.words, credentials);
  const detail = `the server answered the login with ${status.status} ${withholdSecrets(status.text, credentials)}`;
  if (status.status !== 'NO') return { kind: 'protocol', detail };
  if (status.code === undefined) return { kind: 'authentication', detail };
  const kind = kinds.get(status.code) ?? 'authentication';
  if (kind === 'moving' || kind === 'remote-configuration') return { kind, detail };
  return { kind, code: status.code, text: words, detail };
}
