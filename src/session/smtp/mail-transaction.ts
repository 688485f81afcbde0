import { domainToASCII } from 'node:url';
import type { SmtpReply } from '../../protocols/smtp/replies.js';
import type { Decision, Reply, TraceStep } from '../../routing/decision.js';
import { addRecipient, type Envelope, emptyEnvelope } from '../../routing/mail-recipients.js';
import { judgeSender, type MailSession, standingOf } from '../../routing/mail-session.js';
import { chooseServer } from '../../routing/route-mail.js';
import type { DoorServices } from '../door-services.js';
import type { Candidate } from './open-server.js';
import { ownReplies } from './own-replies.js';
import type { AddressCommand, ClientGreeting } from './receiver.js';

const mailParameters = new Set(['SIZE', 'BODY']);

/** The largest message the session may send, in bytes; null: there is no limit. */
export function messageSizeLimit(session: MailSession): number | null {
  const { connector, topology } = session;
  if (standingOf(session) === 'server') return null;
  return Math.min(connector.maxMessageSize, topology.organization.maxMessageSize);
}

/** A reply of a decision in the form of the protocol. */
export function replyInWire({ code, enhanced, text }: Reply): SmtpReply {
  return { code: Number(code), enhanced, text };
}

/** One message from MAIL to its end: who sends it, to whom, and what was decided. */
export class MailTransaction {
  readonly from: string;
  readonly greeting: ClientGreeting;
  readonly sizeBytes: number | null;
  readonly body8bit: boolean;
  #session: MailSession;
  #envelope: Envelope = emptyEnvelope;
  readonly #trace: readonly TraceStep[];

  private constructor(
    session: MailSession,
    command: AddressCommand,
    greeting: ClientGreeting,
    trace: readonly TraceStep[],
  ) {
    this.#session = session;
    this.#trace = trace;
    this.from = wireAddress(command.address);
    this.greeting = greeting;
    this.sizeBytes = declaredSize(command);
    this.body8bit = String(command.parameters['BODY'] ?? '').toUpperCase() === '8BITMIME';
  }

  /** MAIL: the transaction, or why there is none. */
  static begin(session: MailSession, command: AddressCommand, greeting: ClientGreeting): MailTransaction | SmtpReply {
    if (session.connector.requireTls && greeting.channel === 'plain') return ownReplies.tlsFirst;
    if (Object.keys(command.parameters).some((name) => !mailParameters.has(name))) return ownReplies.parameter;
    const from = wireAddress(command.address);
    const { refusal, trace } = judgeSender(session, from, declaredSize(command));
    if (refusal !== null) return replyInWire(refusal.reply);
    return isAscii(from) ? new MailTransaction(session, command, greeting, trace) : ownReplies.notAscii;
  }

  /** The accepted recipients, each once. */
  get recipients(): readonly string[] {
    return [...new Set(this.#envelope.accepted.map(({ address }) => address))];
  }

  get frontEndHost(): string {
    return this.#session.frontEnd.host;
  }

  get sizeMax(): number | null {
    return messageSizeLimit(this.#session);
  }

  /** RCPT: null when the recipient is accepted. */
  addRecipient(command: AddressCommand, services: DoorServices): SmtpReply | null {
    if (Object.keys(command.parameters).length > 0) return ownReplies.parameter;
    if (this.#envelope.recipients.length >= this.#recipientsMax) return ownReplies.tooManyRecipients;
    const address = wireAddress(command.address);
    let envelope = addRecipient(this.#session, this.#envelope, address);
    if (this.#missesDatabase(envelope)) {
      const { topology, directory, frontEnd } = services.freshSnapshot();
      this.#session = { ...this.#session, topology, directory, frontEnd };
      envelope = addRecipient(this.#session, this.#envelope, address);
    }
    const reply = envelope.recipients.at(-1)?.reply ?? null;
    if (reply === null && !isAscii(address)) return ownReplies.notAscii;
    this.#envelope = envelope;
    return reply === null ? null : replyInWire(reply);
  }

  /** DATA: where the message goes, with the whole trace. */
  decide({ availability }: DoorServices): Decision {
    const decision = chooseServer(this.#session, this.#envelope, availability, this.sizeBytes);
    return { ...decision, trace: [...this.#trace, ...this.#envelope.trace, ...decision.trace] };
  }

  /** The servers of a decision in the order to try them. */
  candidatesOf({ targets, fallback }: Decision, { rotate }: Pick<DoorServices, 'rotate'>): Candidate[] {
    return [targets, ...fallback].flatMap((set) =>
      rotate(set).flatMap(({ server, host }) => {
        const known = this.#session.topology.server(server);
        return known === undefined ? [] : [{ server, host, endpoint: known.endpoints.smtp }];
      }),
    );
  }

  // Refused recipients are kept in the trace: a client that guesses addresses must not fill the memory.
  get #recipientsMax(): number {
    const { connector, topology } = this.#session;
    return (
      2 *
        Math.max(
          connector.maxRecipients,
          standingOf(this.#session) === 'server' ? topology.organization.maxRecipients : 0,
        ) +
      100
    );
  }

  #missesDatabase(envelope: Envelope): boolean {
    const recipient = envelope.recipients.at(-1);
    if (recipient?.class !== 'mailbox' || recipient.database === null) return false;
    return this.#session.topology.database(recipient.database) === undefined;
  }
}

function declaredSize({ parameters }: AddressCommand): number | null {
  const said = parameters['SIZE'];
  return said === undefined ? null : Number(said);
}

const isAscii = (text: string): boolean => /^[\u0000-\u007f]*$/.test(text);

// RFC 5890 §2.3.2.1: a domain in its own script stands for one in ASCII; the part before the @ has no such form.
function wireAddress(address: string): string {
  const domain = address.slice(address.lastIndexOf('@') + 1);
  if (isAscii(domain)) return address;
  const ascii = domainToASCII(domain);
  return ascii === '' ? address : address.slice(0, address.length - domain.length) + ascii;
}
