import { domainToASCII } from 'node:url';
import type { PendingScreening } from '../../filtering/pending-screening.js';
import type { AddressCommand } from '../../protocols/smtp/client-step.js';
import type { Envelope as WireEnvelope } from '../../protocols/smtp/envelope.js';
import type { SmtpReply } from '../../protocols/smtp/replies.js';
import type { Availability } from '../../routing/availability.js';
import type { Decision, Reply, TraceStep } from '../../routing/decision.js';
import type { MailDestination } from '../../routing/header-rules.js';
import { addRecipient, type Envelope, emptyEnvelope } from '../../routing/mail-recipients.js';
import { judgeSender, type MailSession, type Standing, standingOf } from '../../routing/mail-session.js';
import { mayBeServer, unknownServerReply } from '../../routing/outbound-mail.js';
import { chooseServer } from '../../routing/route-mail.js';
import { isMovable, isServerCertain } from '../../routing/server-certainty.js';
import type { DoorServices } from '../door-services.js';
import type { Attempt, Candidate } from './open-server.js';
import { ownReplies } from './own-replies.js';
import type { ServerTransaction } from './server-transaction.js';

/** The session a message is judged by; its filters may have to be waited for. */
export interface ScreenedSession extends MailSession {
  readonly screening: PendingScreening | null;
}

/** A server that was asked for recipients before the message came. */
export interface EarlyServer {
  readonly server: string;
  readonly transaction: ServerTransaction;
}

type Recipient = WireEnvelope['to'][number];

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
  readonly sizeBytes: number | null;
  readonly isUtf8: boolean;
  readonly startedAtMs: number;
  /** Set when the server was certain before the message came. */
  early: EarlyServer | null = null;
  readonly tried: Attempt[] = [];
  /** The way out that `tried` is about; null: servers of the estate. */
  #triedFor: string | null = null;
  /** The answer when nobody could be asked before the message came; it stands where nobody is left to ask. */
  earlyRefusal: SmtpReply | null = null;
  /** How a next hop outside was looked for. */
  readonly search: TraceStep[] = [];
  /** Whether the recipient accepted last had been accepted before. */
  isRepeated = false;
  readonly #command: AddressCommand;
  #session: ScreenedSession;
  #envelope: Envelope = emptyEnvelope;
  #wire: Recipient[] = [];
  readonly #trace: readonly TraceStep[];
  #decision: Decision | null = null;

  private constructor(
    session: ScreenedSession,
    command: AddressCommand,
    startedAtMs: number,
    trace: readonly TraceStep[],
  ) {
    this.#session = session;
    this.#trace = trace;
    this.#command = command;
    this.startedAtMs = startedAtMs;
    this.from = wireAddress(command.address);
    this.sizeBytes = declaredSize(command);
    this.isUtf8 = command.parameters['SMTPUTF8'] === true;
  }

  /** MAIL: the transaction, or why there is none. */
  static begin(
    session: ScreenedSession,
    command: AddressCommand,
    startedAtMs: number,
  ): MailTransaction | SmtpReply | Promise<MailTransaction | SmtpReply> {
    const from = wireAddress(command.address);
    return settled(session.screening, () => {
      const { refusal, trace } = judgeSender(session, from, declaredSize(command));
      if (refusal?.reason === 'not-authenticated' && mayBeServer(session)) return replyInWire(unknownServerReply);
      if (refusal !== null) return replyInWire(refusal.reply);
      return new MailTransaction(session, command, startedAtMs, trace);
    });
  }

  get session(): ScreenedSession {
    return this.#session;
  }

  get standing(): Standing {
    return standingOf(this.#session);
  }

  get envelope(): Envelope {
    return this.#envelope;
  }

  get sizeMax(): number | null {
    const limit = messageSizeLimit(this.#session);
    const { wayOut } = this.#envelope;
    return wayOut === null ? limit : Math.min(limit ?? Number.POSITIVE_INFINITY, wayOut.connector.maxMessageSize);
  }

  /** What led to the recipients' verdicts, and to a next hop outside as far as it was looked for. */
  get trace(): readonly TraceStep[] {
    return [...this.#trace, ...this.#envelope.trace, ...this.search];
  }

  /** Whether the server to take the message can no longer change. */
  get isServerCertain(): boolean {
    return isServerCertain(this.#session, this.#envelope);
  }

  get destination(): MailDestination {
    return this.#envelope.wayOut?.kind === 'send' ? 'outside' : 'inside';
  }

  /** Whether its first recipient decides where it goes, so that without it all is open again. */
  get mayMove(): boolean {
    return isMovable(this.#session, this.#envelope);
  }

  /** The accepted recipients as they are told to a server, each once. */
  get recipients(): readonly Recipient[] {
    return this.#wire;
  }

  /** RCPT: null when the recipient is accepted. */
  addRecipient(command: AddressCommand, services: DoorServices): SmtpReply | null | Promise<SmtpReply | null> {
    if (this.#envelope.recipients.length >= this.#recipientsMax) return ownReplies.tooManyRecipients;
    const address = wireAddress(command.address);
    const judged = settled(this.#session.screening, () => this.#judge(address, services));
    if (!(judged instanceof Promise)) return this.#accept(judged, address, command);
    return judged.then((envelope) => this.#accept(envelope, address, command));
  }

  /** Who could not take a message that went another way, or was asked otherwise, may take this one. */
  forgetOtherWays(): void {
    const key = this.#envelope.wayOut?.key ?? null;
    if (key !== this.#triedFor) this.tried.length = 0;
    this.#triedFor = key;
  }

  /** A recipient that the server refused after we had accepted it. */
  refuseLast(reply: SmtpReply): void {
    const { accepted, recipients } = this.#envelope;
    const refused = accepted.at(-1);
    if (refused === undefined) return;
    const verdict = reply.code < 500 ? 'defer' : 'reject';
    const { code, enhanced, text } = reply;
    const told = { ...refused, verdict, considered: false, reply: { code, enhanced: enhanced ?? '', text } } as const;
    this.#envelope = {
      ...this.#envelope,
      accepted: accepted.slice(0, -1),
      recipients: [...recipients.slice(0, -1), told],
      wayOut: accepted.length > 1 ? this.#envelope.wayOut : null,
    };
    this.#wire = this.#wire.filter((recipient) => recipient.address !== refused.address);
    this.#decision = null;
  }

  /** Where the message goes, with the whole trace; decided once for its recipients. */
  decide(availability: Availability): Decision {
    if (this.#decision !== null) return this.#decision;
    const decision = chooseServer(this.#session, this.#envelope, availability, this.sizeBytes);
    this.#decision = { ...decision, trace: [...this.#trace, ...this.#envelope.trace, ...decision.trace] };
    return this.#decision;
  }

  /** The envelope for a server; `headerBytes` is what we put on top of the message. */
  wireEnvelope(to: readonly Recipient[], headerBytes: number): WireEnvelope {
    const { parameters } = this.#command;
    return {
      from: this.from,
      to,
      size: this.sizeBytes === null ? undefined : this.sizeBytes + headerBytes,
      body8bit: String(parameters['BODY'] ?? '').toUpperCase() === '8BITMIME',
      smtputf8: this.isUtf8,
      ret: textOf(parameters['RET']),
      envid: textOf(parameters['ENVID']),
    };
  }

  #judge(address: string, services: DoorServices): Envelope {
    const envelope = addRecipient(this.#session, this.#envelope, address, this.sizeBytes);
    if (!this.#missesDatabase(envelope)) return envelope;
    const { topology, directory, frontEnd } = services.freshSnapshot();
    this.#session = { ...this.#session, topology, directory, frontEnd };
    return addRecipient(this.#session, this.#envelope, address, this.sizeBytes);
  }

  #accept(envelope: Envelope, address: string, { parameters }: AddressCommand): SmtpReply | null {
    this.#envelope = envelope;
    this.#decision = null;
    const reply = envelope.recipients.at(-1)?.reply ?? null;
    if (reply !== null) return replyInWire(reply);
    this.isRepeated = this.#wire.some((known) => known.address === address);
    if (!this.isRepeated) {
      this.#wire.push({ address, notify: textOf(parameters['NOTIFY']), orcpt: textOf(parameters['ORCPT']) });
    }
    return null;
  }

  // Refused recipients are kept in the trace: a client that guesses addresses must not fill the memory.
  get #recipientsMax(): number {
    const { connector, topology } = this.#session;
    const ofServers = this.standing === 'server' ? topology.organization.maxRecipients : 0;
    return 2 * Math.max(connector.maxRecipients, ofServers) + 100;
  }

  #missesDatabase(envelope: Envelope): boolean {
    const recipient = envelope.recipients.at(-1);
    if (recipient?.class !== 'mailbox' || recipient.database === null) return false;
    return this.#session.topology.database(recipient.database) === undefined;
  }
}

/** The servers of a decision in the order to try them, without those that were tried. */
export function candidatesOf(
  { targets, fallback }: Decision,
  { topology, user }: MailSession,
  { rotate }: Pick<DoorServices, 'rotate'>,
  tried: readonly Attempt[] = [],
): Candidate[] {
  return [targets, ...fallback].flatMap((set) =>
    rotate(set).flatMap(({ server, host }) => {
      const known = topology.server(server);
      if (known === undefined || tried.some((attempt) => attempt.server === server)) return [];
      return [{ server, host, endpoint: user === null ? known.endpoints.smtp : known.endpoints.submission }];
    }),
  );
}

function declaredSize({ parameters }: AddressCommand): number | null {
  const said = parameters['SIZE'];
  return said === undefined ? null : Number(said);
}

const textOf = (value: string | true | undefined): string | null => (typeof value === 'string' ? value : null);

const isAscii = (text: string): boolean => /^[\u0000-\u007f]*$/.test(text);

// RFC 5890 §2.3.2.1: a domain in its own script stands for one in ASCII; the part before the @ has no such form.
function wireAddress(address: string): string {
  if (isAscii(address)) return address;
  const domain = address.slice(address.lastIndexOf('@') + 1);
  if (isAscii(domain)) return address;
  const ascii = domainToASCII(domain);
  return ascii === '' ? address : address.slice(0, address.length - domain.length) + ascii;
}

/** Asks again while a filter has to be waited for; at once when none has. */
function settled<T>(screening: PendingScreening | null, ask: () => T): T | Promise<T> {
  const answer = ask();
  return screening === null || screening.pending === null ? answer : settledLater(screening, ask);
}

async function settledLater<T>(screening: PendingScreening, ask: () => T): Promise<T> {
  for (;;) {
    await screening.pending;
    const answer = ask();
    if (screening.pending === null) return answer;
  }
}
