import type { Socket } from 'node:net';
import { connectTo } from '../../net/connect.js';
import type { TlsIdentity } from '../../net/tls-settings.js';
import type { Endpoint } from '../../topology/endpoints.js';

export interface DialOptions {
  readonly host: string;
  readonly endpoint: Endpoint;
  /** For everything up to the TLS handshake of an endpoint with implicit TLS. */
  readonly connectTimeoutMs: number;
  readonly signal: AbortSignal;
  /** A PROXY header, written ahead of all else. */
  readonly proxy: Buffer | null;
  /** Our own certificate, for servers that ask; default: none. */
  readonly identity?: TlsIdentity | null | undefined;
}

/** Connects to an endpoint. Rejects with ConnectFailure, or with the signal's reason. */
export function dialServer(options: DialOptions): Promise<Socket> {
  const { host, endpoint, connectTimeoutMs: timeoutMs, signal, identity, proxy: preface } = options;
  const { port, verify, ca, serverName } = endpoint;
  const tls = endpoint.tls === 'implicit' ? 'implicit' : 'none';
  return connectTo({ host, port, tls, verify, ca, serverName, identity, timeoutMs, signal, preface });
}
