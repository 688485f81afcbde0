import type { Credentials } from './login-protocol.js';

/** A user name and password (PLAIN, LOGIN). */
export interface PasswordCredentials extends Credentials {
  readonly kind: 'password';
}

/** An OAuth token as the client sent it; it is handed on whole and not looked into beyond the user it names. */
export interface TokenCredentials {
  readonly kind: 'token';
  readonly mechanism: 'XOAUTH2' | 'OAUTHBEARER';
  /** The account named; '' when the message names none. */
  readonly user: string;
  /** The client's whole initial message, decoded from base64; holds the token. */
  readonly message: string;
}

/** What a client logs in with, to be tried at its mailbox server. */
export type LoginCredentials = PasswordCredentials | TokenCredentials;

/** The SASL mechanisms of the doors. */
export type SaslMechanism = 'PLAIN' | 'LOGIN' | 'XOAUTH2' | 'OAUTHBEARER';
