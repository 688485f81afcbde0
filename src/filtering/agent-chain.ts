import { reasonOf } from '../errors.js';
import type { FilterVerdict, Screening } from '../topology/screening.js';
import { type AgentEvent, readAnswer } from './agent-answer.js';
import { type AgentsByEvent, agentsByEvent } from './agents-by-event.js';
import { block, pass, thenClose } from './filter-verdict.js';
import { LiveSession } from './live-session.js';
import type {
  AgentMessage,
  AgentOutcome,
  AgentSession,
  Awaitable,
  MessageVerdict,
  ProtocolAgent,
} from './protocol-agent.js';
import { askInTurn, isPromise, whenKnown } from './when-known.js';

type Block = Extract<FilterVerdict, { kind: 'block' }>;
type Stamp = Extract<FilterVerdict, { kind: 'stamp' }>;
type MarkingEvent = 'connect' | 'hello' | 'mail' | 'recipient';

/** A recipient as routing asks about it. */
export type ScreenedRecipient = Parameters<Screening['recipient']>[0];

/**
 * Told of every verdict other than `pass`. `fault` says what an agent did wrong: thrown, taken too long, answered
 * nonsense; the verdict is then the temporary refusal that takes its place, or `pass` where no verdict was asked for.
 */
export type AgentReport = (agent: string, event: AgentEvent, verdict: MessageVerdict, fault?: string) => void;

/** Ends the wait for an agent: settles as the work does, or rejects when that takes too long. */
export type WaitLimit = <T>(work: Promise<T>) => Promise<T>;

/** What the agents say of a message at the end of its header. */
export interface MessageResult {
  /** Stamps of this event, beside those in `AgentChain.marks`. */
  readonly marks: readonly string[];
  readonly verdict: { readonly kind: 'pass' } | Block;
  /** Recipients, as they stand in the message, that hear 250 and get nothing. */
  readonly discarded: ReadonlySet<string>;
}

const unlimited: WaitLimit = (work) => work;
const marksMax = 100;
const noMarks: readonly string[] = [];
const nothingSaid: MessageResult = { marks: noMarks, verdict: { kind: 'pass' }, discarded: new Set() };

const faulty = (why: string): FilterVerdict =>
  block(451, '4.3.0', 'The message cannot be checked now, try again later', why);

/**
 * The agents at one session, asked event by event. Answers are there at once where no agent has to be waited for. An
 * agent that fails counts as a temporary refusal. Once a session, or a message, is exempt nobody is asked any more;
 * a client that is blocked hears of it at RCPT, and nobody is asked about its senders.
 */
export class AgentChain {
  readonly #agents: AgentsByEvent;
  readonly #session: LiveSession;
  readonly #report: AgentReport;
  readonly #within: WaitLimit;
  #client: FilterVerdict = pass;
  #isMessageExempt = false;
  readonly #marks: Record<MarkingEvent, readonly string[]> = {
    connect: noMarks,
    hello: noMarks,
    mail: noMarks,
    recipient: noMarks,
  };

  constructor(
    agents: readonly ProtocolAgent[],
    session: AgentSession,
    report: AgentReport,
    within: WaitLimit = unlimited,
  ) {
    this.#agents = agentsByEvent(agents);
    this.#session = new LiveSession(session);
    this.#report = report;
    this.#within = within;
  }

  /** The session as it is now; to be set where another object describes it. */
  set session(session: AgentSession) {
    this.#session.describe(session);
  }

  /** What was said of the client when it connected, or that it was exempted at its greeting. */
  get client(): FilterVerdict {
    return this.#client;
  }

  /** Stamps of the session and of the message under way, each once. */
  get marks(): readonly string[] {
    const { connect, hello, mail, recipient } = this.#marks;
    return [...new Set([...connect, ...hello, ...mail, ...recipient])];
  }

  /** Whether anybody may have something to say at the end of the header. */
  get hasMessageAgents(): boolean {
    return this.#agents.message.length > 0 && this.#client.kind !== 'exempt' && !this.#isMessageExempt;
  }

  connect(): Awaitable<FilterVerdict> {
    return whenKnown(
      this.#ask('connect', (agent) => agent.connect?.(this.#session)),
      (verdict) => {
        this.#client = thenClose(verdict);
        return this.#client;
      },
    );
  }

  hello(): Awaitable<FilterVerdict> {
    if (!this.#isAsked) return pass;
    return whenKnown(
      this.#ask('hello', (agent) => agent.hello?.(this.#session)),
      (verdict) => {
        if (verdict.kind === 'exempt') this.#client = verdict;
        return verdict;
      },
    );
  }

  /** MAIL; what was said of a message before it is forgotten. */
  mail(from: string): Awaitable<FilterVerdict> {
    this.#isMessageExempt = false;
    this.#marks.mail = noMarks;
    this.#marks.recipient = noMarks;
    if (!this.#isAsked) return pass;
    return whenKnown(
      this.#ask('mail', (agent) => agent.mail?.(this.#session, from)),
      (verdict) => {
        this.#isMessageExempt = verdict.kind === 'exempt';
        return verdict;
      },
    );
  }

  recipient(recipient: ScreenedRecipient): Awaitable<FilterVerdict> {
    if (this.#client.kind === 'exempt' || this.#isMessageExempt) return pass;
    const { key, primaryKey = key, known, domain } = recipient;
    return this.#ask('recipient', (agent) => agent.recipient?.(this.#session, { key, primaryKey, known, domain }));
  }

  /** The end of the header. */
  message(message: AgentMessage): Awaitable<MessageResult> {
    if (!this.hasMessageAgents) return nothingSaid;
    const marks = new Set<string>();
    const discarded = new Set<string>();
    let verdict: MessageResult['verdict'] = { kind: 'pass' };
    let rest = message;
    const settle = (said: MessageVerdict): boolean => {
      if (said.kind === 'stamp') marks.add(said.mark);
      if (said.kind === 'block') verdict = said;
      if (said.kind !== 'discard') return said.kind === 'block' || said.kind === 'exempt';
      for (const recipient of said.recipients) if (rest.recipients.includes(recipient)) discarded.add(recipient);
      rest = { ...rest, recipients: message.recipients.filter((recipient) => !discarded.has(recipient)) };
      return rest.recipients.length === 0;
    };
    const ask = (agent: ProtocolAgent): Awaitable<MessageVerdict> =>
      this.#answerOf(agent, 'message', () => agent.message?.(this.#session, rest));
    return whenKnown(askInTurn(this.#agents.message, ask, settle), () => ({ marks: [...marks], verdict, discarded }));
  }

  /** Tells the agents what became of a message. */
  outcome(outcome: AgentOutcome): void {
    for (const agent of this.#agents.outcome)
      this.#tell(agent, 'outcome', () => agent.outcome?.(this.#session, outcome));
  }

  disconnect(): void {
    for (const agent of this.#agents.disconnect)
      this.#tell(agent, 'disconnect', () => agent.disconnect?.(this.#session));
  }

  get #isAsked(): boolean {
    return this.#client.kind !== 'block' && this.#client.kind !== 'exempt';
  }

  /** The verdict that decides an event, else the stamps of all as one. */
  #ask(event: MarkingEvent, call: (agent: ProtocolAgent) => unknown): Awaitable<FilterVerdict> {
    const agents = this.#agents[event];
    if (agents.length === 0) return pass;
    const said: FilterVerdict[] = [];
    const settle = (verdict: MessageVerdict): boolean => {
      if (verdict.kind === 'pass' || verdict.kind === 'discard') return false;
      said.push(verdict);
      return verdict.kind !== 'stamp';
    };
    return whenKnown(
      askInTurn(agents, (agent) => this.#answerOf(agent, event, () => call(agent)), settle),
      () => this.#conclude(event, said),
    );
  }

  #conclude(event: MarkingEvent, said: readonly FilterVerdict[]): FilterVerdict {
    if (said.length === 0) {
      if (event !== 'recipient') this.#marks[event] = noMarks;
      return pass;
    }
    const last = said.at(-1) ?? pass;
    const stamps = said.filter((verdict): verdict is Stamp => verdict.kind === 'stamp');
    const marks = last.kind === 'block' ? [] : stamps.map(({ mark }) => mark);
    // One message has many recipients; what stands for each of the other events is said anew each time.
    const before = event === 'recipient' ? this.#marks.recipient : [];
    this.#marks[event] = [...new Set([...before, ...marks])].slice(0, marksMax);
    if (last.kind !== 'stamp' || stamps.length === 1) return last;
    return { kind: 'stamp', why: stamps.map(({ why }) => why).join('; '), mark: marks.join(', ') };
  }

  /** What an agent says, as a verdict whatever it does. */
  #answerOf(agent: ProtocolAgent, event: AgentEvent, call: () => unknown): Awaitable<MessageVerdict> {
    let said: unknown;
    try {
      said = call();
    } catch (error) {
      return this.#fault(agent, event, reasonOf(error));
    }
    if (said === pass) return pass;
    if (!isPromise(said)) return this.#read(agent, event, said);
    return this.#within(Promise.resolve(said)).then(
      (later) => this.#read(agent, event, later),
      (error: unknown) => this.#fault(agent, event, reasonOf(error)),
    );
  }

  #read(agent: ProtocolAgent, event: AgentEvent, said: unknown): MessageVerdict {
    const answer = readAnswer(event, said);
    if ('wrong' in answer) return this.#fault(agent, event, answer.wrong);
    if (answer.kind !== 'pass') this.#report(agent.name, event, answer);
    return answer;
  }

  #fault(agent: ProtocolAgent, event: AgentEvent, reason: string): MessageVerdict {
    const verdict = faulty(`agent "${agent.name}" failed at ${event}: ${reason}`);
    this.#report(agent.name, event, verdict, reason);
    return verdict;
  }

  #tell(agent: ProtocolAgent, event: 'outcome' | 'disconnect', call: () => unknown): void {
    const failed = (error: unknown): void => this.#report(agent.name, event, pass, reasonOf(error));
    try {
      const said = call();
      // An administrator's own may be asynchronous; nobody waits for it, but its failure is told.
      if (isPromise(said)) said.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }
}
