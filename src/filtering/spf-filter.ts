import type { Filters } from '../topology/catalogue/catalogue.js';
import { domainKey, parseMailAddress } from '../topology/mail-address.js';
import type { FilterVerdict } from '../topology/screening.js';
import { block, pass } from './filter-verdict.js';
import { addressKeysOf, domainKeysOf } from './known-keys.js';

/** The result of an SPF check: RFC 7208 §2.6. */
export type SpfResult = 'none' | 'neutral' | 'pass' | 'fail' | 'softfail' | 'temperror' | 'permerror';

/**
 * RFC 7208 §4: checks whether a client may send under a domain. `helo` and `from` as the client gave them, `helo` ''
 * where it is not known. It answers within a bounded time, and rejects on a fault only.
 */
export type SpfChecker = (client: {
  readonly address: string;
  readonly helo: string;
  readonly from: string;
}) => Promise<SpfResult>;

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
  if (isSpfBypassed(filters, from)) return pass;
  if (addressKeysOf(spf.bypassedRecipients).has(recipientKey)) return pass;
  const why = `SPF of ${domain ?? 'the empty sender'}: ${result}`;
  switch (spfAction(filters, result)) {
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

/** What the settings want done with a result. */
export function spfAction({ spf }: Filters, result: SpfResult): Filters['spf']['fail'] {
  return result === 'fail' ? spf.fail : result === 'temperror' ? spf.tempError : 'stamp';
}

/** Whether the domain of a sender is left out. */
export function isSpfBypassed({ spf }: Filters, from: string): boolean {
  const domain = parseMailAddress(from)?.domain;
  return domain !== undefined && domainKeysOf(spf.bypassedDomains).has(domain);
}

/** The domain that speaks for a client: the sender's, or for the empty sender the client's own; undefined: none does. */
export function spfDomain(from: string, helo: string): string | undefined {
  // RFC 7208 §2.4: the identity of the empty sender is postmaster@HELO.
  const domain = from === '' ? domainKey(helo) : parseMailAddress(from)?.domain;
  return domain === undefined || domain.startsWith('[') || !domain.includes('.') ? undefined : domain;
}
