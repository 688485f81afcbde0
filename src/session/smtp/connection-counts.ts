import type { ReceiveConnector } from '../../topology/catalogue/catalogue.js';
import { nameKey } from '../../topology/names.js';

/** How many connections each receive connector has, in all and from each address. */
export interface ConnectionCounts {
  /** Counts one more; the result takes it off again. Null: the connector has as many as it takes. */
  enter(connector: ReceiveConnector, clientAddress: string): (() => void) | null;
}

export function createConnectionCounts(): ConnectionCounts {
  const counts = new Map<string, number>();
  const add = (key: string, by: number): void => {
    const count = (counts.get(key) ?? 0) + by;
    if (count > 0) counts.set(key, count);
    else counts.delete(key);
  };
  return {
    enter(connector, clientAddress) {
      const all = nameKey(connector.name);
      const ofSource = `${all}\n${clientAddress}`;
      if ((counts.get(all) ?? 0) >= connector.maxConnections) return null;
      if ((counts.get(ofSource) ?? 0) >= connector.maxConnectionsPerSource) return null;
      add(all, 1);
      add(ofSource, 1);
      return () => {
        add(all, -1);
        add(ofSource, -1);
      };
    },
  };
}
