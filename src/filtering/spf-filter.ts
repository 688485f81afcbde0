import type { Filters } from '../topology/catalogue/catalogue.js';
import { parseMailAddress } from '../topology/mail-address.js';
import type { FilterVerdict } from '../topology/screening.js';
import { block, pass } from './filter-verdict.js';
import { addressKeysOf, domainKeysOf } from './known-keys.js';

/** The result of an SPF check: RFC 7208 §2.6. */
export type SpfResult = 'none' | 'neutral' | 'pass' | 'fail' | 'softfail' | 'temperror' | 'permerror';

/** `discard`: the client hears 250, and nothing is delivered. */
export type SpfVerdict = FilterVerdict | { readonly kind: 'discard'; readonly why: string };

/**
 * What an SPF result means for one recipient: every result is stamped, a fail or a temporary error is treated as the
 * settings say; some recipients and sender domains are left out.
 */
export function judgeSpf(filters: Filters, result: SpfResult, from: string, recipientKey: string): SpfVerdict {
  const { spf, enabled } = filters;
  if (!enabled.spf) return pass;
  const domain = parseMailAddress(from)?.domain;
  if (domain !== undefined && domainKeysOf(spf.bypassedDomains).has(domain)) return pass;
  if (addressKeysOf(spf.bypassedRecipients).has(recipientKey)) return pass;
  const why = `SPF of ${domain ?? 'the empty sender'}: ${result}`;
  const action = result === 'fail' ? spf.fail : result === 'temperror' ? spf.tempError : 'stamp';
  switch (action) {
    case 'stamp':
      return { kind: 'stamp', why, mark: `spf-${result}` };
    case 'delete':
      return { kind: 'discard', why };
    case 'reject':
      return result === 'temperror'
        ? block(451, '4.4.3', 'SPF could not be checked now, try again later', why)
        : block(550, '5.7.23', 'SPF validation failed', why);
  }
}
