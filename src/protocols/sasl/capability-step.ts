import type { Buffer } from 'node:buffer';
import { LineSplitter } from '../lines/line-splitter.js';

/** What is to be done after a server's bytes, while it is asked what it can do before a login. */
export type CapabilityStep =
  | { readonly kind: 'read' }
  | { readonly kind: 'send'; readonly text: string }
  | { readonly kind: 'start-tls' }
  | { readonly kind: 'told'; readonly capabilities: readonly string[]; readonly farewell: string }
  | { readonly kind: 'failed'; readonly reason: string };

export const readOn: CapabilityStep = { kind: 'read' };

const lineCountMax = 100;

/** The lines of a server's answers: a hundred at the most, none longer than it may be. */
export class CapabilityLines {
  readonly #splitter: LineSplitter;
  #count = 0;

  constructor(lineLengthMax: number) {
    this.#splitter = new LineSplitter(lineLengthMax);
  }

  /** Hands line after line over until one leads to something other than reading on. */
  take(chunk: Buffer, takeLine: (line: Buffer) => CapabilityStep): CapabilityStep {
    this.#splitter.push(chunk);
    for (;;) {
      const split = this.#splitter.nextLine();
      if (split.kind === 'more') return readOn;
      this.#count += 1;
      if (split.kind === 'too-long' || this.#count > lineCountMax) return answeredWith('a line too long or too many');
      const step = takeLine(split.line);
      if (step.kind !== 'read') return step;
    }
  }

  /** The server says that TLS may begin; bytes behind that were sent in clear by anybody. */
  startTls(): CapabilityStep {
    return this.#splitter.heldBytes > 0 ? answeredWith('bytes ahead of TLS') : { kind: 'start-tls' };
  }
}

export function answeredWith(what: string): CapabilityStep {
  return { kind: 'failed', reason: `the server answered with ${what}` };
}
