import type { TLSSocket } from 'node:tls';

const namesMax = 100;

/** The DNS names of a peer's certificate, in lower case; none unless the certificate holds (RFC 5922 §7.1). */
export function certificateNames(socket: TLSSocket): readonly string[] {
  const certificate = holds(socket) ? socket.getPeerX509Certificate() : undefined;
  if (certificate === undefined) return [];
  // Node writes a comma within an entry as \u002c and puts such an entry in quotation marks.
  const entries = (certificate.subjectAltName ?? '').split(', ').slice(0, namesMax);
  const names = entries.flatMap((entry) => /^(?:DNS:|URI:sips?:)([^"@;:?]+)$/.exec(entry)?.[1] ?? []);
  return names.map((name) => name.toLowerCase()).filter((name) => !name.includes('*'));
}

/**
 * Whether the chain was checked and found good. Node sets `authorized` for the sockets of its own `tls.Server` alone; on
 * others this asks what Node itself would, and without an answer nothing holds.
 */
function holds(socket: TLSSocket): boolean {
  if (socket.authorized) return true;
  const { _handle: handle } = socket as unknown as { _handle?: { verifyError?: () => unknown } | null };
  return typeof handle?.verifyError === 'function' && !handle.verifyError();
}
