import type { Domain, Server } from '../topology/catalogue/catalogue.js';
import { addressKey, addressLengthMax } from '../topology/mail-address.js';
import { nameKey } from '../topology/names.js';
import type { RecipientDecision, TraceStep } from './decision.js';
import { step } from './decision.js';
import type { MailSession } from './mail-session.js';
import { screeningOf, standingOf } from './mail-session.js';
import { isHandedOver, mayBeServer, unknownServerReply, type WayOut, wayOut } from './outbound-mail.js';
import { refusedDomain } from './recipient-domains.js';
import { classifyRecipient, type Recipient } from './recipients.js';

/** How many recipients have a say in the choice of the server. */
export const consideredMax = 20;

/** The recipients of one transaction so far; a new value for every RCPT. */
export interface Envelope {
  readonly recipients: readonly RecipientDecision[];
  readonly accepted: readonly RecipientDecision[];
  readonly trace: readonly TraceStep[];
  /** The way out of the estate that all accepted recipients share; null: they stay in it. */
  readonly wayOut: WayOut | null;
}

export const emptyEnvelope: Envelope = { recipients: [], accepted: [], trace: [], wayOut: null };

interface Verdict extends Pick<RecipientDecision, 'verdict' | 'reply'> {
  readonly why: string;
  readonly trace?: readonly TraceStep[];
  readonly wayOut?: WayOut;
}

const accept: Verdict = { verdict: 'accept', reply: null, why: '' };

function no(verdict: 'reject' | 'defer', code: number, enhanced: string, text: string, why: string): Verdict {
  return { verdict, reply: { code, enhanced, text }, why };
}

/**
 * RCPT TO: what the address is, whether this session may send to it, and whether it fits in this transaction.
 * `sizeBytes` is the declared size of the message, null where none was declared.
 */
export function addRecipient(
  session: MailSession,
  envelope: Envelope,
  text: string,
  sizeBytes: number | null = null,
): Envelope {
  const { topology, directory } = session;
  const known = text.length <= addressLengthMax ? classifyRecipient(topology, directory, text) : undefined;
  const database =
    known?.entry?.class === 'mailbox' ? (topology.database(known.entry.database)?.name ?? known.entry.database) : null;
  const considered = envelope.accepted.length < consideredMax;
  const kind = known?.class ?? null;
  const judged = known
    ? judgeRecipient(session, envelope, sizeBytes, {
        class: kind,
        database,
        key: known.key,
        primaryKey: session.screening === null ? known.key : primaryKeyOf(known),
        domain: known.domain,
      })
    : no('reject', 501, '5.1.3', 'Invalid address', 'is no address');
  const { verdict, reply, why } = judged;
  const recipient: RecipientDecision = {
    address: text,
    class: kind,
    database,
    considered: considered && verdict === 'accept',
    verdict,
    reply,
  };
  const detail = `${text.slice(0, 100)} is ${classWords(recipient)}${why === '' ? '' : `; ${why}`}`;
  return {
    recipients: [...envelope.recipients, recipient],
    accepted: verdict === 'accept' ? [...envelope.accepted, recipient] : envelope.accepted,
    trace: [...envelope.trace, step(`recipient/${verdict}`, detail), ...(judged.trace ?? [])],
    wayOut: envelope.wayOut ?? judged.wayOut ?? null,
  };
}

function primaryKeyOf({ entry, key }: Recipient): string {
  return entry ? (addressKey(entry.address) ?? key) : key;
}

function classWords(recipient: RecipientDecision): string {
  if (recipient.class === null) return 'not an address';
  return recipient.database === null ? `of class ${recipient.class}` : `a mailbox in ${recipient.database}`;
}

interface Judged extends Pick<RecipientDecision, 'class' | 'database'> {
  readonly key: string;
  /** The key of the address that the object goes by; the same where it is no other. */
  readonly primaryKey: string;
  readonly domain: Domain | undefined;
}

/** The domain gives the right to be written to, not the directory: a contact may have an address anywhere. */
function judgeRecipient(
  session: MailSession,
  envelope: Envelope,
  sizeBytes: number | null,
  recipient: Judged,
): Verdict {
  const { connector, topology } = session;
  const standing = standingOf(session);
  const limit =
    standing === 'server'
      ? topology.organization.maxRecipients
      : Math.min(connector.maxRecipients, topology.organization.maxRecipients);
  if (envelope.accepted.length >= limit)
    return no('defer', 452, '4.5.3', 'Too many recipients', `the limit is ${limit}`);
  const mayRelay =
    standing === 'user' || standing === 'server' || (standing === 'anonymous' && connector.anonymousRelay);
  const reserved = refusedDomain(connector, recipient.key.slice(recipient.key.lastIndexOf('@') + 1));
  if (reserved) return no('reject', 550, reserved.enhanced, reserved.text, `"${connector.name}" takes no such domain`);
  if (!recipient.domain && !mayRelay && mayBeServer(session)) {
    return { verdict: 'defer', reply: unknownServerReply, why: 'the client may be a server whose name is not found' };
  }
  if (!recipient.domain && !mayRelay) {
    return no('reject', 550, '5.7.1', 'Unable to relay', `${standing} clients may not relay on "${connector.name}"`);
  }
  if (!mayRelay && isRouted(recipient)) {
    return no('reject', 550, '5.7.1', 'Unable to relay', 'its local part names another place to go to');
  }
  const screened = screenRecipient(session, recipient);
  if (screened) return screened;
  if (recipient.database !== null && !activeServerOf(session, recipient.database)) {
    return no(
      'defer',
      451,
      '4.3.0',
      'Mailbox not available now, try again later',
      `${recipient.database} has no active server`,
    );
  }
  const isOutside = recipient.class === 'external' || recipient.class === 'relay';
  if (isOutside && isHandedOver(session)) return leave(session, envelope, recipient.key, sizeBytes);
  if (envelope.wayOut !== null) return narrowed(`out through "${envelope.wayOut.connector.name}"`);
  return narrow(session, envelope, recipient);
}

/** Mail of one of our servers for somewhere outside: the way out, which all recipients of the transaction must share. */
function leave(session: MailSession, envelope: Envelope, key: string, sizeBytes: number | null): Verdict {
  const way = wayOut(session, key.slice(key.lastIndexOf('@') + 1), sizeBytes);
  const { trace } = way;
  if (way.kind === 'none') {
    const { code, enhanced, text } = way.reply;
    return { ...no('reject', Number(code), enhanced ?? '5.4.4', text, 'nothing leads there'), trace };
  }
  if (envelope.accepted.length === 0) return { verdict: 'accept', reply: null, why: '', trace, wayOut: way };
  if (envelope.wayOut === null) return narrowed('to servers of our own');
  return envelope.wayOut.key === way.key ? accept : narrowed(`out through "${envelope.wayOut.connector.name}"`);
}

/** A recipient with another next hop than the transaction is to be sent again in one of its own. */
function narrowed(where: string): Verdict {
  const why = `the transaction goes ${where}`;
  return no('defer', 452, '4.5.3', 'Send to this recipient in another transaction', why);
}

/**
 * Whether a server may take the local part for an address of its own, as in `user%example.net@contoso.com` or
 * `example.net!user@contoso.com`, and send the message there since it trusts us (RFC 5321 §3.6.1, appendix C).
 */
function isRouted({ class: kind, key }: Judged): boolean {
  const isKnown = kind === 'mailbox' || kind === 'group' || kind === 'contact';
  // What is known may be known without its tag (`ann+x%example.net`), which is the client's own.
  const routed = isKnown ? /\+.*[%!@]/ : /[%!@]/;
  return routed.test(key.slice(0, key.lastIndexOf('@')));
}

/** What the filters say of the client and of this recipient; null: nothing against it. */
function screenRecipient(session: MailSession, { key, primaryKey, class: kind, domain }: Judged): Verdict | null {
  const screening = screeningOf(session);
  if (!screening) return null;
  const known = kind === 'mailbox' || kind === 'group' || kind === 'contact';
  // A name that is on a list counts under every other name of the same mailbox too.
  const client = [key, primaryKey].some((name) => screening.isBypassed(name)) ? [] : [screening.client];
  for (const verdict of [...client, screening.recipient({ key, primaryKey, known, domain })]) {
    if (verdict.kind !== 'block') continue;
    const { code, enhanced, text } = verdict.reply;
    return no('reject', code, enhanced, text, verdict.why);
  }
  return null;
}

/**
 * A server that accepts only its own mailboxes cannot share a transaction: the first accepted recipient fixes the
 * server, one of another server is to be sent again in a transaction of its own.
 */
function narrow(session: MailSession, envelope: Envelope, recipient: Judged): Verdict {
  const [first] = envelope.accepted;
  if (!first || session.user !== null) return accept;
  const fixed = ownServerOf(session, first.database);
  const mine = ownServerOf(session, recipient.database);
  if (fixed === mine) return accept;
  return narrowed(`to ${fixed ?? 'another server'}, which takes only its own mailboxes together`);
}

function activeServerOf({ topology }: MailSession, database: string): Server | undefined {
  return topology.server(topology.database(database)?.active ?? '');
}

function ownServerOf(session: MailSession, database: string | null): string | null {
  const active = database === null ? undefined : activeServerOf(session, database);
  return active?.accepts === 'own' ? nameKey(active.name) : null;
}
