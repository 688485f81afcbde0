import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkSendConnectors } from '../../src/admin/check-send-connectors.js';
import { selectSendConnector } from '../../src/routing/send-connectors.js';
import type { Topology } from '../../src/topology/topology.js';
import { topologyOf } from '../support/topology-of.js';

const sites = ['A', 'B', 'C'];
const serverNames = ['M1', 'M2', 'M3', 'M4'];
const patterns = ['*', '*.x.com', 'x.com', '*.a.x.com', 'y.com'];
const sizes = ['1MB', '2MB'];

/** Domains that each mix of the patterns matches. */
const domains = ['x.com', 'b.x.com', 'a.x.com', 'c.a.x.com', 'y.com', 'b.y.com', 'z.org'];
const megabyte = 1024 ** 2;
const sizesOfMail = [null, 1, megabyte, megabyte + 1, 2 * megabyte, 3 * megabyte];

const estate = fc.record({
  links: fc.array(
    fc.record({
      sites: fc.uniqueArray(fc.constantFrom(...sites), { minLength: 2, maxLength: 3 }),
      cost: fc.integer({ min: 1, max: 2 }),
    }),
    { maxLength: 3 },
  ),
  places: fc.array(fc.constantFrom(...sites), { minLength: serverNames.length, maxLength: serverNames.length }),
  connectors: fc.array(
    fc.record({
      enabled: fc.constantFrom(true, true, true, false),
      scoped: fc.constantFrom(false, false, true),
      addressSpaces: fc
        .array(fc.tuple(fc.constantFrom(...patterns), fc.integer({ min: 1, max: 2 })), { minLength: 1, maxLength: 3 })
        .map((spaces) => spaces.map(([pattern, cost]) => `${pattern};${cost}`)),
      sources: fc.uniqueArray(fc.constantFrom(...serverNames), { minLength: 1, maxLength: 2 }),
      maxMessageSize: fc.constantFrom(...sizes),
    }),
    { minLength: 1, maxLength: 5 },
  ),
});

/** Names of the connectors that are chosen by some server for some domain and size. */
function chosenSomewhere(topology: Topology): Set<string> {
  const chosen = new Set<string>();
  for (const server of topology.servers) {
    for (const domain of domains) {
      for (const sizeBytes of sizesOfMail) {
        const choice = selectSendConnector({ topology, server, domain, sizeBytes });
        if (choice.kind === 'chosen') chosen.add(choice.connector.name);
      }
    }
  }
  return chosen;
}

test('a connector that is reported is chosen by no server, for no domain and no size; one that is not for some', () => {
  let reported = 0;
  fc.assert(
    fc.property(estate, ({ links, places, connectors }) => {
      const topology = topologyOf({
        sites: sites.map((name) => ({ name })),
        links: links.map((link, index) => ({ name: `L${index}`, ...link })),
        servers: serverNames.map((name, index) => ({ name, site: places[index] })),
        sendConnectors: connectors.map((connector, index) => ({ name: `S${index}`, ...connector })),
      });
      const shadowed = checkSendConnectors(topology).map(({ code, name }) => `${code} ${name}`);
      reported += shadowed.length;
      const chosen = chosenSomewhere(topology);
      const never = topology.sendConnectors.filter(({ enabled, name }) => enabled && !chosen.has(name));
      expect(shadowed).toEqual(never.map(({ name }) => `send-connector-shadowed ${name}`));
    }),
    { numRuns: 400 },
  );
  expect(reported).toBeGreaterThan(10);
});

test('a relay domain is served where its name is taken by an exact, a wider or the widest pattern', () => {
  const served = (addressSpace: string, domain: string): boolean => {
    const topology = topologyOf({
      sites: [{ name: 'A' }],
      servers: [{ name: 'M1', site: 'A' }],
      domains: [{ name: domain, type: 'external-relay' }],
      sendConnectors: [{ name: 'S', sources: ['M1'], addressSpaces: [addressSpace] }],
    });
    return checkSendConnectors(topology).length === 0;
  };
  for (const space of ['*', '*.com', '*.x.com', '*.A.x.com', 'a.X.com;9']) expect(served(space, 'A.x.com')).toBe(true);
  for (const space of ['x.com', '*.b.a.x.com', 'b.a.x.com', '*.org']) expect(served(space, 'a.x.com')).toBe(false);
});

test('many address spaces that two connectors share are checked in no time', () => {
  const addressSpaces = Array.from({ length: 10_000 }, (_, index) => `d${index}.example`);
  const topology = topologyOf({
    sites: [{ name: 'A' }],
    servers: serverNames.map((name) => ({ name, site: 'A' })),
    sendConnectors: ['S', 'T', 'U'].map((name) => ({ name, sources: ['M1'], addressSpaces })),
  });
  const began = performance.now();
  expect(checkSendConnectors(topology).map(({ name }) => name)).toEqual(['T', 'U']);
  expect(performance.now() - began).toBeLessThan(2000);
});
