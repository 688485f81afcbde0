import { Buffer } from 'node:buffer';
import type { Credentials } from '../sasl/login-protocol.js';
import { encodePlain } from '../sasl/plain.js';
import { quoted } from './syntax.js';

/** How to log in at a server: the pieces are sent one by one, each but the first after the server's `+`. */
export type LoginCommand =
  | { readonly kind: 'pieces'; readonly pieces: readonly [Buffer, ...Buffer[]] }
  | { readonly kind: 'impossible'; readonly reason: string };

/** Chooses among AUTHENTICATE PLAIN with and without initial response, and LOGIN, by what the server offers. */
export function loginCommand(tag: string, credentials: Credentials, capabilities: ReadonlySet<string>): LoginCommand {
  if (capabilities.has('AUTH=PLAIN')) {
    const message = encodePlain(credentials);
    if (capabilities.has('SASL-IR')) return pieces(`${tag} AUTHENTICATE PLAIN ${message}\r\n`);
    return pieces(`${tag} AUTHENTICATE PLAIN\r\n`, `${message}\r\n`);
  }
  if (capabilities.has('LOGINDISABLED'))
    return { kind: 'impossible', reason: 'the server offers no login by password' };
  if (credentials.authorizationId !== '') {
    return { kind: 'impossible', reason: 'the server offers no AUTH=PLAIN, which an authorization identity needs' };
  }
  const user = argument(credentials.user, capabilities);
  const password = argument(credentials.password, capabilities);
  const [first, ...others] = `${tag} LOGIN ${user} ${password}\r\n`.split(pause);
  return pieces(first ?? '', ...others);
}

/** Stands where we must wait for the server; credentials hold no NUL. */
const pause = '\0';

/** A quoted string, or a literal where the text is not plain ASCII (RFC 9051 §4.3, RFC 7888). */
function argument(text: string, capabilities: ReadonlySet<string>): string {
  if (/^[\t\u0020-\u007e]*$/.test(text)) return quoted(text);
  const sizeBytes = Buffer.byteLength(text);
  const immediate = capabilities.has('LITERAL+') || (capabilities.has('LITERAL-') && sizeBytes <= 4096);
  return immediate ? `{${sizeBytes}+}\r\n${text}` : `{${sizeBytes}}\r\n${pause}${text}`;
}

function pieces(first: string, ...others: readonly string[]): LoginCommand {
  return { kind: 'pieces', pieces: [Buffer.from(first), ...others.map((piece) => Buffer.from(piece))] };
}
