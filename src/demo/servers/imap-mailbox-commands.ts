import { flagList, readFlags } from './imap-flags.js';
import { type ImapValue, keywordOf, textOf } from './imap-parser.js';
import {
  bad,
  type ImapCommand,
  type ImapCommands,
  type ImapReply,
  type ImapRequest,
  no,
  ok,
  type SignedInState,
} from './imap-session.js';
import { parseImapDateTime } from './imap-text.js';
import { ImapView } from './imap-view.js';
import type { Mailbox } from './mail-store.js';

const onlyInbox: ImapCommand = { in: 'authenticated', run: () => no('[CANNOT] this server keeps an INBOX only') };

/** The commands about mailboxes: there is one, INBOX. */
export const imapMailboxCommands: ImapCommands = {
  CREATE: onlyInbox,
  DELETE: onlyInbox,
  RENAME: onlyInbox,
  SUBSCRIBE: { in: 'authenticated', run: ({ args }) => (isInbox(args[0]) ? ok('done') : noSuchMailbox()) },
  UNSUBSCRIBE: { in: 'authenticated', run: ({ args }) => (isInbox(args[0]) ? ok('done') : noSuchMailbox()) },
  LIST: { in: 'authenticated', run: (request) => list(request, 'LIST') },
  LSUB: { in: 'authenticated', run: (request) => list(request, 'LSUB') },
  NAMESPACE: {
    in: 'authenticated',
    run({ session }) {
      session.peer.write('* NAMESPACE (("" "/")) NIL NIL\r\n');
      return ok('done');
    },
  },
  STATUS: { in: 'authenticated', run: status },
  SELECT: { in: 'authenticated', run: (request) => select(request, false) },
  EXAMINE: { in: 'authenticated', run: (request) => select(request, true) },
  APPEND: { in: 'authenticated', run: append },
};

function list({ session, args }: ImapRequest<SignedInState>, response: 'LIST' | 'LSUB'): ImapReply {
  const [reference, pattern] = args.map(textOf);
  if (args.length !== 2 || reference === undefined || pattern === undefined) return bad('reference pattern');
  // RFC 9051 §6.3.9: an empty pattern asks for the hierarchy delimiter
  if (pattern === '' && response === 'LIST') session.peer.write('* LIST (\\Noselect) "/" ""\r\n');
  else if (matchesInbox(reference + pattern)) session.peer.write(`* ${response} (\\HasNoChildren) "/" INBOX\r\n`);
  return ok('done');
}

function matchesInbox(pattern: string): boolean {
  const wildcards = pattern.slice(0, 100).replace(/[*%]+/g, '*');
  const [start = '', ...rest] = wildcards.toLowerCase().split('*');
  let remaining = 'inbox';
  if (!remaining.startsWith(start)) return false;
  remaining = remaining.slice(start.length);
  const end = rest.pop();
  if (end === undefined) return remaining === '';
  for (const piece of rest) {
    const at = remaining.indexOf(piece);
    if (at < 0) return false;
    remaining = remaining.slice(at + piece.length);
  }
  return remaining.endsWith(end);
}

function status({ session, state, args }: ImapRequest<SignedInState>): ImapReply {
  const [name, items] = args;
  if (args.length !== 2 || items?.kind !== 'list') return bad('STATUS mailbox (items)');
  if (!isInbox(name)) return noSuchMailbox();
  const pairs: string[] = [];
  for (const item of items.items) {
    const keyword = keywordOf(item) ?? '';
    const value = statusValue(state.user.mailbox, keyword);
    if (value === undefined || pairs.length === 20) return bad('unknown status item');
    pairs.push(`${keyword} ${value}`);
  }
  session.peer.write(`* STATUS INBOX (${pairs.join(' ')})\r\n`);
  return ok('done');
}

function statusValue(mailbox: Mailbox, keyword: string): number | undefined {
  switch (keyword) {
    case 'MESSAGES':
      return mailbox.messages.length;
    case 'UNSEEN':
      return mailbox.messages.filter((message) => !message.flags.has('\\Seen')).length;
    case 'UIDNEXT':
      return mailbox.uidNext;
    case 'UIDVALIDITY':
      return mailbox.uidValidity;
    case 'RECENT':
      return 0;
    default:
      return undefined;
  }
}

function select({ session, state, args }: ImapRequest<SignedInState>, isReadOnly: boolean): ImapReply {
  // RFC 9051 §6.3.2: a failed SELECT leaves no mailbox selected
  session.state = { phase: 'authenticated', user: state.user };
  if (args.length === 0) return bad('mailbox missing');
  if (!isInbox(args[0])) return noSuchMailbox();
  const { mailbox } = state.user;
  const view = new ImapView(mailbox, isReadOnly);
  session.state = { phase: 'selected', user: state.user, view };
  const lines = [
    `${view.count} EXISTS`,
    '0 RECENT',
    `FLAGS (${flagList})`,
    `OK [PERMANENTFLAGS (${isReadOnly ? '' : `${flagList} \\*`})] flags that are kept`,
    `OK [UIDVALIDITY ${mailbox.uidValidity}] UIDs are valid`,
    `OK [UIDNEXT ${mailbox.uidNext}] next UID`,
  ];
  if (view.firstUnseen !== undefined) lines.push(`OK [UNSEEN ${view.firstUnseen}] first unseen message`);
  session.peer.write(lines.map((line) => `* ${line}\r\n`).join(''));
  return ok(isReadOnly ? '[READ-ONLY] done' : '[READ-WRITE] done');
}

function append({ state, args }: ImapRequest<SignedInState>): ImapReply {
  const rest = args.slice(1);
  const flags = rest[0]?.kind === 'list' ? readFlags(rest.splice(0, 1)) : [];
  const dates = rest.length > 1 ? rest.splice(0, 1).map((value) => parseImapDateTime(textOf(value) ?? '')) : [];
  const [message] = rest;
  if (!flags || dates.includes(undefined) || rest.length !== 1 || message?.kind !== 'string') {
    return bad('APPEND mailbox [(flags)] ["date"] {literal}');
  }
  if (!isInbox(args[0])) return noSuchMailbox();
  const { mailbox } = state.user;
  const [internalDate = new Date()] = dates;
  const outcome = mailbox.append(message.bytes, { flags, internalDate });
  switch (outcome.kind) {
    case 'stored':
      return ok(`[APPENDUID ${mailbox.uidValidity} ${outcome.message.uid}] done`);
    case 'message-too-large':
      return no('[TOOBIG] message is too large');
    case 'mailbox-full':
      return no('[OVERQUOTA] mailbox is full');
  }
}

function isInbox(value: ImapValue | undefined): boolean {
  return textOf(value)?.toLowerCase() === 'inbox';
}

function noSuchMailbox(): ImapReply {
  return no('[TRYCREATE] no such mailbox, there is INBOX only');
}
