import { createProxyHeaderReader, headerLengthMax } from '../../src/net/proxy-header.js';
import { BodyDecoder, pieceLengthMax } from '../../src/protocols/smtp/body-decoder.js';
import { MessageHead } from '../../src/protocols/smtp/message-head.js';
import { readCorpus } from './corpus.js';
import { type FuzzTarget, promise } from './fuzz-target.js';
import type { Random } from './random.js';

const proxyWords = ['PROXY ', 'TCP4 ', 'TCP6 ', '192.0.2.7 ', '::1 ', 'UNKNOWN', '\r\n\r\n\0\r\nQUIT\n', '65536'];

function playProxyHeader(chunks: readonly Buffer[], _: Random, seen: (step: string) => void): void {
  const reader = createProxyHeaderReader();
  let restLength = 0;
  for (const [index, chunk] of chunks.entries()) {
    const result = reader.push(chunk);
    seen(result.kind);
    promise(reader.held <= headerLengthMax, `${reader.held} bytes held`);
    if (result.kind === 'more') continue;
    promise(reader.held === 0, 'nothing is held when it is over');
    if (result.kind === 'bad') return promise(reader.push(chunk).kind === 'bad', 'bad for ever');
    for (const endpoint of [result.source, result.destination]) {
      if (endpoint) promise(endpoint.port >= 0 && endpoint.port <= 65_535, `port ${endpoint.port}`);
    }
    restLength = result.rest.length;
    const all = Buffer.concat(chunks.slice(0, index + 1));
    return promise(all.subarray(all.length - restLength).equals(result.rest), 'the rest is the end of the input');
  }
}

/** The fields and the rest are the input again, however it is cut. */
function playHead(chunks: readonly Buffer[], random: Random, seen: (step: string) => void): void {
  const sizeMax = random.pick([10, 300, 100_000]);
  const head = new MessageHead({ sizeMax });
  let taken = 0;
  for (const chunk of chunks) {
    taken += chunk.length;
    const step = head.push(chunk);
    seen(step.kind);
    if (step.kind === 'too-large') return promise(taken > sizeMax, 'not too large');
    if (step.kind === 'more') continue;
    return checkHead(step, Buffer.concat(chunks).subarray(0, taken), seen);
  }
  promise(taken <= sizeMax || chunks.length === 0, `${taken} bytes held of ${sizeMax}`);
  checkHead(head.end(), Buffer.concat(chunks), seen);
}

function checkHead(head: ReturnType<MessageHead['end']>, input: Buffer, seen: (step: string) => void): void {
  seen(head.ending);
  promise(Buffer.concat([head.bytes, head.rest]).equals(input), 'header and rest are what came');
  promise(Buffer.concat(head.fields.map(({ raw }) => raw)).equals(head.bytes), 'the fields are the header');
  for (const { name, value, hiddenNames } of head.fields) {
    promise(name.length > 0 && !/[\r\n\t ]/.test(name), `the name ${JSON.stringify(name)}`);
    promise(value.length <= 2048, `a value of ${value.length} characters`);
    for (const hidden of hiddenNames) promise(hidden.length > 0, 'hidden names are names');
  }
}

/** What comes out does not depend on the cuts, is never longer than what went in, and the end is the first CRLF.CRLF. */
function playBody(chunks: readonly Buffer[], _: Random, seen: (step: string) => void): void {
  const whole = Buffer.concat(chunks);
  const once = decode([whole], seen);
  const inPieces = decode(chunks, seen);
  promise(once.content.equals(inPieces.content), 'the same content however it is cut');
  promise(once.endAt === inPieces.endAt, 'the same end however it is cut');
  promise(once.content.length <= whole.length, 'no more comes out than went in');
  const mark = Buffer.concat([Buffer.from('\r\n'), whole]).indexOf('\r\n.\r\n', 0, 'latin1');
  promise(once.endAt === (mark < 0 ? null : mark + 3), `the end is at ${mark}`);
}

function decode(chunks: readonly Buffer[], seen: (step: string) => void) {
  const decoder = new BodyDecoder();
  const pieces: Buffer[] = [];
  let before = 0;
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const { kind, bytes, next } = decoder.decode(chunk, at);
      seen(kind);
      promise(bytes.length <= pieceLengthMax, `a piece of ${bytes.length} bytes`);
      pieces.push(Buffer.from(bytes));
      if (kind === 'end') return { content: Buffer.concat(pieces), endAt: before + next };
      promise(next > at || bytes.length > 0, 'it goes on');
      at = next;
    }
    before += chunk.length;
  }
  return { content: Buffer.concat(pieces), endAt: null };
}

const messages = readCorpus('C', 'fuzz/corpus/message');
const messageWords = ['\r\n.\r\n', '\n.\r\n', '\r.\r', '..', 'Subject: x\r\n', ' folded\r\n', ':', '\t:', '\r\n\r\n'];

/** Readers that are no dialogues: PROXY headers, message headers, message bodies. */
export const readerTargets: readonly FuzzTarget[] = [
  {
    name: 'proxy header',
    group: 'proxy',
    corpus: readCorpus('C', 'fuzz/corpus/proxy'),
    words: proxyWords,
    steps: ['more', 'done', 'bad'],
    play: playProxyHeader,
  },
  {
    name: 'message head',
    group: 'smtp',
    corpus: messages,
    words: messageWords,
    steps: ['more', 'head', 'too-large', 'empty-line', 'other-line', 'message'],
    play: playHead,
  },
  {
    name: 'message body',
    group: 'smtp',
    corpus: messages,
    words: messageWords,
    steps: ['content', 'end'],
    play: playBody,
  },
];
