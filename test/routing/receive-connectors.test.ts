import { describe, expect, test } from 'vitest';
import type { ConnectionPlace } from '../../src/routing/receive-connectors.js';
import { selectReceiveConnector } from '../../src/routing/receive-connectors.js';
import { contosoWith, mailTo } from './contoso.js';

const estate = contosoWith({
  receiveConnectors: [
    { name: 'Everybody', bindings: ['0.0.0.0:25', '[::]:25'] },
    { name: 'Subnet', bindings: ['0.0.0.0:25'], remoteRanges: ['192.168.1.0-192.168.1.255'] },
    { name: 'Scanner', bindings: ['0.0.0.0:25'], remoteRanges: ['192.168.1.75', '192.168.9.0/24'] },
    { name: 'Off', bindings: ['0.0.0.0:25'], remoteRanges: ['192.168.1.75'], enabled: false },
    { name: 'Address', bindings: ['10.0.0.5:25'], remoteRanges: ['192.168.0.0/16'] },
    { name: 'Submission', bindings: ['0.0.0.0:587'] },
    { name: 'Branch only', bindings: ['0.0.0.0:25'], remoteRanges: ['203.0.113.9'], server: 'cas2' },
    { name: 'Own network', bindings: ['[::]:25'], remoteRanges: ['fd00::/8'] },
    { name: 'Lies', bindings: ['0.0.0.0:25'], remoteRanges: ['fd00:1::/32'] },
    { name: 'b twin', bindings: ['0.0.0.0:26'] },
    { name: 'A twin', bindings: ['0.0.0.0:26'] },
  ],
});

function choose(place: Partial<ConnectionPlace> & { readonly on?: string }): string | undefined {
  const { on, ...rest } = place;
  const { frontEnd } = mailTo(estate, on === undefined ? {} : { on });
  return selectReceiveConnector(estate.topology, {
    frontEnd,
    localAddress: null,
    port: 25,
    clientAddress: null,
    ...rest,
  })?.name;
}

describe('the receive connector of a connection', () => {
  test.each([
    ['CAS1', null, 25, '203.0.113.9', 'Everybody'],
    ['CAS2', null, 25, '203.0.113.9', 'Branch only'],
    ['CAS1', null, 25, '192.168.1.100', 'Subnet'],
    ['CAS1', null, 25, '192.168.1.75', 'Scanner'],
    ['CAS1', null, 25, '192.168.9.1', 'Scanner'],
    ['CAS1', null, 25, '::ffff:192.168.1.75', 'Scanner'],
    ['CAS1', '10.0.0.6', 25, '192.168.1.75', 'Scanner'],
    ['CAS1', '10.0.0.5', 25, '192.168.1.75', 'Address'],
    ['CAS1', '::ffff:10.0.0.5', 25, '192.168.1.75', 'Address'],
    ['CAS1', '10.0.0.5', 25, '203.0.113.9', 'Everybody'],
    ['CAS1', null, 587, '192.168.1.75', 'Submission'],
    ['CAS1', '::1', 587, '2001:db8::1', undefined],
    ['CAS1', '2001:db8::25', 25, 'fd00::7', 'Own network'],
    ['CAS1', '2001:db8::25', 25, 'fd00:1::7', 'Own network'],
    ['CAS1', '2001:db8::25', 25, '2001:db8::1', 'Everybody'],
    ['CAS1', null, 26, '203.0.113.9', 'A twin'],
    ['CAS1', null, 24, '203.0.113.9', undefined],
    ['CAS1', null, 25, null, 'Everybody'],
    ['CAS1', null, 587, null, 'Submission'],
    ['CAS1', null, 25, 'no address', undefined],
    ['CAS1', 'no address', 25, '203.0.113.9', 'Everybody'],
    ['CAS1', null, 25, '', undefined],
  ])('at %s, local %s, port %s, from %s: %s', (on, localAddress, port, clientAddress, name) => {
    expect(choose({ on, localAddress, port, clientAddress })).toBe(name);
  });
});
