import type { Filters } from '../topology/catalogue/catalogue.js';
import type { Screening } from '../topology/screening.js';
import { type DnsAnswers, judgeClient } from './connection-filter.js';
import { pass } from './filter-verdict.js';
import { addressKeysOf } from './known-keys.js';
import { judgeRecipientAddress } from './recipient-filter.js';
import { judgeSenderAddress } from './sender-filter.js';

/** The screening, or the name that must be looked up before it is complete. */
export type ScreeningStep =
  | { readonly kind: 'ready'; readonly screening: Screening }
  | { readonly kind: 'look-up'; readonly name: string };

/**
 * Screens a client. `clientAddress` null: the address is not part of the question; `answers` null: providers are not
 * asked. An address that is let through exempts the session from the other filters.
 */
export function createScreening(
  filters: Filters,
  clientAddress: string | null,
  nowMs: number,
  answers: DnsAnswers | null,
): ScreeningStep {
  const asked = answers === null ? { ...filters, allowProviders: [], blockProviders: [] } : filters;
  const client =
    clientAddress === null
      ? ({ kind: 'verdict', verdict: pass } as const)
      : judgeClient(asked, clientAddress, nowMs, answers ?? new Map());
  if (client.kind === 'look-up') return client;
  const { verdict } = client;
  const isExempt = verdict.kind === 'exempt';
  // A blocked client hears of it at RCPT; the sender filter, which would speak before, is not asked.
  const senderIsAsked = !isExempt && verdict.kind !== 'block';
  return {
    kind: 'ready',
    screening: {
      client: verdict,
      sender: (from) => (senderIsAsked ? judgeSenderAddress(filters, from) : pass),
      recipient: (recipient) => (isExempt ? pass : judgeRecipientAddress(filters, recipient)),
      isBypassed: (key) => addressKeysOf(filters.bypassedRecipients).has(key),
    },
  };
}
