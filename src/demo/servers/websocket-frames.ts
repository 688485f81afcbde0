import { isUtf8 } from 'node:buffer';

export type WebSocketEvent =
  /** A whole message, its fragments joined. */
  | { readonly kind: 'message'; readonly opcode: 1 | 2; readonly payload: Buffer }
  | { readonly kind: 'ping'; readonly payload: Buffer }
  | { readonly kind: 'pong' }
  | { readonly kind: 'close'; readonly code: number }
  /** The client broke the protocol or a limit; `code` is what to close with. */
  | { readonly kind: 'violation'; readonly code: 1002 | 1007 | 1009 };

interface FrameHead {
  readonly isFinal: boolean;
  readonly opcode: number;
  readonly length: number;
  /** Bytes before the payload. */
  readonly headBytes: number;
}

type Violation = Extract<WebSocketEvent, { kind: 'violation' }>;

/** Reads the frames of a client (RFC 6455); a message holds at most `messageBytesMax`. */
export class WebSocketReader {
  readonly #messageBytesMax: number;
  #waiting: Buffer = Buffer.alloc(0);
  #fragments: Buffer[] = [];
  #fragmentedOpcode: 1 | 2 | undefined;

  constructor(messageBytesMax: number) {
    this.#messageBytesMax = messageBytesMax;
  }

  push(chunk: Buffer): void {
    this.#waiting = this.#waiting.length === 0 ? chunk : Buffer.concat([this.#waiting, chunk]);
  }

  /** The next event; undefined until more has come. Nothing follows a violation. */
  next(): WebSocketEvent | undefined {
    for (;;) {
      const head = this.#head();
      if (!head || 'kind' in head) return head;
      const end = head.headBytes + head.length;
      if (this.#waiting.length < end) return undefined;
      const mask = this.#waiting.subarray(head.headBytes - 4, head.headBytes);
      const payload = Buffer.from(this.#waiting.subarray(head.headBytes, end));
      for (let index = 0; index < payload.length; index += 1) {
        payload[index] = (payload[index] ?? 0) ^ (mask[index % 4] ?? 0);
      }
      this.#waiting = this.#waiting.subarray(end);
      const event = head.opcode >= 8 ? controlEvent(head, payload) : this.#dataEvent(head, payload);
      if (event) return event;
    }
  }

  // RFC 6455 §5.2: FIN RSV1-3 opcode, MASK length, extended length, masking key
  #head(): FrameHead | Violation | undefined {
    const [first, second] = this.#waiting;
    if (first === undefined || second === undefined) return undefined;
    const opcode = first & 0x0f;
    const shortLength = second & 0x7f;
    const isControl = opcode >= 8;
    const isKnown = opcode <= 2 || (opcode >= 8 && opcode <= 10);
    if ((first & 0x70) !== 0 || (second & 0x80) === 0 || !isKnown) return violation(1002);
    // RFC 6455 §5.5: control frames are short and never in fragments
    if (isControl && (shortLength > 125 || (first & 0x80) === 0)) return violation(1002);
    const lengthBytes = shortLength === 126 ? 2 : shortLength === 127 ? 8 : 0;
    const headBytes = 2 + lengthBytes + 4;
    if (this.#waiting.length < headBytes) return undefined;
    const length =
      lengthBytes === 2
        ? this.#waiting.readUInt16BE(2)
        : lengthBytes === 8
          ? Number(this.#waiting.readBigUInt64BE(2))
          : shortLength;
    const gathered = this.#fragments.reduce((sum, fragment) => sum + fragment.length, 0);
    if (!isControl && gathered + length > this.#messageBytesMax) return violation(1009);
    return { isFinal: (first & 0x80) !== 0, opcode, length, headBytes };
  }

  #dataEvent({ isFinal, opcode }: FrameHead, payload: Buffer): WebSocketEvent | undefined {
    const isContinuation = opcode === 0;
    if (isContinuation !== (this.#fragmentedOpcode !== undefined)) return violation(1002);
    const messageOpcode = this.#fragmentedOpcode ?? (opcode === 1 ? 1 : 2);
    // empty fragments would add up without adding bytes
    if (payload.length > 0) this.#fragments.push(payload);
    this.#fragmentedOpcode = isFinal ? undefined : messageOpcode;
    if (!isFinal) {
      if (this.#fragments.length > 64) this.#fragments = [Buffer.concat(this.#fragments)];
      return undefined;
    }
    const message = Buffer.concat(this.#fragments);
    this.#fragments = [];
    if (messageOpcode === 1 && !isUtf8(message)) return violation(1007);
    return { kind: 'message', opcode: messageOpcode, payload: message };
  }
}

/** One unmasked, unfragmented frame. */
export function webSocketFrame(opcode: 1 | 2 | 8 | 10, payload: Buffer): Buffer {
  const head = Buffer.alloc(payload.length < 126 ? 2 : payload.length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  if (payload.length < 126) head[1] = payload.length;
  else if (payload.length < 65_536) {
    head[1] = 126;
    head.writeUInt16BE(payload.length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  return Buffer.concat([head, payload]);
}

function controlEvent({ opcode }: FrameHead, payload: Buffer): WebSocketEvent {
  switch (opcode) {
    case 8:
      return { kind: 'close', code: payload.length >= 2 ? payload.readUInt16BE(0) : 1000 };
    case 9:
      return { kind: 'ping', payload };
    default:
      return { kind: 'pong' };
  }
}

function violation(code: Violation['code']): Violation {
  return { kind: 'violation', code };
}
