import type { Credentials } from './login-protocol.js';

const control = /[\u0000-\u001f\u007f]/;
const lineBreakOrNul = /[\u0000\r\n]/;

/**
 * Why these credentials may not be used, or undefined.
 * An empty password is none: directories take it for an anonymous login (RFC 4513 §5.1.2).
 */
export function credentialsProblem(credentials: Credentials): string | undefined {
  if (credentials.user === '') return 'The user name is empty.';
  if (credentials.password === '') return 'The password is empty.';
  if (control.test(credentials.user) || control.test(credentials.authorizationId)) {
    return 'The user name has control characters.';
  }
  if (lineBreakOrNul.test(credentials.password)) return 'The password has control characters.';
  return undefined;
}
