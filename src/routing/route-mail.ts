import type { Server } from '../topology/catalogue/catalogue.js';
import type { Directory } from '../topology/directory.js';
import type { Screening } from '../topology/screening.js';
import type { Topology } from '../topology/topology.js';
import type { Availability } from './availability.js';
import { chooseAmong } from './candidates.js';
import type { Decision, TraceStep } from './decision.js';
import { decide, step } from './decision.js';
import { type Selection, selectForRecipients, selectForSender } from './hub-selector.js';
import { refusalByLink } from './link-size.js';
import type { Envelope } from './mail-recipients.js';
import { addRecipient, emptyEnvelope } from './mail-recipients.js';
import type { Judgement, MailSession } from './mail-session.js';
import { judgeConnection, judgeSender } from './mail-session.js';
import { decideWayOut } from './outbound-mail.js';
import { selectReceiveConnector } from './receive-connectors.js';

/** A message at a front end: who brings it, from whom, to whom. */
export interface MailQuestion {
  readonly topology: Topology;
  readonly directory: Directory;
  readonly frontEnd: Server;
  readonly availability: Availability;
  readonly localAddress: string | null;
  readonly port: number;
  readonly clientAddress: string | null;
  readonly user: string | null;
  /** '' for the empty sender; null when it is not part of the question. */
  readonly from: string | null;
  readonly to: readonly string[];
  readonly sizeBytes: number | null;
  /** What the filters say; null where none are asked. */
  readonly screening: Screening | null;
}

/** Where a message at a front end goes, and why: the steps of a session, one after the other. */
export function routeMail(question: MailQuestion): Decision {
  const { topology, frontEnd, clientAddress } = question;
  const connector = selectReceiveConnector(topology, question);
  if (!connector) {
    const client = clientAddress?.slice(0, 100) ?? 'strangers';
    const detail = `no enabled receive connector of ${frontEnd.name} on port ${question.port} takes ${client}`;
    const reply = { code: 421, enhanced: '4.3.2', text: 'Service not available' };
    return decide('reject', 'no-receive-connector', [step('receive-connector/none', detail)], { reply });
  }
  const { directory, user, screening } = question;
  const session: MailSession = { topology, directory, frontEnd, connector, clientAddress, user, screening };
  const common = { receiveConnector: connector.name };
  const begun = [
    judgeConnection(session),
    judgeSender(session, question.from ?? senderOf(question), question.sizeBytes),
  ];
  const trace: TraceStep[] = [];
  for (const judgement of begun) {
    trace.push(...judgement.trace);
    if (judgement.refusal) return refusedDecision(judgement.refusal, trace, common);
  }
  const envelope = question.to.reduce<Envelope>(
    (held, to) => addRecipient(session, held, to, question.sizeBytes),
    emptyEnvelope,
  );
  trace.push(...envelope.trace);
  return chooseServer(session, envelope, question.availability, question.sizeBytes, trace);
}

/** A user writes under the own name unless the question says otherwise. */
function senderOf({ user }: MailQuestion): string {
  return user !== null && user.includes('@') ? user : '';
}

function refusedDecision(
  refusal: NonNullable<Judgement['refusal']>,
  trace: readonly TraceStep[],
  rest: Partial<Decision>,
): Decision {
  return decide(refusal.verdict, refusal.reason, trace, { ...rest, reply: refusal.reply });
}

/**
 * The server for the accepted recipients of a transaction, with the order in which to try the others. `before` is what
 * led to the question.
 */
export function chooseServer(
  session: MailSession,
  envelope: Envelope,
  availability: Availability,
  sizeBytes: number | null,
  before: readonly TraceStep[] = [],
): Decision {
  const common = { receiveConnector: session.connector.name, recipients: envelope.recipients };
  if (envelope.accepted.length === 0) return noRecipient(envelope, common, before);
  const { wayOut } = envelope;
  if (wayOut !== null) return decideWayOut(session, wayOut, availability, sizeBytes, common, before);
  const isUser = session.user !== null;
  const selection = isUser ? selectForSender(session) : selectForRecipients(session, envelope.accepted);
  const refusal = refusalByLink(selection.path, sizeBytes);
  if (refusal) {
    const trace = [...before, ...selection.trace, refusal.why];
    return decide('reject', 'link-size', trace, { ...common, reply: refusal.reply });
  }
  return chooseCandidate(selection, isUser ? submissionNeeds : mailNeeds, availability, common, before);
}

const submissionNeeds = { endpoint: 'submission', components: ['hub-transport', 'submission'] } as const;
const mailNeeds = { endpoint: 'smtp', components: ['hub-transport'] } as const;

/** The servers at which the credentials of the session's user are tried. */
export function chooseForLogin(session: MailSession, availability: Availability): Decision {
  const common = { receiveConnector: session.connector.name };
  return chooseCandidate(selectForSender(session), submissionNeeds, availability, common, []);
}

function chooseCandidate(
  selection: Selection,
  needs: typeof submissionNeeds | typeof mailNeeds,
  availability: Availability,
  common: Partial<Decision>,
  before: readonly TraceStep[],
): Decision {
  const choice = chooseAmong(selection.sets, needs, availability);
  const trace = [...before, ...selection.trace, ...choice.trace];
  if (choice.targets.length === 0) {
    const reply = { code: 451, enhanced: '4.4.1', text: 'No mailbox server can take the message now; try again later' };
    trace.push(step('candidates/none', 'nobody is left to try'));
    return decide('defer', 'no-candidate', trace, { ...common, deliveryGroup: selection.group, reply });
  }
  const { targets, fallback, path } = choice;
  return decide('proxy', selection.reason, trace, {
    ...common,
    deliveryGroup: selection.group,
    path,
    targets,
    fallback,
  });
}

/** No recipient was accepted: the answer to the last one stands for all. */
function noRecipient(envelope: Envelope, common: Partial<Decision>, before: readonly TraceStep[]): Decision {
  const last = envelope.recipients.at(-1);
  const reply = last?.reply ?? { code: 503, enhanced: '5.5.1', text: 'No valid recipients' };
  const trace = [...before, step('recipients/none', `none of ${envelope.recipients.length} recipients was accepted`)];
  return decide(last?.verdict === 'reject' ? 'reject' : 'defer', 'no-recipient-accepted', trace, { ...common, reply });
}
