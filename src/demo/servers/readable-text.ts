import type { MimePart } from './mime-part.js';

const headerCharactersMax = 10_000;
const textBytesMax = 262_144;

/** A header value (one character per byte) as people read it: RFC 2047 encoded words and UTF-8 decoded. */
export function decodeHeaderText(value: string): string {
  const joined = value.slice(0, headerCharactersMax).replace(/(\?=)\s+(?==\?[^?\s]{1,64}\?[bq]\?)/gi, '$1');
  const word = /=\?([^?\s*]{1,64})(?:\*[^?\s]{0,64})?\?([bq])\?([^?\s]*)\?=/gi;
  let text = '';
  let position = 0;
  for (const match of joined.matchAll(word)) {
    const [all, charset = '', encoding = '', content = ''] = match;
    const bytes =
      encoding.toLowerCase() === 'b' ? Buffer.from(content, 'base64') : quotedBytes(content.replaceAll('_', ' '));
    text +=
      decodeBytes(Buffer.from(joined.slice(position, match.index), 'latin1'), 'utf-8') + decodeBytes(bytes, charset);
    position = match.index + all.length;
  }
  return text + decodeBytes(Buffer.from(joined.slice(position), 'latin1'), 'utf-8');
}

/** The first plain text of a message, else its first text of any kind, else nothing; at most 256 KB of it. */
export function readableText(message: MimePart): string {
  const leaves = leavesOf(message);
  const leaf =
    leaves.find((part) => part.mediaType.value === 'text/plain') ??
    leaves.find((part) => part.mediaType.value.startsWith('text/'));
  if (!leaf) return '';
  return decodeBytes(contentOf(leaf), leaf.mediaType.parameters.get('charset') ?? 'utf-8');
}

function contentOf(leaf: MimePart): Buffer {
  const body = leaf.body.subarray(0, textBytesMax);
  if (leaf.encoding === 'base64') return Buffer.from(body.toString('latin1'), 'base64');
  if (leaf.encoding === 'quoted-printable') return quotedBytes(body.toString('latin1').replace(/=[ \t]*\r?\n/g, ''));
  return body;
}

function leavesOf(part: MimePart): MimePart[] {
  switch (part.content.kind) {
    case 'leaf':
      return [part];
    case 'message':
      return leavesOf(part.content.message);
    case 'multipart':
      return part.content.parts.flatMap(leavesOf);
  }
}

function quotedBytes(text: string): Buffer {
  const bytes = text.replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1');
}

function decodeBytes(bytes: Buffer, charset: string): string {
  return decoderOf(charset).decode(bytes);
}

function decoderOf(charset: string): InstanceType<typeof TextDecoder> {
  try {
    return new TextDecoder(charset);
  } catch (error) {
    // an encoding nobody knows is read as UTF-8, as an unlabelled text is
    if (error instanceof RangeError) return new TextDecoder('utf-8');
    throw error;
  }
}
