import type { ReceiveConnector } from '../topology/catalogue/catalogue.js';

/** Reserved top-level and second-level names: RFC 2606 §2, §3. */
const reservedTopLevel = new Set(['test', 'example', 'invalid', 'localhost']);
const reservedSecondLevel = new Set(['example.com', 'example.net', 'example.org']);

/** Why a connector refuses a recipient's domain whatever the relay rights; null when it does not. */
export function refusedDomain(
  connector: Pick<ReceiveConnector, 'rejectReservedDomains' | 'rejectSingleLabelDomains'>,
  domain: string,
): { readonly enhanced: string; readonly text: string } | null {
  // RFC 5321 §4.1.3: an address literal is no domain.
  if (domain.startsWith('[')) return null;
  const labels = domain.split('.');
  if (connector.rejectReservedDomains) {
    const text = 'Recipient address reserved by RFC 2606';
    if (reservedTopLevel.has(labels.at(-1) ?? '')) return { enhanced: '5.1.4', text };
    if (reservedSecondLevel.has(labels.slice(-2).join('.'))) return { enhanced: '5.1.5', text };
  }
  if (connector.rejectSingleLabelDomains && labels.length === 1) {
    return { enhanced: '5.1.6', text: 'Recipient addresses in single label domains not accepted' };
  }
  return null;
}
