import type { Domain, Filters } from '../topology/catalogue/catalogue.js';
import type { FilterVerdict } from '../topology/screening.js';
import { block, pass } from './filter-verdict.js';
import { addressKeysOf } from './known-keys.js';

/**
 * Recipient filtering: the block list counts everywhere, and for every name of a mailbox; unknown recipients are refused where validation is on and
 * their domain, an authoritative one, asks for it: whom a relay domain has is known elsewhere. Both are told the same, so that nobody learns who is blocked and who is not there.
 */
export function judgeRecipientAddress(
  filters: Filters,
  recipient: {
    readonly key: string;
    readonly primaryKey?: string;
    readonly known: boolean;
    readonly domain: Domain | undefined;
  },
): FilterVerdict {
  if (!filters.enabled.recipient) return pass;
  const { blocked, validate } = filters.recipients;
  const { key, primaryKey = key } = recipient;
  const listed = [key, primaryKey].find((name) => addressKeysOf(blocked).has(name));
  if (listed !== undefined) return block(550, '5.1.1', 'User unknown', `${listed} is a blocked recipient`);
  const { domain, known } = recipient;
  if (validate && domain?.type === 'authoritative' && domain.validateRecipients && !known) {
    return block(550, '5.1.1', 'User unknown', `${key} is nobody, and ${domain.name} validates recipients`);
  }
  return pass;
}
