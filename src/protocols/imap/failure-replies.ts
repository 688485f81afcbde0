import { oneLine } from '../lines/one-line.js';
import type { LoginFailure, LoginFailureKind } from '../sasl/login-protocol.js';

const unavailable = '[UNAVAILABLE] The mailbox is not available. Try again later.';

/** Our words for each way a login can fail (codes: RFC 5530 §3). */
const words: Readonly<Record<LoginFailureKind, string>> = {
  connect: unavailable,
  internal: '[UNAVAILABLE] Internal error. Try again later.',
  configuration: unavailable,
  remote: unavailable,
  'remote-configuration': unavailable,
  protocol: unavailable,
  authentication: '[AUTHENTICATIONFAILED] Authentication failed.',
  'authentication-temporary': '[UNAVAILABLE] Temporary authentication failure. Try again later.',
  limit: '[LIMIT] Too many connections. Try again later.',
  moving: '[UNAVAILABLE] The mailbox is being moved. Try again later.',
  'out-of-service': '[UNAVAILABLE] The service is not available. Try again later.',
};

/** What follows `NO` when a login failed: the server's coded words where there are any, else ours. */
export function imapFailureWords(failure: LoginFailure): string {
  // An unknown user never reaches a server, so a wrong password must not bring the server's own words.
  if (failure.code === undefined || failure.text === undefined || failure.code === 'AUTHENTICATIONFAILED') {
    return words[failure.kind];
  }
  return `[${failure.code}] ${oneLine(failure.text)}`;
}

/** What follows `* BYE` instead of a greeting. */
export function imapRefusalWords(kind: LoginFailureKind): string {
  return words[kind];
}
