/** What a command asks of a runtime; one JSON object on a line. */
export type ControlRequest =
  | { readonly ask: 'status' }
  /** Take up the newest revision now, and say what became of it. */
  | { readonly ask: 'take-up'; readonly revision: number }
  | { readonly ask: 'stop'; readonly timeoutMs: number }
  /** The sessions that fit, `sessionsPerPage` of them at most; `after` is the `next` of the page before. */
  | { readonly ask: 'sessions'; readonly selection: SessionSelection; readonly after: number }
  /** Ends the sessions that fit, evenly over a time; `overMs` null: as long as their number asks for. */
  | { readonly ask: 'close-sessions'; readonly selection: SessionSelection; readonly overMs: number | null }
  /** Refuses logins of mailboxes for a time, in addition to those that the token holds already. */
  | { readonly ask: 'hold'; readonly token: string; readonly mailboxes: readonly string[]; readonly forMs: number }
  /** Ends the sessions of the mailboxes that a token holds: many of them over this time, 0: all that are left at once. */
  | { readonly ask: 'close-held'; readonly token: string; readonly overMs: number }
  | { readonly ask: 'release'; readonly token: string };

export type SessionProtocol = 'smtp' | 'imap' | 'pop' | 'http' | 'sip';

/** Which sessions are meant: those that fit all that is given. */
export interface SessionSelection {
  readonly ids: readonly string[] | null;
  /** A mailbox by any of its addresses, or a login name. */
  readonly user: string | null;
  readonly server: string | null;
  readonly protocol: SessionProtocol | null;
  /** An address or a range of them. */
  readonly clientIp: string | null;
}

/** A session as an administrator sees it. */
export interface SessionRecord {
  readonly id: string;
  readonly protocol: SessionProtocol;
  /** The client's address. */
  readonly client: string;
  /** The mailbox, or the login name where a protocol knows no more; null before the login. */
  readonly user: string | null;
  /** The mailbox server that it was handed to; null before. */
  readonly server: string | null;
  /** When it began, ISO 8601 in UTC. */
  readonly since: string;
  readonly frontEnd: string;
}

/** With records as long as they can be a page is still shorter than `lineLengthMax`. */
export const sessionsPerPage = 250;

/** A revision that could not be put in force whole, and why. */
export interface Refusal {
  readonly revision: number;
  readonly reason: string;
}

export interface DoorStatus {
  readonly name: string;
  readonly protocol: string;
  readonly address: string;
  /** `kept`: no longer wanted so, but what should take its place could not be opened. */
  readonly state: 'open' | 'closed' | 'kept';
  readonly reason?: string;
}

/** `usher status`. `revision` is the one in force. */
export interface RuntimeStatus {
  readonly running: true;
  readonly pid: number;
  readonly frontEnd: string;
  readonly revision: number;
  readonly refused: Refusal | null;
  readonly doors: readonly DoorStatus[];
  readonly sessions: Readonly<Record<string, number>>;
  readonly uptimeMs: number;
  readonly store: string;
  readonly version: string;
  readonly notes: readonly string[];
  /** Events since the start: messages by connector and outcome, verdicts by agent and event. The first 1,000 kinds. */
  readonly counters: readonly CounterStatus[];
}

/** How often something happened; which, say the labels. */
export interface CounterStatus {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export type ControlAnswer =
  | { readonly answer: 'status'; readonly status: RuntimeStatus }
  | { readonly answer: 'taken-up'; readonly revision: number; readonly refused: Refusal | null }
  | { readonly answer: 'stopped'; readonly sessionsClosed: number }
  | { readonly answer: 'sessions'; readonly sessions: readonly SessionRecord[]; readonly next: number | null }
  /** How many will end, over which time, and the given ids that no session of this runtime has. */
  | {
      readonly answer: 'closing';
      readonly count: number;
      readonly overMs: number;
      readonly unknown: readonly string[];
    }
  /** How many sessions the held mailboxes still have. */
  | { readonly answer: 'held'; readonly sessions: number }
  | { readonly answer: 'released' }
  | { readonly answer: 'error'; readonly reason: string };

/** Longest line either side accepts. */
export const lineLengthMax = 1024 * 1024;
