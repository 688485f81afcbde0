import type { DnsRecords, DnsResolver } from '../../net/dns-resolver.js';
import type { NameAddresses } from '../../routing/mail-exchangers.js';

/** Addresses of one name that are looked at. */
export const addressesPerNameMax = 20;

/** The addresses of a name in both families; one family that cannot be looked up does not hide the other. */
export async function findAddresses(resolver: DnsResolver, name: string): Promise<NameAddresses> {
  const [v4, v6] = await Promise.all([resolver.records(name, 'A'), resolver.records(name, 'AAAA')]);
  const addresses = interleave(textsOf(v4), textsOf(v6)).slice(0, addressesPerNameMax);
  if (addresses.length > 0) return { kind: 'addresses', addresses };
  const failed = [v4, v6].find((found) => found.kind === 'failed');
  return failed ?? { kind: 'absent' };
}

/** As findAddresses, but a name that is an alias is said to be one: RFC 2181 §10.3 lets no exchanger be one. */
export async function findExchangerAddresses(resolver: DnsResolver, name: string): Promise<NameAddresses> {
  const [found, aliased] = await Promise.all([findAddresses(resolver, name), resolver.records(name, 'CNAME')]);
  const [target] = textsOf(aliased);
  return target === undefined ? found : { kind: 'alias', target };
}

const textsOf = (found: DnsRecords): string[] =>
  found.kind === 'records' ? found.records.filter((record) => typeof record === 'string') : [];

/**
 * Each family in the resolver's order (RFC 5321 §5.1), one of each by turns, so that a family that leads nowhere costs
 * one attempt. IPv4 first: many receivers refuse IPv6 addresses without a reverse name, which many senders' have not.
 */
function interleave(v4: readonly string[], v6: readonly string[]): string[] {
  const length = Math.max(v4.length, v6.length);
  return Array.from({ length }, (_, index) => [v4[index], v6[index]])
    .flat()
    .filter((address) => address !== undefined);
}
