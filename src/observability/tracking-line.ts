import { jsonLine } from './json-line.js';
import type { TrackedDecision, TrackedList, TrackingRecord } from './tracking-record.js';

const textLengthMax = 1000;
const recipientsMax = 1000;
const entriesMax = 100;
// Some thousand ordinary recipients. What is more costs time to encode, and is not worth it.
const listTextMax = 250_000;
const shortListMax = 20;

/**
 * The line of a record, `at` first. Texts are cut at 1,000 characters, lists at 1,000 recipients and 100 other entries,
 * and at 20 where the texts in lists would be over 250,000; `leftOut` says how many entries are missing.
 */
export function trackingLine(record: TrackingRecord): string {
  const bounded = boundedRecord(record, recipientsMax, entriesMax);
  return jsonLine(listTextOf(bounded) <= listTextMax ? bounded : boundedRecord(record, shortListMax, shortListMax));
}

function listTextOf({ recipients, filters, decision, tried }: TrackingRecord): number {
  let length = 0;
  for (const { address, reply } of recipients) length += address.length + (reply?.length ?? 0);
  for (const { agent, event, verdict, why } of filters)
    length += agent.length + event.length + verdict.length + why.length;
  for (const { rule, detail } of decision?.trace ?? []) length += rule.length + detail.length;
  for (const { server, reason } of tried) length += server.length + reason.length;
  return length;
}

function boundedRecord(record: TrackingRecord, recipientsMax: number, entriesMax: number): TrackingRecord {
  const { recipients, filters, decision, tried } = record;
  const missing: [TrackedList, number][] = [
    ['recipients', recipients.length - recipientsMax],
    ['filters', filters.length - entriesMax],
    ['trace', (decision?.trace.length ?? 0) - entriesMax],
    ['tried', tried.length - entriesMax],
  ];
  const leftOut = missing.filter(([, count]) => count > 0);
  const bounded = {
    at: text(record.at),
    frontEnd: text(record.frontEnd),
    session: text(record.session),
    connector: text(record.connector),
    client: text(record.client),
    clientPort: record.clientPort,
    helo: text(record.helo),
    tls: textOrNull(record.tls),
    user: textOrNull(record.user),
    from: text(record.from),
    recipients: firstOf(recipients, recipientsMax).map(({ address, verdict, reply }) => {
      return { address: text(address), verdict, reply: textOrNull(reply) };
    }),
    messageId: textOrNull(record.messageId),
    transaction: textOrNull(record.transaction),
    filters: firstOf(filters, entriesMax).map(({ agent, event, verdict, why }) => {
      return { agent: text(agent), event: text(event), verdict: text(verdict), why: text(why) };
    }),
    decision: decision && boundedDecision(decision, entriesMax),
    server: textOrNull(record.server),
    tried: firstOf(tried, entriesMax).map(({ server, reason }) => ({ server: text(server), reason: text(reason) })),
    reply: text(record.reply),
    outcome: record.outcome,
    bytes: record.bytes,
    durationMs: record.durationMs,
  };
  return leftOut.length === 0 ? bounded : { ...bounded, leftOut: Object.fromEntries(leftOut) };
}

function boundedDecision({ outcome, reason, trace }: TrackedDecision, entriesMax: number): TrackedDecision {
  const shown = firstOf(trace, entriesMax).map(({ rule, detail }) => ({ rule: text(rule), detail: text(detail) }));
  return { outcome: text(outcome), reason: text(reason), trace: shown };
}

function firstOf<T>(list: readonly T[], max: number): readonly T[] {
  return list.length <= max ? list : list.slice(0, max);
}

function text(value: string): string {
  return value.length <= textLengthMax ? value : `${value.slice(0, textLengthMax - 3)}...`;
}

function textOrNull(value: string | null): string | null {
  return value === null ? null : text(value);
}
