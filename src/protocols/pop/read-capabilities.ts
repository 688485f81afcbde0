import type { Buffer } from 'node:buffer';
import { LineSplitter } from '../lines/line-splitter.js';
import { isCleanLine, parseReply } from './syntax.js';

/** What is to be done after a server's bytes. */
export type CapabilityStep =
  | { readonly kind: 'read' }
  | { readonly kind: 'send'; readonly text: string }
  | { readonly kind: 'start-tls' }
  | { readonly kind: 'told'; readonly capabilities: readonly string[]; readonly farewell: string }
  | { readonly kind: 'failed'; readonly reason: string };

// RFC 2449 §4: 512 bytes; some servers say more.
const lineLengthMax = 4096;
const lineCountMax = 100;
const read: CapabilityStep = { kind: 'read' };

/** Asks a POP server what it can do before a login, under TLS where the endpoint has it (RFC 2449 §5). */
export class PopCapabilityReader {
  readonly #splitter = new LineSplitter(lineLengthMax);
  #tls: 'none' | 'starttls' | 'opportunistic' | 'implicit';
  #state: 'greeting' | 'capa' | 'list' | 'stls' = 'greeting';
  #capabilities: string[] = [];
  #lineCount = 0;

  constructor(tls: 'none' | 'starttls' | 'opportunistic' | 'implicit') {
    this.#tls = tls;
  }

  receive(chunk: Buffer): CapabilityStep {
    this.#splitter.push(chunk);
    for (;;) {
      const split = this.#splitter.nextLine();
      if (split.kind === 'more') return read;
      this.#lineCount += 1;
      if (split.kind === 'too-long' || this.#lineCount > lineCountMax) return failed('a line too long or too many');
      const step = this.#state === 'list' ? this.#takeItem(split.line) : this.#takeReply(split.line);
      if (step.kind !== 'read') return step;
    }
  }

  /** The handshake is done; what the server said before is forgotten. */
  tlsStarted(): CapabilityStep {
    this.#tls = 'implicit';
    return this.#ask();
  }

  #takeReply(line: Buffer): CapabilityStep {
    const reply = parseReply(line);
    switch (this.#state) {
      case 'greeting':
        return reply.kind === 'ok' ? this.#ask() : failed('no greeting');
      case 'capa':
        if (reply.kind === 'ok') this.#state = 'list';
        // RFC 2449 is an extension itself: a server may know no CAPA.
        return reply.kind === 'ok' ? read : reply.kind === 'error' ? this.#told() : failed('no answer to CAPA');
      default:
        if (reply.kind !== 'ok') return failed('no answer to STLS');
        return this.#splitter.heldBytes > 0 ? failed('bytes ahead of TLS') : { kind: 'start-tls' };
    }
  }

  #takeItem(line: Buffer): CapabilityStep {
    if (!isCleanLine(line)) return failed('a line that is no POP response');
    const text = line.toString('latin1');
    if (text === '.') return this.#told();
    // RFC 1939 §3: a line that begins with a dot has one more.
    this.#capabilities.push(text.startsWith('.') ? text.slice(1) : text);
    return read;
  }

  #told(): CapabilityStep {
    const isOffered = this.#capabilities.some((line) => /^STLS$/i.test(line));
    if ((this.#tls === 'starttls' || this.#tls === 'opportunistic') && isOffered) {
      this.#state = 'stls';
      return { kind: 'send', text: 'STLS\r\n' };
    }
    if (this.#tls === 'starttls') return failed('no STLS');
    return { kind: 'told', capabilities: this.#capabilities, farewell: 'QUIT\r\n' };
  }

  #ask(): CapabilityStep {
    this.#state = 'capa';
    this.#capabilities = [];
    return { kind: 'send', text: 'CAPA\r\n' };
  }
}

function failed(what: string): CapabilityStep {
  return { kind: 'failed', reason: `the server answered with ${what}` };
}
