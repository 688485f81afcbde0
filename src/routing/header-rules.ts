import { canonicalAddress } from '../topology/ranges.js';
import type { TraceStep } from './decision.js';
import { step } from './decision.js';
import { type Judgement, type MailSession, passed, refused, standingOf } from './mail-session.js';

/** A field of a message's header, as the rules see it. */
export interface HeadField {
  readonly name: string;
  /** Unfolded. */
  readonly value: string;
  /** Names of fields that begin after a bare CR or LF within this one. */
  readonly hiddenNames?: readonly string[] | undefined;
}

/** Whether a message goes to a server of the estate, or leaves it. */
export type MailDestination = 'inside' | 'outside';

/** The end of a header: has the message come through too many servers, or too often through this front end. */
export function judgeHead(
  session: MailSession,
  fields: readonly HeadField[],
  destination: MailDestination = 'inside',
): Judgement {
  const { connector, frontEnd } = session;
  const { maxHopCount, maxLocalHopCount } = connector;
  const own = new Set([hostKey(frontEnd.host), hostKey(frontEnd.name)]);
  let hops = 0;
  let localHops = 0;
  for (const { name, value, hiddenNames = [] } of fields) {
    hops += hiddenNames.filter(isReceived).length;
    if (!isReceived(name)) continue;
    hops += 1;
    if (maxLocalHopCount > 0 && own.has(hostKey(receivedBy(value)))) localHops += 1;
  }
  const local = maxLocalHopCount === 0 ? '' : `, ${localHops} of ${frontEnd.name} (at most ${maxLocalHopCount})`;
  const hopsStep = step('head/hops', `${hops} Received fields (at most ${maxHopCount})${local}`);
  if (hops > maxHopCount) return looped('too-many-hops', hopsStep, destination);
  return localHops > maxLocalHopCount ? looped('too-many-local-hops', hopsStep, destination) : passed(hopsStep);
}

function looped(reason: string, hopsStep: TraceStep, destination: MailDestination): Judgement {
  const enhanced = destination === 'outside' ? '5.4.14' : '5.4.6';
  const { refusal, trace } = refused('reject', reason, 554, enhanced, 'Hop count exceeded - possible mail loop');
  return { refusal, trace: [hopsStep, ...trace] };
}

const isReceived = (name: string): boolean => /^received[ \t]*$/i.test(name);

/** RFC 5321 §4.4: the server that wrote the field, which stands after `by`; '' when none is named. */
function receivedBy(value: string): string {
  let last = '';
  let depth = 0;
  for (const [token] of value.matchAll(/\\.|[()]|;|[^\s();\\]+/g)) {
    if (token === '(') depth += 1;
    else if (token === ')') depth = Math.max(0, depth - 1);
    if (depth > 0 || token === ')') continue;
    if (token === ';') return '';
    if (last === 'by') return token;
    // What follows `from` is a name, whatever it is.
    last = last === 'from' ? '' : token.toLowerCase();
  }
  return '';
}

/** A host as it is compared: a name, or an address without the brackets. */
function hostKey(host: string): string {
  const bare = /^\[(?:ipv6:)?([^\]]*)\]$/i.exec(host)?.[1] ?? host;
  // Only an IPv6 address can be written in several ways.
  return bare.includes(':') ? canonicalAddress(bare) : bare.toLowerCase().replace(/\.$/, '');
}

/** Fields that only servers of this organization may set. */
const reserved = /^x-(?:ms-exchange-(?:organization|forest)|usher)-/i;
// RFC 5322 §3.6.8, §4.5.3
const wellFormed = /^[!-9;-~]+[ \t]*$/;

/**
 * Whether a field passes the header firewall. Own servers, known by their address, may set everything; nobody else the
 * fields of the organization, nor one whose name is not printable ASCII, which servers read in different ways.
 */
export function isKept(session: MailSession, name: string): boolean {
  return isOrdinary(name) || mayUseReserved(session);
}

const isOrdinary = (name: string): boolean => wellFormed.test(name) && !reserved.test(name);

function mayUseReserved(session: MailSession): boolean {
  return standingOf(session) === 'server' && !session.connector.auth.includes('external-authoritative');
}

/** The fields that pass the header firewall, the given list itself when all do; what is the organization's own stays in it. */
export function keepFields<F extends HeadField>(
  session: MailSession,
  fields: readonly F[],
  destination: MailDestination = 'inside',
): { readonly kept: readonly F[]; readonly trace: readonly TraceStep[] } {
  const passes = ({ name, hiddenNames = [] }: F): boolean => isOrdinary(name) && hiddenNames.every(isOrdinary);
  const removed = fields.filter((field) => !passes(field));
  const mayStay = destination === 'inside' && mayUseReserved(session);
  if (removed.length === 0 || mayStay) return { kept: fields, trace: [] };
  const names = removed.slice(0, namesMax).map(({ name }) => safeName(name));
  const more = removed.length > namesMax ? ` and ${removed.length - namesMax} more` : '';
  const why = destination === 'outside' ? 'they do not leave the organization' : 'only own servers may set them';
  const trace = [step('head/fields-removed', `${names.join(', ')}${more}; ${why}`)];
  return { kept: fields.filter(passes), trace };
}

const namesMax = 10;

const safeName = (name: string): string => name.slice(0, 60).replaceAll(/[^!-~]/g, '?');
