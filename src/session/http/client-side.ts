import type { Socket } from 'node:net';
import type { AnswerHead, FieldLines, RequestHead } from '../../protocols/http/http-message.js';

/** An answer's head as the client is to get it: fields of the server's connection are gone, ours are there. */
export type ClientAnswer = Pick<AnswerHead, 'status' | 'reason' | 'fields' | 'framing'>;

/** The client's half of one exchange, whatever version of HTTP it speaks. None of its calls throws. */
export interface ClientSide {
  readonly request: RequestHead;
  /** The body is held back until it is asked for. */
  resumeBody(): void;
  pauseBody(): void;
  /** 100, 102 or 103. */
  sendInterim(status: number, fields: FieldLines): void;
  /** May be held back until the next `flush`. */
  sendHead(answer: ClientAnswer): void;
  /** False: hold on until `clientDrained`. The chunk is the client's from then on. */
  sendData(chunk: Buffer): boolean;
  /** The answer is whole. */
  sendEnd(trailers: FieldLines): void;
  /** What was sent so far goes out now. */
  flush(): void;
  /** The answer cannot be finished: the client must see that it is broken. */
  abort(): void;
  /**
   * The connection itself, with what the client sent after its request, once 101 is answered; null where a connection
   * carries more than this exchange. The client's half has nothing more to do with it then.
   */
  takeOver(head: ClientAnswer): Socket | null;
}

/** What the client's half tells the exchange; nothing more after `clientGone`. */
export interface ClientEvents {
  bodyData(chunk: Buffer): void;
  /** The body is whole; told at once for a request without one. */
  bodyEnd(trailers: FieldLines): void;
  clientDrained(): void;
  /** The client left, or broke its request off, before the answer was out. */
  clientGone(reason: string): void;
}
