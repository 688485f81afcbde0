import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** The TLS of a connection: version and cipher as OpenSSL names them, and the certificate the server showed. */
export interface ServerTls {
  readonly version: string;
  readonly cipher: string;
  readonly peer: X509Certificate | null;
}

/** What protects a connection; null: nothing does. */
export function tlsOf(socket: Socket): ServerTls | null {
  if (!(socket instanceof TLSSocket)) return null;
  const version = socket.getProtocol() ?? 'TLS';
  return { version, cipher: socket.getCipher().name, peer: socket.getPeerX509Certificate() ?? null };
}
