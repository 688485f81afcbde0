import type { SaslMechanism } from '../sasl/login-credentials.js';

/** Told every line of the dialogue: `<` from the client, `>` to it; without line ends, and never a credential. */
export type ClientTrace = (direction: '>' | '<', text: string) => void;

export interface SmtpClientOptions {
  /** Our name in the greeting and in the answer to EHLO. */
  readonly serverName: string;
  /** The whole greeting, `220 ...`; null: an ordinary one. */
  readonly banner: string | null;
  /** Whether TLS is active from the start, or STARTTLS is offered. */
  readonly tls: 'active' | 'offered' | 'absent';
  /** Nothing but what leads to TLS is heard before it. */
  readonly needsTls: boolean;
  /** Offered before TLS and with it; AUTH is not offered when there is none. */
  readonly mechanisms: { readonly plain: readonly SaslMechanism[]; readonly secure: readonly SaslMechanism[] };
  /** What SIZE says, in bytes; null: no limit. The driver judges the messages. */
  readonly sizeMax: number | null;
  readonly extensions: { readonly smtputf8: boolean; readonly dsn: boolean; readonly chunking: boolean };
  /** Attributes of XCLIENT offered to a trusted peer, upper case; with none it is an unknown command. */
  readonly xclient: readonly string[];
  /** A client with more is turned away: replies 500 to 504 and 555. */
  readonly protocolErrorsMax: number;
  /** Bytes of a command with its CRLF, 2048 if not given; AUTH may have 12288. */
  readonly commandLengthMax?: number;
  readonly trace?: ClientTrace | undefined;
}
