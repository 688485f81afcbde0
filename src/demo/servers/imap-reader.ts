import { ByteQueue } from './byte-queue.js';

const literalsMax = 16;

/** What the bytes of a client amount to. Texts hold one character per byte. */
export type ImapInput =
  /** A whole command; each literal stands in `text` as `{size}` CRLF and its bytes in `literals`. */
  | { readonly kind: 'command'; readonly text: string; readonly literals: readonly Buffer[] }
  | { readonly kind: 'line'; readonly text: string }
  /** The client waits for leave to send a literal. */
  | { readonly kind: 'continue' }
  /** `awaited`: the client asked first and sends nothing; else the bytes are on their way. */
  | { readonly kind: 'literal-too-large'; readonly tag: string; readonly awaited: boolean }
  | { readonly kind: 'too-long' };

interface Pending {
  text: string;
  literals: Buffer[];
  literalBytes: number;
  awaitedBytes: number | undefined;
}

/** Cuts the bytes of a client into commands. */
export class ImapReader {
  readonly #queue = new ByteQueue();
  readonly #lineBytesMax: number;
  #pending = emptyPending();

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  push(chunk: Buffer): void {
    this.#queue.push(chunk);
  }

  /** The next line of a dialogue inside a command (SASL, IDLE); undefined until it is complete. */
  nextLine(): ImapInput | undefined {
    const line = this.#queue.takeLine(this.#lineBytesMax);
    return line?.kind === 'line' ? { kind: 'line', text: line.bytes.toString('latin1') } : line;
  }

  /** The next command, whose literals hold at most `literalBytesMax` in all; undefined until it is complete. */
  nextCommand(literalBytesMax: number): ImapInput | undefined {
    const pending = this.#pending;
    if (pending.awaitedBytes !== undefined) {
      const literal = this.#queue.takeBytes(pending.awaitedBytes);
      if (!literal) return undefined;
      pending.literals.push(literal);
      pending.awaitedBytes = undefined;
    }
    const line = this.#queue.takeLine(this.#lineBytesMax - pending.text.length);
    if (line?.kind !== 'line') return line;
    pending.text += line.bytes.toString('latin1');
    // RFC 9051 §4.3 and RFC 7888: {size} waits for leave, {size+} does not
    const [, size, plus] = /\{(\d{1,10})(\+?)\}$/.exec(pending.text) ?? [];
    if (size === undefined) return this.#finish();
    return this.#awaitLiteral(Number(size), plus === '+', literalBytesMax);
  }

  #awaitLiteral(sizeBytes: number, isOnItsWay: boolean, literalBytesMax: number): ImapInput | undefined {
    const pending = this.#pending;
    pending.literalBytes += sizeBytes;
    if (pending.literalBytes > literalBytesMax || pending.literals.length === literalsMax) {
      this.#pending = emptyPending();
      const tag = /^[^\s(){%*"\\+\]]{1,64}(?= )/.exec(pending.text)?.[0] ?? '*';
      return { kind: 'literal-too-large', tag, awaited: !isOnItsWay };
    }
    pending.text += '\r\n';
    pending.awaitedBytes = sizeBytes;
    return isOnItsWay ? this.nextCommand(literalBytesMax) : { kind: 'continue' };
  }

  #finish(): ImapInput {
    const { text, literals } = this.#pending;
    this.#pending = emptyPending();
    return { kind: 'command', text, literals };
  }
}

function emptyPending(): Pending {
  return { text: '', literals: [], literalBytes: 0, awaitedBytes: undefined };
}
