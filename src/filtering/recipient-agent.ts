import type { Filters } from '../topology/catalogue/catalogue.js';
import type { ProtocolAgent } from './protocol-agent.js';
import { judgeRecipientAddress } from './recipient-filter.js';

/** Recipient filtering at RCPT. */
export function recipientAgent(filters: Filters): ProtocolAgent {
  return {
    name: 'recipient-filtering',
    priority: 7,
    recipient: (_session, recipient) => judgeRecipientAddress(filters, recipient),
  };
}
