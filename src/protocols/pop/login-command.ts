import type { Credentials } from '../sasl/login-protocol.js';
import { encodePlain } from '../sasl/plain.js';

/** What a server says it can do; undefined when it does not know CAPA, which RFC 1939 servers need not. */
export type PopCapabilities = ReadonlyMap<string, readonly string[]> | undefined;

/** How to log in at a server: each line but the first after the server's go-ahead of the kind named. */
export type LoginCommand =
  | { readonly kind: 'lines'; readonly goAhead: 'ok' | 'continuation'; readonly lines: readonly [string, ...string[]] }
  | { readonly kind: 'impossible'; readonly reason: string };

/** RFC 5034 §4: AUTH with an initial response may have so many bytes, line end included. */
const authLineLengthMax = 255;

/** Chooses among AUTH PLAIN with and without initial response, and USER and PASS, by what the server offers. */
export function loginCommand(credentials: Credentials, capabilities: PopCapabilities): LoginCommand {
  if (capabilities?.get('SASL')?.includes('PLAIN')) {
    const message = encodePlain(credentials);
    const line = `AUTH PLAIN ${message}\r\n`;
    if (line.length <= authLineLengthMax) return { kind: 'lines', goAhead: 'continuation', lines: [line] };
    return { kind: 'lines', goAhead: 'continuation', lines: ['AUTH PLAIN\r\n', `${message}\r\n`] };
  }
  if (capabilities !== undefined && !capabilities.has('USER')) {
    return { kind: 'impossible', reason: 'the server offers no login by password' };
  }
  if (credentials.authorizationId !== '') {
    return { kind: 'impossible', reason: 'the server offers no SASL PLAIN, which an authorization identity needs' };
  }
  return { kind: 'lines', goAhead: 'ok', lines: [`USER ${credentials.user}\r\n`, `PASS ${credentials.password}\r\n`] };
}
