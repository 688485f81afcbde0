import { afterEach, describe, expect, test } from 'vitest';
import { type ServerAddresses, watchServerAddresses } from '../../src/health/server-addresses.js';
import { buildTopology, type HostAddresses, type Topology } from '../../src/topology/topology.js';
import { topologyOf } from '../support/topology-of.js';
import { until } from '../support/until.js';

const log = { warn: () => undefined } as unknown as Parameters<typeof watchServerAddresses>[0]['log'];
const watched: ServerAddresses[] = [];

afterEach(() => {
  for (const each of watched.splice(0)) each.close();
});

function estate(hosts: Readonly<Record<string, string>>): Topology {
  const servers = Object.entries(hosts).map(([name, host]) => ({ name, host, site: 'A' }));
  return topologyOf({ sites: [{ name: 'A' }], servers });
}

function watch(topology: Topology, names: Map<string, readonly string[]>, everyMs = 60_000) {
  const told: HostAddresses[] = [];
  const addresses = watchServerAddresses({
    topology: () => topology,
    onChange: (found) => told.push(found),
    log,
    everyMs,
    addressesOf: async (name) => names.get(name) ?? Promise.reject(new Error(`no ${name}`)),
  });
  watched.push(addresses);
  return { addresses, told };
}

describe('the addresses of mailbox servers that are given by name', () => {
  test('are those of the name, and a server given by its address needs none', async () => {
    const topology = estate({ MBX1: 'MBX1.contoso.com', MBX2: '10.0.0.2' });
    const { addresses, told } = watch(topology, new Map([['mbx1.contoso.com', ['10.0.0.1', '2001:db8::1']]]));
    await addresses.refresh();
    const placed = buildTopology(1, topology, told.at(-1));
    const at = (address: string): string[] => placed.mailboxServersAt(address).map(({ name }) => name);
    expect([at('10.0.0.1'), at('2001:db8::1'), at('10.0.0.2'), at('10.0.0.3')]).toStrictEqual([
      ['MBX1'],
      ['MBX1'],
      ['MBX2'],
      [],
    ]);
  });

  test('a name that is not found any more keeps what was known, and nothing is told without a change', async () => {
    const names = new Map([['mbx1.contoso.com', ['10.0.0.1']]]);
    const { addresses, told } = watch(estate({ MBX1: 'mbx1.contoso.com' }), names);
    await addresses.refresh();
    names.clear();
    await addresses.refresh();
    expect(told).toStrictEqual([new Map([['mbx1.contoso.com', ['10.0.0.1']]])]);
  });

  test('a name that moves is followed', async () => {
    const names = new Map([['mbx1.contoso.com', ['10.0.0.1']]]);
    const { told } = watch(estate({ MBX1: 'mbx1.contoso.com' }), names, 5);
    await until('the first addresses', () => told.length === 1);
    names.set('mbx1.contoso.com', ['10.0.0.9']);
    await until('the new addresses', () => told.length === 2);
    expect(told.at(-1)?.get('mbx1.contoso.com')).toStrictEqual(['10.0.0.9']);
  });

  test('without addresses a name is nobody', () => {
    expect(estate({ MBX1: 'mbx1.contoso.com' }).mailboxServersAt('10.0.0.1')).toStrictEqual([]);
  });
});
