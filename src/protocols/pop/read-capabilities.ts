import type { Buffer } from 'node:buffer';
import { answeredWith, CapabilityLines, type CapabilityStep, readOn } from '../sasl/capability-step.js';
import { isCleanLine, parseReply } from './syntax.js';

// RFC 2449 §4: 512 bytes; some servers say more.
const lineLengthMax = 4096;

/** Asks a POP server what it can do before a login, under TLS where the endpoint has it (RFC 2449 §5). */
export class PopCapabilityReader {
  readonly #lines = new CapabilityLines(lineLengthMax);
  #tls: 'none' | 'starttls' | 'opportunistic' | 'implicit';
  #state: 'greeting' | 'capa' | 'list' | 'stls' = 'greeting';
  #capabilities: string[] = [];

  constructor(tls: 'none' | 'starttls' | 'opportunistic' | 'implicit') {
    this.#tls = tls;
  }

  receive(chunk: Buffer): CapabilityStep {
    return this.#lines.take(chunk, (line) => (this.#state === 'list' ? this.#takeItem(line) : this.#takeReply(line)));
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
        return reply.kind === 'ok' ? this.#ask() : answeredWith('no greeting');
      case 'capa':
        if (reply.kind === 'ok') this.#state = 'list';
        // RFC 2449 is an extension itself: a server may know no CAPA.
        return reply.kind === 'ok' ? readOn : reply.kind === 'error' ? this.#told() : answeredWith('no answer to CAPA');
      default:
        if (reply.kind !== 'ok') return answeredWith('no answer to STLS');
        return this.#lines.startTls();
    }
  }

  #takeItem(line: Buffer): CapabilityStep {
    if (!isCleanLine(line)) return answeredWith('a line that is no POP response');
    const text = line.toString('latin1');
    if (text === '.') return this.#told();
    // RFC 1939 §3: a line that begins with a dot has one more.
    this.#capabilities.push(text.startsWith('.') ? text.slice(1) : text);
    return readOn;
  }

  #told(): CapabilityStep {
    const isOffered = this.#capabilities.some((line) => /^STLS$/i.test(line));
    if ((this.#tls === 'starttls' || this.#tls === 'opportunistic') && isOffered) {
      this.#state = 'stls';
      return { kind: 'send', text: 'STLS\r\n' };
    }
    if (this.#tls === 'starttls') return answeredWith('no STLS');
    return { kind: 'told', capabilities: this.#capabilities, farewell: 'QUIT\r\n' };
  }

  #ask(): CapabilityStep {
    this.#state = 'capa';
    this.#capabilities = [];
    return { kind: 'send', text: 'CAPA\r\n' };
  }
}
