import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** An address and port as the PROXY header names them; IPv6 in its short form, without brackets. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/**
 * What is known after a chunk. `source` and `destination` are null when the header tells of no connection
 * (v1 UNKNOWN, v2 LOCAL or an address family that is none of IP). `rest` are the bytes behind the header.
 */
export type ProxyHeaderResult =
  | { readonly kind: 'more' }
  | {
      readonly kind: 'done';
      readonly source: Endpoint | null;
      readonly destination: Endpoint | null;
      readonly rest: Buffer;
    }
  | { readonly kind: 'bad'; readonly reason: string };

/** Reads one header from chunks of any size; not to be fed any more once it said `done`. Never throws. */
export interface ProxyHeaderReader {
  readonly push: (chunk: Buffer) => ProxyHeaderResult;
  /** Bytes held back, at most `headerLengthMax`. */
  readonly held: number;
}

const v1Prefix = Buffer.from('PROXY ', 'latin1');
const v2Signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const v1LengthMax = 107;
const v2FixedLength = 16;
const v2VariableLengthMax = 536;

/** The longest header there is: that of version 2. */
export const headerLengthMax = v2FixedLength + v2VariableLengthMax;

type Parsed =
  | { readonly kind: 'more' }
  | { readonly kind: 'bad'; readonly reason: string }
  | {
      readonly kind: 'header';
      readonly length: number;
      readonly source: Endpoint | null;
      readonly destination: Endpoint | null;
    };

/** A reader of the PROXY protocol, version 1 and 2 (haproxy proxy-protocol.txt §2). */
export function createProxyHeaderReader(): ProxyHeaderReader {
  let held: Buffer = Buffer.alloc(0);
  let bad: ProxyHeaderResult | null = null;
  return {
    get held() {
      return held.length;
    },
    push(chunk) {
      if (bad !== null) return bad;
      const before = held.length;
      held = Buffer.concat([held, chunk.subarray(0, headerLengthMax - before)]);
      const parsed = parse(held);
      if (parsed.kind === 'more') return parsed;
      held = Buffer.alloc(0);
      if (parsed.kind === 'bad') {
        bad = parsed;
        return parsed;
      }
      const { source, destination, length } = parsed;
      return { kind: 'done', source, destination, rest: chunk.subarray(length - before) };
    },
  };
}

function parse(bytes: Buffer): Parsed {
  if (bytes.length === 0) return { kind: 'more' };
  if (startsLike(bytes, v1Prefix)) return parseV1(bytes);
  if (startsLike(bytes, v2Signature)) return parseV2(bytes);
  return bad('the connection does not begin with a PROXY header');
}

function startsLike(bytes: Buffer, prefix: Buffer): boolean {
  const length = Math.min(bytes.length, prefix.length);
  return bytes.compare(prefix, 0, length, 0, length) === 0;
}

// §2.1: `PROXY TCP4 source destination source-port destination-port CRLF`, 107 bytes at most.
function parseV1(bytes: Buffer): Parsed {
  const lineFeed = bytes.subarray(0, v1LengthMax).indexOf(10);
  if (lineFeed < 0)
    return bytes.length >= v1LengthMax ? bad('the PROXY line is longer than 107 bytes') : { kind: 'more' };
  if (bytes[lineFeed - 1] !== 13) return bad('the PROXY line does not end with CRLF');
  const words = bytes.toString('latin1', v1Prefix.length, lineFeed - 1).split(' ');
  const length = lineFeed + 1;
  const [family = '', source = '', destination = '', sourcePort = '', destinationPort = ''] = words;
  if (family === 'UNKNOWN') return { kind: 'header', length, source: null, destination: null };
  if (family !== 'TCP4' && family !== 'TCP6') return bad('the PROXY line names an unknown protocol');
  if (words.length !== 5) return bad('the PROXY line has not the right number of fields');
  const from = endpointOf(family, source, sourcePort);
  const to = endpointOf(family, destination, destinationPort);
  if (from === null || to === null) return bad(`the PROXY line holds no valid ${family} address and port`);
  return { kind: 'header', length, source: from, destination: to };
}

function endpointOf(family: 'TCP4' | 'TCP6', address: string, port: string): Endpoint | null {
  const fits = family === 'TCP4' ? isIPv4(address) : isIPv6(address) && !address.includes('%');
  if (!fits || !/^(0|[1-9]\d{0,4})$/.test(port) || Number(port) > 65_535) return null;
  return { address: ipaddr.parse(address).toString(), port: Number(port) };
}

// §2.2: signature, version and command, family and transport, length of what follows; addresses, then TLVs.
function parseV2(bytes: Buffer): Parsed {
  if (bytes.length < v2FixedLength) return { kind: 'more' };
  const version = bytes.readUInt8(12) >> 4;
  const command = bytes.readUInt8(12) & 15;
  const family = bytes.readUInt8(13);
  const variableLength = bytes.readUInt16BE(14);
  if (version !== 2 || command > 1) return bad('the PROXY header has an unknown version or command');
  if (variableLength > v2VariableLengthMax) return bad(`the PROXY header is longer than ${headerLengthMax} bytes`);
  const length = v2FixedLength + variableLength;
  if (bytes.length < length) return { kind: 'more' };
  const nothing: Parsed = { kind: 'header', length, source: null, destination: null };
  if (command === 0) return nothing;
  switch (family) {
    case 0x00: // unspecified
    case 0x31: // UNIX stream
      return nothing;
    case 0x11:
      return addressesV2(bytes.subarray(v2FixedLength, length), 4, length);
    case 0x21:
      return addressesV2(bytes.subarray(v2FixedLength, length), 16, length);
    default:
      return bad('the PROXY header names a transport other than a stream');
  }
}

function addressesV2(block: Buffer, addressLength: 4 | 16, length: number): Parsed {
  const ports = addressLength * 2;
  if (block.length < ports + 4) return bad('the PROXY header is too short for its addresses');
  const addressAt = (offset: number): string =>
    ipaddr.fromByteArray([...block.subarray(offset, offset + addressLength)]).toString();
  return {
    kind: 'header',
    length,
    source: { address: addressAt(0), port: block.readUInt16BE(ports) },
    destination: { address: addressAt(addressLength), port: block.readUInt16BE(ports + 2) },
  };
}

function bad(reason: string): Parsed & { kind: 'bad' } {
  return { kind: 'bad', reason };
}
