import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConnectionCounts } from '../../../src/session/mail-access/connection-counts.js';

const none = { maxConnections: null, maxConnectionsPerSource: null };

test('a connection that is one too many is not counted', () => {
  const counts = new ConnectionCounts();
  expect(counts.enter('a', { ...none, maxConnectionsPerSource: 1 })).toBeNull();
  expect(counts.enter('a', { ...none, maxConnectionsPerSource: 1 })).toBe('source');
  expect(counts.enter('b', { ...none, maxConnections: 1 })).toBe('all');
  counts.leave('a');
  expect(counts.enter('a', { maxConnections: 1, maxConnectionsPerSource: 1 })).toBeNull();
  expect([counts.enterUser('u', 1), counts.enterUser('u', 1), counts.enterUser('v', 1)]).toEqual([true, false, true]);
  counts.leaveUser('u');
  expect(counts.enterUser('u', 1)).toBe(true);
});

test('whoever comes and goes, nothing is left', () => {
  const source = fc.constantFrom('a', 'b', 'c');
  fc.assert(
    fc.property(fc.array(source, { maxLength: 50 }), fc.nat(4), fc.nat(20), (sources, perSource, all) => {
      const counts = new ConnectionCounts();
      const limits = { maxConnections: all, maxConnectionsPerSource: perSource };
      const entered = sources.filter((name) => counts.enter(name, limits) === null);
      for (const name of new Set(entered)) {
        expect(entered.filter((other) => other === name).length).toBeLessThanOrEqual(perSource);
      }
      expect(counts.sizes().all).toBe(Math.min(entered.length, all));
      const users = entered.filter((name) => counts.enterUser(name, 2));
      for (const name of users) counts.leaveUser(name);
      for (const name of entered) counts.leave(name);
      expect(counts.sizes()).toEqual({ all: 0, sources: 0, users: 0 });
    }),
  );
});
