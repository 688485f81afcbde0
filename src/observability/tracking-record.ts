import { hasShape, isListOf, isObject } from './record-shape.js';

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

const shape = {
  texts: ['at', 'frontEnd', 'session', 'connector', 'client', 'helo', 'from', 'reply'],
  textsOrNull: ['tls', 'user', 'messageId', 'transaction', 'server'],
  numbers: ['clientPort', 'bytes', 'durationMs'],
};
const outcomes: readonly unknown[] = ['accepted', 'refused', 'deferred', 'lost', 'discarded'];
const verdicts: readonly unknown[] = ['accept', 'reject', 'defer', 'discard'];

/** Whether something read is a record in every part that a reader may look at. */
export function isTrackingRecord(value: unknown): value is TrackingRecord {
  if (!hasShape(value, shape)) return false;
  const { outcome, recipients, filters, tried, decision, leftOut } = value;
  return (
    outcomes.includes(outcome) &&
    isListOf(recipients, ['address']) &&
    recipients.every(
      ({ verdict, reply }) => verdicts.includes(verdict) && (reply === null || typeof reply === 'string'),
    ) &&
    isListOf(filters, ['agent', 'event', 'verdict', 'why']) &&
    isListOf(tried, ['server', 'reason']) &&
    (decision === null || isDecision(decision)) &&
    (leftOut === undefined || (isObject(leftOut) && Object.values(leftOut).every(Number.isInteger)))
  );
}

function isDecision(value: unknown): boolean {
  if (!isObject(value) || typeof value['outcome'] !== 'string' || typeof value['reason'] !== 'string') return false;
  return isListOf(value['trace'], ['rule', 'detail']);
}
