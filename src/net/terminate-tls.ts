import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { awaitEvent, type EventOutcome } from './await-event.js';
import { keepErrorsHandled } from './keep-errors-handled.js';
import { tlsReason } from './start-tls.js';

export interface TerminateTlsOptions {
  /** The certificate to show: for the name the client asked for (lower case), or null when it named none. */
  readonly contextFor: (serverName: string | null) => SecureContext;
  readonly alpnProtocols?: readonly string[] | undefined;
  readonly timeoutMs: number;
  /** Whether the client is asked for a certificate; one that does not hold is told by `authorized` of the socket. */
  readonly asksCertificate?: boolean | undefined;
  /**
   * What bytes read but not consumed are: the handshake itself (implicit TLS, also behind a PROXY header),
   * or commands that were sent ahead of a STARTTLS reply, which are a failure.
   */
  readonly pending: 'handshake' | 'refuse';
}

/** A client's TLS handshake came to nothing. */
export class TlsRefused extends Error {
  override readonly name = 'TlsRefused';
  readonly stage: 'plain-bytes' | 'closed' | 'timeout' | 'handshake';

  constructor(stage: TlsRefused['stage'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.stage = stage;
  }
}

/**
 * Makes an accepted socket a TLS one, TLS 1.2 at least. The caller must have taken its own listeners off and must drop
 * what its parser still holds; bytes written just before (the reply to STARTTLS) go out first.
 * Rejects with TlsRefused; the socket is then destroyed.
 */
export async function terminateTls(socket: Socket, options: TerminateTlsOptions): Promise<TLSSocket> {
  if (socket.destroyed) throw new TlsRefused('closed', 'the client closed the connection before the TLS handshake');
  if (options.pending === 'refuse' && socket.readableLength > 0) {
    socket.destroy();
    throw new TlsRefused('plain-bytes', 'the client sent plain bytes ahead of the TLS handshake');
  }
  const secure = keepErrorsHandled(
    new TLSSocket(socket, {
      isServer: true,
      requestCert: options.asksCertificate ?? false,
      rejectUnauthorized: false,
      secureContext: options.contextFor(null),
      SNICallback: (name, done) => giveContext(options, name, done),
      ...(options.alpnProtocols === undefined ? {} : { ALPNProtocols: [...options.alpnProtocols] }),
    }),
  );
  const awaited = await awaitEvent(secure, 'secure', options.timeoutMs);
  if (awaited.kind === 'happened' && isModern(secure)) {
    // Node keeps the errors of a server-side socket of its own making to this event; they must end it.
    let mayBeVerdict = options.asksCertificate ?? false;
    secure.on('_tlsError', (error: Error) => {
      // A signature of the client's certificate that is not its authority's stays in OpenSSL's list of errors, and Node
      // takes it for one of the connection, which goes on.
      const isVerdict = mayBeVerdict && (error as { library?: string }).library !== 'SSL routines';
      mayBeVerdict = false;
      if (!isVerdict) secure.destroy(error);
    });
    return secure;
  }
  const refusal = refusalOf(awaited, secure, options.timeoutMs);
  secure.destroy();
  socket.destroy();
  throw refusal;
}

function refusalOf(awaited: EventOutcome, secure: TLSSocket, timeoutMs: number): TlsRefused {
  switch (awaited.kind) {
    case 'happened':
      return new TlsRefused('handshake', `the client speaks ${secure.getProtocol()}, which is too old`);
    case 'timeout':
      return new TlsRefused('timeout', `the client did not finish the TLS handshake within ${timeoutMs} ms`);
    case 'failed': {
      const { error } = awaited;
      return new TlsRefused('handshake', `the TLS handshake failed: ${tlsReason(error)}`, { cause: error });
    }
    case 'closed':
    case 'aborted':
      break;
  }
  return new TlsRefused('closed', 'the client closed the connection during the TLS handshake');
}

function giveContext(
  options: TerminateTlsOptions,
  name: string,
  done: (error: Error | null, context?: SecureContext) => void,
): void {
  let context: SecureContext;
  try {
    context = options.contextFor(name.toLowerCase());
  } catch (error) {
    done(error instanceof Error ? error : new Error(String(error)));
    return;
  }
  done(null, context);
}

function isModern(secure: TLSSocket): boolean {
  const protocol = secure.getProtocol();
  return protocol === 'TLSv1.2' || protocol === 'TLSv1.3';
}
