import { Buffer } from 'node:buffer';
import { expect } from 'vitest';
import type { LoginCredentials } from '../../../src/protocols/sasl/login-credentials.js';
import type {
  ClientDialogue,
  ClientResult,
  ClientStep,
  LoginFailure,
  ServerDialogue,
  ServerResult,
  ServerStep,
} from '../../../src/protocols/sasl/login-protocol.js';

/** How the driver ends a login. */
type DriverWord =
  | { readonly refused: LoginFailure }
  | { readonly accepted: string; readonly untagged?: string; readonly pending: string };

/**
 * A transcript, one line an entry. `C: ` and `S: ` are lines of client and server with CRLF, `C| ` and `S| ` bytes as
 * they are. Neighbouring lines of the side that is read come in one chunk. `-> ` is the step after them; no such line
 * means that more is to be read. `TLS is up`, `too slow`, `refused` and `accepted` are words of the driver.
 */
export type Transcript = readonly (string | DriverWord)[];

/** How the input is cut: not at all, at every byte, or once in one of its runs of neighbouring lines. */
export type Chunking = 'whole' | 'bytes' | { readonly run: number; readonly at: number };

interface Heard {
  readonly output: string;
  /** '' when more is to be read. */
  readonly step: string;
}

interface Played {
  readonly inputSide: 'C' | 'S';
  begin(): Heard;
  feed(chunk: Buffer): Heard;
  take(word: string): Heard;
}

/** Plays a transcript with a client: `C` is given to the dialogue, `S` is expected of it. */
export function playClient(create: () => ClientDialogue, transcript: Transcript, chunkings = bothChunkings): void {
  play(() => new PlayedClient(create()), transcript, chunkings);
}

/** Plays a transcript with a server: `S` is given to the dialogue, `C` is expected of it; it ends with `end`. */
export function playServer(
  create: () => ServerDialogue,
  transcript: Transcript,
  end: ServerStep,
  chunkings = bothChunkings,
): void {
  play(
    () => new PlayedServer(create()),
    [...transcript, ...(end.kind === 'read' ? [] : [serverStepLine(end)])],
    chunkings,
  );
}

/** As `playClient`, the input cut at every place besides. */
export function playClientAtEveryCut(create: () => ClientDialogue, transcript: Transcript): void {
  play(() => new PlayedClient(create()), transcript, allChunkings(transcript, 'C'));
}

/** As `playServer`, the input cut at every place besides; the transcript has the end too. */
export function playServerAtEveryCut(create: () => ServerDialogue, transcript: Transcript): void {
  play(() => new PlayedServer(create()), transcript, allChunkings(transcript, 'S'));
}

const bothChunkings: readonly Chunking[] = ['whole', 'bytes'];

class PlayedClient implements Played {
  readonly inputSide = 'C';
  readonly #dialogue: ClientDialogue;

  constructor(dialogue: ClientDialogue) {
    this.#dialogue = dialogue;
  }

  begin(): Heard {
    return heardByClient(this.#dialogue.greet());
  }

  feed(chunk: Buffer): Heard {
    return heardByClient(this.#dialogue.receive(chunk));
  }

  take(word: string): Heard {
    if (word === 'TLS is up') return heardByClient(this.#dialogue.tlsStarted());
    if (word === 'too slow') return { output: this.#dialogue.timedOut().toString('utf8'), step: '' };
    const said = JSON.parse(word) as DriverWord;
    if ('refused' in said) return heardByClient(this.#dialogue.loginRefused(said.refused));
    const end = this.#dialogue.loginAccepted(said.accepted, Buffer.from(said.untagged ?? ''));
    const pending = end.pending.toString('utf8');
    if (pending !== said.pending) throw new Error(`pending is ${JSON.stringify(pending)}`);
    return { output: end.output.toString('utf8'), step: '' };
  }
}

class PlayedServer implements Played {
  readonly inputSide = 'S';
  readonly #dialogue: ServerDialogue;
  #accepted: (ServerStep & { readonly kind: 'accepted' }) | undefined;

  constructor(dialogue: ServerDialogue) {
    this.#dialogue = dialogue;
  }

  begin(): Heard {
    return { output: '', step: '' };
  }

  feed(chunk: Buffer): Heard {
    return this.#accepted === undefined ? this.#hear(this.#dialogue.receive(chunk)) : this.#relay(chunk);
  }

  take(word: string): Heard {
    if (word !== 'TLS is up') throw new Error(`no word of the driver: ${word}`);
    return this.#hear(this.#dialogue.tlsStarted());
  }

  #hear({ output, step }: ServerResult): Heard {
    if (step.kind === 'accepted') this.#accepted = step;
    return { output: output.toString('utf8'), step: serverStepLine(step) };
  }

  /** What comes after the end goes the way of `pending`. */
  #relay(chunk: Buffer): Heard {
    if (this.#accepted === undefined) throw new Error('not accepted');
    this.#accepted = { ...this.#accepted, pending: Buffer.concat([this.#accepted.pending, chunk]) };
    return { output: '', step: serverStepLine(this.#accepted) };
  }
}

function play(create: () => Played, transcript: Transcript, chunkings: readonly Chunking[]): void {
  const entries = entriesOf(transcript);
  for (const chunking of chunkings) {
    expect(playOnce(create(), entries, chunking), `chunked: ${JSON.stringify(chunking)}`).toEqual(entries);
  }
}

function playOnce(played: Played, entries: readonly string[], chunking: Chunking): readonly string[] {
  const side = played.inputSide;
  const otherSide = side === 'C' ? 'S' : 'C';
  const heard: string[] = linesOf(played.begin().output, otherSide);
  let run = 0;
  for (const [index, entry] of entries.entries()) {
    if (entry.startsWith('->') || isLineOf(otherSide, entry)) continue;
    heard.push(entry);
    if (isLineOf(side, entry) && isLineOf(side, entries[index + 1])) continue;
    const isInput = isLineOf(side, entry);
    const { output, step } = isInput
      ? feedAll(played, chunksOf(inputBefore(entries, index, side), chunking, run))
      : played.take(entry);
    if (isInput) run += 1;
    heard.push(...linesOf(output, otherSide), ...(step === '' ? [] : [step]));
  }
  return heard;
}

function feedAll(played: Played, chunks: readonly Buffer[]): Heard {
  let output = '';
  let step = '';
  for (const chunk of chunks) {
    const heard = played.feed(chunk);
    output += heard.output;
    step = heard.step === '' ? step : heard.step;
  }
  return { output, step };
}

function entriesOf(transcript: Transcript): readonly string[] {
  return transcript.map((entry) => (typeof entry === 'string' ? entry : JSON.stringify(entry)));
}

function isLineOf(side: string, entry: string | undefined): boolean {
  return entry !== undefined && (entry.startsWith(`${side}: `) || entry.startsWith(`${side}| `));
}

/** The neighbouring input lines that end at this entry, as bytes. */
function inputBefore(entries: readonly string[], end: number, side: string): Buffer {
  let start = end;
  while (isLineOf(side, entries[start - 1])) start -= 1;
  const parts = entries
    .slice(start, end + 1)
    .map((line) => (line.startsWith(`${side}|`) ? line.slice(3) : `${line.slice(3)}\r\n`));
  return Buffer.from(parts.join(''), 'utf8');
}

function allChunkings(transcript: Transcript, side: 'C' | 'S'): readonly Chunking[] {
  const entries = entriesOf(transcript);
  const ends = [...entries.keys()].filter((at) => isLineOf(side, entries[at]) && !isLineOf(side, entries[at + 1]));
  const cuts = ends.flatMap((end, run) =>
    Array.from({ length: inputBefore(entries, end, side).length - 1 }, (_, at) => ({ run, at: at + 1 })),
  );
  expect(cuts.length).toBeGreaterThan(0);
  return [...bothChunkings, ...cuts];
}

function chunksOf(input: Buffer, chunking: Chunking, run: number): readonly Buffer[] {
  if (chunking === 'bytes') return Array.from(input, (byte) => Buffer.from([byte]));
  if (chunking === 'whole' || chunking.run !== run) return [input];
  return [input.subarray(0, chunking.at), input.subarray(chunking.at)];
}

function linesOf(output: string, side: string): string[] {
  if (output === '') return [];
  const lines = output.split('\r\n');
  const rest = lines.pop();
  return [...lines.map((line) => `${side}: ${line}`), ...(rest === '' ? [] : [`${side}| ${rest}`])];
}

function heardByClient({ output, step }: ClientResult): Heard {
  return { output: output.toString('utf8'), step: clientStepLine(step) };
}

function clientStepLine(step: ClientStep): string {
  switch (step.kind) {
    case 'read':
      return '';
    case 'start-tls':
      return '-> start-tls';
    case 'close':
      return `-> close: ${step.reason}`;
    case 'login': {
      const left = step.proxyTtl === null ? '' : `, proxies left: ${step.proxyTtl}`;
      return `-> login ${credentialsWords(step.credentials)}${left}`;
    }
  }
}

function credentialsWords(credentials: LoginCredentials): string {
  if (credentials.kind === 'token') {
    const { user, mechanism, message } = credentials;
    return `${user} by ${mechanism} with ${JSON.stringify(message)}`;
  }
  const { user, authorizationId, password } = credentials;
  return `${user}${authorizationId === '' ? '' : ` for ${authorizationId}`} with ${password}`;
}

function serverStepLine(step: ServerStep): string {
  switch (step.kind) {
    case 'read':
      return '';
    case 'start-tls':
      return '-> start-tls';
    case 'refused':
      return `-> refused ${JSON.stringify(sorted(step.failure))}`;
    case 'accepted':
      return `-> accepted ${JSON.stringify({ text: step.text, untagged: String(step.untagged), pending: String(step.pending) })}`;
  }
}

function sorted({ kind, code, text, detail }: LoginFailure): unknown {
  return { kind, code, text, detail };
}
