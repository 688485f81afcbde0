import { type AddressRange, parseRange, rangeHolds } from '../topology/ranges.js';
import type { HeaderField } from './protocol-agent.js';
import { receivedAddress } from './received-address.js';

/** Fields of one message that are looked at. */
const fieldsMax = 500;

const readRanges = new WeakMap<readonly string[], readonly AddressRange[]>();
const loopback = ['127.0.0.0/8', '::1'].flatMap((text) => parseRange(text) ?? []);

/** Whether an address is that of one of our own relays. */
export function isInternalRelay(internalSmtpServers: readonly string[], address: string): boolean {
  if (internalSmtpServers.length === 0) return false;
  const ranges = readRanges.get(internalSmtpServers) ?? internalSmtpServers.flatMap((text) => parseRange(text) ?? []);
  readRanges.set(internalSmtpServers, ranges);
  return ranges.some((range) => rangeHolds(range, address));
}

/**
 * Where a message came in from outside: the newest address in its Received fields that is not of a relay of ours.
 * A server that spoke to itself is passed over. Undefined when no field names one.
 */
export function outsideAddress(
  fields: readonly HeaderField[],
  internalSmtpServers: readonly string[],
): string | undefined {
  for (const { name, value } of fields.slice(0, fieldsMax)) {
    if (name.trimEnd().toLowerCase() !== 'received') continue;
    const address = receivedAddress(value);
    if (address === undefined || loopback.some((range) => rangeHolds(range, address))) continue;
    if (!isInternalRelay(internalSmtpServers, address)) return address;
  }
  return undefined;
}
