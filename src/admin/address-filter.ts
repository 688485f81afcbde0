import { parseRange, rangeHolds } from '../topology/ranges.js';
import { badFlag } from './test-routing.js';

/** Whether an address is the one that a flag names, or in its network. Throws UsherError for anything else. */
export function addressFilter(flag: string, text: string): (address: string) => boolean {
  const range = parseRange(text);
  if (!range) throw badFlag(flag, text, 'an address (192.0.2.1) or a network (192.0.2.0/24)');
  return (address) => rangeHolds(range, address);
}
