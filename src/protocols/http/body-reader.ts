import type { Buffer } from 'node:buffer';
import { chunkSizeOf } from './chunk-line.js';
import { HeadCollector, startsWithEmptyLine } from './head-collector.js';
import type { BodyFraming, FieldLines, Refusal } from './http-message.js';
import { readTrailers, trailerStart } from './trailer-fields.js';

export interface BodyLimits {
  /** Of a chunk's size and its extensions, with the CRLF. */
  readonly chunkLineLengthMax: number;
  /** Of the trailer section, with its empty line. */
  readonly trailerBytesMax: number;
  readonly trailersMax: number;
}

export interface BodySink {
  /** A part of the body; it shares memory with the chunk that was read. */
  bodyData(piece: Buffer): void;
  /** The body is whole; told once. Trailers that frame, route or authenticate are left out. */
  bodyEnd(trailers: FieldLines): void;
}

type State =
  | { readonly kind: 'sized'; leftBytes: number }
  | { readonly kind: 'until-close' }
  /** A chunk's size, of which this much has come. */
  | { readonly kind: 'chunk-line'; text: string }
  | { readonly kind: 'chunk-data'; leftBytes: number }
  /** The CRLF behind a chunk's data. */
  | { readonly kind: 'chunk-end'; isHalf: boolean }
  | { readonly kind: 'trailers'; readonly collector: HeadCollector }
  | { readonly kind: 'complete' }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const noTrailers: FieldLines = [];
const complete: State = { kind: 'complete' };

const chunkMalformed: Refusal = { status: 400, text: 'a chunk of the body is malformed' };
const chunkLineTooLong: Refusal = { status: 400, text: "a chunk's extensions are too long" };
const trailersMalformed: Refusal = { status: 400, text: 'the trailer section is malformed' };
const trailersTooLarge: Refusal = { status: 431, text: 'the trailer section is too large' };

/**
 * Reads the body of one message (RFC 9112 §6, §7): pieces go to the sink as they come, nothing is kept of them.
 * What it says does not depend on how the bytes are cut, but for the cuts of the pieces.
 */
export class BodyReader {
  readonly #limits: BodyLimits;
  readonly #sink: BodySink;
  #state: State;

  constructor(framing: BodyFraming, limits: BodyLimits, sink: BodySink) {
    this.#limits = limits;
    this.#sink = sink;
    this.#state = firstState(framing);
  }

  get isComplete(): boolean {
    return this.#state.kind === 'complete';
  }

  get refusal(): Refusal | null {
    return this.#state.kind === 'refused' ? this.#state.refusal : null;
  }

  /** Tells the end at once of a body that has no bytes; to be called once, before anything is read. */
  start(): void {
    const state = this.#state;
    if (state.kind === 'sized' && state.leftBytes === 0) this.#complete(noTrailers);
  }

  /** The connection ended. Whether the body is whole, which for one of unknown length is told the sink now. */
  end(): boolean {
    if (this.#state.kind === 'until-close') this.#complete(noTrailers);
    return this.isComplete;
  }

  /** Reads on; gives the place behind what belongs to the body, which is the chunk's end once it is refused. */
  read(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length) {
      const state = this.#state;
      switch (state.kind) {
        case 'sized':
        case 'chunk-data':
          at = this.#readData(state, chunk, at);
          break;
        case 'until-close':
          this.#sink.bodyData(at === 0 ? chunk : chunk.subarray(at));
          return chunk.length;
        case 'chunk-line':
          at = this.#readChunkLine(state, chunk, at);
          break;
        case 'chunk-end':
          at = this.#readChunkEnd(state, chunk, at);
          break;
        case 'trailers':
          at = this.#readTrailers(state.collector, chunk, at);
          break;
        case 'complete':
          return at;
        case 'refused':
          return chunk.length;
      }
    }
    return at;
  }

  #readData(state: State & { kind: 'sized' | 'chunk-data' }, chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + state.leftBytes);
    state.leftBytes -= end - at;
    if (end > at) this.#sink.bodyData(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
    if (state.leftBytes > 0) return end;
    if (state.kind === 'sized') this.#complete(noTrailers);
    else this.#state = { kind: 'chunk-end', isHalf: false };
    return end;
  }

  #readChunkLine(state: State & { kind: 'chunk-line' }, chunk: Buffer, at: number): number {
    const { chunkLineLengthMax } = this.#limits;
    const place = chunk.indexOf(lineFeed, at);
    const end = place === -1 ? chunk.length : place + 1;
    if (state.text.length + end - at > chunkLineLengthMax) return this.#refuse(chunkLineTooLong, chunk);
    const text = state.text + chunk.toString('latin1', at, end);
    if (place === -1) {
      // Room for a LF must be left.
      if (text.length >= chunkLineLengthMax) return this.#refuse(chunkLineTooLong, chunk);
      state.text = text;
      return end;
    }
    const size = chunkSizeOf(text);
    if (size === null) return this.#refuse(chunkMalformed, chunk);
    if (size > 0) this.#state = { kind: 'chunk-data', leftBytes: size };
    else return this.#readFirstTrailer(chunk, end);
    return end;
  }

  #readChunkEnd(state: State & { kind: 'chunk-end' }, chunk: Buffer, at: number): number {
    if (chunk[at] !== (state.isHalf ? lineFeed : carriageReturn)) return this.#refuse(chunkMalformed, chunk);
    if (state.isHalf) this.#state = { kind: 'chunk-line', text: '' };
    else state.isHalf = true;
    return at + 1;
  }

  #readFirstTrailer(chunk: Buffer, at: number): number {
    if (startsWithEmptyLine(chunk, at) === true) {
      this.#complete(noTrailers);
      return at + 2;
    }
    const headBytesMax = this.#limits.trailerBytesMax + trailerStart.length;
    const collector = new HeadCollector({ headBytesMax, firstLineLengthMax: headBytesMax });
    collector.collect(trailerStart, 0);
    this.#state = { kind: 'trailers', collector };
    return at;
  }

  #readTrailers(collector: HeadCollector, chunk: Buffer, at: number): number {
    const collected = collector.collect(chunk, at);
    switch (collected.kind) {
      case 'more':
        return chunk.length;
      case 'malformed':
        return this.#refuse(trailersMalformed, chunk);
      case 'too-large':
      case 'first-line-too-long':
        return this.#refuse(trailersTooLarge, chunk);
      case 'whole': {
        const trailers = readTrailers(collected.text, this.#limits.trailersMax);
        if (trailers === null) return this.#refuse(trailersMalformed, chunk);
        this.#complete(trailers);
        return collected.end;
      }
    }
  }

  #complete(trailers: FieldLines): void {
    this.#state = complete;
    this.#sink.bodyEnd(trailers);
  }

  #refuse(refusal: Refusal, chunk: Buffer): number {
    this.#state = { kind: 'refused', refusal };
    return chunk.length;
  }
}

function firstState(framing: BodyFraming): State {
  switch (framing.kind) {
    case 'none':
      return { kind: 'sized', leftBytes: 0 };
    case 'length':
      return { kind: 'sized', leftBytes: framing.length };
    case 'chunked':
      return { kind: 'chunk-line', text: '' };
    case 'until-close':
      return { kind: 'until-close' };
  }
}
