/** A server to connect to for one service. */
export interface Target {
  readonly server: string;
  readonly host: string;
  readonly port: number;
  readonly site: string;
}

/** One step of a decision: the rule that was applied and the values that led to it. */
export interface TraceStep {
  readonly rule: string;
  readonly detail: string;
}

/** What a client is told: an SMTP reply, an HTTP or SIP status, or the word of another protocol. */
export interface Reply {
  readonly code: number | string;
  readonly enhanced: string | null;
  readonly text: string;
}

export type RecipientClass = 'mailbox' | 'group' | 'contact' | 'relay' | 'external' | 'unknown';

export interface RecipientDecision {
  readonly address: string;
  readonly class: RecipientClass | null;
  readonly database: string | null;
  /** Whether it had a say in the choice of the server. */
  readonly considered: boolean;
  readonly verdict: 'accept' | 'reject' | 'defer';
  readonly reply: Reply | null;
}

export type Outcome =
  | 'proxy'
  | 'send'
  | 'relay'
  | 'deliver'
  | 'redirect'
  | 'serve'
  | 'reject'
  | 'defer'
  | 'discard'
  | 'unreachable'
  | 'unavailable';

export interface DeliveryGroup {
  readonly kind: 'dag' | 'mailbox' | 'site' | 'connector' | 'server-list' | 'local-site';
  readonly name: string;
}

export interface Path {
  readonly sites: readonly string[];
  readonly cost: number;
}

/** Where a conversation goes, and why. What the runtime does and what `test routing` prints. */
export interface Decision {
  readonly outcome: Outcome;
  readonly reason: string;
  readonly deliveryGroup: DeliveryGroup | null;
  readonly path: Path | null;
  /** Equal first choices. */
  readonly targets: readonly Target[];
  /** Then these, in this order. */
  readonly fallback: ReadonlyArray<readonly Target[]>;
  readonly connector: string | null;
  readonly receiveConnector: string | null;
  readonly reply: Reply | null;
  readonly location: string | null;
  readonly recipients: readonly RecipientDecision[];
  readonly trace: readonly TraceStep[];
  /** How the next hop is named in the queues; only from a server's place. */
  readonly deliveryType?: string;
  readonly nextHopDomain?: string;
  /** From a server's place, one answer for each next hop where there are several. */
  readonly routes?: readonly Decision[];
}

const nothing = {
  deliveryGroup: null,
  path: null,
  targets: [],
  fallback: [],
  connector: null,
  receiveConnector: null,
  reply: null,
  location: null,
  recipients: [],
};

/** A decision of which only what matters is given. */
export function decide(
  outcome: Outcome,
  reason: string,
  trace: readonly TraceStep[],
  rest: Partial<Omit<Decision, 'outcome' | 'reason' | 'trace'>> = {},
): Decision {
  // From a server's place there is more, and no hurry.
  if ('deliveryType' in rest || 'nextHopDomain' in rest || 'routes' in rest)
    return { ...nothing, ...rest, outcome, reason, trace };
  // Key by key: spreading takes longer than the rest of a decision together.
  return {
    deliveryGroup: rest.deliveryGroup ?? null,
    path: rest.path ?? null,
    targets: rest.targets ?? [],
    fallback: rest.fallback ?? [],
    connector: rest.connector ?? null,
    receiveConnector: rest.receiveConnector ?? null,
    reply: rest.reply ?? null,
    location: rest.location ?? null,
    recipients: rest.recipients ?? [],
    outcome,
    reason,
    trace,
  };
}

export const step = (rule: string, detail: string): TraceStep => ({ rule, detail });

/** Whether the outcome means that the conversation goes on. */
export function isPositive(outcome: Outcome): boolean {
  return ['proxy', 'send', 'relay', 'deliver', 'redirect', 'serve'].includes(outcome);
}
