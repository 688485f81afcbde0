import type { LoginCredentials } from '../sasl/login-credentials.js';

/** MAIL or RCPT: the address without its brackets, '' for the empty path, and the parameters by upper-case keyword. */
export interface AddressCommand {
  readonly address: string;
  readonly parameters: Readonly<Record<string, string | true>>;
}

/** What the driver is to do next, after it has written the output. */
export type ClientStep =
  /** Hand the next bytes of the client over. */
  | { readonly kind: 'read' }
  /** Judge it, then call `answer()`. `name` is what the client called itself, any printable text, maybe ''. */
  | { readonly kind: 'hello'; readonly verb: 'EHLO' | 'HELO'; readonly name: string }
  | { readonly kind: 'mail'; readonly command: AddressCommand }
  | { readonly kind: 'recipient'; readonly command: AddressCommand }
  | { readonly kind: 'login'; readonly credentials: LoginCredentials }
  /** Attributes by upper-case name, decoded from xtext; `[UNAVAILABLE]` and `[TEMPUNAVAIL]` are left out. */
  | { readonly kind: 'xclient'; readonly attributes: Readonly<Record<string, string>> }
  /** DATA or the first BDAT: may the message come? Then call `answer()`. */
  | { readonly kind: 'data' }
  /** A piece of the message without dot-stuffing; call `proceed()` when more may follow. */
  | { readonly kind: 'body'; readonly bytes: Buffer }
  /** The message is whole; call `answer()` with the word on it. */
  | { readonly kind: 'end-of-body' }
  /** Make the socket a TLS one, then call `tlsStarted()`. */
  | { readonly kind: 'start-tls' }
  /** Close the connection; the last word is in the output. */
  | { readonly kind: 'close'; readonly reason: string };

/** Bytes to write to the client, maybe none, and what to do then. */
export interface ClientTurn {
  readonly output: Buffer;
  readonly step: ClientStep;
}
