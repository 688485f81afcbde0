import type { EnvelopeRecipient } from '../../protocols/smtp/envelope.js';
import type { SmtpReply } from '../../protocols/smtp/replies.js';
import type { RecipientReply, ServerFailure, ServerStep } from '../../protocols/smtp/server-step.js';
import { briefReason, briefReply } from './brief-reply.js';
import type { ServerConnection } from './server-connection.js';
import type { ServerPool } from './server-pool.js';

/** How long a server may take: to be reached, for each reply, to take bytes, for its word on the whole message. */
export interface TransactionDeadlines {
  readonly connectTimeoutMs: number;
  readonly replyTimeoutMs: number;
  readonly blockTimeoutMs: number;
  readonly finalReplyTimeoutMs: number;
}

// RFC 5321 §4.5.3.2: 3 minutes for a block of data, 10 for the answer to its end.
export const defaultDeadlines: TransactionDeadlines = {
  connectTimeoutMs: 10_000,
  replyTimeoutMs: 60_000,
  blockTimeoutMs: 180_000,
  finalReplyTimeoutMs: 600_000,
};

/** The server's word on a message; `lost`: there was none. */
export type ServerVerdict =
  | { readonly kind: 'accepted' | 'refused'; readonly reply: SmtpReply }
  | { readonly kind: 'lost'; readonly reason: string };

/** What the server said to further recipients: one reply for each, in order. */
export interface AnsweredRecipients {
  readonly kind: 'answered';
  readonly replies: readonly RecipientReply[];
}

/** A message at a server, from its first recipients on. A verdict other than null or `answered` ends it. */
export interface ServerTransaction {
  /** Before the data. */
  addRecipients(recipients: readonly EnvelopeRecipient[]): Promise<AnsweredRecipients | ServerVerdict>;
  /** Asks to send the message; null: it may come. */
  startData(): Promise<ServerVerdict | null>;
  /**
   * Bytes in wire form, which must not change afterwards; null at once when the connection takes more, else resolves
   * when it does, with null unless it is over.
   */
  write(bytes: Buffer): Promise<ServerVerdict | null> | null;
  /** The last bytes, the end mark with them. */
  finish(bytes: Buffer): Promise<ServerVerdict>;
  /** Gives the message up; the connection is kept where nothing of the message was sent. */
  abandon(): void;
  /** Resolves when the server knows of `abandon()`, or its connection is gone. */
  settled(): Promise<void>;
  /** From now on this signal ends the waiting, and none that was there before. */
  heed(signal: AbortSignal): void;
  /** Cuts the connection; before `finish` the server then never takes the message. */
  drop(): void;
}

/** What becomes of the connection after the message. */
export type Afterwards =
  | { readonly kind: 'pool'; readonly pool: ServerPool; readonly key: string }
  | { readonly kind: 'quit' }
  /** It stays open for whoever has it. */
  | { readonly kind: 'keep' };

/** A transaction over a connection whose dialogue has come to `recipients` (of the envelope) or `body`. */
export class OpenTransaction implements ServerTransaction {
  readonly #connection: ServerConnection;
  readonly #deadlines: TransactionDeadlines;
  readonly #afterwards: Afterwards;
  #stage: 'recipients' | 'asking' | 'body' | 'over';

  constructor(
    connection: ServerConnection,
    stage: 'recipients' | 'body',
    deadlines: TransactionDeadlines,
    afterwards: Afterwards,
  ) {
    this.#connection = connection;
    this.#stage = stage;
    this.#deadlines = deadlines;
    this.#afterwards = afterwards;
  }

  async addRecipients(recipients: readonly EnvelopeRecipient[]): Promise<AnsweredRecipients | ServerVerdict> {
    if (!this.#beginAsking()) return over;
    const { replyTimeoutMs } = this.#deadlines;
    const step = await inTime(
      this.#connection,
      // A reply to each comes in its own time.
      replyTimeoutMs * Math.max(1, recipients.length),
      this.#connection.ask((dialogue) => dialogue.addRecipients(recipients), replyTimeoutMs),
    );
    if (step.kind !== 'recipients') return this.#fail(step);
    this.#enter('recipients');
    return { kind: 'answered', replies: step.replies.map(briefAnswer) };
  }

  async startData(): Promise<ServerVerdict | null> {
    if (!this.#beginAsking()) return over;
    const { replyTimeoutMs } = this.#deadlines;
    const asked = this.#connection.ask((dialogue) => dialogue.startData(), replyTimeoutMs);
    const step = await inTime(this.#connection, replyTimeoutMs, asked);
    if (step.kind !== 'send-body') return this.#fail(step);
    this.#enter('body');
    return null;
  }

  write(bytes: Buffer): Promise<ServerVerdict | null> | null {
    if (this.#stage === 'over') return Promise.resolve(over);
    if (this.#stage !== 'body') throw new Error('the server does not wait for the message');
    const written = this.#connection.write(bytes, this.#deadlines.blockTimeoutMs);
    if (written === null) return null;
    return Promise.resolve(written).then((failure) => (failure === null ? null : this.#fail(failure)));
  }

  async finish(bytes: Buffer): Promise<ServerVerdict> {
    const verdict = this.write(bytes);
    const early = verdict === null ? null : await verdict;
    if (early !== null) return early;
    if (this.#stage === 'over') return over;
    const { finalReplyTimeoutMs } = this.#deadlines;
    const asked = this.#connection.ask((dialogue) => dialogue.bodySent(), finalReplyTimeoutMs);
    const step = await inTime(this.#connection, finalReplyTimeoutMs, asked);
    if (step.kind !== 'finished') return this.#fail(step);
    this.#stage = 'over';
    release(this.#connection, this.#afterwards);
    // RFC 5321 §4.3.2: no other code says so, though any that begins with 2 is meant so.
    return { kind: 'accepted', reply: { ...briefReply(step.reply), code: 250 } };
  }

  abandon(): void {
    if (this.#stage === 'over') return;
    if (this.#stage === 'recipients') giveUp(this.#connection, this.#afterwards);
    else this.#connection.drop();
    this.#stage = 'over';
  }

  settled(): Promise<void> {
    return this.#connection.settled();
  }

  heed(signal: AbortSignal): void {
    if (this.#stage !== 'over') this.#connection.attach(signal);
  }

  drop(): void {
    if (this.#stage !== 'over') this.#connection.drop();
    this.#stage = 'over';
  }

  /** Whether a command may go out now; throws for a caller that does not wait its turn. */
  #beginAsking(): boolean {
    if (this.#stage === 'over') return false;
    if (this.#stage !== 'recipients') throw new Error('the transaction is not before its data');
    this.#stage = 'asking';
    return true;
  }

  #enter(stage: 'recipients' | 'body'): void {
    if (this.#stage === 'asking') this.#stage = stage;
  }

  #fail(step: ServerStep): ServerVerdict {
    const { stage } = step.kind === 'failed' ? step : { stage: null };
    if (this.#stage === 'over' || step.kind !== 'failed' || step.connection === 'spent') this.#connection.drop();
    else if (stage === 'data') giveUp(this.#connection, this.#afterwards);
    else release(this.#connection, this.#afterwards);
    this.#stage = 'over';
    if (step.kind === 'failed') return verdictOf(step);
    return { kind: 'lost', reason: `the dialogue with the server came to "${step.kind}"` };
  }
}

const over: ServerVerdict = { kind: 'lost', reason: 'the message was given up' };

/** A step that is awaited with every line anew comes within this time as a whole, or the connection is dropped. */
async function inTime(
  connection: ServerConnection,
  timeoutMs: number,
  asked: ServerStep | Promise<ServerStep>,
): Promise<ServerStep> {
  const timer = setTimeout(() => connection.drop(), timeoutMs);
  try {
    return await asked;
  } finally {
    clearTimeout(timer);
  }
}

export const briefAnswer = ({ address, reply }: RecipientReply): RecipientReply => ({
  address,
  reply: briefReply(reply),
});

/** Lets a connection go whose dialogue is between two messages. */
export function release(connection: ServerConnection, afterwards: Afterwards): void {
  switch (afterwards.kind) {
    case 'pool':
      return afterwards.pool.give(afterwards.key, connection);
    case 'quit':
      return connection.quit();
    case 'keep':
      return connection.detach();
  }
}

/** For all lines of the answer to RSET: who gave the message up may have to wait for it. */
const resetTimeoutMs = 5000;

/** Gives an open transaction up before its body, and lets the connection go. Never throws. */
export function giveUp(connection: ServerConnection, afterwards: Afterwards): void {
  if (afterwards.kind === 'quit') return connection.quit();
  const timer = setTimeout(() => connection.drop(), resetTimeoutMs);
  void connection.reset().then((isGood) => {
    clearTimeout(timer);
    if (isGood) release(connection, afterwards);
  });
}

// RFC 5321 §3.8: 421 is about the connection, whatever it answers.
function verdictOf({ reply, reason }: ServerFailure): ServerVerdict {
  return reply !== null && reply.code >= 400 && reply.code !== 421
    ? { kind: 'refused', reply: briefReply(reply) }
    : { kind: 'lost', reason: briefReason(reason) };
}
