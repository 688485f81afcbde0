import { fieldValue, type HeaderField, readHeaderFields, splitMessage } from './message-header.js';

const depthMax = 8;
const partsMax = 100;

/** A media type or disposition with its parameters; names in lower case, one character per byte. */
export interface HeaderToken {
  readonly value: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** A message or one of its parts. A multipart without a readable part is a leaf. */
export interface MimePart {
  readonly header: Buffer;
  readonly fields: readonly HeaderField[];
  readonly body: Buffer;
  /** `text/plain`, in lower case. */
  readonly mediaType: HeaderToken;
  readonly disposition: HeaderToken | undefined;
  /** Content transfer encoding in lower case. */
  readonly encoding: string;
  readonly content:
    | { readonly kind: 'leaf' }
    | { readonly kind: 'multipart'; readonly parts: readonly MimePart[] }
    | { readonly kind: 'message'; readonly message: MimePart };
}

/** Reads the structure of a message, at most 8 levels deep and 100 parts in all. */
export function readMimePart(raw: Buffer): MimePart {
  return readPart(raw, 'text/plain', 0, { parts: 0 });
}

function readPart(raw: Buffer, defaultType: string, depth: number, count: { parts: number }): MimePart {
  const { header, body } = splitMessage(raw);
  const fields = readHeaderFields(header);
  const disposition = fieldValue(fields, 'content-disposition');
  const mediaType = readToken(fieldValue(fields, 'content-type') ?? defaultType);
  const usable = /^[!-.0-~]+\/[!-.0-~]+$/.test(mediaType.value) ? mediaType : readToken(defaultType);
  const encoding = (fieldValue(fields, 'content-transfer-encoding') ?? '7bit').toLowerCase();
  const content = readContent(usable, body, depth, count);
  const parsedDisposition = disposition === undefined ? undefined : readToken(disposition);
  return { header, fields, body, mediaType: usable, disposition: parsedDisposition, encoding, content };
}

function readContent(type: HeaderToken, body: Buffer, depth: number, count: { parts: number }): MimePart['content'] {
  if (depth >= depthMax) return { kind: 'leaf' };
  if (type.value === 'message/rfc822') {
    return { kind: 'message', message: readPart(body, 'text/plain', depth + 1, count) };
  }
  const boundary = type.parameters.get('boundary');
  if (!type.value.startsWith('multipart/') || !boundary) return { kind: 'leaf' };
  const defaultType = type.value === 'multipart/digest' ? 'message/rfc822' : 'text/plain';
  const blocks = splitAtBoundary(body, boundary, partsMax - count.parts);
  count.parts += blocks.length;
  const parts = blocks.map((block) => readPart(block, defaultType, depth + 1, count));
  return parts.length === 0 ? { kind: 'leaf' } : { kind: 'multipart', parts };
}

// RFC 2046 §5.1.1: the line end before a delimiter belongs to the delimiter
function splitAtBoundary(body: Buffer, boundary: string, blocksMax: number): Buffer[] {
  const delimiter = Buffer.from(`--${boundary}`, 'latin1');
  const blocks: Buffer[] = [];
  let blockStart: number | undefined;
  let position = body.indexOf(delimiter);
  while (position >= 0 && blocks.length < blocksMax) {
    const after = position + delimiter.length;
    const lineEnd = body.indexOf(0x0a, after);
    const rest = body.toString('latin1', after, Math.min(lineEnd < 0 ? body.length : lineEnd, after + 80)).trim();
    const isDelimiter = (position === 0 || body[position - 1] === 0x0a) && (rest === '' || rest === '--');
    if (isDelimiter) {
      if (blockStart !== undefined) blocks.push(body.subarray(blockStart, endBefore(body, position, blockStart)));
      blockStart = rest === '--' || lineEnd < 0 ? undefined : lineEnd + 1;
      if (blockStart === undefined) return blocks;
    }
    position = body.indexOf(delimiter, after);
  }
  if (blockStart !== undefined && blocks.length < blocksMax) blocks.push(body.subarray(blockStart));
  return blocks;
}

function endBefore(body: Buffer, delimiterStart: number, blockStart: number): number {
  const end = body[delimiterStart - 2] === 0x0d ? delimiterStart - 2 : delimiterStart - 1;
  return Math.max(end, blockStart);
}

// RFC 2045 §5.1: type "/" subtype *(";" attribute "=" value)
function readToken(text: string): HeaderToken {
  const [value = ''] = text.split(';', 1);
  const parameters = new Map<string, string>();
  const parameter = /;\s*([^\s=;"]{1,100})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))/g;
  for (const [, name = '', quoted, bare] of text.matchAll(parameter)) {
    if (parameters.size < 20) parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? bare ?? '');
  }
  return { value: value.replace(/\s/g, '').toLowerCase(), parameters };
}
