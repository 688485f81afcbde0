import type { Buffer } from 'node:buffer';
import { BodyReader } from '../../../src/protocols/http/body-reader.js';
import { type HeadLimits, RequestReader } from '../../../src/protocols/http/head-reader.js';
import type { FieldLines, Refusal, RequestHead } from '../../../src/protocols/http/http-message.js';

export const headLimits: HeadLimits = { headBytesMax: 65_536, lineLengthMax: 16_384, fieldsMax: 250 };
export const bodyLimits = { chunkLineLengthMax: 256, trailerBytesMax: 8192, trailersMax: 50 };

export interface ReadRequest {
  readonly head: RequestHead;
  readonly body: string;
  /** Null while the body is unfinished. */
  trailers: FieldLines | null;
}

export interface Reading {
  readonly requests: readonly ReadRequest[];
  readonly refusal: Refusal | null;
}

/** Reads all requests of a connection with its reader and one for each body, as a door does. */
export class ConnectionReading {
  readonly requests: { head: RequestHead; body: string; trailers: FieldLines | null }[] = [];
  readonly reader: RequestReader;
  refusal: Refusal | null = null;
  /** Whether a request was the connection's last one. */
  isOver = false;
  #body: BodyReader | null = null;

  constructor(limits: HeadLimits = headLimits) {
    this.reader = new RequestReader(limits);
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && this.refusal === null && !this.isOver) {
      if (this.#body === null) at = this.#readHead(chunk, at);
      if (this.#body === null || this.refusal !== null) continue;
      at = this.#body.read(chunk, at);
      this.refusal = this.#body.refusal;
      if (this.#body.isComplete) this.#endRequest();
    }
  }

  #endRequest(): void {
    this.#body = null;
    const head = this.requests.at(-1)?.head;
    this.isOver = head !== undefined && (!head.isPersistent || head.upgrade !== null);
  }

  #readHead(chunk: Buffer, at: number): number {
    const step = this.reader.read(chunk, at);
    if (step.kind === 'refused') this.refusal = step.refusal;
    if (step.kind !== 'head') return chunk.length;
    const request = { head: step.head, body: '', trailers: null as FieldLines | null };
    this.requests.push(request);
    this.#body = new BodyReader(step.head.framing, bodyLimits, {
      bodyData: (piece) => {
        request.body += piece.toString('latin1');
      },
      bodyEnd: (trailers) => {
        request.trailers = trailers;
      },
    });
    this.#body.start();
    if (this.#body.isComplete) this.#endRequest();
    return step.end;
  }
}

export function readAll(chunks: readonly Buffer[], limits: HeadLimits = headLimits): Reading {
  const reading = new ConnectionReading(limits);
  for (const chunk of chunks) reading.push(chunk);
  return { requests: reading.requests, refusal: reading.refusal };
}
