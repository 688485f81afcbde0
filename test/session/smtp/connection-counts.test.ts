import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ConnectionCounts, createConnectionCounts } from '../../../src/session/smtp/connection-counts.js';
import type { ReceiveConnector } from '../../../src/topology/catalogue/catalogue.js';
import { contosoWith } from '../../routing/contoso.js';

function connectorWith(limits: Partial<ReceiveConnector>): ReceiveConnector {
  const [connector] = contosoWith({ receiveConnectors: [{ name: 'Door', ...limits }] }).topology.receiveConnectors;
  if (!connector) throw new Error('the estate has no connector');
  return connector;
}

/** How many connections a source gets before one is refused; they stay open. */
function fill(counts: ConnectionCounts, connector: ReceiveConnector, source: string, triesMax = 1000): number {
  let count = 0;
  while (count < triesMax && counts.enter(connector, source) !== null) count += 1;
  return count;
}

/** Connections of others, each from an address of its own. */
function takeByOthers(counts: ConnectionCounts, connector: ReceiveConnector, count: number): void {
  for (let at = 0; at < count; at += 1) expect(counts.enter(connector, `10.1.0.${at}`)).not.toBeNull();
}

describe('how many connections one source gets', () => {
  test.each([
    // in all, a source, percent, of others: left for one
    [5000, 20, 2, 0, 20],
    [5000, 20, 2, 4600, 8],
    [5000, 20, 2, 4950, 1],
    [5000, 20, 2, 4999, 1],
    [5000, 20, 2, 5000, 0],
    [100, 20, 10, 60, 4],
    [100, 20, 10, 0, 10],
    [100, 20, 100, 0, 20],
    [100, 20, 100, 90, 10],
    [100, 1, 100, 0, 1],
    [1, 20, 1, 0, 1],
    [1000, 1000, 1, 0, 10],
  ])('%i in all, %i a source, %i percent, %i of others: %i', (all, perSource, percent, others, expected) => {
    const connector = connectorWith({
      maxConnections: all,
      maxConnectionsPerSource: perSource,
      maxConnectionsPercentPerSource: percent,
    });
    const counts = createConnectionCounts();
    takeByOthers(counts, connector, others);
    expect(fill(counts, connector, '192.0.2.1')).toBe(expected);
  });
});

describe('a place', () => {
  const connector = connectorWith({ maxConnections: 2, maxConnectionsPerSource: 1 });

  test('is free again after its connection, once', () => {
    const counts = createConnectionCounts();
    const leave = counts.enter(connector, '192.0.2.1');
    counts.enter(connector, '192.0.2.2');
    expect(counts.enter(connector, '192.0.2.3')).toBeNull();
    leave?.();
    leave?.();
    expect(counts.enter(connector, '192.0.2.3')).not.toBeNull();
    expect(counts.enter(connector, '192.0.2.4')).toBeNull();
  });

  test('belongs to one connector, whatever the case of its name', () => {
    const counts = createConnectionCounts();
    counts.enter(connector, '192.0.2.1');
    expect(counts.enter({ ...connector, name: 'DOOR' }, '192.0.2.1')).toBeNull();
    expect(counts.enter({ ...connector, name: 'Other' }, '192.0.2.1')).not.toBeNull();
  });
});

test('whoever comes and goes, no limit is passed and nothing is left behind', () => {
  const limits = { maxConnections: 12, maxConnectionsPerSource: 5, maxConnectionsPercentPerSource: 50 };
  const connector = connectorWith(limits);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(4), fc.boolean()), { maxLength: 100 }), (moves) => {
      const counts = createConnectionCounts();
      const open: Array<{ source: number; leave: () => void }> = [];
      for (const [source, comes] of moves) {
        if (!comes) {
          open.shift()?.leave();
          continue;
        }
        const own = open.filter((other) => other.source === source).length;
        const left = limits.maxConnections - (open.length - own);
        const isFree = open.length < 12 && own < 5 && own < Math.max(1, Math.floor(left / 2));
        const leave = counts.enter(connector, `192.0.2.${source}`);
        expect(leave !== null).toBe(isFree);
        if (leave !== null) open.push({ source, leave });
      }
      for (const { leave } of open) leave();
      expect(fill(counts, connector, '192.0.2.1')).toBe(5);
    }),
  );
});
