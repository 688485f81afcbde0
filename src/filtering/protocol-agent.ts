import type { Domain } from '../topology/catalogue/catalogue.js';
import type { FilterVerdict } from '../topology/screening.js';

export type Awaitable<T> = T | Promise<T>;

/**
 * What an agent is told of the session it is asked about. Every text is the client's own and may be anything.
 * The object is the same for the whole of a session, so what an agent keeps of it can hang on it in a `WeakMap`.
 */
export interface AgentSession {
  readonly id: string;
  /** The receive connector. */
  readonly connector: string;
  readonly clientAddress: string;
  /** What the client called itself in EHLO or HELO; null before. */
  readonly helo: string | null;
  /** Whether the client speaks TLS. */
  readonly isSecure: boolean;
  /** The sender of the message under way, '' for the empty one; null between messages. */
  readonly from: string | null;
  /** Keys of the recipients accepted so far of the message under way. */
  readonly recipients: readonly string[];
}

export interface AgentRecipient {
  /** The address as it was given, completed with a domain. */
  readonly key: string;
  /** The address that the mailbox, group or contact goes by; `key` where it is no other. */
  readonly primaryKey: string;
  /** Whether the directory knows it. */
  readonly known: boolean;
  /** The accepted domain it belongs to. */
  readonly domain: Domain | undefined;
}

export interface HeaderField {
  readonly name: string;
  /** Unfolded, without the name and the colon. */
  readonly value: string;
}

/** A message whose header is complete, before any of it goes to a server. */
export interface AgentMessage {
  readonly from: string;
  /** Keys of the accepted recipients. */
  readonly recipients: readonly string[];
  /** In order; at most what the connector's `maxHeaderSize` allows. */
  readonly fields: readonly HeaderField[];
}

/** `discard`: these recipients hear 250 like the others, and get nothing; agents that follow judge for the rest. */
export type MessageVerdict =
  | FilterVerdict
  | { readonly kind: 'discard'; readonly why: string; readonly recipients: readonly string[] };

/** What became of a message. */
export interface AgentOutcome {
  readonly message: AgentMessage;
  readonly reply: { readonly code: number; readonly text: string };
}

/**
 * A protocol agent: asked at the events of a stranger's session, in the order of the events and then of `priority`
 * (smaller first), then of names. The first verdict other than `pass` and `stamp` decides an event. An agent leaves out
 * the events it does not care for. What it keeps it must bound. One that throws, rejects, takes too long or answers
 * with something else makes the client hear `451 4.3.0`.
 */
export interface ProtocolAgent {
  readonly name: string;
  readonly priority: number;
  /** `exempt` lets the session past every agent; `block` is spoken at each RCPT, and then the connection is closed. */
  connect?(session: AgentSession): Awaitable<FilterVerdict>;
  /** `exempt` lets the session past every agent from here on. */
  hello?(session: AgentSession): Awaitable<FilterVerdict>;
  /** `exempt` lets this message past every agent. */
  mail?(session: AgentSession, from: string): Awaitable<FilterVerdict>;
  recipient?(session: AgentSession, recipient: AgentRecipient): Awaitable<FilterVerdict>;
  /** At the end of the header. */
  message?(session: AgentSession, message: AgentMessage): Awaitable<MessageVerdict>;
  /** Told after the answer to a message. */
  outcome?(session: AgentSession, outcome: AgentOutcome): void;
  disconnect?(session: AgentSession): void;
}

/** What a module named in `filters.agents` exports as `createAgent`. `settings` are those of the estate. */
export type CreateAgent = (options: {
  readonly name: string;
  readonly priority: number;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
}) => Awaitable<ProtocolAgent>;
