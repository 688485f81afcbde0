import type { Filters } from '../topology/catalogue/catalogue.js';
import { parseRange, singleAddress } from '../topology/ranges.js';

type IpEntry = Filters['ipAllow'][number];

/** An entry as it is compared; `expiresMs` is the time from which it no longer counts. */
interface ReadEntry {
  readonly entry: IpEntry;
  readonly first: bigint;
  readonly last: bigint;
  readonly expiresMs: number;
  /** The highest address that this entry or one before it holds. */
  readonly reach: bigint;
}

/** Entries of each family by their first addresses. */
type ReadList = Readonly<Record<'ipv4' | 'ipv6', readonly ReadEntry[]>>;

/** Longest text of an address: IPv6 with an IPv4 tail, a zone, brackets. */
export const addressLengthMax = 80;

const readLists = new WeakMap<readonly IpEntry[], ReadList>();

/** The narrowest entry that holds the address and has not expired. `nowMs` is the time of the question. */
export function matchingEntry(entries: readonly IpEntry[], address: string, nowMs: number): IpEntry | undefined {
  if (entries.length === 0) return undefined;
  const single = address.length > addressLengthMax ? undefined : singleAddress(address);
  if (!single) return undefined;
  const list = listOf(entries)[single.family];
  for (let at = lastBeginningBy(list, single.first); at >= 0; at--) {
    const { entry, last, expiresMs, reach } = list[at] as ReadEntry;
    if (reach < single.first) return undefined;
    if (single.first <= last && nowMs < expiresMs) return entry;
  }
  return undefined;
}

/** The index of the last entry that begins at or before an address; -1: none does. */
function lastBeginningBy(list: readonly ReadEntry[], address: bigint): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] as ReadEntry).first <= address) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The entries of a list, read once. */
function listOf(entries: readonly IpEntry[]): ReadList {
  const known = readLists.get(entries);
  if (known) return known;
  const read = entries.flatMap((entry) => {
    const range = parseRange(entry.range);
    return range ? [{ entry, ...range, expiresMs: entry.expires === null ? Infinity : Date.parse(entry.expires) }] : [];
  });
  const ofFamily = (family: 'ipv4' | 'ipv6'): ReadEntry[] => {
    let reach = -1n;
    return read
      .filter((entry) => entry.family === family)
      .sort((a, b) => compare(a.first, b.first) || compare(b.last, a.last))
      .map(({ entry, first, last, expiresMs }) => {
        if (last > reach) reach = last;
        return { entry, first, last, expiresMs, reach };
      });
  };
  const list = { ipv4: ofFamily('ipv4'), ipv6: ofFamily('ipv6') };
  readLists.set(entries, list);
  return list;
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : Number(a > b));
