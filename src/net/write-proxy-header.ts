import { Buffer } from 'node:buffer';
import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The two ends of a client's connection, as the client sees them. */
export interface ConnectionEnds {
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

const v2Signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
// proxy-protocol.txt §2.2: LOCAL, for a connection of which nothing can be told.
const v2Local = Buffer.concat([v2Signature, Buffer.from([0x20, 0, 0, 0])]);

/** The PROXY header that tells a server who is at the client's end (haproxy proxy-protocol.txt §2). */
export function writeProxyHeader(version: 'v1' | 'v2', client: ConnectionEnds): Buffer {
  const { clientAddress, clientPort, localAddress, localPort } = client;
  const known = ipaddr.isValid(clientAddress) && ipaddr.isValid(localAddress);
  const sameFamily = isIPv4(clientAddress) === isIPv4(localAddress);
  const tellable = known && sameFamily;
  if (version === 'v1') {
    const family = isIPv4(clientAddress) ? 'TCP4' : 'TCP6';
    const words = tellable ? `${family} ${clientAddress} ${localAddress} ${clientPort} ${localPort}` : 'UNKNOWN';
    return Buffer.from(`PROXY ${words}\r\n`, 'latin1');
  }
  if (!tellable) return v2Local;
  const addresses = [...ipaddr.parse(clientAddress).toByteArray(), ...ipaddr.parse(localAddress).toByteArray()];
  const ports = [clientPort >> 8, clientPort & 255, localPort >> 8, localPort & 255];
  const block = [...addresses, ...ports];
  const head = [0x21, isIPv4(clientAddress) ? 0x11 : 0x21, 0, block.length];
  return Buffer.concat([v2Signature, Buffer.from([...head, ...block])]);
}
