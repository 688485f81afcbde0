import type { ServerCapabilities } from './capabilities.js';
import { type Envelope, type EnvelopeRecipient, mailCommand, rcptCommand, refusalOfRecipient } from './envelope.js';
import { kindOfReply, type SmtpReply } from './replies.js';
import type { RecipientReply } from './server-step.js';

/** What came of one more reply: commands to write, the answer of the whole exchange, or a reply that fits nothing. */
export type ExchangeProgress =
  | { readonly kind: 'more'; readonly output: string }
  /** `spent`: DATA went along and was let in, so that nothing may be written any more. */
  | { readonly kind: 'recipients'; readonly replies: readonly RecipientReply[]; readonly connection: Connection }
  | { readonly kind: 'sender-refused'; readonly reply: SmtpReply; readonly connection: Connection }
  /** Everybody was accepted, and the message may come. */
  | { readonly kind: 'go-ahead' }
  | { readonly kind: 'data-refused'; readonly reply: SmtpReply }
  | { readonly kind: 'confused' };

type Connection = 'usable' | 'spent';

export interface ExchangeOptions {
  readonly server: ServerCapabilities;
  /** MAIL, CRLF included; null when the transaction is open already. */
  readonly mail: Envelope | null;
  readonly recipients: readonly EnvelopeRecipient[];
  readonly smtputf8: boolean;
  /** Whether DATA follows when everybody was accepted. */
  readonly withData: boolean;
}

/**
 * MAIL, RCPTs and DATA, as far as they are wanted: all at once when the server offers PIPELINING (RFC 2920), else one
 * by one. Every command that was written gets its own reply, also after a refusal, so that replies never go to the
 * wrong one. Recipients that cannot be written get a reply of ours, and DATA is then not sent.
 */
export class EnvelopeExchange {
  readonly #options: ExchangeOptions;
  readonly #isPipelined: boolean;
  readonly #withData: boolean;
  /** By recipient; undefined until it is answered. */
  readonly #replies: (RecipientReply | undefined)[];
  #stage: 'mail' | 'rcpt' | 'data';
  #recipient = 0;
  #isRefused = false;
  #senderRefusal: SmtpReply | null = null;

  constructor(options: ExchangeOptions) {
    const { server, mail, recipients, smtputf8, withData } = options;
    this.#options = options;
    this.#isPipelined = server.keywords.has('PIPELINING');
    this.#stage = mail === null ? 'rcpt' : 'mail';
    this.#replies = recipients.map((recipient) => {
      const reply = refusalOfRecipient(recipient, smtputf8);
      return reply === null ? undefined : this.#refused(recipient, reply);
    });
    this.#withData = withData && recipients.length > 0 && !this.#isRefused;
    this.#skipAnswered();
  }

  /** The command the next reply belongs to. */
  get stage(): 'mail' | 'rcpt' | 'data' {
    return this.#stage;
  }

  get smtputf8(): boolean {
    return this.#options.smtputf8;
  }

  /** The server's refusal of the sender, while replies to commands sent along with MAIL are still to come. */
  get senderRefusal(): SmtpReply | null {
    return this.#senderRefusal;
  }

  /** The first commands; at once the answer when there is nothing to write. */
  begin(): ExchangeProgress {
    const { mail, server, recipients } = this.#options;
    let output = mail === null ? '' : mailCommand(mail, server);
    if (this.#isPipelined) {
      for (let at = this.#recipient; at < recipients.length; at += 1) {
        const recipient = recipients[at];
        if (recipient !== undefined && this.#replies[at] === undefined) output += rcptCommand(recipient, server);
      }
      if (this.#withData) output += 'DATA\r\n';
    } else if (output === '') output = this.#nextRcpt();
    return output === '' ? this.#result('usable') : { kind: 'more', output };
  }

  take(reply: SmtpReply): ExchangeProgress {
    const kind = kindOfReply(reply);
    if (this.#stage === 'data') return this.#takeData(reply, kind);
    if (kind === 'go-on') return { kind: 'confused' };
    if (this.#stage === 'mail') {
      this.#stage = 'rcpt';
      if (kind !== 'done') this.#senderRefusal = reply;
      return this.#goOn();
    }
    const recipient = this.#options.recipients[this.#recipient];
    if (recipient === undefined) return { kind: 'confused' };
    this.#replies[this.#recipient] =
      kind === 'done' ? { address: recipient.address, reply } : this.#refused(recipient, reply);
    this.#skipAnswered();
    return this.#goOn();
  }

  /** After the reply to MAIL or a RCPT. */
  #goOn(): ExchangeProgress {
    if (this.#senderRefusal !== null && !this.#isPipelined) return this.#refusedSender(this.#senderRefusal, 'usable');
    if (this.#recipient < this.#replies.length) {
      return { kind: 'more', output: this.#isPipelined ? '' : this.#nextRcpt() };
    }
    if (this.#withData && (this.#isPipelined || !this.#isRefused)) {
      this.#stage = 'data';
      return { kind: 'more', output: this.#isPipelined ? '' : 'DATA\r\n' };
    }
    return this.#senderRefusal === null ? this.#result('usable') : this.#refusedSender(this.#senderRefusal, 'usable');
  }

  #takeData(reply: SmtpReply, kind: ReturnType<typeof kindOfReply>): ExchangeProgress {
    if (kind === 'done') return { kind: 'confused' };
    const connection = kind === 'go-on' ? 'spent' : 'usable';
    if (this.#senderRefusal !== null) return this.#refusedSender(this.#senderRefusal, connection);
    if (this.#isRefused) return this.#result(connection);
    if (kind !== 'go-on') return { kind: 'data-refused', reply };
    return { kind: reply.code === 354 ? 'go-ahead' : 'confused' };
  }

  #nextRcpt(): string {
    const recipient = this.#options.recipients[this.#recipient];
    return recipient === undefined ? '' : rcptCommand(recipient, this.#options.server);
  }

  #skipAnswered(): void {
    while (this.#recipient < this.#replies.length && this.#replies[this.#recipient] !== undefined) this.#recipient += 1;
  }

  #refused({ address }: EnvelopeRecipient, reply: SmtpReply): RecipientReply {
    this.#isRefused = true;
    return { address, reply };
  }

  #refusedSender(reply: SmtpReply, connection: Connection): ExchangeProgress {
    return { kind: 'sender-refused', reply, connection };
  }

  #result(connection: Connection): ExchangeProgress {
    return { kind: 'recipients', replies: this.#replies.filter((reply) => reply !== undefined), connection };
  }
}
