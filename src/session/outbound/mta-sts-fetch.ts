import { get, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { reasonOf } from '../../errors.js';
import { connectTo } from '../../net/connect.js';
import { ConnectFailure } from '../../net/connect-failure.js';
import type { DnsResolver } from '../../net/dns-resolver.js';
import { reachOf } from '../../routing/mail-exchangers.js';
import { WaitTimeout, withinTime } from '../smtp/within-time.js';

export interface StsFetchOptions {
  /** PEM file of the certificates to trust; null: the system's roots. */
  readonly ca: string | null;
  readonly port: number;
  readonly allowPrivateAddresses: boolean;
  /** For names, connection, TLS and answer together. */
  readonly timeoutMs: number;
}

export type StsFetched =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** RFC 8461 §3.3 suggests it. */
const bodyBytesMax = 64 * 1024;
const headerBytesMax = 16 * 1024;
const addressesMax = 4;

/** Fetches the text of a domain's policy over HTTPS. What the domain or its host does wrong is a `failed`. */
export async function fetchStsText(domain: string, dns: DnsResolver, options: StsFetchOptions): Promise<StsFetched> {
  const { ca, port, allowPrivateAddresses, timeoutMs } = options;
  const host = `mta-sts.${domain}`;
  const endAt = performance.now() + timeoutMs;
  try {
    const found = await withinTime(addressesOf(host, dns), timeoutMs);
    // The name of a stranger may lead to the internet at large and nowhere else.
    const addresses = allowPrivateAddresses ? found : found.filter((address) => reachOf(address) === 'public');
    if (addresses.length === 0) {
      return failed(found.length === 0 ? `${host} has no address` : `${host} is at a private address`);
    }
    const socket = await connectTo({
      host,
      port,
      tls: 'implicit',
      verify: true,
      ca,
      serverName: host,
      timeoutMs: Math.max(1, endAt - performance.now()),
      addressesOf: () => Promise.resolve(addresses.slice(0, addressesMax)),
    });
    return await readAnswer(socket, host, Math.max(1, endAt - performance.now()));
  } catch (error) {
    if (error instanceof ConnectFailure || error instanceof WaitTimeout) return failed(error.message);
    throw error;
  }
}

const failed = (reason: string): StsFetched => ({ kind: 'failed', reason });

/** IPv4 first. What could not be found out is no address. */
async function addressesOf(host: string, dns: DnsResolver): Promise<string[]> {
  const [fours, sixes] = await Promise.all([dns.records(host, 'A'), dns.records(host, 'AAAA')]);
  const addresses = [fours, sixes].flatMap((found) => (found.kind === 'records' ? found.records : []));
  return addresses.filter((address) => typeof address === 'string');
}

/** Asks on a connection and reads the whole answer; the connection is closed in any case. */
function readAnswer(socket: Socket, host: string, timeoutMs: number): Promise<StsFetched> {
  return new Promise((resolve) => {
    const end = (result: StsFetched): void => {
      clearTimeout(timer);
      resolve(result);
      socket.destroy();
    };
    const timer = setTimeout(() => end(failed(`${host} did not answer in time`)), timeoutMs);
    const request = get({
      createConnection: () => socket,
      host,
      path: '/.well-known/mta-sts.txt',
      headers: { host, accept: 'text/plain', connection: 'close' },
      maxHeaderSize: headerBytesMax,
    });
    request.on('error', (error) => end(failed(`${host} gave no answer: ${reasonOf(error)}`)));
    request.on('upgrade', () => end(failed(`${host} answered with another protocol`)));
    request.on('response', (response) => {
      const refusal = refusalOf(response);
      if (refusal === undefined) readBody(response, host, end);
      else end(failed(`${host} ${refusal}`));
    });
  });
}

// RFC 8461 §3.3: only 200 counts, redirects are not followed, and the type must be text/plain.
function refusalOf({ statusCode, headers }: IncomingMessage): string | undefined {
  if (statusCode !== 200) return `answered ${statusCode}`;
  const type = headers['content-type'] ?? 'no type';
  if (!/^text\/plain[ \t]*(?:;|$)/i.test(type)) return `answered with ${type.slice(0, 100)}, not text/plain`;
  if (Number(headers['content-length'] ?? 0) > bodyBytesMax) return tooLong;
}

const tooLong = `answered with more than ${bodyBytesMax} bytes`;

function readBody(response: IncomingMessage, host: string, end: (result: StsFetched) => void): void {
  const chunks: Buffer[] = [];
  let length = 0;
  response.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > bodyBytesMax) end(failed(`${host} ${tooLong}`));
    else chunks.push(chunk);
  });
  response.on('end', () => end({ kind: 'text', text: Buffer.concat(chunks).toString() }));
  response.on('error', (error) => end(failed(`${host} broke its answer off: ${reasonOf(error)}`)));
}
