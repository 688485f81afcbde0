import type { Buffer } from 'node:buffer';
import { createRequire } from 'node:module';
import type { FieldLines } from '../../src/protocols/http/http-message.js';

/** A message as Node's parser found it. */
export interface ParsedMessage {
  /** Empty for an answer. */
  readonly method: string;
  readonly target: string;
  /** 0 for a request. */
  readonly status: number;
  readonly version: string;
  readonly fields: FieldLines;
  /** In Latin-1. */
  body: string;
  isComplete: boolean;
}

type Call = (...args: unknown[]) => number | undefined;
interface RawParser {
  initialize(type: number, resource: object, maxHeaderBytes: number, lenientFlags: number): void;
  /** Bytes that were parsed, or what is wrong. */
  execute(chunk: Buffer): number | Error;
  finish(): Error | undefined;
  close(): void;
  [callback: number]: Call;
}
interface HttpCommon {
  readonly methods: readonly string[];
  readonly HTTPParser: (new () => RawParser) & Readonly<Record<string, number>>;
}

// The parser of node:http itself, without a server around it: what it says, it says at once.
const { HTTPParser, methods } = createRequire(import.meta.url)('_http_common') as HttpCommon;
const place = (name: string): number => {
  const found = HTTPParser[name];
  if (found === undefined) throw new Error(`the parser has no ${name}`);
  return found;
};
const headBytesMax = 1 << 24;

/** Node's own parser, llhttp, as strict as it is by default. */
export class NodeHttpParser {
  readonly messages: ParsedMessage[] = [];
  /** The code of what is wrong; null while nothing is. */
  error: string | null = null;
  readonly #parser = new HTTPParser();
  #fields: string[] = [];
  #target = '';
  #isUpgraded = false;

  /** @param isBodyless for answers: those to HEAD */
  constructor(kind: 'REQUEST' | 'RESPONSE', isBodyless = false) {
    const parser = this.#parser;
    parser.initialize(place(kind), {}, headBytesMax, place('kLenientNone'));
    parser[place('kOnHeaders')] = (fields, target) => {
      // Told in parts when there are many, and as trailers.
      if (this.messages.at(-1)?.isComplete === false) return 0;
      this.#fields.push(...(fields as string[]));
      this.#target += target as string;
      return 0;
    };
    parser[place('kOnHeadersComplete')] = (...told) => {
      const [major, minor, fields, method, target, status, , isUpgrade] = told;
      this.#isUpgraded ||= isUpgrade === true;
      this.messages.push({
        method: kind === 'REQUEST' ? (methods[method as number] ?? '') : '',
        target: this.#target + ((target as string | undefined) ?? ''),
        status: (status as number | undefined) ?? 0,
        version: `${major as number}.${minor as number}`,
        fields: [...this.#fields, ...((fields as string[] | undefined) ?? [])],
        body: '',
        isComplete: false,
      });
      this.#fields = [];
      this.#target = '';
      return isBodyless ? 1 : 0;
    };
    parser[place('kOnBody')] = (piece) => {
      const message = this.messages.at(-1);
      if (message !== undefined) message.body += (piece as Buffer).toString('latin1');
      return 0;
    };
    parser[place('kOnMessageComplete')] = () => {
      const message = this.messages.at(-1);
      if (message !== undefined) message.isComplete = true;
      return 0;
    };
  }

  /** Nothing more is read after an error, and after a request for another protocol. */
  push(chunk: Buffer): void {
    if (this.error !== null || this.#isUpgraded) return;
    const result = this.#parser.execute(chunk);
    if (typeof result !== 'number') this.error = (result as NodeJS.ErrnoException).code ?? result.message;
  }

  /** The connection ended. */
  end(): void {
    if (this.error === null && !this.#isUpgraded) this.#parser.finish();
    this.#parser.close();
  }
}

/** What Node's parser finds in bytes. */
export function parseWithNode(
  chunks: readonly Buffer[],
  kind: 'REQUEST' | 'RESPONSE',
  isBodyless = false,
): NodeHttpParser {
  const parser = new NodeHttpParser(kind, isBodyless);
  for (const chunk of chunks) parser.push(chunk);
  parser.end();
  return parser;
}
