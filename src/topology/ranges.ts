import ipaddr from 'ipaddr.js';

/** An inclusive range of addresses of one family; `size` is how many it holds. */
export interface AddressRange {
  readonly family: 'ipv4' | 'ipv6';
  readonly first: bigint;
  readonly last: bigint;
}

function numberOf(address: ipaddr.IPv4 | ipaddr.IPv6): bigint {
  return address.toByteArray().reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

/** Four decimal numbers from 0 to 255: by far the most addresses, so they are told without the parser. */
const fourPart = /^(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/;

/** An address without zone; a v4-mapped v6 address counts as v4. Undefined when it is none. */
function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (fourPart.test(text)) return new ipaddr.IPv4(text.split('.').map(Number));
  if (text.length > 100) return undefined;
  const bare = text.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, '');
  // The parser throws inside for what is none, which takes long where most texts are names.
  if (!bare.includes(':')) return fourPart.test(bare) ? ipaddr.IPv4.parse(bare) : undefined;
  return /^[0-9a-f:.]+$/i.test(bare) && ipaddr.IPv6.isValid(bare) ? ipaddr.process(bare) : undefined;
}

/** `10.0.0.1`, `10.0.0.0/8`, `10.0.0.1-10.0.0.9`, and the same in IPv6; undefined when it is none. */
export function parseRange(text: string): AddressRange | undefined {
  const [from, to, ...rest] = text.split('-').map((part) => part.trim());
  if (from === undefined || rest.length > 0) return undefined;
  if (to !== undefined) return betweenAddresses(from, to);
  const slash = from.indexOf('/');
  return slash < 0 ? betweenAddresses(from, from) : networkRange(from.slice(0, slash), from.slice(slash + 1));
}

function betweenAddresses(from: string, to: string): AddressRange | undefined {
  const first = parseAddress(from);
  const last = parseAddress(to);
  if (!first || !last || first.kind() !== last.kind()) return undefined;
  const range = { family: first.kind(), first: numberOf(first), last: numberOf(last) };
  return range.first <= range.last ? range : undefined;
}

function networkRange(base: string, prefixText: string): AddressRange | undefined {
  const isV6 = base.includes(':');
  if (!(isV6 ? ipaddr.IPv6.isValid(base) : ipaddr.IPv4.isValidFourPartDecimal(base))) return undefined;
  const address = ipaddr.parse(base);
  const bits = isV6 ? 128 : 32;
  const prefix = /^\d{1,3}$/.test(prefixText) ? Number(prefixText) : Number.NaN;
  if (!(prefix <= bits)) return undefined;
  const host = (1n << BigInt(bits - prefix)) - 1n;
  const number = numberOf(address);
  return { family: address.kind(), first: number & ~host, last: number | host };
}

/** How many addresses a range holds. */
export function rangeSize(range: AddressRange): bigint {
  return range.last - range.first + 1n;
}

/** Whether a range holds an address given as text. */
export function rangeHolds(range: AddressRange, address: string): boolean {
  const single = singleAddress(address);
  if (single?.family !== range.family) return false;
  return range.first <= single.first && single.first <= range.last;
}

/** One address as the range of itself; undefined when the text is none. */
export function singleAddress(text: string): AddressRange | undefined {
  const address = parseAddress(text);
  if (!address) return undefined;
  const number = numberOf(address);
  return { family: address.kind(), first: number, last: number };
}

/** Whether text is one IP address. */
export function isAddress(text: string): boolean {
  return parseAddress(text) !== undefined;
}

/** The canonical text of an address (v4-mapped v6 as v4), or the text itself when it is none. */
export function canonicalAddress(text: string): string {
  return fourPart.test(text) ? text : (parseAddress(text)?.toString() ?? text);
}

/** The 4 or 16 bytes of an address; undefined when the text is none. */
export function addressBytes(text: string): number[] | undefined {
  return parseAddress(text)?.toByteArray();
}
