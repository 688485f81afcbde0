import { isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { reasonOf, systemCodeOf } from '../errors.js';
import { awaitEvent, type EventOutcome } from './await-event.js';
import { ConnectFailure, type ServerPlace } from './connect-failure.js';
import { keepErrorsHandled } from './keep-errors-handled.js';
import { type ServerCheck, serverTrust } from './tls-settings.js';

export interface StartTlsOptions extends ServerCheck {
  readonly timeoutMs: number;
  /** Where the socket was connected to, for messages; the host is checked when `serverName` is null. */
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes a connected client socket a TLS one. The caller must have taken its own listeners off.
 * Rejects with ConnectFailure, or with the signal's reason; the socket is then destroyed.
 * Plain bytes that were read but not consumed are a failure: they came from before the handshake.
 */
export async function startTls(socket: Socket, options: StartTlsOptions): Promise<TLSSocket> {
  const address = socket.remoteAddress ?? null;
  const place: ServerPlace = {
    host: options.host ?? address ?? 'server',
    port: options.port ?? socket.remotePort ?? 0,
    address,
  };
  const endAt = performance.now() + options.timeoutMs;
  try {
    options.signal?.throwIfAborted();
    if (socket.destroyed || address === null)
      throw new ConnectFailure('tls', place, 'closed the connection before TLS');
    if (socket.readableLength > 0)
      throw new ConnectFailure('tls', place, 'sent plain bytes ahead of the TLS handshake');
    return await handshake(socket, place, options, endAt);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function handshake(
  socket: Socket,
  place: ServerPlace,
  options: StartTlsOptions,
  endAt: number,
): Promise<TLSSocket> {
  const name = options.serverName ?? place.host;
  const secureContext = await serverTrust(options).catch((error: unknown) => {
    throw new ConnectFailure('tls', place, `cannot be checked: ${reasonOf(error)}`, null, { cause: error });
  });
  // RFC 6066 §3: an address is no server name; it is checked all the same.
  const secure = connectTls({
    socket,
    secureContext,
    rejectUnauthorized: options.verify,
    host: name,
    ...(isIP(name) === 0 ? { servername: name } : {}),
  });
  keepErrorsHandled(secure);
  const awaited = await awaitEvent(secure, 'secureConnect', endAt - performance.now(), options.signal);
  if (awaited.kind === 'happened') return secure;
  secure.destroy();
  throw failureOf(awaited, place, options.timeoutMs);
}

function failureOf(
  awaited: Exclude<EventOutcome, { kind: 'happened' }>,
  place: ServerPlace,
  timeoutMs: number,
): unknown {
  switch (awaited.kind) {
    case 'failed': {
      const { error } = awaited;
      const what = `failed the TLS handshake: ${tlsReason(error)}`;
      return new ConnectFailure('tls', place, what, systemCodeOf(error) ?? null, { cause: error });
    }
    case 'closed':
      return new ConnectFailure('tls', place, 'closed the connection during the TLS handshake');
    case 'timeout':
      return new ConnectFailure(
        'timeout',
        place,
        `did not finish the TLS handshake within ${Math.round(timeoutMs)} ms`,
      );
    case 'aborted':
      break;
  }
  return awaited.reason;
}

/** The part of a TLS library's error that a person can use. */
export function tlsReason(error: Error): string {
  return 'reason' in error && typeof error.reason === 'string' ? error.reason : error.message.trim();
}
