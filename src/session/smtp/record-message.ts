import type { TrackingRecord } from '../../observability/tracking.js';
import { describeReply, type SmtpReply } from '../../protocols/smtp/replies.js';
import type { TraceStep } from '../../routing/decision.js';
import type { MailTransaction } from './mail-transaction.js';
import type { TransferOutcome } from './message-transfer.js';
import type { Attempt } from './open-server.js';
import type { SmtpSession } from './smtp-session.js';

/** What is known of a message when it is over. */
export interface MessageFacts {
  readonly messageId: string | null;
  readonly digest: string | null;
  /** The server that was asked last. */
  readonly server: string | null;
  readonly tried: readonly Attempt[];
  readonly bodyBytes: number;
  /** What was found in its header. */
  readonly trace: readonly TraceStep[];
  readonly discarded: ReadonlySet<string>;
}

const loggedMax = 100;
const searchedMax = 50;

/** Writes down what became of a message: a line in the log, a record for `track`, a count. */
export function recordMessage(
  session: SmtpSession,
  transaction: MailTransaction,
  facts: MessageFacts,
  { kind, reply }: TransferOutcome,
): void {
  const { services, nowMs } = session.options;
  const decision = transaction.decide(services.availability);
  const trace = [...decision.trace, ...transaction.search.slice(0, searchedMax), ...facts.trace];
  const durationMs = nowMs() - transaction.startedAtMs;
  const outcome = outcomeOf(kind, reply);
  const said = describeReply(reply);
  const isAccepted = reply.code < 300;
  session.log(
    {
      from: transaction.from,
      recipients: transaction.recipients.slice(0, loggedMax).map(({ address }) => address),
      messageId: facts.messageId,
      reason: decision.reason,
      // Of accepted messages the whole trace is in the tracking record.
      ...(!isAccepted && { trace: trace.slice(-loggedMax).map(({ rule, detail }) => `${rule}: ${detail}`) }),
      server: facts.server,
      tried: facts.tried,
      outcome,
      reply: said,
      bodyBytes: facts.bodyBytes,
      durationMs,
    },
    isAccepted ? 'message accepted' : 'message not accepted',
  );
  services.count('messages', { connector: session.options.connector.name, outcome });
  track(session, {
    from: transaction.from,
    recipients: recipientsOf(transaction, facts.discarded),
    messageId: facts.messageId,
    transaction: facts.digest,
    decision: { outcome: decision.outcome, reason: decision.reason, trace },
    server: facts.server,
    tried: facts.tried,
    reply: said,
    outcome,
    bytes: facts.bodyBytes,
    durationMs,
  });
}

/** A message that did not come so far as its data: the sender or every recipient was refused. */
export function recordRefusal(
  session: SmtpSession,
  from: string,
  transaction: MailTransaction | null,
  reply: SmtpReply,
): void {
  const { services, connector, nowMs } = session.options;
  const outcome = outcomeOf('answered', reply);
  services.count('messages', { connector: connector.name, outcome });
  track(session, {
    from,
    recipients: transaction === null ? [] : recipientsOf(transaction, new Set()),
    messageId: null,
    transaction: null,
    decision: transaction === null ? null : refusedDecision(transaction, reply),
    server: null,
    tried: transaction?.tried ?? [],
    reply: describeReply(reply),
    outcome,
    bytes: 0,
    durationMs: transaction === null ? 0 : nowMs() - transaction.startedAtMs,
  });
}

/** Of a message whose every recipient was refused. */
function refusedDecision({ trace }: MailTransaction, { code }: SmtpReply): NonNullable<TrackingRecord['decision']> {
  const outcome = code < 500 ? 'defer' : 'reject';
  return { outcome, reason: 'no-recipient-accepted', trace: trace.slice(-searchedMax) };
}

type OfMessage = Pick<
  TrackingRecord,
  | 'from'
  | 'recipients'
  | 'messageId'
  | 'transaction'
  | 'decision'
  | 'server'
  | 'tried'
  | 'reply'
  | 'outcome'
  | 'bytes'
  | 'durationMs'
>;

/** Field by field: spreading one object into another takes longer than the rest together. */
function track(session: SmtpSession, message: OfMessage): void {
  const { id, connector, services, nowMs } = session.options;
  const { client, tls, helo, login, agents } = session;
  services.tracking.record({
    at: new Date(nowMs()).toISOString(),
    frontEnd: services.snapshot().frontEnd.name,
    session: id,
    connector: connector.name,
    client: client.clientAddress,
    clientPort: client.clientPort,
    helo,
    tls: tls === null ? null : tls.version,
    user: login?.user ?? null,
    from: message.from,
    recipients: message.recipients,
    messageId: message.messageId,
    transaction: message.transaction,
    filters: agents.verdicts,
    decision: message.decision,
    server: message.server,
    tried: message.tried,
    reply: message.reply,
    outcome: message.outcome,
    bytes: message.bytes,
    durationMs: message.durationMs,
  });
}

function recipientsOf({ envelope }: MailTransaction, discarded: ReadonlySet<string>): TrackingRecord['recipients'] {
  return envelope.recipients.map(({ address, verdict, reply }) => ({
    address,
    verdict: discarded.has(address) ? 'discard' : verdict,
    reply: reply === null ? null : `${reply.code} ${reply.enhanced} ${reply.text}`,
  }));
}

function outcomeOf(kind: TransferOutcome['kind'], { code }: SmtpReply): TrackingRecord['outcome'] {
  if (kind !== 'answered') return kind;
  if (code < 300) return 'accepted';
  return code < 500 ? 'deferred' : 'refused';
}
