import * as fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { expect, test } from 'vitest';
import { createProxyHeaderReader } from '../../src/net/proxy-header.js';
import { writeProxyHeader } from '../../src/net/write-proxy-header.js';

const port = fc.integer({ min: 0, max: 65_535 });
const version = fc.constantFrom('v1' as const, 'v2' as const);
const short = (address: string): string => ipaddr.parse(address).toString();

test('what is told of a client is what a reader of the header learns', () => {
  const pair = fc.oneof(fc.tuple(fc.ipV4(), fc.ipV4()), fc.tuple(fc.ipV6().map(short), fc.ipV6().map(short)));
  fc.assert(
    fc.property(version, pair, port, port, (version, [clientAddress, localAddress], clientPort, localPort) => {
      const header = writeProxyHeader(version, { clientAddress, clientPort, localAddress, localPort });
      const read = createProxyHeaderReader().push(Buffer.concat([header, Buffer.from('rest')]));
      expect(read).toEqual({
        kind: 'done',
        source: { address: clientAddress, port: clientPort },
        destination: { address: localAddress, port: localPort },
        rest: Buffer.from('rest'),
      });
    }),
  );
});

test.each([
  ['192.0.2.1', '2001:db8::1'],
  ['', ''],
])('nothing is told of a connection from "%s" to "%s"', (clientAddress, localAddress) => {
  for (const version of ['v1', 'v2'] as const) {
    const header = writeProxyHeader(version, { clientAddress, clientPort: 1, localAddress, localPort: 2 });
    expect(createProxyHeaderReader().push(header)).toMatchObject({ kind: 'done', source: null, destination: null });
  }
});
