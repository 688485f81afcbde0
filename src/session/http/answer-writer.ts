import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { answerHeadText, lastChunkText } from '../../protocols/http/head-writer.js';
import type { BodyFraming, FieldLines, RequestHead } from '../../protocols/http/http-message.js';
import { type Answer, partsOf } from './answers.js';
import type { ClientAnswer } from './client-side.js';
import { writeChunk } from './write-chunk.js';

// Smaller bodies go out in one piece with their head.
const smallPiece = 16_384;

/** Writes one answer after another to a client that speaks HTTP/1.1 or 1.0. */
export class AnswerWriter {
  readonly #socket: Socket;
  #framing: BodyFraming['kind'] = 'none';
  #head: string | null = null;
  #state: 'none' | 'begun' | 'ended' = 'none';

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Of the answer to the request that came last. */
  get state(): 'none' | 'begun' | 'ended' {
    return this.#state;
  }

  /** Another request has come. */
  expect(): void {
    this.#state = 'none';
  }

  /**
   * Takes an answer's head. A length that nobody knows becomes chunks, or the end of the connection for HTTP/1.0. The
   * result tells whether the connection can go on after it.
   */
  head(
    answer: ClientAnswer,
    { version, method }: Pick<RequestHead, 'version' | 'method'>,
    wish: 'keep' | 'close',
  ): 'keep' | 'close' {
    const framing = framingFor(answer.framing, version);
    const connection = framing.kind === 'until-close' ? 'close' : wish;
    this.#framing = framing.kind;
    this.#state = 'begun';
    const { status, fields } = answer;
    const reason = answer.reason || (STATUS_CODES[status] ?? '');
    this.#head = answerHeadText(status, reason, fields, framing, connection, version === '1.0' ? '1.0' : '1.1', method);
    return connection;
  }

  /** Answers what was no request, and the last that is said. */
  say(answer: Answer): void {
    const { fields, body } = partsOf(answer);
    const framing = { kind: 'length', length: body.length } as const;
    this.head({ status: answer.status, reason: '', fields, framing }, { version: '1.1', method: 'GET' }, 'close');
    this.data(body);
    this.end([]);
  }

  interim(status: number, fields: FieldLines): void {
    this.#socket.write(
      answerHeadText(status, STATUS_CODES[status] ?? '', fields, { kind: 'none' }, 'keep', '1.1'),
      'latin1',
    );
  }

  data(piece: Buffer): boolean {
    const head = this.#head;
    if (this.#framing === 'chunked') {
      this.flush();
      return writeChunk(this.#socket, piece);
    }
    if (head === null) return this.#socket.write(piece);
    this.#head = null;
    if (piece.length > smallPiece) {
      this.#socket.write(head, 'latin1');
      return this.#socket.write(piece);
    }
    const whole = Buffer.allocUnsafe(head.length + piece.length);
    whole.write(head, 0, 'latin1');
    piece.copy(whole, head.length);
    return this.#socket.write(whole);
  }

  end(trailers: FieldLines): void {
    this.#state = 'ended';
    if (this.#framing !== 'chunked') return this.flush();
    const last = lastChunkText(trailers);
    const head = this.#head ?? '';
    this.#head = null;
    this.#socket.write(head + last, 'latin1');
  }

  flush(): void {
    if (this.#head === null) return;
    this.#socket.write(this.#head, 'latin1');
    this.#head = null;
  }
}

function framingFor(framing: BodyFraming, version: RequestHead['version']): BodyFraming {
  if (framing.kind === 'until-close' && version !== '1.0') return { kind: 'chunked' };
  return framing.kind === 'chunked' && version === '1.0' ? { kind: 'until-close' } : framing;
}
