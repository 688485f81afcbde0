import { type ImapValue, keywordOf } from './imap-parser.js';
import { type ImapSection, parseSection, readSection } from './imap-section.js';
import { envelopeText, structureText } from './imap-structure.js';
import { imapDateTime } from './imap-text.js';
import type { StoredMessage } from './mail-store.js';
import { readHeaderFields, splitMessage } from './message-header.js';
import { readMimePart } from './mime-part.js';

const itemsMax = 20;

/** One thing that FETCH asks of a message. */
export type FetchItem =
  | { readonly kind: 'flags' | 'uid' | 'size' | 'date' | 'envelope' | 'structure' | 'basic-structure' }
  | {
      readonly kind: 'section';
      /** As the response names it. */
      readonly label: string;
      readonly section: ImapSection;
      readonly marksSeen: boolean;
      readonly partial: { readonly offset: number; readonly length: number } | undefined;
    };

const macros: Readonly<Record<string, readonly string[]>> = {
  FAST: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE'],
  ALL: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE'],
  FULL: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE', 'BODY'],
};

const simpleItems: Readonly<Record<string, FetchItem>> = {
  FLAGS: { kind: 'flags' },
  UID: { kind: 'uid' },
  'RFC822.SIZE': { kind: 'size' },
  INTERNALDATE: { kind: 'date' },
  ENVELOPE: { kind: 'envelope' },
  BODYSTRUCTURE: { kind: 'structure' },
  BODY: { kind: 'basic-structure' },
  RFC822: legacySection('RFC822', 'all', true),
  'RFC822.HEADER': legacySection('RFC822.HEADER', 'header', false),
  'RFC822.TEXT': legacySection('RFC822.TEXT', 'text', true),
};

/** What a FETCH asks: a macro, one item or a list of them; undefined when it cannot be read. */
export function parseFetchItems(argument: ImapValue | undefined): FetchItem[] | undefined {
  if (!argument) return undefined;
  const macro = macros[keywordOf(argument) ?? ''];
  const values = argument.kind === 'list' ? argument.items : [argument];
  const names = macro ?? values.map((value) => (value.kind === 'atom' ? value.text : ''));
  const items = new Map<string, FetchItem>();
  for (const name of names) {
    const item = simpleItems[name.toUpperCase()] ?? bodyItem(name);
    if (!item) return undefined;
    items.set(name, item);
  }
  return items.size === 0 || items.size > itemsMax ? undefined : [...items.values()];
}

/** One item of the answer: its text, and the bytes of the literal it announces. */
export interface FetchedItem {
  readonly text: string;
  readonly literal: Buffer | undefined;
}

/** What a message has to say to an item. */
export function fetchItem(message: StoredMessage, item: FetchItem): FetchedItem {
  const { raw } = message;
  switch (item.kind) {
    case 'flags':
      return inline(`FLAGS (${[...message.flags].join(' ')})`);
    case 'uid':
      return inline(`UID ${message.uid}`);
    case 'size':
      return inline(`RFC822.SIZE ${raw.length}`);
    case 'date':
      return inline(`INTERNALDATE ${imapDateTime(message.internalDate)}`);
    case 'envelope':
      return inline(`ENVELOPE ${envelopeText(readHeaderFields(splitMessage(raw).header))}`);
    case 'structure':
      return inline(`BODYSTRUCTURE ${structureText(readMimePart(raw), true)}`);
    case 'basic-structure':
      return inline(`BODY ${structureText(readMimePart(raw), false)}`);
    case 'section': {
      const bytes = readSection(raw, item.section);
      if (!bytes) return inline(`${item.label} NIL`);
      const { offset, length } = item.partial ?? { offset: 0, length: bytes.length };
      const literal = bytes.subarray(offset, offset + length);
      return { text: `${item.label} {${literal.length}}\r\n`, literal };
    }
  }
}

// RFC 9051 §6.4.5: BODY[section]<offset.length>, the response repeats the offset alone
function bodyItem(name: string): FetchItem | undefined {
  const match = /^BODY(\.PEEK)?\[([^\]]*)\](?:<(\d{1,10})\.([1-9]\d{0,9})>)?$/i.exec(name);
  if (!match) return undefined;
  const [, peek, sectionText = '', offset, length] = match;
  const section = parseSection(sectionText);
  if (!section) return undefined;
  const label = `BODY[${sectionText.toUpperCase()}]`;
  if (offset === undefined) return { kind: 'section', label, section, marksSeen: !peek, partial: undefined };
  const partial = { offset: Number(offset), length: Number(length) };
  return { kind: 'section', label: `${label}<${partial.offset}>`, section, marksSeen: !peek, partial };
}

function legacySection(label: string, kind: 'all' | 'header' | 'text', marksSeen: boolean): FetchItem {
  return { kind: 'section', label, section: { path: [], what: { kind } }, marksSeen, partial: undefined };
}

function inline(text: string): FetchedItem {
  return { text, literal: undefined };
}
