import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { until } from '../../support/until.js';

export const frameTypes = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const endStream = 1;
export const endHeaders = 4;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** A client that sends frames byte by byte as it is told to, right or wrong. */
export class RawHttp2Client {
  readonly frames: Frame[] = [];
  readonly #socket: TLSSocket;
  #rest: Buffer = Buffer.alloc(0);
  isClosed = false;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  /** With preface and SETTINGS sent. */
  static async open(port: number): Promise<RawHttp2Client> {
    const client = await RawHttp2Client.silent(port);
    client.write(Buffer.concat([Buffer.from(preface), frame(frameTypes.settings, 0, 0)]));
    return client;
  }

  static async silent(port: number): Promise<RawHttp2Client> {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] });
    await once(socket, 'secureConnect');
    return new RawHttp2Client(socket);
  }

  write(bytes: Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes);
  }

  send(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): void {
    this.write(frame(type, flags, stream, payload));
  }

  pause(): void {
    this.#socket.pause();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  frame(what: string, matches: (frame: Frame) => boolean): Promise<Frame> {
    return until(what, () => this.frames.find(matches));
  }

  /** The error code of the reset of a stream. */
  async resetOf(stream: number): Promise<number> {
    const reset = await this.frame(
      `reset of ${stream}`,
      (one) => one.type === frameTypes.reset && one.stream === stream,
    );
    return reset.payload.readUInt32BE(0);
  }

  /** The error code of the last GOAWAY, once the connection is closed. */
  async goneWith(): Promise<number> {
    await until('the connection to close', () => this.isClosed);
    return this.frames.findLast(({ type }) => type === frameTypes.goaway)?.payload.readUInt32BE(4) ?? -1;
  }

  #take(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      if (this.#rest.length < 9) return;
      const length = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 9 + length) return;
      this.frames.push({
        type: this.#rest[3] ?? 0,
        flags: this.#rest[4] ?? 0,
        stream: this.#rest.readUInt32BE(5),
        payload: this.#rest.subarray(9, 9 + length),
      });
      this.#rest = this.#rest.subarray(9 + length);
    }
  }
}

export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A field block of literals that are not indexed (RFC 7541 §6.2.2), names and values as they are given. */
export function fieldBlock(fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

/** A head of GET with these fields; a pseudo-field without a value is left out. */
export function requestBlock(...more: readonly (readonly [string, string])[]): Buffer {
  const replaced = new Set(more.map(([name]) => name));
  const usual = [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/owa/'],
    [':authority', 'mail.contoso.com'],
  ] as const;
  const pseudo = more.filter(([name, value]) => name.startsWith(':') && value !== '');
  const rest = more.filter(([name]) => !name.startsWith(':'));
  return fieldBlock([...usual.filter(([name]) => !replaced.has(name)), ...pseudo, ...rest]);
}

// RFC 7541 §5.1 and §5.2, without Huffman.
function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  while (rest >= 128) {
    length.push((rest & 127) | 128);
    rest >>= 7;
  }
  length.push(rest);
  return Buffer.concat([Buffer.from(length), bytes]);
}
