import fc from 'fast-check';
import { expect, test } from 'vitest';
import { selectReceiveConnector } from '../../../src/routing/receive-connectors.js';
import { checkShadowedReceiveConnectors } from '../../../src/topology/check/shadowed-receive-connectors.js';
import { parseRange, rangeSize } from '../../../src/topology/ranges.js';
import { topologyOf } from '../../support/topology-of.js';

/** Sixteen addresses of each family, in ranges that nest, overlap and leave gaps. */
const lasts = Array.from({ length: 16 }, (_, index) => index);
const v4 = (last: number): string => `10.0.0.${last}`;
const v6 = (last: number): string => `fd00::${last.toString(16)}`;
const range = fc
  .tuple(fc.constantFrom(v4, v4, v6), fc.nat(15), fc.nat(15))
  .map(([address, a, b]) => `${address(Math.min(a, b))}-${address(Math.max(a, b))}`);
const binding = fc.constantFrom('0.0.0.0:25', '0.0.0.0:25', '10.1.0.1:25', '0.0.0.0:26', '[::]:25');
const connector = fc.record({
  server: fc.constantFrom(null, null, 'FE1', 'FE2', 'MBX1'),
  enabled: fc.constantFrom(true, true, true, false),
  bindings: fc.uniqueArray(binding, { minLength: 1, maxLength: 2 }),
  remoteRanges: fc.array(range, { minLength: 1, maxLength: 3 }),
});

const servers = [
  { name: 'FE1', site: 'A', roles: ['frontend'] },
  { name: 'FE2', site: 'A', roles: ['frontend', 'mailbox'] },
  { name: 'MBX1', site: 'A' },
];

const locals = ['10.1.0.1', '10.1.0.2', 'fd01::1'];

/** Names of the connectors that are chosen for some client at some address of some front end. */
function chosenSomewhere(topology: ReturnType<typeof topologyOf>): Set<string> {
  const chosen = new Set<string>();
  const places = topology.servers
    .filter(({ roles }) => roles.includes('frontend'))
    .flatMap((frontEnd) => [25, 26].map((port) => ({ frontEnd, port })));
  for (const localAddress of locals) {
    const clients = lasts.map(localAddress.includes(':') ? v6 : v4);
    for (const clientAddress of clients) {
      const found = places.map((place) => selectReceiveConnector(topology, { ...place, localAddress, clientAddress }));
      for (const connector of found) if (connector) chosen.add(connector.name);
    }
  }
  return chosen;
}

test('a connector that is reported is chosen for no client, and one that is not reported for some', () => {
  let reported = 0;
  fc.assert(
    fc.property(fc.array(connector, { minLength: 1, maxLength: 5 }), (given) => {
      const receiveConnectors = given.map((fields, index) => ({ name: `R${index}`, ...fields }));
      const topology = topologyOf({ sites: [{ name: 'A' }], servers, receiveConnectors });
      const names = new Set(checkShadowedReceiveConnectors(topology).map(({ name }) => name));
      const chosen = chosenSomewhere(topology);
      reported += names.size;
      for (const name of names) expect(chosen).not.toContain(name);
      // Ranges of one size may hold the same clients; that is an error of its own and not told again.
      const ranges = given.flatMap(({ remoteRanges }) => remoteRanges);
      const sizes = ranges.flatMap((text) => parseRange(text) ?? []).map(rangeSize);
      if (new Set(sizes).size < sizes.length) return;
      const reachable = topology.receiveConnectors.filter(({ enabled, server }) => enabled && server !== 'MBX1');
      for (const { name } of reachable) expect(names.has(name)).toBe(!chosen.has(name));
    }),
    { numRuns: 400 },
  );
  expect(reported).toBeGreaterThan(10);
});
