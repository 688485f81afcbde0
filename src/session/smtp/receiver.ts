import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { SecureContext } from 'node:tls';
import type { SmtpReply } from '../../protocols/smtp/replies.js';

/** The certificate to show for the name the client asked for; null when it named none. */
export type ContextFor = (serverName: string | null) => SecureContext;

/** MAIL or RCPT: the address without its brackets, and the parameters by upper-case keyword. */
export interface AddressCommand {
  readonly address: string;
  readonly parameters: Readonly<Record<string, string | true>>;
}

/** How the client presented itself. */
export interface ClientGreeting {
  readonly helo: string;
  readonly protocol: 'SMTP' | 'ESMTP' | 'ESMTPS';
  readonly channel: 'plain' | 'secure';
}

/** Who decides what a client is answered. A reply of null is plain consent. */
export interface ReceiverHandlers {
  mail(command: AddressCommand, greeting: ClientGreeting): SmtpReply | null;
  recipient(command: AddressCommand): SmtpReply | null;
  /** The message without dot-stuffing; must be read to its end before the reply. Never rejects. */
  message(body: Readable): Promise<SmtpReply>;
  /** A reply went out. */
  answered(): void;
  /** The connection is gone. */
  gone(): void;
}

export interface ReceiverOptions {
  /** In the clear, or a TLS socket whose handshake is done. */
  readonly socket: Socket;
  readonly channel: 'plain' | 'secure';
  readonly sessionId: string;
  readonly clientAddress: string;
  /** Our name in the greeting. */
  readonly name: string;
  /** The whole greeting, `220 ...`; null: an ordinary one. */
  readonly banner: string | null;
  /** What SIZE says; null: no limit. */
  readonly sizeMax: number | null;
  /** The certificate for STARTTLS; null: it is not offered. */
  readonly startTls: ContextFor | null;
  /** Connections with more are closed. */
  readonly protocolErrorsMax: number;
  readonly handlers: ReceiverHandlers;
  /** Told of trouble that only this connection has. */
  readonly onTrouble: (error: Error) => void;
}

/** The receiving side of one SMTP connection. */
export interface Receiver {
  /** Whether MAIL was accepted and its message is not done with. */
  readonly hasTransaction: boolean;
  /** Says it, whatever was asked, and closes. */
  close(reply: SmtpReply): void;
  destroy(): void;
}
