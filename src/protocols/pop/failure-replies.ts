import { oneLine } from '../lines/one-line.js';
import type { LoginFailure, LoginFailureKind } from '../sasl/login-protocol.js';

const unavailable = '[SYS/TEMP] The mailbox is not available. Try again later.';

/** Our words for each way a login can fail (codes: RFC 2449 §8, RFC 3206 §4). */
const words: Readonly<Record<LoginFailureKind, string>> = {
  connect: unavailable,
  internal: '[SYS/TEMP] Internal error. Try again later.',
  configuration: unavailable,
  remote: unavailable,
  'remote-configuration': unavailable,
  protocol: unavailable,
  authentication: '[AUTH] Authentication failed.',
  'authentication-temporary': '[SYS/TEMP] Temporary authentication failure. Try again later.',
  limit: '[IN-USE] Too many connections. Try again later.',
  moving: '[SYS/TEMP] The mailbox is being moved. Try again later.',
  'out-of-service': '[SYS/TEMP] The service is not available. Try again later.',
};

/** What follows `-ERR` when a login failed: the server's coded words where there are any, else ours. */
export function popFailureWords(failure: LoginFailure): string {
  // An unknown user never reaches a server, so a wrong password must not bring the server's own words.
  if (failure.code === undefined || failure.text === undefined || failure.code === 'AUTH') return words[failure.kind];
  return `[${failure.code}] ${oneLine(failure.text)}`;
}

/** What follows `-ERR` instead of a greeting. */
export function popRefusalWords(kind: LoginFailureKind): string {
  // RFC 2449 §8.1.2: IN-USE answers a login only.
  return kind === 'limit' ? '[SYS/TEMP] Too many connections. Try again later.' : words[kind];
}
