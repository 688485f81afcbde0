import { splitMessage } from './message-header.js';

const lineFeed = 0x0a;
const dot = 0x2e;

/** The header of a message and the first lines of its body. */
export function topOf(raw: Buffer, lines: number): Buffer {
  const { header, body } = splitMessage(raw);
  let end = 0;
  for (let count = 0; count < lines && end < body.length; count += 1) {
    const newline = body.indexOf(lineFeed, end);
    end = newline < 0 ? body.length : newline + 1;
  }
  return raw.subarray(0, header.length + end);
}

/** A message as a multi-line response: dots doubled at line starts, the end marked. */
export function messageResponse(raw: Buffer): Buffer {
  // RFC 1939 §3: a line that begins with the termination octet gets another in front
  let dots = 0;
  for (let at = 0; at < raw.length; at = nextLineStart(raw, at)) if (raw[at] === dot) dots += 1;
  const ending = raw.length > 0 && raw.at(-1) !== lineFeed ? '\r\n.\r\n' : '.\r\n';
  const response = Buffer.alloc(raw.length + dots + ending.length);
  let length = 0;
  for (let at = 0; at < raw.length; ) {
    const next = nextLineStart(raw, at);
    if (raw[at] === dot) length = response.writeUInt8(dot, length);
    length += raw.copy(response, length, at, next);
    at = next;
  }
  response.write(ending, length, 'latin1');
  return response;
}

function nextLineStart(raw: Buffer, at: number): number {
  const newline = raw.indexOf(lineFeed, at);
  return newline < 0 ? raw.length : newline + 1;
}
