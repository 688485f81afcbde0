import type { SendConnector } from '../catalogue/catalogue.js';
import { parseAddressSpace } from '../formats.js';
import type { Topology } from '../topology.js';
import type { Finding } from './finding.js';
import { warningOf } from './finding.js';
import { namesText } from './reach.js';

/** Connectors that name an address space more than once, of which only the cheapest counts. */
export function checkSendConnectorSpaces(topology: Topology): Finding[] {
  return topology.sendConnectors.flatMap(checkRepeated);
}

function checkRepeated({ name, addressSpaces }: SendConnector): Finding[] {
  const costs = new Map<string, number>();
  const repeated = new Map<string, number>();
  for (const [index, text] of addressSpaces.entries()) {
    const space = parseAddressSpace(text);
    if (!space) continue;
    const known = costs.get(space.pattern);
    costs.set(space.pattern, Math.min(space.cost, known ?? space.cost));
    if (known !== undefined && !repeated.has(space.pattern)) repeated.set(space.pattern, index);
  }
  const [first] = repeated.values();
  if (first === undefined) return [];
  const kept = [...repeated.keys()].map((pattern) => ({ name: `${pattern};${costs.get(pattern) ?? 1}` }));
  const counts = kept.length === 1 ? 'only the least cost counts' : 'of each only the least cost counts';
  const message = `has address spaces more than once; ${counts}: ${namesText(kept)}`;
  return [warningOf('send-connector')(name, ['addressSpaces', first], 'address-space-repeated', message)];
}
