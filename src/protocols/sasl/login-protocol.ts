import type { Buffer } from 'node:buffer';
import type { LoginCredentials, SaslMechanism } from './login-credentials.js';

/** Who logs in: SASL PLAIN's three parts (RFC 4616 §2), none with CR, LF or NUL. */
export interface Credentials {
  readonly user: string;
  /** On whose behalf; '' when the client named nobody. */
  readonly authorizationId: string;
  readonly password: string;
}

/**
 * The ways a login can fail; the client's reply, the log level and a retry follow from the kind.
 * - `connect`: no mailbox server could be reached
 * - `internal`: a fault of ours
 * - `configuration`: our settings do not fit the server, a certificate for instance
 * - `remote`: the server closed the connection, timed out or said goodbye
 * - `remote-configuration`: the server does not offer what is demanded
 * - `protocol`: the server did not speak the protocol
 * - `authentication`: the credentials were refused, or nobody has that name
 * - `authentication-temporary`: the server cannot check them now
 * - `limit`: too many connections or logins
 * - `moving`: the mailbox is on its way to another server
 * - `out-of-service`: this door takes no logins
 */
export type LoginFailureKind =
  | 'connect'
  | 'internal'
  | 'configuration'
  | 'remote'
  | 'remote-configuration'
  | 'protocol'
  | 'authentication'
  | 'authentication-temporary'
  | 'limit'
  | 'moving'
  | 'out-of-service';

export interface LoginFailure {
  readonly kind: LoginFailureKind;
  /** The server's response code (RFC 5530 for IMAP; RFC 2449, 3206 for POP), upper case, without brackets. */
  readonly code?: string;
  /** The server's words, only where the client may see them. */
  readonly text?: string;
  /** For the log: what happened and in which state; never a credential, never shown to the client. */
  readonly detail?: string;
}

export interface ClientDialogueOptions {
  /** Our name in the greeting. */
  readonly serverName: string;
  readonly tlsActive: boolean;
  /** Offer STARTTLS or STLS while TLS is not active. */
  readonly starttls: boolean;
  /** Allow a password before TLS. */
  readonly plaintextLogin: boolean;
  /** Bytes of one command, line ends and literals included: POP 512, IMAP 10240. */
  readonly commandSizeMax: number;
  /** So many bad commands and refused passwords end the connection. */
  readonly badCommandsMax: number;
  /** Offered where a password may be sent. */
  readonly mechanisms: readonly SaslMechanism[];
  /**
   * What the servers behind this door can do, as they say it before a login (IMAP capabilities, POP CAPA lines); what
   * the door itself decides (STARTTLS, AUTH=, SASL, LOGINDISABLED ...) is left out of it. Null: not known yet, a safe
   * list is announced.
   */
  readonly serverCapabilities: readonly string[] | null;
}

/** What the driver does next; `close` after the output is written. */
export type ClientStep =
  | { readonly kind: 'read' }
  | { readonly kind: 'start-tls' }
  | {
      readonly kind: 'login';
      readonly credentials: LoginCredentials;
      /** How many proxies the login may still pass, where a proxy before us has said so; null otherwise. */
      readonly proxyTtl: number | null;
    }
  | { readonly kind: 'close'; readonly reason: string };

export interface ClientResult {
  readonly output: Buffer;
  readonly step: ClientStep;
}

/** The dialogue with a mail client up to its login: we are the server. */
export interface ClientDialogue {
  /** The greeting; to be called once, first. */
  greet(): ClientResult;
  /**
   * Takes bytes from the client and consumes commands until one needs the driver. While a login is pending they are
   * kept, up to `commandSizeMax`. The dialogue may keep the chunk, which must not change afterwards.
   */
  receive(chunk: Buffer): ClientResult;
  /** The handshake is done. Nothing that was read before it survives. */
  tlsStarted(): ClientResult;
  /** Writes the refusal and goes on with what the client has sent meanwhile. */
  loginRefused(failure: LoginFailure): ClientResult;
  /**
   * Ends the dialogue.
   * @param serverText what the server said after its OK, for instance `[CAPABILITY ...] Logged in`
   * @param serverUntagged whole lines to be shown before it
   * @returns what to write to the client, and the bytes it has sent behind the login, for the server as they are
   */
  loginAccepted(serverText: string, serverUntagged: Buffer): { readonly output: Buffer; readonly pending: Buffer };
  /** The words before an idle connection is closed. */
  timedOut(): Buffer;
  /** Bytes of client input kept at the moment. */
  readonly heldBytes: number;
}

/** Who is at the client's end, as servers may be told (IMAP ID, POP XCLIENT). */
export interface ClientOrigin {
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly sessionId: string;
  /** How many proxies the login may still pass, us not counted. */
  readonly proxyTtl: number;
}

export interface ServerDialogueOptions {
  readonly credentials: LoginCredentials;
  /** The mechanism that the endpoint demands; null: what the server offers. */
  readonly auth: string | null;
  /** `starttls` demands it, `opportunistic` takes it when offered, `implicit` means TLS is active already. */
  readonly tls: 'none' | 'starttls' | 'opportunistic' | 'implicit';
  /** Told to the server before the login by ID or XCLIENT, where the server offers it; null: nobody is to be told. */
  readonly client: ClientOrigin | null;
}

export type ServerStep =
  | { readonly kind: 'read' }
  | { readonly kind: 'start-tls' }
  | {
      readonly kind: 'accepted';
      /** What the server said after its OK. */
      readonly text: string;
      /** Whole lines that came with the login. */
      readonly untagged: Buffer;
      /** Bytes the server sent behind its OK, for the client as they are. */
      readonly pending: Buffer;
    }
  | { readonly kind: 'refused'; readonly failure: LoginFailure };

export interface ServerResult {
  readonly output: Buffer;
  readonly step: ServerStep;
}

/** The dialogue with a mailbox server up to the login: we are its client. */
export interface ServerDialogue {
  receive(chunk: Buffer): ServerResult;
  /** The handshake is done; the server's capabilities are asked again. */
  tlsStarted(): ServerResult;
  /** The failure when the server closes or is too slow in the present state. */
  closed(): LoginFailure;
  readonly stateName: string;
  /** Bytes of server input kept at the moment. */
  readonly heldBytes: number;
}

/** A mail access protocol as the door sees it: two dialogues that end with the login. */
export interface LoginProtocol {
  readonly name: 'imap' | 'pop';
  createClientDialogue(options: ClientDialogueOptions): ClientDialogue;
  createServerDialogue(options: ServerDialogueOptions): ServerDialogue;
  /** What is said instead of a greeting before the connection is closed. */
  refuseConnection(kind: LoginFailureKind): Buffer;
}
