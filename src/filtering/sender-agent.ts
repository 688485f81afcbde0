import type { Filters } from '../topology/catalogue/catalogue.js';
import type { ProtocolAgent } from './protocol-agent.js';
import { judgeSenderAddress } from './sender-filter.js';

/** Sender filtering at MAIL. */
export function senderAgent(filters: Filters): ProtocolAgent {
  return {
    name: 'sender-filtering',
    priority: 6,
    mail: (_session, from) => judgeSenderAddress(filters, from),
  };
}
