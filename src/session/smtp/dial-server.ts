import type { Socket } from 'node:net';
import { connectTo } from '../../net/connect.js';
import { startTls } from '../../net/start-tls.js';
import type { Endpoint } from '../../topology/endpoints.js';

export interface DialOptions {
  readonly host: string;
  readonly endpoint: Endpoint;
  /** For everything up to the TLS handshake of an endpoint with implicit TLS. */
  readonly connectTimeoutMs: number;
  readonly signal: AbortSignal;
  /** A PROXY header, written ahead of all else. */
  readonly proxy: Buffer | null;
}

/** Connects to an endpoint. Rejects with ConnectFailure, or with the signal's reason. */
export async function dialServer(options: DialOptions): Promise<Socket> {
  const { host, endpoint, connectTimeoutMs, signal, proxy } = options;
  const { port, verify, ca, serverName } = endpoint;
  const check = { host, port, verify, ca, serverName, signal };
  const tls = endpoint.tls === 'implicit' ? 'implicit' : 'none';
  if (proxy === null) return connectTo({ ...check, tls, timeoutMs: connectTimeoutMs });
  const endAtMs = performance.now() + connectTimeoutMs;
  const socket = await connectTo({ ...check, tls: 'none', timeoutMs: connectTimeoutMs });
  socket.write(proxy);
  if (tls === 'none') return socket;
  return startTls(socket, { ...check, timeoutMs: Math.max(1, endAtMs - performance.now()) });
}
