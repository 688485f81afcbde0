import { BodyEncoder } from '../../protocols/smtp/body-encoder.js';
import { type Head, MessageHead } from '../../protocols/smtp/message-head.js';
import { describeReply, type SmtpReply } from '../../protocols/smtp/replies.js';
import type { Attempt, OpenedServer } from './open-server.js';
import { ownReplies } from './own-replies.js';
import type { ServerTransaction, ServerVerdict } from './server-transaction.js';

/** What is decided when the header of a message is complete. */
export type HeadVerdict =
  | { readonly kind: 'refuse' | 'discard'; readonly reply: SmtpReply }
  /** `header` is what goes to the server instead of the client's header, whole lines. */
  | { readonly kind: 'go-on'; readonly header: Buffer; readonly discarded: ReadonlySet<string> };

export interface TransferOptions {
  /** Bytes of the message; null: no limit. */
  readonly sizeMax: number | null;
  readonly headerSizeMax: number;
  /** A server that was opened for the message already. */
  readonly tried: readonly Attempt[];
  readonly early: { readonly server: string; readonly transaction: ServerTransaction } | null;
  /** Whether the recipients are certain before the header is read, so that the server can be asked at DATA. */
  readonly opensAtData: boolean;
  /** Opens a server for the recipients that are left, other than those tried. */
  open(discarded: ReadonlySet<string>, tried: readonly Attempt[]): Promise<OpenedServer>;
  judgeHead(head: Head): Promise<HeadVerdict> | HeadVerdict;
  /** Told of the bytes that follow the header. */
  onBody(bytes: Buffer): void;
}

/**
 * `answered`: the word on a whole message; `discarded`: nobody gets it and the client is not told; `lost`: the
 * server did not confirm it.
 */
export interface TransferOutcome {
  readonly kind: 'answered' | 'discarded' | 'lost';
  readonly reply: SmtpReply;
}

type Stage =
  | { readonly kind: 'head' }
  | { readonly kind: 'body' }
  | { readonly kind: 'over'; readonly outcome: TransferOutcome };

const megabyte = 1024 * 1024;
/** So much of a message is kept to be given to another server when one is lost before the end of the data. */
const replayMax = 256 * 1024;
const gatherMax = 16 * 1024;
const piecesMax = 64;
const nobody: ReadonlySet<string> = new Set();
const nothing = Buffer.alloc(0);

/**
 * Hands one message on while it comes in, holding no more of it than the buffers of the two connections, its header
 * and its first part. Bytes that must not go on are dropped.
 */
export class MessageTransfer {
  bodyBytes = 0;
  server: string | null = null;
  /** Servers asked in vain, those before the message came too. */
  readonly tried: Attempt[];
  readonly #options: TransferOptions;
  readonly #head: MessageHead;
  readonly #encoder = new BodyEncoder();
  #stage: Stage = { kind: 'head' };
  #transaction: ServerTransaction | null = null;
  #discarded: ReadonlySet<string> = nobody;
  #gathered: Buffer[] = [];
  #gatheredBytes = 0;
  #sent: Buffer[] | null = [];
  #sentBytes = 0;

  constructor(options: TransferOptions) {
    this.#options = options;
    this.tried = [...options.tried];
    this.#head = new MessageHead({ sizeMax: options.headerSizeMax });
  }

  /** DATA: null when the message may come, else what to answer. */
  async begin(): Promise<SmtpReply | null> {
    const { early, opensAtData } = this.#options;
    if (early !== null) {
      const verdict = await early.transaction.startData();
      this.server = early.server;
      if (verdict === null) {
        this.#transaction = early.transaction;
        return null;
      }
      // A temporary refusal is about this server: another may take the message.
      if (verdict.kind !== 'lost' && verdict.reply.code >= 500) return verdict.reply;
      this.#lose(verdict.kind === 'lost' ? verdict.reason : `data: ${describeReply(verdict.reply)}`);
    }
    if (early === null && !opensAtData) return null;
    return this.#open();
  }

  /** The next bytes; null when more may follow at once. */
  take(bytes: Buffer): Promise<void> | null {
    this.bodyBytes += bytes.length;
    const { sizeMax } = this.#options;
    if (this.#stage.kind === 'over') return null;
    if (sizeMax !== null && this.bodyBytes > sizeMax) return this.#refuse(ownReplies.tooLarge);
    if (this.#stage.kind === 'body') {
      this.#options.onBody(bytes);
      return this.#encode(bytes);
    }
    const read = this.#head.push(bytes);
    switch (read.kind) {
      case 'more':
        return null;
      case 'too-large':
        return this.#refuse(ownReplies.headerTooLarge);
      case 'head':
        return this.#beginBody(read);
    }
  }

  /** Whether so much came after a refusal that the rest is not waited for, or the refusal ends the connection. */
  get isOverrun(): boolean {
    if (this.#stage.kind !== 'over') return false;
    const { sizeMax } = this.#options;
    if (this.#stage.outcome.reply === ownReplies.headerTooLarge) return true;
    return sizeMax !== null && this.bodyBytes > 2 * sizeMax + megabyte;
  }

  /** What was decided before the message came to its end. */
  get decided(): TransferOutcome | null {
    return this.#stage.kind === 'over' ? this.#stage.outcome : null;
  }

  /** The end of the data. */
  async finish(): Promise<TransferOutcome> {
    if (this.#stage.kind === 'head') {
      await this.#beginBody(this.#head.end());
    }
    // A server that is known to be lost by now has not taken the message.
    const verdict = this.#send(nothing);
    if (verdict !== null) await verdict;
    if (this.#stage.kind === 'over') return this.#stage.outcome;
    this.#gather(this.#encoder.end());
    const unsafe = unsafetyOf(this.#encoder);
    if (unsafe !== null) {
      this.#refuse(unsafe);
      return { kind: 'answered', reply: unsafe };
    }
    const transaction = this.#transaction;
    if (transaction === null) throw new Error('a message without a server');
    this.#transaction = null;
    return outcomeOf(await transaction.finish(this.#takeGathered()));
  }

  /** The message will not come to its end: no server takes it. */
  abort(): void {
    this.#transaction?.drop();
    this.#transaction = null;
  }

  async #beginBody(head: Head): Promise<void> {
    const verdict = await this.#options.judgeHead(head);
    if (verdict.kind !== 'go-on') {
      this.#end({ kind: verdict.kind === 'discard' ? 'discarded' : 'answered', reply: verdict.reply });
      return;
    }
    this.#discarded = verdict.discarded;
    if (this.#transaction === null) {
      const reply = await this.#open();
      if (reply !== null) {
        this.#end({ kind: 'answered', reply });
        return;
      }
    }
    this.#stage = { kind: 'body' };
    await this.#encode(verdict.header);
    this.#options.onBody(head.rest);
    await this.#encode(head.rest);
  }

  #encode(bytes: Buffer): Promise<void> | null {
    if (this.#stage.kind !== 'body') return null;
    this.#gather(this.#encoder.encode(bytes));
    const unsafe = unsafetyOf(this.#encoder);
    if (unsafe !== null) return this.#refuse(unsafe);
    return this.#gatheredBytes < gatherMax ? null : this.#send(this.#takeGathered());
  }

  #gather(bytes: Buffer): void {
    if (bytes.length === 0) return;
    // Of pieces of a few bytes each takes many times its own room.
    if (this.#gathered.length >= piecesMax) this.#gathered = [Buffer.concat(this.#gathered)];
    this.#gathered.push(bytes);
    this.#gatheredBytes += bytes.length;
  }

  #takeGathered(): Buffer {
    const [only] = this.#gathered;
    const all = this.#gathered.length === 1 && only !== undefined ? only : Buffer.concat(this.#gathered);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    return all;
  }

  #send(bytes: Buffer): Promise<void> | null {
    if (this.#sent !== null) {
      this.#sentBytes += bytes.length;
      if (this.#sentBytes > replayMax) this.#sent = null;
      else this.#sent.push(bytes);
    }
    const verdict = this.#transaction?.write(bytes) ?? null;
    return verdict === null ? null : this.#heed(verdict);
  }

  async #heed(pending: Promise<ServerVerdict | null>): Promise<void> {
    let verdict = await pending;
    while (verdict !== null) {
      if (verdict.kind !== 'lost') return this.#end({ kind: 'answered', reply: verdict.reply });
      this.#lose(verdict.reason);
      // The end of the data was not sent, so the server that is lost has not taken the message.
      const sent = this.#sent;
      const reply = sent === null ? ownReplies.serverLost : await this.#open();
      if (reply !== null) return this.#end({ kind: sent === null ? 'lost' : 'answered', reply });
      verdict = (await this.#transaction?.write(Buffer.concat(sent ?? []))) ?? null;
    }
  }

  #lose(reason: string): void {
    this.tried.push({ server: this.server ?? '', reason });
    this.#transaction = null;
    this.server = null;
  }

  async #open(): Promise<SmtpReply | null> {
    const opened = await this.#options.open(this.#discarded, this.tried);
    this.tried.push(...opened.tried);
    this.server = opened.server;
    if (opened.kind === 'refused') return opened.reply;
    this.#transaction = opened.transaction;
    return null;
  }

  #refuse(reply: SmtpReply): null {
    this.#end({ kind: 'answered', reply });
    return null;
  }

  #end(outcome: TransferOutcome): void {
    this.#stage = { kind: 'over', outcome };
    this.#gathered = [];
    this.#sent = null;
    this.abort();
  }
}

/** Why no server may be shown the message: another may read more messages than one in it. */
function unsafetyOf({ bareLineEnding, hiddenDot }: BodyEncoder): SmtpReply | null {
  if (bareLineEnding) return ownReplies.bareLineEnding;
  return hiddenDot ? ownReplies.hiddenDot : null;
}

function outcomeOf(verdict: ServerVerdict): TransferOutcome {
  return verdict.kind === 'lost'
    ? { kind: 'lost', reply: ownReplies.serverLost }
    : { kind: 'answered', reply: verdict.reply };
}
