import type { Domain, Filters } from '../topology/catalogue/catalogue.js';
import { parseMailAddress } from '../topology/mail-address.js';
import type { FilterVerdict } from './filter-verdict.js';
import { block, pass } from './filter-verdict.js';

/**
 * Recipient filtering: the block list counts everywhere; unknown recipients are refused where validation is on and
 * their domain asks for it. Both are told the same, so that nobody learns who is blocked and who is not there.
 */
export function judgeRecipientAddress(
  filters: Filters,
  recipient: { readonly key: string; readonly known: boolean; readonly domain: Domain | undefined },
): FilterVerdict {
  if (!filters.enabled.recipient) return pass;
  const { blocked, validate } = filters.recipients;
  if (blocked.some((address) => parseMailAddress(address)?.key === recipient.key)) {
    return block(550, '5.1.1', 'User unknown', `${recipient.key} is a blocked recipient`);
  }
  if (validate && recipient.domain?.validateRecipients === true && !recipient.known) {
    return block(
      550,
      '5.1.1',
      'User unknown',
      `${recipient.key} is nobody, and ${recipient.domain.name} validates recipients`,
    );
  }
  return pass;
}
