import type { FieldLines } from '../../protocols/http/http-message.js';
import type { ClientSide } from './client-side.js';
import type { ServerConnection } from './server-connection.js';

const keptPiecesMax = 64;

/** The body of a request on its way to a server; what comes before there is one is kept until it is sent. */
export class RequestBody {
  readonly #side: ClientSide;
  #connection: ServerConnection | null = null;
  #fate: 'kept' | 'sent' | 'dropped' = 'kept';
  #kept: Buffer[] = [];
  #trailers: FieldLines | null = null;
  #bytes = 0;

  constructor(side: ClientSide) {
    this.#side = side;
  }

  /** How many bytes have come. */
  get bytes(): number {
    return this.#bytes;
  }

  get isWhole(): boolean {
    return this.#trailers !== null;
  }

  /** What has come and was not sent yet. */
  get text(): string {
    return Buffer.concat(this.#kept).toString('utf8');
  }

  add(piece: Buffer): void {
    this.#bytes += piece.length;
    if (this.#fate === 'kept') this.#keep(piece);
    else if (this.#connection?.sendData(piece) === false) this.#side.pauseBody();
  }

  // A piece costs far more than its bytes when it is small.
  #keep(piece: Buffer): void {
    this.#kept.push(piece);
    if (this.#kept.length >= keptPiecesMax) this.#kept = [Buffer.concat(this.#kept)];
  }

  end(trailers: FieldLines): void {
    this.#trailers = trailers;
    this.#connection?.sendEnd(trailers);
  }

  /** Sends it on a connection whose request head is out. */
  sendOn(connection: ServerConnection): void {
    const kept = this.#kept;
    this.#connection = connection;
    this.#fate = 'sent';
    this.#kept = [];
    for (const piece of kept) connection.sendData(piece);
    if (this.#trailers === null) this.#side.resumeBody();
    else connection.sendEnd(this.#trailers);
  }

  /** What still comes goes nowhere. */
  drop(): void {
    this.#connection = null;
    this.#fate = 'dropped';
    this.#kept = [];
  }
}
