import { AgentChain, type MessageResult } from '../../filtering/agent-chain.js';
import { type PendingScreening, screeningOf } from '../../filtering/pending-screening.js';
import type { AgentSession, HeaderField, ProtocolAgent } from '../../filtering/protocol-agent.js';
import type { TrackedFilter } from '../../observability/tracking-record.js';
import type { SmtpReply } from '../../protocols/smtp/replies.js';
import { type MailSession, standingOf } from '../../routing/mail-session.js';
import { completeAddress } from '../../routing/recipients.js';
import { addressKey } from '../../topology/mail-address.js';
import type { FilterVerdict } from '../../topology/screening.js';
import { type MailTransaction, replyInWire } from './mail-transaction.js';
import type { SmtpSession } from './smtp-session.js';
import { withinTime } from './within-time.js';

type Answer = SmtpReply | null;

const agentTimeoutMs = 30_000;
const verdictsMax = 200;

/** The protocol agents at one session of the door: only strangers meet them. */
export class SessionAgents implements AgentSession {
  readonly #session: SmtpSession;
  #agents: readonly ProtocolAgent[] = [];
  #chain: AgentChain | null = null;
  #ofSession: TrackedFilter[] = [];
  #ofMessage: TrackedFilter[] = [];
  /** Of the recipients of the message under way. */
  readonly #keys = new Map<string, string>();
  #transaction: MailTransaction | null = null;

  constructor(session: SmtpSession) {
    this.#session = session;
  }

  get id(): string {
    return this.#session.options.id;
  }

  get connector(): string {
    return this.#session.options.connector.name;
  }

  get clientAddress(): string {
    return this.#session.client.clientAddress;
  }

  get helo(): string | null {
    return this.#session.helo === '' ? null : this.#session.helo;
  }

  get isSecure(): boolean {
    return this.#session.tls !== null;
  }

  get from(): string | null {
    return this.#transaction?.from ?? null;
  }

  get recipients(): readonly string[] {
    return this.#transaction?.recipients.map(({ address }) => this.#keyOf(address)) ?? [];
  }

  /** Whether agents are asked about this client at all. */
  get areAsked(): boolean {
    return this.#chain !== null && this.#session.login === null;
  }

  /** Whether the client's address is blocked, which it hears at RCPT. */
  get isBlocked(): boolean {
    return this.areAsked && this.#chain?.client.kind === 'block';
  }

  /** Whether an agent has something to say at the end of a header. */
  get judgesMessages(): boolean {
    return this.areAsked && this.#chain?.hasMessageAgents === true;
  }

  /** What agents said other than "pass", of the session and of the message under way. */
  get verdicts(): readonly TrackedFilter[] {
    return [...this.#ofSession, ...this.#ofMessage];
  }

  /** Asks about a new client; a blocked one is answered later. */
  async connect(session: MailSession): Promise<void> {
    this.#ofSession = [];
    this.#agents = this.#session.options.services.agentsOf(session.topology);
    const standing = standingOf(session);
    const isStranger = standing === 'anonymous' || standing === 'partner';
    this.#chain = isStranger
      ? new AgentChain(this.#agents, this, this.#report, (work) => withinTime(work, agentTimeoutMs))
      : null;
    await this.#chain?.connect();
  }

  /** Whether the agents have changed since the client was judged. */
  areOutdated({ topology }: MailSession): boolean {
    return this.#agents !== this.#session.options.services.agentsOf(topology);
  }

  hello(): Answer | Promise<Answer> {
    const verdict = this.areAsked ? this.#chain?.hello() : undefined;
    if (verdict instanceof Promise) return verdict.then((later) => this.#answerOf(later));
    return verdict === undefined ? null : this.#answerOf(verdict);
  }

  /** The screening of a message that begins; null where nobody is asked. */
  screen({ topology }: MailSession): PendingScreening | null {
    return this.#chain !== null && this.areAsked ? screeningOf(this.#chain, topology.filters) : null;
  }

  /** A message begins, or is done with. */
  about(transaction: MailTransaction | null): void {
    this.#transaction = transaction;
    this.#keys.clear();
    if (transaction === null) this.#ofMessage = [];
  }

  /** The end of a header; the marks are all that the message has. */
  async message(transaction: MailTransaction, fields: readonly HeaderField[]): Promise<MessageResult> {
    const chain = this.#chain;
    if (chain === null || !this.areAsked) return { marks: [], verdict: { kind: 'pass' }, discarded: new Set() };
    const result = await chain.message({ from: transaction.from, recipients: this.recipients, fields });
    const lost = transaction.recipients.filter(({ address }) => result.discarded.has(this.#keyOf(address)));
    const discarded = new Set(lost.map(({ address }) => address));
    return { ...result, discarded, marks: [...new Set([...chain.marks, ...result.marks])] };
  }

  outcome(transaction: MailTransaction, fields: readonly HeaderField[], { code, text }: SmtpReply): void {
    if (!this.areAsked) return;
    const message = { from: transaction.from, recipients: this.recipients, fields };
    this.#chain?.outcome({ message, reply: { code, text } });
  }

  disconnect(): void {
    this.#chain?.disconnect();
  }

  /** A recipient as agents know it. */
  #keyOf(address: string): string {
    const known = this.#keys.get(address);
    if (known !== undefined) return known;
    const topology = this.#transaction?.session.topology;
    const key = (topology && addressKey(completeAddress(topology, address))) ?? address;
    this.#keys.set(address, key);
    return key;
  }

  #answerOf(verdict: FilterVerdict): Answer {
    if (verdict.kind !== 'block') return null;
    if (verdict.thenClose === true) this.#session.mustClose = true;
    return replyInWire(verdict.reply);
  }

  readonly #report: ConstructorParameters<typeof AgentChain>[2] = (agent, event, verdict, fault) => {
    const { services } = this.#session.options;
    services.count('agent-verdicts', { agent, event, verdict: fault === undefined ? verdict.kind : 'fault' });
    if (fault !== undefined) this.#session.log({ agent, event, fault }, 'an agent failed');
    if (verdict.kind === 'pass') return;
    this.#session.log({ agent, event, verdict: verdict.kind, why: verdict.why }, 'agent');
    const isOfSession = event === 'connect' || event === 'hello';
    // At those whoever hears the refusal sees to it.
    if (!isOfSession && verdict.kind === 'block' && verdict.thenClose === true) this.#session.mustClose = true;
    const list = isOfSession ? this.#ofSession : this.#ofMessage;
    if (list.length < verdictsMax) list.push({ agent, event, verdict: verdict.kind, why: verdict.why });
  };
}
