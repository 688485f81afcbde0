import type { ServerCapabilities } from './capabilities.js';
import { type Envelope, mailCommand, rcptCommand, refusalOfRecipient } from './envelope.js';
import { kindOfReply, type SmtpReply } from './replies.js';
import type { RecipientReply } from './server-step.js';

/** What came of one more reply: commands to write, the answer of the whole envelope, or a reply that fits nothing. */
export type ExchangeProgress =
  | { readonly kind: 'more'; readonly output: string }
  | {
      readonly kind: 'recipients';
      readonly accepted: readonly RecipientReply[];
      readonly refused: readonly RecipientReply[];
    }
  | { readonly kind: 'sender-refused'; readonly reply: SmtpReply }
  | { readonly kind: 'confused' };

/**
 * MAIL and the RCPTs of one envelope: all at once when the server offers PIPELINING (RFC 2920), else one by one.
 * Every command that was written gets its own reply, also after a refusal, so that replies never go to the wrong one.
 */
export class EnvelopeExchange {
  readonly #envelope: Envelope;
  readonly #server: ServerCapabilities;
  readonly #writable: readonly string[];
  readonly #accepted: RecipientReply[] = [];
  readonly #refused: RecipientReply[] = [];
  #replies = 0;
  #senderRefusal: SmtpReply | null = null;

  constructor(envelope: Envelope, server: ServerCapabilities) {
    this.#envelope = envelope;
    this.#server = server;
    const writable: string[] = [];
    for (const address of envelope.to) {
      const reply = refusalOfRecipient(address, envelope.smtputf8);
      if (reply === null) writable.push(address);
      else this.#refused.push({ address, reply });
    }
    this.#writable = writable;
  }

  /** The command the next reply belongs to. */
  get stage(): 'mail' | 'rcpt' {
    return this.#replies === 0 ? 'mail' : 'rcpt';
  }

  /** The server's refusal of the sender, while replies to commands sent along with MAIL are still to come. */
  get senderRefusal(): SmtpReply | null {
    return this.#senderRefusal;
  }

  /** The first commands; at once the answer when no recipient can be written. */
  begin(): ExchangeProgress {
    if (this.#writable.length === 0) return this.#result();
    const mail = mailCommand(this.#envelope, this.#server);
    return { kind: 'more', output: this.#pipelined ? mail + this.#writable.map(rcptCommand).join('') : mail };
  }

  take(reply: SmtpReply): ExchangeProgress {
    const kind = kindOfReply(reply);
    if (kind === 'go-on') return { kind: 'confused' };
    const address = this.#writable[this.#replies - 1];
    this.#replies += 1;
    if (address !== undefined) (kind === 'done' ? this.#accepted : this.#refused).push({ address, reply });
    else if (kind !== 'done') this.#senderRefusal = reply;
    if (this.#senderRefusal !== null && (!this.#pipelined || this.#complete)) {
      return { kind: 'sender-refused', reply: this.#senderRefusal };
    }
    if (this.#complete) return this.#result();
    return { kind: 'more', output: this.#pipelined ? '' : rcptCommand(this.#writable[this.#replies - 1] ?? '') };
  }

  get #pipelined(): boolean {
    return this.#server.keywords.has('PIPELINING');
  }

  get #complete(): boolean {
    return this.#replies > this.#writable.length;
  }

  #result(): ExchangeProgress {
    return { kind: 'recipients', accepted: this.#accepted, refused: this.#refused };
  }
}
