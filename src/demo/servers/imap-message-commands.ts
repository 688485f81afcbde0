import { type FetchItem, fetchItem, parseFetchItems } from './imap-fetch.js';
import { applyFlags, readFlags, type StoreAction } from './imap-flags.js';
import { keywordOf, textOf } from './imap-parser.js';
import { parseSearch } from './imap-search.js';
import { parseSequenceSet, type SequenceSet } from './imap-sequence-set.js';
import {
  bad,
  bye,
  type ImapCommand,
  type ImapCommands,
  type ImapReply,
  type ImapRequest,
  movedText,
  no,
  ok,
  type SelectedState,
} from './imap-session.js';
import type { ViewedMessage } from './imap-view.js';
import { isStillHere } from './sign-in.js';

const idleCheckIntervalMs = 500;

type SelectedRequest = ImapRequest<SelectedState>;
type By = 'number' | 'uid';

const copy: ImapCommand = { in: 'selected', run: () => no('[TRYCREATE] no such mailbox, there is INBOX only') };

/** The commands about the messages of the selected mailbox. */
export const imapMessageCommands: ImapCommands = {
  FETCH: { in: 'selected', holdsExpunges: true, run: (request) => fetch(request, 'number') },
  'UID FETCH': { in: 'selected', run: (request) => fetch(request, 'uid') },
  STORE: { in: 'selected', holdsExpunges: true, run: (request) => store(request, 'number') },
  'UID STORE': { in: 'selected', run: (request) => store(request, 'uid') },
  SEARCH: { in: 'selected', holdsExpunges: true, run: (request) => search(request, 'number') },
  'UID SEARCH': { in: 'selected', run: (request) => search(request, 'uid') },
  COPY: copy,
  'UID COPY': copy,
  EXPUNGE: { in: 'selected', run: ({ state }) => expunge(state, undefined) },
  'UID EXPUNGE': {
    in: 'selected',
    run({ state, args }) {
      const set = parseSequenceSet(textOf(args[0]) ?? '');
      return set ? expunge(state, set) : bad('UID set missing');
    },
  },
  CHECK: { in: 'selected', run: () => ok('done') },
  CLOSE: {
    in: 'selected',
    run({ session, state }) {
      if (!state.view.isReadOnly) expunge(state, undefined);
      session.state = { phase: 'authenticated', user: state.user };
      return ok('done');
    },
  },
  UNSELECT: {
    in: 'selected',
    run({ session, state }) {
      session.state = { phase: 'authenticated', user: state.user };
      return ok('done');
    },
  },
  IDLE: { in: 'selected', run: idle },
};

async function fetch({ session, state, args }: SelectedRequest, by: By): Promise<ImapReply> {
  const set = parseSequenceSet(textOf(args[0]) ?? '');
  const asked = parseFetchItems(args[1]);
  if (!set || !asked || args.length !== 2) return bad('cannot read the set or the items');
  // RFC 9051 §6.4.9: the answer to UID FETCH names the UID, asked or not
  const items: FetchItem[] = by === 'uid' ? [{ kind: 'uid' }, ...asked.filter(({ kind }) => kind !== 'uid')] : asked;
  const marksSeen = !state.view.isReadOnly && items.some((item) => item.kind === 'section' && item.marksSeen);
  for (const found of state.view.select(set, by)) {
    await fetchOne({ session, state, found, items, marksSeen });
  }
  return ok('done');
}

interface Fetching {
  readonly session: SelectedRequest['session'];
  readonly state: SelectedState;
  readonly found: ViewedMessage;
  readonly items: readonly FetchItem[];
  readonly marksSeen: boolean;
}

async function fetchOne({ session, state, found, items, marksSeen }: Fetching): Promise<void> {
  const { peer } = session;
  let { message } = found;
  const becomesSeen = marksSeen && !message.flags.has('\\Seen');
  if (becomesSeen) {
    state.view.setFlags(message.uid, new Set([...message.flags, '\\Seen']));
    message = state.view.mailbox.find(message.uid) ?? message;
  }
  const showsFlags = becomesSeen && items.every(({ kind }) => kind !== 'flags');
  const shown: readonly FetchItem[] = showsFlags ? [...items, { kind: 'flags' }] : items;
  peer.write(`* ${found.number} FETCH (`);
  for (const [index, item] of shown.entries()) {
    const { text, literal } = fetchItem(message, item);
    peer.write(index === 0 ? text : ` ${text}`);
    if (literal) peer.write(literal);
    await peer.drained();
  }
  peer.write(')\r\n');
}

function store({ session, state, args }: SelectedRequest, by: By): ImapReply {
  const set = parseSequenceSet(textOf(args[0]) ?? '');
  const [action, silent] = storeActionOf(keywordOf(args[1]) ?? '') ?? [];
  const flags = readFlags(args.slice(2));
  if (!set || !action || !flags || args.length < 3) return bad('set FLAGS (flags)');
  if (state.view.isReadOnly) return no('[CANNOT] mailbox is open for reading only');
  for (const { number, message } of state.view.select(set, by)) {
    const next = applyFlags(message.flags, action, flags);
    if (!next) return no('[LIMIT] too many keywords');
    state.view.setFlags(message.uid, next);
    const uid = by === 'uid' ? `UID ${message.uid} ` : '';
    if (!silent) session.peer.write(`* ${number} FETCH (${uid}FLAGS (${[...next].join(' ')}))\r\n`);
  }
  return ok('done');
}

function storeActionOf(keyword: string): readonly [StoreAction, boolean] | undefined {
  const [, sign, silent] = /^([+-]?)FLAGS(\.SILENT)?$/.exec(keyword) ?? [];
  if (sign === undefined) return undefined;
  return [sign === '+' ? 'add' : sign === '-' ? 'remove' : 'replace', silent !== undefined];
}

function search({ session, state, args }: SelectedRequest, by: By): ImapReply {
  const test = parseSearch(args);
  if (!test) return bad('cannot read the search keys');
  const candidates = state.view.all();
  const scope = { largestNumber: state.view.count, largestUid: candidates.at(-1)?.message.uid ?? 0 };
  const found = candidates.filter((candidate) => test(candidate, scope));
  const numbers = found.map(({ number, message }) => ` ${by === 'uid' ? message.uid : number}`);
  session.peer.write(`* SEARCH${numbers.join('')}\r\n`);
  return ok('done');
}

// the view tells the client which messages went when the command ends
function expunge({ view }: SelectedState, set: SequenceSet | undefined): ImapReply {
  if (view.isReadOnly) return no('[CANNOT] mailbox is open for reading only');
  const candidates = set ? view.select(set, 'uid') : view.all();
  const deleted = candidates.filter(({ message }) => message.flags.has('\\Deleted'));
  view.mailbox.remove(new Set(deleted.map(({ message }) => message.uid)));
  return ok('done');
}

function idle({ session, state, tag }: SelectedRequest): undefined {
  const tell = (): void => session.peer.write(state.view.changes(true));
  session.peer.write('+ idling\r\n');
  tell();
  const unwatch = state.view.mailbox.watch(tell);
  const check = setInterval(() => {
    if (!isStillHere(session.host, state.user)) bye(session, movedText);
  }, idleCheckIntervalMs);
  const stop = (): void => {
    clearInterval(check);
    unwatch();
  };
  session.expects = { kind: 'done', tag, stop };
  return undefined;
}
