export interface TrackedRecipient {
  readonly address: string;
  readonly verdict: 'accept' | 'reject' | 'defer' | 'discard';
  readonly reply: string | null;
}

export interface TrackedFilter {
  readonly agent: string;
  readonly event: string;
  readonly verdict: string;
  readonly why: string;
}

export interface TrackedDecision {
  readonly outcome: string;
  readonly reason: string;
  readonly trace: readonly { readonly rule: string; readonly detail: string }[];
}

/** What became of one message, or of one try to hand one in. */
export interface TrackingRecord {
  /** When the message was answered: ISO 8601 in UTC with milliseconds. */
  readonly at: string;
  readonly frontEnd: string;
  readonly session: string;
  readonly connector: string;
  readonly client: string;
  readonly clientPort: number;
  readonly helo: string;
  /** Protocol and cipher; null without TLS. */
  readonly tls: string | null;
  readonly user: string | null;
  /** '' for the empty sender. */
  readonly from: string;
  readonly recipients: readonly TrackedRecipient[];
  readonly messageId: string | null;
  readonly transaction: string | null;
  readonly filters: readonly TrackedFilter[];
  readonly decision: TrackedDecision | null;
  readonly server: string | null;
  readonly tried: readonly { readonly server: string; readonly reason: string }[];
  readonly reply: string;
  readonly outcome: TrackingOutcome;
  readonly bytes: number;
  readonly durationMs: number;
  /** How many entries of which list found no room; the writer's note. */
  readonly leftOut?: Readonly<Partial<Record<TrackedList, number>>>;
}

export type TrackingOutcome = 'accepted' | 'refused' | 'deferred' | 'lost' | 'discarded';

export type TrackedList = 'recipients' | 'filters' | 'trace' | 'tried';

/** The prefix and the suffix of tracking files. */
export const trackingFiles = { prefix: 'MSGTRK', suffix: '.jsonl' } as const;

const texts = ['at', 'frontEnd', 'session', 'connector', 'client', 'helo', 'from', 'reply'];
const textsOrNull = ['tls', 'user', 'messageId', 'transaction', 'server'];
const numbers = ['clientPort', 'bytes', 'durationMs'];
const outcomes: readonly unknown[] = ['accepted', 'refused', 'deferred', 'lost', 'discarded'];
const verdicts: readonly unknown[] = ['accept', 'reject', 'defer', 'discard'];

/** Whether something read is a record in every part that a reader may look at. */
export function isTrackingRecord(value: unknown): value is TrackingRecord {
  if (!isObject(value) || !texts.every((name) => isText(value[name]))) return false;
  if (!textsOrNull.every((name) => value[name] === null || isText(value[name]))) return false;
  if (!numbers.every((name) => typeof value[name] === 'number')) return false;
  const { at, outcome, recipients, filters, tried, decision, leftOut } = value;
  return (
    !Number.isNaN(Date.parse(String(at))) &&
    outcomes.includes(outcome) &&
    isList(recipients, ['address']) &&
    recipients.every(({ verdict, reply }) => verdicts.includes(verdict) && (reply === null || isText(reply))) &&
    isList(filters, ['agent', 'event', 'verdict', 'why']) &&
    isList(tried, ['server', 'reason']) &&
    (decision === null || isDecision(decision)) &&
    (leftOut === undefined || (isObject(leftOut) && Object.values(leftOut).every(Number.isInteger)))
  );
}

function isDecision(value: unknown): boolean {
  if (!isObject(value) || !isText(value['outcome']) || !isText(value['reason'])) return false;
  return isList(value['trace'], ['rule', 'detail']);
}

function isList(value: unknown, names: readonly string[]): value is readonly Record<string, unknown>[] {
  return Array.isArray(value) && value.every((entry) => isObject(entry) && names.every((name) => isText(entry[name])));
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
