import type { ReceiveConnector } from '../../topology/catalogue/catalogue.js';
import { nameKey } from '../../topology/names.js';
import { KeyCounts } from '../key-counts.js';

/** How many connections each receive connector has, in all and from each address. */
export interface ConnectionCounts {
  /** Counts one more; the result takes it off again. Null: the connector, or this source of it, has as many as it may. */
  enter(connector: ReceiveConnector, clientAddress: string): (() => void) | null;
}

export function createConnectionCounts(): ConnectionCounts {
  const counts = new KeyCounts();
  return {
    enter(connector, clientAddress) {
      const all = nameKey(connector.name);
      const ofSource = `${all}\n${clientAddress}`;
      const total = counts.of(all);
      const own = counts.of(ofSource);
      if (total >= connector.maxConnections) return null;
      if (own >= connector.maxConnectionsPerSource || own >= shareMax(connector, total - own)) return null;
      counts.enter(all, null);
      counts.enter(ofSource, null);
      let isCounted = true;
      return () => {
        if (!isCounted) return;
        isCounted = false;
        counts.leave(all);
        counts.leave(ofSource);
      };
    },
  };
}

/** What one source may hold: a part of the connections that the others leave, and one at least. */
function shareMax({ maxConnections, maxConnectionsPercentPerSource }: ReceiveConnector, ofOthers: number): number {
  return Math.max(1, Math.floor(((maxConnections - ofOthers) * maxConnectionsPercentPerSource) / 100));
}
