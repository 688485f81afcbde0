import ipaddr from 'ipaddr.js';
import { domainKey } from '../topology/mail-address.js';
import { addressBytes, canonicalAddress, parseRange, rangeHolds } from '../topology/ranges.js';

/** A host that takes mail for a domain; the lower its preference, the earlier it is tried. */
export interface MailExchanger {
  /** In lower-case A-labels. */
  readonly name: string;
  readonly preference: number;
}

/** What MX records say: nothing, that the domain takes no mail, or whom to try in which order. */
export type ReadExchangers =
  | { readonly kind: 'none' | 'null' }
  | { readonly kind: 'exchangers'; readonly exchangers: readonly MailExchanger[]; readonly leftOut: readonly string[] };

/** What was found out about a name that takes mail. */
export type NameAddresses =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  | { readonly kind: 'alias'; readonly target: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly reason: string };

export interface KnownExchanger extends MailExchanger {
  readonly found: NameAddresses;
}

/** Whom mail must not be handed to. */
export interface ExchangerRules {
  isOwnName(name: string): boolean;
  isOwnAddress(address: string): boolean;
  readonly allowPrivateAddresses: boolean;
}

export interface UsableExchanger extends MailExchanger {
  /** In canonical text, in the order to try them. */
  readonly addresses: readonly string[];
}

/** `none`: because the way leads back here, because names could not be looked up, or because there is nobody. */
export interface ChosenExchangers {
  readonly kind: 'usable' | 'loop' | 'failed' | 'nobody';
  readonly usable: readonly UsableExchanger[];
  readonly leftOut: readonly string[];
  /** Whether exchangers after these could still be used. */
  readonly wants: 'more' | 'nothing';
}

const exchangersMax = 20;
const addressesPerExchangerMax = 5;
const addressesMax = 20;

/** Takes MX records in: the exchangers by preference, equal ones shuffled, twenty at most. `random` is from 0 to 1. */
export function readExchangers(
  records: ReadonlyArray<{ readonly exchange: string; readonly priority: number }>,
  random: () => number,
): ReadExchangers {
  const [first] = records;
  if (first === undefined) return { kind: 'none' };
  // RFC 7505 §3: only alone does the root mean that no mail is taken.
  if (records.length === 1 && isRoot(first.exchange)) return { kind: 'null' };
  const leftOut: string[] = [];
  const known = new Map<string, number>();
  for (const { exchange, priority } of records) {
    const name = addressLike.test(exchange) ? undefined : domainKey(exchange);
    if (name === undefined) leftOut.push(`${priority} "${exchange}" is no host name`);
    else known.set(name, Math.min(priority, known.get(name) ?? priority));
  }
  const ordered = orderExchangers(
    [...known].map(([name, preference]) => ({ name, preference })),
    random,
  );
  if (ordered.length > exchangersMax) leftOut.push(`${ordered.length - exchangersMax} beyond ${exchangersMax}`);
  return { kind: 'exchangers', exchangers: ordered.slice(0, exchangersMax), leftOut };
}

// No top-level domain is a number; an IPv6 address is no domain anyway.
const addressLike = /(?:^|\.)\d+\.?$/;
const isRoot = (exchange: string): boolean => exchange === '' || exchange === '.';

/** By preference, equal ones shuffled: RFC 5321 §5.1. */
export function orderExchangers(exchangers: readonly MailExchanger[], random: () => number): readonly MailExchanger[] {
  const shuffled = [...exchangers];
  for (let at = shuffled.length - 1; at > 0; at--) {
    const other = Math.min(at, Math.floor(random() * (at + 1)));
    const taken = shuffled[at] as MailExchanger;
    shuffled[at] = shuffled[other] as MailExchanger;
    shuffled[other] = taken;
  }
  return shuffled.sort((a, b) => a.preference - b.preference);
}

/**
 * Those of the exchangers, given in order, that mail may be handed to. One that is ourselves is left out, and with it
 * all that are not preferred to it (RFC 5321 §5.1); so are private addresses and aliases.
 */
export function chooseExchangers(known: readonly KnownExchanger[], rules: ExchangerRules): ChosenExchangers {
  const own = known.filter((exchanger) => isOurs(exchanger, rules));
  const limit = Math.min(...own.map(({ preference }) => preference));
  const leftOut: string[] = [];
  const usable: UsableExchanger[] = [];
  let left = addressesMax;
  let failed = false;
  for (const exchanger of known) {
    const { name, preference, found } = exchanger;
    if (preference >= limit) {
      const why = own.includes(exchanger) ? 'is this front end or another of ours' : 'is not preferred to ourselves';
      leftOut.push(`${preference} ${name} ${why}`);
      continue;
    }
    if (found.kind === 'failed') failed = true;
    const given = found.kind === 'addresses' ? [...new Set(found.addresses.map(canonicalAddress))] : [];
    const allowed = given.filter((address) => isAllowed(address, rules));
    const addresses = allowed.slice(0, Math.min(left, addressesPerExchangerMax));
    left -= addresses.length;
    if (addresses.length > 0) usable.push({ name, preference, addresses });
    if (allowed.length < given.length) {
      const refused = given.filter((address) => !allowed.includes(address)).slice(0, addressesPerExchangerMax);
      leftOut.push(`${preference} ${name} at ${refused.join(', ')} (not of the Internet)`);
    } else if (addresses.length === 0) leftOut.push(`${preference} ${name} ${whyNot(found)}`);
  }
  const wants = left > 0 && own.length === 0 ? 'more' : 'nothing';
  return { kind: kindOf(usable, failed, own), usable, leftOut, wants };
}

function kindOf(usable: readonly unknown[], failed: boolean, own: readonly unknown[]): ChosenExchangers['kind'] {
  if (usable.length > 0) return 'usable';
  // One that could not be looked up may yet take it.
  if (failed) return 'failed';
  return own.length > 0 ? 'loop' : 'nobody';
}

function isOurs({ name, found }: KnownExchanger, rules: ExchangerRules): boolean {
  return (
    rules.isOwnName(name) ||
    (found.kind === 'addresses' && found.addresses.some((address) => rules.isOwnAddress(address)))
  );
}

function isAllowed(address: string, { allowPrivateAddresses }: ExchangerRules): boolean {
  const reach = reachOf(address);
  return reach === 'public' || (reach === 'private' && allowPrivateAddresses);
}

function whyNot(found: NameAddresses): string {
  switch (found.kind) {
    case 'addresses':
      return 'comes after enough others';
    case 'alias':
      return `is an alias of ${found.target}`;
    case 'absent':
      return 'has no address';
    case 'failed':
      return `could not be looked up: ${found.reason}`;
  }
}

/** `private`: an address of somebody's own network, or what is no unicast address of the Internet. `none`: no host's. */
export type AddressReach = 'public' | 'private' | 'none';

// Ranges for documentation are of no network; nothing is gained by refusing them.
const reachByRange: ReadonlyMap<string, AddressReach> = new Map<string, AddressReach>([
  ...['unspecified', 'multicast', 'broadcast'].map((range) => [range, 'none'] as const),
  ...['loopback', 'private', 'linkLocal', 'uniqueLocal', 'carrierGradeNat', 'deprecatedSiteLocal'].map(
    (range) => [range, 'private'] as const,
  ),
  ...['teredo', 'discard', 'deprecatedOrchid', 'orchid2', 'amt', 'benchmarking', 'segmentRouting'].map(
    (range) => [range, 'private'] as const,
  ),
]);

// RFC 6890: what the list of ranges has under one name with those for documentation, and networks use inside.
const reservedRanges = ['192.0.0.0/24', '198.18.0.0/15', '240.0.0.0/4'].flatMap((text) => parseRange(text) ?? []);

const knownReaches = new Map<string, AddressReach>();
const knownReachesMax = 10_000;

/** How far an address reaches; an IPv6 address that stands for an IPv4 address reaches as far as that. */
export function reachOf(address: string): AddressReach {
  const known = knownReaches.get(address);
  if (known !== undefined) return known;
  const reach = readReach(address);
  if (knownReaches.size >= knownReachesMax) knownReaches.clear();
  knownReaches.set(address, reach);
  return reach;
}

function readReach(address: string): AddressReach {
  const bytes = addressBytes(address);
  if (bytes === undefined) return 'none';
  const inner = embeddedAddress(bytes);
  if (inner === 'local') return 'private';
  const reached = ipaddr.fromByteArray(inner ?? bytes);
  const range = reached.range();
  if (range === 'reserved' && reservedRanges.some((reserved) => rangeHolds(reserved, reached.toString()))) {
    return 'private';
  }
  return reachByRange.get(range) ?? 'public';
}

/** The IPv4 address that an IPv6 address stands for; `local`: one that only its own network can tell. */
function embeddedAddress(bytes: number[]): number[] | 'local' | undefined {
  if (bytes.length !== 16) return undefined;
  const range = ipaddr.fromByteArray(bytes).range();
  switch (range) {
    case 'ipv4Mapped':
    case 'rfc6145':
      return bytes.slice(12);
    case '6to4':
      return bytes.slice(2, 6);
    case 'rfc6052':
      // RFC 8215: 64:ff9b:1::/48 is each network's own.
      return bytes[5] === 0 ? bytes.slice(12) : 'local';
    default: {
      // RFC 4291 §2.5.5.1: ::a.b.c.d; :: and ::1 themselves are told by their ranges.
      const isCompatible = range === 'unicast' && bytes.slice(0, 12).every((byte) => byte === 0);
      return isCompatible ? bytes.slice(12) : undefined;
    }
  }
}
