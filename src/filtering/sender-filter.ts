import type { Filters } from '../topology/catalogue/catalogue.js';
import { parseMailAddress } from '../topology/mail-address.js';
import type { FilterVerdict } from '../topology/screening.js';
import { block, pass, thenClose } from './filter-verdict.js';
import { addressKeysOf, domainKeysOf } from './known-keys.js';

/** Sender filtering: addresses, domains, domains with their subdomains, the empty sender; refused or only marked. */
export function judgeSenderAddress(filters: Filters, from: string): FilterVerdict {
  if (!filters.enabled.sender) return pass;
  const why = whyBlocked(filters.senders, from);
  if (why === undefined) return pass;
  if (filters.senders.action === 'stamp') return { kind: 'stamp', why, mark: 'sender-blocked' };
  return thenClose(block(554, '5.1.0', 'Sender denied', why));
}

function whyBlocked(senders: Filters['senders'], from: string): string | undefined {
  if (from === '') return senders.blockBlank ? 'the empty sender is blocked' : undefined;
  const address = parseMailAddress(from);
  if (!address) return undefined;
  if (addressKeysOf(senders.blocked).has(address.key)) return `${from} is a blocked sender`;
  if (domainKeysOf(senders.blockedDomains).has(address.domain)) return `${address.domain} is a blocked domain`;
  const parents = domainKeysOf(senders.blockedDomainsAndSubdomains);
  const parent = domainsAbove(address.domain).find((domain) => parents.has(domain));
  return parent === undefined ? undefined : `${address.domain} is in the blocked domain ${parent}`;
}

/** `a.b.c`, `b.c`, `c`. */
function domainsAbove(domain: string): string[] {
  const labels = domain.split('.');
  return labels.map((_, index) => labels.slice(index).join('.'));
}
