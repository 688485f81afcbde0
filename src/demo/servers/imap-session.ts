import type { Peer } from './conversation.js';
import type { ImapValue } from './imap-parser.js';
import { imapString } from './imap-text.js';
import type { ImapView } from './imap-view.js';
import type { ServerLimits } from './server-limits.js';
import type { FoundMailbox, MailboxHost } from './sign-in.js';

export type ImapState =
  | { readonly phase: 'not-authenticated' }
  | { readonly phase: 'authenticated'; readonly user: FoundMailbox }
  | { readonly phase: 'selected'; readonly user: FoundMailbox; readonly view: ImapView }
  | { readonly phase: 'ended' };

/** What the next bytes of the client are. */
export type ImapExpectation =
  | { readonly kind: 'command' }
  | { readonly kind: 'sasl-response'; readonly tag: string }
  | { readonly kind: 'done'; readonly tag: string; readonly stop: () => void };

/** One IMAP connection. */
export interface ImapSession {
  readonly host: MailboxHost;
  readonly limits: ServerLimits;
  readonly peer: Peer;
  state: ImapState;
  expects: ImapExpectation;
  loginFailures: number;
  badCommands: number;
}

/** The tagged end of a command. */
export interface ImapReply {
  readonly status: 'OK' | 'NO' | 'BAD';
  readonly text: string;
}

/** What a command gets: `user` and `view` are what its state promises. */
export interface ImapRequest<State extends ImapState = ImapState> {
  readonly session: ImapSession;
  readonly state: State;
  readonly tag: string;
  readonly args: readonly ImapValue[];
}

export type SignedInState = Extract<ImapState, { phase: 'authenticated' | 'selected' }>;
export type SelectedState = Extract<ImapState, { phase: 'selected' }>;

/** Undefined: the tagged reply comes later, when the client has sent more. */
type Answer = ImapReply | undefined | Promise<ImapReply | undefined>;

/** A command and the state it asks for. `holdsExpunges`: message numbers must not change while it is answered. */
export type ImapCommand =
  | { readonly in: 'any'; readonly run: (request: ImapRequest) => Answer }
  | { readonly in: 'not-authenticated'; readonly run: (request: ImapRequest) => Answer }
  | { readonly in: 'authenticated'; readonly run: (request: ImapRequest<SignedInState>) => Answer }
  | {
      readonly in: 'selected';
      readonly holdsExpunges?: boolean;
      readonly run: (request: ImapRequest<SelectedState>) => Answer;
    };

export type ImapCommands = Readonly<Record<string, ImapCommand>>;

export function ok(text: string): ImapReply {
  return { status: 'OK', text };
}

export function no(text: string): ImapReply {
  return { status: 'NO', text };
}

export function bad(text: string): ImapReply {
  return { status: 'BAD', text };
}

/** Ends a session with `* BYE`. */
export function bye(session: ImapSession, text: string): void {
  if (session.expects.kind === 'done') session.expects.stop();
  session.state = { phase: 'ended' };
  session.peer.write(`* BYE ${text}\r\n`);
  session.peer.end();
}

export const movedText = '[UNAVAILABLE] mailbox is active on another server';

/** The capabilities, as CAPABILITY and the greeting list them. */
export function capabilityText(limits: ServerLimits): string {
  return `CAPABILITY IMAP4rev1 LITERAL- SASL-IR AUTH=PLAIN ID IDLE NAMESPACE UNSELECT UIDPLUS APPENDLIMIT=${limits.messageBytesMax}`;
}

/** The pairs of the ID response. */
export function identityText(serverName: string): string {
  const pairs = ['name', 'usher demo mailbox server', 'server', serverName].map((text) => imapString(text));
  return `(${pairs.join(' ')})`;
}
