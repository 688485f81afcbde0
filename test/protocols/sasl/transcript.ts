import { Buffer } from 'node:buffer';
import { expect } from 'vitest';
import type {
  ClientDialogue,
  ClientResult,
  ClientStep,
  LoginFailure,
  ServerDialogue,
  ServerStep,
} from '../../../src/protocols/sasl/login-protocol.js';

/** How the driver ends a login. */
type DriverWord =
  | { readonly refused: LoginFailure }
  | { readonly accepted: string; readonly untagged?: string; readonly pending: string };

/**
 * A transcript, one line an entry. `C: ` and `S: ` are lines of client and server with CRLF, `C| ` and `S| ` bytes as
 * they are. Neighbouring lines of the side that is read come in one chunk. `-> ` is the step after them; no such line
 * means that more is to be read. `TLS is up` and `too slow` are words of the driver.
 */
export type ClientTranscript = readonly (string | DriverWord)[];

type Chunking = 'whole' | 'bytes';

interface Heard {
  readonly output: string;
  readonly step: ClientStep;
}

/** Plays a transcript with a client: `C` is given to the dialogue, `S` is expected of it. */
export function playClient(
  create: () => ClientDialogue,
  transcript: ClientTranscript,
  chunkings = bothChunkings,
): void {
  for (const chunking of chunkings) playClientOnce(create(), transcript, chunking);
}

/** Plays a transcript with a server: `S` is given to the dialogue, `C` is expected of it; the last entry is the step. */
export function playServer(
  create: () => ServerDialogue,
  transcript: readonly string[],
  end: ServerStep,
  chunkings = bothChunkings,
): void {
  for (const chunking of chunkings) expect(playServerOnce(create(), transcript, chunking)).toEqual(end);
}

const bothChunkings: readonly Chunking[] = ['whole', 'bytes'];

function playClientOnce(dialogue: ClientDialogue, transcript: ClientTranscript, chunking: Chunking): void {
  const heard: (string | DriverWord)[] = linesOf(dialogue.greet().output.toString('utf8'), 'S');
  for (const [index, entry] of transcript.entries()) {
    if (typeof entry === 'string' && /^(S|->)/.test(entry)) continue;
    heard.push(entry);
    if (isLineOf('C', entry) && isLineOf('C', transcript[index + 1])) continue;
    const { output, step } = reactionTo(dialogue, transcript, index, chunking);
    heard.push(...linesOf(output, 'S'), ...stepLine(step));
  }
  expect(heard, `chunked: ${chunking}`).toEqual(transcript);
}

/** What the client hears after this entry of the transcript, and the step. */
function reactionTo(dialogue: ClientDialogue, transcript: ClientTranscript, index: number, chunking: Chunking): Heard {
  const entry = transcript[index];
  if (typeof entry === 'object' && 'refused' in entry) return heardOf(dialogue.loginRefused(entry.refused));
  if (typeof entry === 'object') {
    const end = dialogue.loginAccepted(entry.accepted, Buffer.from(entry.untagged ?? ''));
    expect(end.pending.toString('utf8')).toBe(entry.pending);
    return { output: end.output.toString('utf8'), step: { kind: 'read' } };
  }
  if (entry === 'TLS is up') return heardOf(dialogue.tlsStarted());
  if (entry === 'too slow') return { output: dialogue.timedOut().toString('utf8'), step: { kind: 'read' } };
  return feed(dialogue, inputBefore(transcript, index, 'C'), chunking);
}

function playServerOnce(dialogue: ServerDialogue, transcript: readonly string[], chunking: Chunking): ServerStep {
  const said: string[] = [];
  let step: ServerStep = { kind: 'read' };
  for (const [index, entry] of transcript.entries()) {
    if (/^(C|->)/.test(entry)) continue;
    said.push(entry);
    if (isLineOf('S', entry) && isLineOf('S', transcript[index + 1])) continue;
    const result =
      entry === 'TLS is up'
        ? dialogue.tlsStarted()
        : feedServer(dialogue, inputBefore(transcript, index, 'S'), chunking);
    step = result.step;
    said.push(...linesOf(result.output.toString('utf8'), 'C'), ...(step.kind === 'start-tls' ? ['-> start-tls'] : []));
  }
  expect(said, `chunked: ${chunking}`).toEqual(transcript);
  return step;
}

function isLineOf(side: string, entry: unknown): boolean {
  return typeof entry === 'string' && (entry.startsWith(`${side}: `) || entry.startsWith(`${side}| `));
}

/** The neighbouring input lines that end at this entry, as bytes. */
function inputBefore(transcript: readonly unknown[], end: number, side: string): Buffer {
  let start = end;
  while (isLineOf(side, transcript[start - 1])) start -= 1;
  const parts = transcript.slice(start, end + 1).map((entry) => {
    const line = String(entry);
    return line.startsWith(`${side}|`) ? line.slice(3) : `${line.slice(3)}\r\n`;
  });
  return Buffer.from(parts.join(''), 'utf8');
}

function feed(dialogue: ClientDialogue, input: Buffer, chunking: Chunking): Heard {
  let output = '';
  let step: ClientStep = { kind: 'read' };
  for (const chunk of chunksOf(input, chunking)) {
    const result = dialogue.receive(chunk);
    output += result.output.toString('utf8');
    if (result.step.kind !== 'read') step = result.step;
  }
  return { output, step };
}

function feedServer(dialogue: ServerDialogue, input: Buffer, chunking: Chunking): { output: string; step: ServerStep } {
  let output = '';
  let step: ServerStep = { kind: 'read' };
  for (const chunk of chunksOf(input, chunking)) {
    const result = dialogue.receive(chunk);
    output += result.output.toString('utf8');
    step = result.step;
  }
  return { output, step };
}

function chunksOf(input: Buffer, chunking: Chunking): readonly Buffer[] {
  return chunking === 'whole' ? [input] : Array.from(input, (byte) => Buffer.from([byte]));
}

function heardOf(result: ClientResult): Heard {
  return { output: result.output.toString('utf8'), step: result.step };
}

function linesOf(output: string, side: string): string[] {
  if (output === '') return [];
  const lines = output.split('\r\n');
  const rest = lines.pop();
  return [...lines.map((line) => `${side}: ${line}`), ...(rest === '' ? [] : [`${side}| ${rest}`])];
}

function stepLine(step: ClientStep): string[] {
  switch (step.kind) {
    case 'read':
      return [];
    case 'start-tls':
      return ['-> start-tls'];
    case 'close':
      return [`-> close: ${step.reason}`];
    case 'login':
      break;
  }
  const { user, authorizationId, password } = step.credentials;
  return [`-> login ${user}${authorizationId === '' ? '' : ` for ${authorizationId}`} with ${password}`];
}
