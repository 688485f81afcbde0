import { BodyEncoder } from '../../protocols/smtp/body-encoder.js';
import type { Head, RawField } from '../../protocols/smtp/message-head.js';
import type { SmtpReply } from '../../protocols/smtp/replies.js';
import type { TraceStep } from '../../routing/decision.js';
import { judgeHead, keepFields } from '../../routing/header-rules.js';
import { type MailTransaction, replyInWire } from './mail-transaction.js';
import { MessageDigest, transactionId } from './message-digest.js';
import { type HeadVerdict, MessageTransfer, type TransferOutcome } from './message-transfer.js';
import { openFor } from './open-early.js';
import type { Attempt } from './open-server.js';
import { ownReplies } from './own-replies.js';
import { marksHeader, receivedHeader } from './received-header.js';
import { recordMessage } from './record-message.js';
import type { SmtpSession } from './smtp-session.js';

/** One message of a client: carries it to a server, with our trace on top, and records what became of it. */
export class MessageDelivery {
  messageId: string | null = null;
  /** What was found in the header. */
  trace: readonly TraceStep[] = [];
  readonly transaction: MailTransaction;
  readonly #session: SmtpSession;
  readonly #transfer: MessageTransfer;
  readonly #onVerdictAwaited: () => void;
  #fields: readonly RawField[] = [];
  #discarded: ReadonlySet<string> = new Set();
  #digest: MessageDigest | null = null;
  #digestText: string | null = null;

  constructor(session: SmtpSession, transaction: MailTransaction, onVerdictAwaited: () => void) {
    this.#session = session;
    this.transaction = transaction;
    this.#onVerdictAwaited = onVerdictAwaited;
    const { early } = transaction;
    this.#transfer = new MessageTransfer({
      sizeMax: transaction.sizeMax,
      headerSizeMax: session.options.connector.maxHeaderSize,
      early,
      tried: transaction.tried,
      opensAtData: !session.agents.judgesMessages,
      open: (discarded, tried) => openFor(session, transaction, 'data', { discarded, tried }),
      judgeHead: (head) => this.#judgeHead(head),
      onBody: (bytes) => this.#digest?.push(bytes),
    });
  }

  get server(): string | null {
    return this.#transfer.server;
  }

  get tried(): readonly Attempt[] {
    return this.#transfer.tried;
  }

  get discarded(): ReadonlySet<string> {
    return this.#discarded;
  }

  get bodyBytes(): number {
    return this.#transfer.bodyBytes;
  }

  get isOverrun(): boolean {
    return this.#transfer.isOverrun;
  }

  /** By which a message that comes again is known; null while its header has not come. */
  get digest(): string | null {
    this.#digestText ??= this.#digest?.end() ?? null;
    return this.#digestText;
  }

  async begin(): Promise<SmtpReply | null> {
    const reply = await this.#transfer.begin();
    if (reply !== null) {
      this.#transfer.abort();
      this.transaction.early = null;
      this.#record({ kind: 'answered', reply });
    }
    return reply;
  }

  take(bytes: Buffer): Promise<void> | null {
    return this.#transfer.take(bytes);
  }

  async finish(): Promise<SmtpReply> {
    this.#onVerdictAwaited();
    const outcome = await this.#transfer.finish();
    this.#record(outcome);
    return outcome.reply;
  }

  /** The client will not send the rest, or must not: what it is told, if it is there to hear it. */
  abort(): SmtpReply {
    const outcome = this.#transfer.decided ?? { kind: 'answered', reply: ownReplies.clientLost };
    this.#transfer.abort();
    this.#record(outcome);
    return outcome.reply;
  }

  async #judgeHead(head: Head): Promise<HeadVerdict> {
    const { fields } = head;
    const { transaction } = this;
    this.#fields = fields;
    this.messageId = fields.find(({ name }) => name.toLowerCase() === 'message-id')?.value ?? null;
    const { destination } = transaction;
    const judged = judgeHead(transaction.session, fields, destination);
    this.trace = judged.trace;
    if (judged.refusal !== null) return { kind: 'refuse', reply: replyInWire(judged.refusal.reply) };
    const recipients = transaction.recipients.map(({ address }) => address);
    const { verdict, discarded, marks } = await this.#session.agents.message(transaction, fields);
    if (verdict.kind === 'block') return { kind: 'refuse', reply: replyInWire(verdict.reply) };
    this.#discarded = discarded;
    if (recipients.every((address) => discarded.has(address))) return { kind: 'discard', reply: ownReplies.discarded };
    const id = transactionId({ from: transaction.from, recipients }, fields);
    this.#digest = new MessageDigest(id);
    const { kept, trace } = keepFields(transaction.session, fields, destination);
    // Whoever writes the header on sees it in what is left only.
    if (kept !== fields && holdsBareLineEnding(head.bytes)) {
      return { kind: 'refuse', reply: ownReplies.bareLineEnding };
    }
    this.trace = [...judged.trace, ...trace];
    const own = destination === 'outside' ? '' : `X-Usher-Transaction: ${id}\r\n${marksHeader(marks)}`;
    const top = Buffer.from(`${this.#received()}${own}`, 'latin1');
    const theirs = kept === fields ? [head.bytes] : kept.map(({ raw }) => raw);
    // What begins without an empty line would be read as more of the header by a server that reads generously.
    const end = head.ending === 'other-line' ? [emptyLine] : [];
    return { kind: 'go-on', discarded, header: Buffer.concat([top, ...theirs, ...end]) };
  }

  #received(): string {
    const { client, helo, verb, tls, login, options } = this.#session;
    return receivedHeader({
      helo,
      clientAddress: client.clientAddress,
      host: this.transaction.session.frontEnd.host,
      protocol: verb === 'EHLO' ? 'ESMTP' : 'SMTP',
      tls,
      isAuthenticated: login !== null,
      smtputf8: this.transaction.isUtf8,
      connector: options.connector.name,
      sessionId: options.id,
      atMs: options.nowMs(),
    });
  }

  #record(outcome: TransferOutcome): void {
    recordMessage(this.#session, this.transaction, this, outcome);
    this.#session.agents.outcome(this.transaction, this.#fields, outcome.reply);
  }
}

const emptyLine = Buffer.from('\r\n');

function holdsBareLineEnding(bytes: Buffer): boolean {
  const encoder = new BodyEncoder();
  encoder.encode(bytes);
  return encoder.bareLineEnding;
}
