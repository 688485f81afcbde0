import { lookup } from 'node:dns/promises';
import { connect as connectSocket, isIP, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { reasonOf, systemCodeOf } from '../errors.js';
import { awaitEvent } from './await-event.js';
import { ConnectFailure, type ServerPlace } from './connect-failure.js';
import { keepErrorsHandled } from './keep-errors-handled.js';
import { startTls } from './start-tls.js';
import type { ServerCheck } from './tls-settings.js';

export interface ConnectOptions extends ServerCheck {
  /** A name or an address, IPv6 with or without brackets. */
  readonly host: string;
  readonly port: number;
  readonly tls: 'none' | 'implicit';
  /** For everything: the name, every address of it and the TLS handshake. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Written ahead of all else, TLS too: a PROXY header. */
  readonly preface?: Buffer | null | undefined;
  /** Finds the addresses of a name, in the order to try them; default: the system's. */
  readonly addressesOf?: ((host: string) => Promise<readonly string[]>) | undefined;
}

const keepAliveDelayMs = 60_000;

/**
 * Connects to a server: every address of the name in turn, each with its share of the time that is left.
 * The socket has no delay, keep-alive and half-open on: whoever reads its end must end its writing side.
 * Rejects with ConnectFailure (of the last address tried; the message names each) or with the signal's reason.
 */
export async function connectTo(options: ConnectOptions): Promise<Socket | TLSSocket> {
  options.signal?.throwIfAborted();
  const endAt = performance.now() + options.timeoutMs;
  const host = options.host.replace(/^\[(.*)\]$/, '$1');
  const addresses = await resolve(host, options);
  const failures: ConnectFailure[] = [];
  for (const [index, address] of addresses.entries()) {
    const shareMs = (endAt - performance.now()) / (addresses.length - index);
    try {
      return await attempt({ host, port: options.port, address }, options, Math.max(1, shareMs));
    } catch (error) {
      if (!(error instanceof ConnectFailure)) throw error;
      failures.push(error);
    }
  }
  throw summaryOf(failures, { host, port: options.port, address: null });
}

function resolve(host: string, options: ConnectOptions): Promise<readonly string[]> {
  if (isIP(host) !== 0) return Promise.resolve([host]);
  const place: ServerPlace = { host, port: options.port, address: null };
  const { timeoutMs, signal, addressesOf = systemAddressesOf } = options;
  return new Promise<readonly string[]>((settle, fail) => {
    const onTimeout = (): void =>
      fail(new ConnectFailure('timeout', place, `was not found by name within ${timeoutMs} ms`));
    const onAbort = (): void => fail(signal?.reason as Error);
    const timer = setTimeout(onTimeout, timeoutMs);
    signal?.addEventListener('abort', onAbort);
    addressesOf(host)
      .then(settle, (error: unknown) =>
        fail(new ConnectFailure('resolve', place, wordsOfLookup(error), systemCodeOf(error) ?? null, { cause: error })),
      )
      .finally(() => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      });
  });
}

async function systemAddressesOf(host: string): Promise<readonly string[]> {
  const answers = await lookup(host, { all: true, order: 'verbatim' });
  return answers.map((answer) => answer.address);
}

async function attempt(place: ServerPlace & { address: string }, options: ConnectOptions, shareMs: number) {
  const endAt = performance.now() + shareMs;
  const socket = keepErrorsHandled(
    connectSocket({
      host: place.address,
      port: place.port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveDelayMs,
      allowHalfOpen: true,
    }),
  );
  const awaited = await awaitEvent(socket, 'connect', shareMs, options.signal);
  if (awaited.kind !== 'happened') socket.destroy();
  switch (awaited.kind) {
    case 'happened':
      break;
    case 'failed':
      throw new ConnectFailure('connect', place, wordsOfConnect(awaited.error), systemCodeOf(awaited.error) ?? null, {
        cause: awaited.error,
      });
    case 'closed':
      throw new ConnectFailure('connect', place, 'closed the connection');
    case 'timeout':
      throw new ConnectFailure('timeout', place, `did not answer within ${Math.round(shareMs)} ms`);
    case 'aborted':
      throw awaited.reason;
  }
  if (options.preface) socket.write(options.preface);
  if (options.tls === 'none') return socket;
  const { verify, ca, serverName, identity, signal } = options;
  const timeoutMs = Math.max(1, endAt - performance.now());
  return startTls(socket, { verify, ca, serverName, identity, signal, timeoutMs, host: place.host, port: place.port });
}

function summaryOf(failures: readonly ConnectFailure[], place: ServerPlace): ConnectFailure {
  const last = failures.at(-1);
  if (last === undefined) return new ConnectFailure('resolve', place, 'has no address');
  if (failures.length > 1) last.message = failures.map((failure) => failure.message).join('; ');
  return last;
}

function wordsOfConnect(error: Error): string {
  switch (systemCodeOf(error)) {
    case 'ECONNREFUSED':
      return 'refused the connection';
    case 'ETIMEDOUT':
      return 'did not answer';
    case 'ECONNRESET':
      return 'closed the connection at once';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'cannot be reached from this host';
    default:
      return `could not be connected to: ${reasonOf(error)}`;
  }
}

function wordsOfLookup(error: unknown): string {
  switch (systemCodeOf(error)) {
    case 'ENOTFOUND':
    case 'ENODATA':
      return 'is a name without an address';
    case 'EAI_AGAIN':
      return 'could not be looked up: the name servers did not answer';
    default:
      return `could not be looked up: ${reasonOf(error)}`;
  }
}
