import { Buffer } from 'node:buffer';
import { METHODS } from 'node:http';
import { BodyReader } from '../../src/protocols/http/body-reader.js';
import { fieldValue } from '../../src/protocols/http/field-names.js';
import { AnswerReader, type HeadLimits } from '../../src/protocols/http/head-reader.js';
import { chunkText, type Forwarding, lastChunkText, requestHeadText } from '../../src/protocols/http/head-writer.js';
import type { AnswerHead, FieldLines, RequestHead } from '../../src/protocols/http/http-message.js';
import { ConnectionReading, type ReadRequest } from '../protocols/http/read-all.js';
import { type Dialogue, readCorpus } from './corpus.js';
import { type FuzzTarget, promise } from './fuzz-target.js';
import { type ParsedMessage, parseWithNode } from './node-http-parser.js';
import type { Random } from './random.js';
import { splices } from './splices.js';

const limits: HeadLimits = { headBytesMax: 65_536, lineLengthMax: 16_384, fieldsMax: 250 };
const bodyLimits = { chunkLineLengthMax: 256, trailerBytesMax: 8192, trailersMax: 50 };

/**
 * What we refuse although Node's parser takes it, by our words, and in which cases that has been seen. A difference that
 * is not among them breaks the promise.
 */
const stricter: Readonly<Record<string, string>> = {
  'the request is malformed': 'CR or LF alone before a request line; HTTP/0.9',
  'the request line is malformed': 'spaces in a row; more than one empty line before it',
  'the request target is malformed': 'other schemes, no authority, * or an authority with other methods than OPTIONS',
  'HTTP/1.1 is spoken here': 'HTTP/0.9 and HTTP/2.0 in a request line',
  'CONNECT is not served here': 'CONNECT',
  'there is no Host field': 'Host missing; the server around the parser refuses it as well',
  'more than one Host field': 'Host twice',
  'the Host field is malformed': 'lists, paths, users, percent signs, ports that are no numbers',
  'only 100-continue can be expected': 'another expectation, or none; the server around the parser answers 417 as well',
  'only chunked is understood as a transfer coding': 'other codings before chunked; chunked twice',
  'HTTP/1.0 has no Transfer-Encoding': 'HTTP/1.0 with chunked',
  'the Content-Length is malformed': 'lengths above 2^53 - 1 or of more than 16 digits',
  'both Content-Length and Transfer-Encoding': 'an empty Transfer-Encoding',
  'a header field is malformed': 'a tab behind a length, a coding or a connection option',
  'a header field is too large': 'our limit',
  'too many header fields': 'our limit',
  'the header is too large': 'our limit',
  'the request line is too long': 'our limit',
  'a chunk of the body is malformed': '; or = twice in extensions; sizes above 2^53 - 1 or of more than 15 digits',
  "a chunk's extensions are too long": 'our limit',
  'the trailer section is too large': 'our limit',
  'the trailer section is malformed': 'our limit of their number; bytes that Node lets pass',
};

const same = (ours: FieldLines, theirs: FieldLines): boolean => JSON.stringify(ours) === JSON.stringify(theirs);

/** Whatever we take for a message, Node takes for the same one; what only we refuse is on the list. */
function playRequests(chunks: readonly Buffer[], random: Random, seen: (step: string) => void): void {
  const ours = new ConnectionReading(random.oneIn(8) ? { headBytesMax: 300, lineLengthMax: 60, fieldsMax: 8 } : limits);
  for (const chunk of chunks) {
    ours.push(chunk);
    promise(ours.reader.heldBytes <= limits.headBytesMax, `${ours.reader.heldBytes} bytes held`);
  }
  const theirs = parseWithNode(chunks, 'REQUEST');
  const known = ours.requests.findIndex(({ head }) => !isKnownToNode(head));
  const compared = known === -1 ? ours.requests : ours.requests.slice(0, known);
  for (const [index, request] of compared.entries()) {
    seen(request.trailers === null ? 'unfinished' : 'request');
    const message = theirs.messages[index];
    if (message === undefined && isLostByNode(compared[index - 1], theirs.error)) return;
    promise(message !== undefined, `a request of ours is none of theirs: ${theirs.error}`);
    if (message === undefined || isBroken(message, request.body, theirs.error)) return;
    compareRequest(request, message);
  }
  if (ours.refusal !== null) seen('refused');
  if (known !== -1 || ours.isOver) return;
  const place = ours.requests.at(-1)?.trailers === null ? ours.requests.length - 1 : ours.requests.length;
  const isTaken = place < ours.requests.length ? theirs.messages[place]?.isComplete : place < theirs.messages.length;
  if (ours.refusal === null) {
    promise(!isTaken, `Node took message ${place}, which we did not`);
    promise(theirs.messages.length === ours.requests.length, `${theirs.messages.length} messages, not ours`);
  } else if (isTaken === true) {
    seen('stricter');
    promise(Object.hasOwn(stricter, ours.refusal.text), `Node takes what we refuse: ${ours.refusal.text}`);
  }
  rewrite(ours.requests, seen);
}

// Node knows a list of methods, and gives the connection away after an upgrade.
const isKnownToNode = (head: RequestHead): boolean => methods.has(head.method) && head.upgrade === null;
const methods: ReadonlySet<string> = new Set(METHODS);

// We drop trailers that tell a length; Node refuses the message, and reads no other.
function isBroken({ isComplete, body }: ParsedMessage, ours: string, error: string | null): boolean {
  return (
    !isComplete &&
    body === ours &&
    /^HPE_(?:UNEXPECTED_CONTENT_LENGTH|INVALID_CONTENT_LENGTH|INVALID_TRANSFER_ENCODING)$/.test(error ?? '')
  );
}

// Node heeds Connection and Transfer-Encoding among the trailers, which we drop, and takes the connection for closed.
function isLostByNode(before: { readonly head: RequestHead | AnswerHead } | undefined, error: string | null): boolean {
  return error === 'HPE_CLOSED_CONNECTION' && before?.head.framing.kind === 'chunked';
}

function compareRequest({ head, body, trailers }: ReadRequest, theirs: ParsedMessage): void {
  promise(head.method === theirs.method, `method ${head.method}`);
  promise(head.target === theirs.target, `target ${head.target}, not ${theirs.target}`);
  promise(head.version === theirs.version, `version ${head.version}, not ${theirs.version}`);
  promise(same(head.fields, theirs.fields), `${JSON.stringify(head.fields)}, not ${JSON.stringify(theirs.fields)}`);
  promise(theirs.body.startsWith(body) && (trailers === null || theirs.body === body), 'the same body');
  promise(trailers === null || theirs.isComplete, 'a body ends for us only');
}

const forwarding: Forwarding = {
  requestId: 'fuzz',
  host: 'h',
  client: { address: '192.0.2.7', proto: 'https' },
  upgrade: null,
  droppedCookies: ['X-BackEndCookie'],
};
const ours = ['Host', 'X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'X-Request-Id', 'Forwarded'];

/** What a server gets is what the client said, request by request. */
function rewrite(requests: readonly ReadRequest[], seen: (step: string) => void): void {
  const whole = requests.filter(({ head, trailers }) => trailers !== null && isKnownToNode(head));
  const text = whole.map(({ head, body, trailers }) => {
    const start = requestHeadText(head, head.target, forwarding);
    if (head.framing.kind !== 'chunked') return start + body;
    const data = body === '' ? '' : `${chunkText(body.length)}${body}\r\n`;
    return `${start}${data}${lastChunkText(trailers ?? [])}`;
  });
  const theirs = parseWithNode([Buffer.from(text.join(''), 'latin1')], 'REQUEST');
  promise(theirs.error === null, `${theirs.error} in what we wrote`);
  promise(theirs.messages.length === whole.length, `${whole.length} written, ${theirs.messages.length} read`);
  for (const [index, { head, body }] of whole.entries()) {
    seen('rewritten');
    const message = theirs.messages[index];
    promise(message?.method === head.method && message.target === head.target, 'the same request line');
    promise(message?.isComplete === true && message.body === body, 'the same body');
    const names = (message?.fields ?? []).filter((_, place) => place % 2 === 0).map((name) => name.toLowerCase());
    for (const name of ours) {
      promise(names.filter((found) => found === name.toLowerCase()).length === 1, `one ${name}`);
    }
    promise(!names.some((name) => /^x[-_](?:be|forwarded_|original)|^proxy-|^x_/.test(name)), names.join());
    promise(
      !/(?:^|;) *X-BackEndCookie\s*=/i.test(fieldValue(message?.fields ?? [], 'cookie') ?? ''),
      'no cookie of ours',
    );
  }
}

interface ReadAnswer {
  readonly head: AnswerHead;
  body: string;
  isComplete: boolean;
}

/** Reads answers to one method until a connection could not be used any more. */
function readAnswers(chunks: readonly Buffer[], method: string) {
  const reader = new AnswerReader(limits);
  const answers: ReadAnswer[] = [];
  let body: BodyReader | null = null;
  let refusal: string | null = null;
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length && refusal === null; ) {
      if (body === null || body.isComplete) {
        const last = answers.at(-1);
        if (last !== undefined && (!last.head.isPersistent || last.head.status === 101)) {
          return { answers, refusal, isOver: true };
        }
        const step = reader.read(chunk, at, method);
        if (step.kind === 'refused') refusal = step.refusal.text;
        if (step.kind !== 'head') break;
        const answer: ReadAnswer = { head: step.head, body: '', isComplete: false };
        answers.push(answer);
        body = bodyReaderOf(answer);
        at = step.end;
      } else {
        at = body.read(chunk, at);
        refusal = body.refusal?.text ?? null;
      }
    }
  }
  body?.end();
  return { answers, refusal, isOver: false };
}

function bodyReaderOf(answer: ReadAnswer): BodyReader {
  const reader = new BodyReader(answer.head.framing, bodyLimits, {
    bodyData: (piece) => {
      answer.body += piece.toString('latin1');
    },
    bodyEnd: () => {
      answer.isComplete = true;
    },
  });
  reader.start();
  return reader;
}

function playAnswers(chunks: readonly Buffer[], random: Random, seen: (step: string) => void): void {
  const method = random.oneIn(6) ? 'HEAD' : 'GET';
  const { answers, refusal, isOver } = readAnswers(chunks, method);
  const theirs = parseWithNode(chunks, 'RESPONSE', method === 'HEAD');
  for (const [index, { head, body, isComplete }] of answers.entries()) {
    seen(head.framing.kind);
    const message = theirs.messages[index];
    if (message === undefined && isLostByNode(answers[index - 1], theirs.error)) return;
    promise(message !== undefined, 'an answer of ours is none of theirs');
    if (message === undefined || isBroken(message, body, theirs.error)) return;
    promise(message.status === head.status && message.version === head.version, 'the same status line');
    promise(same(head.fields, message.fields), `${JSON.stringify(head.fields)}, not ${JSON.stringify(message.fields)}`);
    promise(message.body === body || (!isComplete && message.body.startsWith(body)), 'the same body');
    promise(!isComplete || message.isComplete, 'an answer ends for us only');
  }
  if (refusal !== null) seen('refused');
  if (isOver || refusal !== null) return;
  promise(theirs.messages.length === answers.length, `${theirs.messages.length} answers, not ${answers.length}`);
}

const usual = (side: 'C' | 'S'): readonly Dialogue[] => readCorpus(side, 'fuzz/corpus/http');
const odd = (side: 'C' | 'S'): readonly Dialogue[] => readCorpus(side, 'fuzz/corpus/http-odd');
const pieces = (dialogues: readonly Dialogue[]): string[] => dialogues.flat().map((piece) => piece.toString('latin1'));

const words = [
  ...[
    'GET / HTTP/1.1\r\nHost: h\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: h\r\n',
    'Content-Length: 5\r\n',
    'Connection: close\r\n',
  ],
  ...[
    'Transfer-Encoding: chunked\r\n',
    'Transfer-Encoding: identity\r\n',
    ' chunked',
    'Host: h\r\n',
    'Expect: 100-continue\r\n',
  ],
  ...[
    '5\r\nhello\r\n',
    '0\r\n\r\n',
    '0\r\n',
    '5;a=b\r\n',
    ';',
    ':',
    '\t',
    ' : ',
    ', ',
    '\r\n ',
    '\r\n\r\n',
    '\x0b',
    '\x7f',
  ],
  ...[
    'HTTP/1.0',
    'HTTP/1.1',
    ' HTTP/2.0\r\n',
    'X-Forwarded-For: 1\r\n',
    'X_Forwarded_For: 1\r\n',
    'X-BEResource: s\r\n',
    'Connection: Host, TE\r\n',
  ],
  ...[
    'A: b\r\n',
    'TE: trailers\r\n',
    'Cookie: X-BackEndCookie=x; a=b\r\n',
    '0x5',
    '+5',
    '5, 5',
    '00000000000000000005',
  ],
  ...['18446744073709551615', 'ffffffffffffffff', '*', 'http://g', 'a'.repeat(300), 'Upgrade: h2c\r\n'],
];

/** Every dialogue with one change, of the kinds that two readers take in two ways. */
export function splicedDialogues(side: 'C' | 'S'): readonly Dialogue[] {
  const lines = [...words, ...pieces(odd(side))].filter((word) => word.endsWith('\r\n'));
  return usual(side).flatMap((dialogue) => splices(dialogue, lines));
}

function corpusOf(side: 'C' | 'S'): readonly Dialogue[] {
  // One in three is not spliced.
  const spliced = splicedDialogues(side);
  const whole = Array.from({ length: Math.ceil(spliced.length / 2 / usual(side).length) }, () => usual(side)).flat();
  return [...whole, ...odd(side), ...spliced];
}

/** Readers and writers of HTTP/1.1, held against Node's parser. */
export const httpTargets: readonly FuzzTarget[] = [
  {
    name: 'http requests',
    group: 'http',
    corpus: corpusOf('C'),
    words: [...words, ...pieces(odd('C'))],
    steps: ['request', 'unfinished', 'refused', 'stricter', 'rewritten'],
    play: playRequests,
  },
  {
    name: 'http answers',
    group: 'http',
    corpus: corpusOf('S'),
    words: [
      ...words,
      ...pieces(odd('S')),
      'HTTP/1.1 200 OK\r\n',
      'HTTP/1.1 100 \r\n',
      'HTTP/1.1 204 \r\n\r\n',
      'HTTP/1.1 304 x\r\n',
    ],
    steps: ['none', 'length', 'chunked', 'until-close', 'refused'],
    play: playAnswers,
  },
];
