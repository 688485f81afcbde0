import { hostname } from 'node:os';
import { AgentChain, type MessageResult } from '../filtering/agent-chain.js';
import { screeningOf } from '../filtering/pending-screening.js';
import type { HeaderField, ProtocolAgent } from '../filtering/protocol-agent.js';
import type { RecipientDecision, Reply, TraceStep } from '../routing/decision.js';
import { step } from '../routing/decision.js';
import { addRecipient, type Envelope, emptyEnvelope } from '../routing/mail-recipients.js';
import { judgeConnection, judgeSender, type MailSession, standingOf } from '../routing/mail-session.js';
import { selectReceiveConnector } from '../routing/receive-connectors.js';
import { classifyRecipient } from '../routing/recipients.js';
import { chooseFrontEnd } from '../topology/choose-front-end.js';
import type { FilterVerdict } from '../topology/screening.js';
import type { Estate } from './test-routing.js';

/** A message that a client brings to a front end. */
export interface FilterSession {
  readonly on: string | undefined;
  readonly port: number;
  readonly clientIp: string;
  readonly helo: string | undefined;
  /** Without angle brackets; undefined: the sender is not part of the question. */
  readonly from: string | undefined;
  readonly to: readonly string[];
  readonly fields: readonly HeaderField[];
}

/** What a recipient hears in the end. */
export interface FilteredRecipient extends Omit<RecipientDecision, 'verdict'> {
  readonly verdict: RecipientDecision['verdict'] | 'discard';
}

export interface FilterOutcome {
  /** `accept` when a recipient gets the message, or none was named and nothing speaks against client and sender. */
  readonly outcome: FilteredRecipient['verdict'];
  readonly reply: Reply | null;
  readonly receiveConnector: string | null;
  /** What the message is marked with. */
  readonly marks: readonly string[];
  readonly recipients: readonly FilteredRecipient[];
  readonly trace: readonly TraceStep[];
}

type Block = Extract<FilterVerdict, { kind: 'block' }>;

/** Goes through a session as the front end does, up to the end of the header, by the same functions. */
export async function runFilterSession(
  { topology, directory }: Estate,
  asked: FilterSession,
  agents: readonly ProtocolAgent[],
): Promise<FilterOutcome> {
  const { clientIp: clientAddress, port } = asked;
  const frontEnd = chooseFrontEnd(topology, asked.on, hostname());
  const connector = selectReceiveConnector(topology, { frontEnd, localAddress: null, port, clientAddress });
  if (!connector) {
    const detail = `no enabled receive connector of ${frontEnd.name} on port ${port} takes ${clientAddress}`;
    const reply = { code: 421, enhanced: '4.3.2', text: 'Service not available' };
    return outcomeOf(null, [step('receive-connector/none', detail)], { outcome: 'reject', reply });
  }
  const bare: MailSession = { topology, directory, frontEnd, connector, clientAddress, user: null, screening: null };
  const standing = standingOf(bare);
  const isStranger = standing === 'anonymous' || standing === 'partner';
  const door = new FilterDoor(bare, asked, isStranger ? agents : []);
  return door.run();
}

function outcomeOf(
  connector: string | null,
  trace: readonly TraceStep[],
  rest: Pick<FilterOutcome, 'outcome' | 'reply'> & Partial<FilterOutcome>,
): FilterOutcome {
  return { receiveConnector: connector, marks: [], recipients: [], trace, ...rest };
}

/** One session, event by event. */
class FilterDoor {
  readonly #asked: FilterSession;
  readonly #chain: AgentChain;
  readonly #screening: ReturnType<typeof screeningOf>;
  readonly #session: MailSession;
  readonly #trace: TraceStep[] = [];
  /** What agents see of the session. */
  readonly #seen: { from: string | null; recipients: readonly string[]; readonly helo: string | null };

  constructor(bare: MailSession, asked: FilterSession, agents: readonly ProtocolAgent[]) {
    const seen = {
      id: 'filter-test',
      connector: bare.connector.name,
      clientAddress: asked.clientIp,
      helo: asked.helo ?? null,
      isSecure: false,
      from: null as string | null,
      recipients: [] as readonly string[],
    };
    this.#asked = asked;
    this.#seen = seen;
    this.#chain = new AgentChain(agents, seen, () => undefined);
    this.#screening = screeningOf(this.#chain, bare.topology.filters);
    this.#session = { ...bare, screening: this.#screening };
  }

  async run(): Promise<FilterOutcome> {
    const { from, to } = this.#asked;
    await this.#chain.connect();
    const connection = judgeConnection(this.#session);
    this.#trace.push(...connection.trace);
    if (connection.refusal) return this.#end(connection.refusal.reply);
    const hello = this.#seen.helo === null ? undefined : await this.#chain.hello();
    if (hello?.kind === 'block') return this.#end(this.#blocked('hello', hello));
    if (from !== undefined) {
      this.#seen.from = from;
      const sender = await this.#answered(() => judgeSender(this.#session, from, null));
      this.#trace.push(...sender.trace);
      if (sender.refusal) return this.#end(sender.refusal.reply);
    }
    const { client } = this.#chain;
    if (to.length === 0) return this.#end(client.kind === 'block' ? this.#blocked('connect', client) : null);
    const envelope = await this.#recipients();
    if (envelope.accepted.length === 0)
      return this.#end(envelope.recipients.at(-1)?.reply ?? null, envelope.recipients);
    return this.#message(envelope);
  }

  async #recipients(): Promise<Envelope> {
    let envelope = emptyEnvelope;
    for (const to of this.#asked.to) {
      const before = envelope;
      envelope = await this.#answered(() => addRecipient(this.#session, before, to));
      this.#seen.recipients = envelope.accepted.map(({ address }) => this.#keyOf(address));
    }
    this.#trace.push(...envelope.trace);
    return envelope;
  }

  async #message({ recipients }: Envelope): Promise<FilterOutcome> {
    const { fields, from = '' } = this.#asked;
    const result = await this.#chain.message({ from, recipients: this.#seen.recipients, fields });
    const heard = recipients.map((recipient) => this.#afterMessage(recipient, result));
    if (result.verdict.kind === 'block') return this.#end(this.#blocked('message', result.verdict), heard);
    const isGone = heard.every(({ verdict }) => verdict !== 'accept');
    const marks = [...new Set([...this.#chain.marks, ...result.marks])];
    const outcome = isGone ? 'discard' : 'accept';
    return outcomeOf(this.#session.connector.name, this.#trace, { outcome, reply: null, marks, recipients: heard });
  }

  #afterMessage(recipient: RecipientDecision, { verdict, discarded }: MessageResult): FilteredRecipient {
    if (recipient.verdict !== 'accept') return recipient;
    if (verdict.kind === 'block') return { ...recipient, verdict: verdictOf(verdict.reply), reply: verdict.reply };
    return discarded.has(this.#keyOf(recipient.address)) ? { ...recipient, verdict: 'discard' } : recipient;
  }

  #keyOf(address: string): string {
    const { topology, directory } = this.#session;
    return classifyRecipient(topology, directory, address)?.key ?? address;
  }

  #blocked(event: 'connect' | 'hello' | 'message', { why, reply }: Block): Reply {
    this.#trace.push(step(`filter/${event}-block`, why));
    return reply;
  }

  /** The end of the session; a reply refuses it. */
  #end(reply: Reply | null, recipients: readonly FilteredRecipient[] = []): FilterOutcome {
    const outcome = reply === null ? 'accept' : verdictOf(reply);
    return outcomeOf(this.#session.connector.name, this.#trace, { outcome, reply, recipients });
  }

  /** An answer for which agents had to be waited for. */
  async #answered<T>(ask: () => T): Promise<T> {
    for (;;) {
      const answer = ask();
      if (this.#screening.pending === null) return answer;
      await this.#screening.pending;
    }
  }
}

const verdictOf = ({ code }: Reply): 'reject' | 'defer' => (Number(code) < 500 ? 'defer' : 'reject');
