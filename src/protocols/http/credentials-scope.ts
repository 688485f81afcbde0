/**
 * For what credentials hold: for the request that brings them; for the connection that they come on, and every request
 * after it (NTLM, Negotiate: RFC 4559 §6); or who knows.
 */
export type CredentialsScope = 'request' | 'connection' | 'unknown';

const ofRequest = /^(?:(?:basic|bearer)(?: [^,]*)?|(?:digest|dpop) .*)$/i;
const ofConnection = /^(?:ntlm|negotiate|kerberos|nego2)\b/i;

/** For what the credentials of an Authorization field hold; undefined: there are none. */
export function credentialsScope(authorization: string | undefined): CredentialsScope {
  if (authorization === undefined || ofRequest.test(authorization)) return 'request';
  return ofConnection.test(authorization) ? 'connection' : 'unknown';
}
