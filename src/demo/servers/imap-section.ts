import { readHeaderFields } from './message-header.js';
import { type MimePart, readMimePart } from './mime-part.js';

/** What stands between the brackets of `BODY[...]`. */
export interface ImapSection {
  /** Part numbers, outermost first; empty for the message itself. */
  readonly path: readonly number[];
  readonly what:
    | { readonly kind: 'all' | 'header' | 'text' | 'mime' }
    | { readonly kind: 'fields' | 'other-fields'; readonly names: readonly string[] };
}

/** Reads `1.2.HEADER.FIELDS (From To)`; undefined when malformed. */
export function parseSection(text: string): ImapSection | undefined {
  const [, numbers = '', rest = ''] = /^((?:[1-9]\d{0,4}(?:\.|$))*)(.*)$/s.exec(text) ?? [];
  const path = numbers.split('.').filter(Boolean).map(Number);
  if (path.length > 20 || (rest === '' && numbers.endsWith('.'))) return undefined;
  const [, not, list] = /^HEADER\.FIELDS(\.NOT)? \(([^()]*)\)$/i.exec(rest) ?? [];
  if (list !== undefined) {
    const names = list.replaceAll('"', '').trim().split(/ +/);
    return { path, what: { kind: not ? 'other-fields' : 'fields', names: names.map((name) => name.toLowerCase()) } };
  }
  switch (rest.toUpperCase()) {
    case '':
      return { path, what: { kind: 'all' } };
    case 'HEADER':
      return { path, what: { kind: 'header' } };
    case 'TEXT':
      return { path, what: { kind: 'text' } };
    case 'MIME':
      return path.length === 0 ? undefined : { path, what: { kind: 'mime' } };
    default:
      return undefined;
  }
}

/** The bytes of a section; undefined when the message has no such part. */
export function readSection(raw: Buffer, section: ImapSection): Buffer | undefined {
  if (section.path.length === 0 && section.what.kind === 'all') return raw;
  const message = readMimePart(raw);
  const part = section.path.length === 0 ? message : partAt(message, section.path);
  if (!part) return undefined;
  switch (section.what.kind) {
    case 'all':
      return part.body;
    case 'mime':
      return part.header;
    case 'header':
    case 'text':
    case 'fields':
    case 'other-fields':
      return readMessage(section.path.length === 0 ? message : embeddedIn(part), section);
  }
}

// RFC 9051 §6.4.5.1: HEADER and TEXT of a part mean the message that the part holds
function readMessage(message: MimePart | undefined, section: ImapSection): Buffer | undefined {
  if (!message) return undefined;
  switch (section.what.kind) {
    case 'header':
      return message.header;
    case 'fields':
      return fieldsOf(message.header, section.what.names, true);
    case 'other-fields':
      return fieldsOf(message.header, section.what.names, false);
    case 'text':
    case 'all':
    case 'mime':
      return message.body;
  }
}

function fieldsOf(header: Buffer, names: readonly string[], wanted: boolean): Buffer {
  const fields = readHeaderFields(header).filter((field) => names.includes(field.name.toLowerCase()) === wanted);
  return Buffer.concat([...fields.map((field) => field.raw), Buffer.from('\r\n')]);
}

function embeddedIn(part: MimePart): MimePart | undefined {
  return part.content.kind === 'message' ? part.content.message : undefined;
}

function partAt(message: MimePart, path: readonly number[]): MimePart | undefined {
  let holder = message;
  let isMessage = true;
  let part: MimePart | undefined;
  for (const number of path) {
    // RFC 9051 §6.4.5.1: a message that is no multipart has one part, 1
    if (holder.content.kind === 'multipart') part = holder.content.parts[number - 1];
    else part = isMessage && number === 1 ? holder : undefined;
    if (!part) return undefined;
    isMessage = part.content.kind === 'message';
    holder = part.content.kind === 'message' ? part.content.message : part;
  }
  return part;
}
