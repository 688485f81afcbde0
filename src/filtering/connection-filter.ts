import type { Filters } from '../topology/catalogue/catalogue.js';
import { domainKey } from '../topology/mail-address.js';
import { addressBytes } from '../topology/ranges.js';
import type { DnsAnswer } from '../topology/resolver.js';
import type { FilterVerdict } from '../topology/screening.js';
import { addressLengthMax, matchingEntry } from './address-list.js';
import { block, pass } from './filter-verdict.js';

type AllowProvider = Filters['allowProviders'][number];

/** The bytes of an address; what is too long to be one is not read. */
const bytesOf = (text: string): number[] | undefined =>
  text.length > addressLengthMax ? undefined : addressBytes(text);

/** The enabled providers in the order in which they are asked: lower priority numbers first, then as they are listed. */
export function providersInOrder<P extends AllowProvider>(providers: readonly P[]): P[] {
  return providers.filter(({ enabled }) => enabled).sort((a, b) => a.priority - b.priority);
}

/** The name under which a provider lists an address, in lower-case A-labels: RFC 5782 §2.1, §2.4 (octets or nibbles, last first). */
export function listedName(address: string, zone: string): string | undefined {
  const bytes = bytesOf(address);
  if (!bytes) return undefined;
  const labels =
    bytes.length === 4
      ? bytes.map(String)
      : bytes.flatMap((byte) => [(byte >> 4).toString(16), (byte & 15).toString(16)]);
  return `${labels.reverse().join('.')}.${domainKey(zone) ?? zone}`;
}

/** Whether an answer of a provider is a match: any answer, a bit of its last octet, or one of the addresses. */
export function answerMatches(match: AllowProvider['match'], answer: DnsAnswer | undefined): boolean {
  if (answer?.kind !== 'addresses') return false;
  if (match === 'any') return answer.addresses.length > 0;
  if ('mask' in match) return answer.addresses.some((text) => ((bytesOf(text)?.at(-1) ?? 0) & match.mask) !== 0);
  const wanted = new Set(match.addresses.map((text) => bytesOf(text)?.join('.')));
  return answer.addresses.map((text) => bytesOf(text)?.join('.')).some((key) => key !== undefined && wanted.has(key));
}

/** What is to be looked up next, or the verdict. */
export type ConnectionStep =
  | { readonly kind: 'verdict'; readonly verdict: FilterVerdict }
  | { readonly kind: 'look-up'; readonly name: string };

/** DNS answers so far, by name. A name that is absent was not asked yet. */
export type DnsAnswers = ReadonlyMap<string, DnsAnswer>;

/**
 * Connection filtering: allow list, block list, allow providers, block providers; the first that matches decides.
 * Says which name must be looked up before it can go on; providers are asked one by one, in order of priority.
 */
export function judgeClient(filters: Filters, address: string, nowMs: number, answers: DnsAnswers): ConnectionStep {
  const verdict = (found: FilterVerdict): ConnectionStep => ({ kind: 'verdict', verdict: found });
  if (!filters.enabled.connection) return verdict(pass);
  const allowed = matchingEntry(filters.ipAllow, address, nowMs);
  if (allowed) return verdict({ kind: 'exempt', why: `${address} is on the allow list (${allowed.range})` });
  const blocked = matchingEntry(filters.ipBlock, address, nowMs);
  if (blocked) {
    return verdict(
      block(550, '5.7.1', 'Your address is on our block list', `${address} is on the block list (${blocked.range})`),
    );
  }
  const allow = askProviders(providersInOrder(filters.allowProviders), address, answers);
  if (allow.kind === 'look-up') return allow;
  if (allow.kind === 'matched') {
    return verdict({ kind: 'exempt', why: `${address} is listed by allow provider "${allow.provider.name}"` });
  }
  const found = askProviders(providersInOrder(filters.blockProviders), address, answers);
  if (found.kind === 'look-up') return found;
  if (found.kind === 'none') return verdict(pass);
  const { name, zone, response } = found.provider;
  return verdict(
    block(
      550,
      '5.7.1',
      response ?? `Your address is listed by ${zone}`,
      `${address} is listed by block provider "${name}"`,
    ),
  );
}

type Asked<P> =
  | { readonly kind: 'none' }
  | { readonly kind: 'matched'; readonly provider: P }
  | { readonly kind: 'look-up'; readonly name: string };

function askProviders<P extends AllowProvider>(
  providers: readonly P[],
  address: string,
  answers: DnsAnswers,
): Asked<P> {
  for (const provider of providers) {
    const name = listedName(address, provider.zone);
    if (name === undefined) continue;
    const answer = answers.get(name);
    if (!answer) return { kind: 'look-up', name };
    if (answerMatches(provider.match, answer)) return { kind: 'matched', provider };
  }
  return { kind: 'none' };
}
