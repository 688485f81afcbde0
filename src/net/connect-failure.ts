import { isIPv6 } from 'node:net';

/** How far a connection came: finding the address, reaching it, the TLS handshake; or the time ran out in one of them. */
export type ConnectStage = 'resolve' | 'connect' | 'tls' | 'timeout';

/**
 * A server could not be connected to. `message` says what and where:
 * `mbx1.example:2525 (10.0.0.1) refused the connection`.
 * `address` is null when no address was reached or known, `code` is the system's or TLS library's code if there is one.
 */
export class ConnectFailure extends Error {
  override readonly name = 'ConnectFailure';
  readonly stage: ConnectStage;
  readonly host: string;
  readonly port: number;
  readonly address: string | null;
  readonly code: string | null;

  constructor(
    stage: ConnectStage,
    place: ServerPlace,
    what: string,
    code: string | null = null,
    options?: ErrorOptions,
  ) {
    super(`${nameOfPlace(place)} ${what}`, options);
    this.stage = stage;
    this.host = place.host;
    this.port = place.port;
    this.address = place.address;
    this.code = code;
  }
}

/** Where a connection goes; `host` without brackets. */
export interface ServerPlace {
  readonly host: string;
  readonly port: number;
  readonly address: string | null;
}

/** `host:port (address)`, with brackets around IPv6 and the address left out when it is the host. */
function nameOfPlace(place: ServerPlace): string {
  const host = isIPv6(place.host) ? `[${place.host}]` : place.host;
  const address = place.address === null || place.address === place.host ? '' : ` (${place.address})`;
  return `${host}:${place.port}${address}`;
}
