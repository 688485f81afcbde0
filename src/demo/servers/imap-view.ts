import { inSequenceSet, type SequenceSet } from './imap-sequence-set.js';
import type { Mailbox, StoredMessage } from './mail-store.js';

/** A message of a view with its number there. */
export interface ViewedMessage {
  readonly number: number;
  readonly message: StoredMessage;
}

/** The messages as one client knows them: their numbers stay until it has been told of an expunge. */
export class ImapView {
  readonly mailbox: Mailbox;
  readonly isReadOnly: boolean;
  #known: { readonly uid: number; flags: ReadonlySet<string> }[];

  constructor(mailbox: Mailbox, isReadOnly: boolean) {
    this.mailbox = mailbox;
    this.isReadOnly = isReadOnly;
    this.#known = mailbox.messages.map(({ uid, flags }) => ({ uid, flags }));
  }

  get count(): number {
    return this.#known.length;
  }

  /** Number of the first message without `\Seen`. */
  get firstUnseen(): number | undefined {
    const index = this.#known.findIndex(({ flags }) => !flags.has('\\Seen'));
    return index < 0 ? undefined : index + 1;
  }

  /** The messages of a set that still exist; `by` says what its numbers mean. */
  select(set: SequenceSet, by: 'number' | 'uid'): ViewedMessage[] {
    const largest = by === 'uid' ? (this.#known.at(-1)?.uid ?? 0) : this.#known.length;
    return this.all().filter(({ number, message }) => inSequenceSet(set, by === 'uid' ? message.uid : number, largest));
  }

  /** The messages of the view that still exist. */
  all(): ViewedMessage[] {
    const current = new Map(this.mailbox.messages.map((message) => [message.uid, message]));
    return this.#known.flatMap(({ uid }, index) => {
      const message = current.get(uid);
      return message ? [{ number: index + 1, message }] : [];
    });
  }

  /** Changes flags; the client hears of it from the reply to its command, not from `changes`. */
  setFlags(uid: number, flags: ReadonlySet<string>): void {
    const known = this.#known.find((entry) => entry.uid === uid);
    this.mailbox.setFlags(uid, flags);
    if (known) known.flags = this.mailbox.find(uid)?.flags ?? known.flags;
  }

  /** Takes up what happened in the mailbox, and the untagged responses that tell it. */
  changes(mayExpunge: boolean): string {
    const current = new Map(this.mailbox.messages.map((message) => [message.uid, message]));
    const responses: string[] = [];
    if (mayExpunge) responses.push(...this.#expunged(current));
    for (const [index, entry] of this.#known.entries()) {
      const flags = current.get(entry.uid)?.flags ?? entry.flags;
      if (sameFlags(flags, entry.flags)) continue;
      entry.flags = flags;
      responses.push(`* ${index + 1} FETCH (UID ${entry.uid} FLAGS (${[...flags].join(' ')}))\r\n`);
    }
    const newestUid = this.#known.at(-1)?.uid ?? 0;
    const arrived = this.mailbox.messages.filter(({ uid }) => uid > newestUid);
    if (arrived.length > 0) {
      this.#known.push(...arrived.map(({ uid, flags }) => ({ uid, flags })));
      responses.push(`* ${this.#known.length} EXISTS\r\n`);
    }
    return responses.join('');
  }

  // from the last to the first, so that no number shifts before it is told
  #expunged(current: ReadonlyMap<number, StoredMessage>): string[] {
    const gone = this.#known.flatMap(({ uid }, index) => (current.has(uid) ? [] : [`* ${index + 1} EXPUNGE\r\n`]));
    this.#known = this.#known.filter(({ uid }) => current.has(uid));
    return gone.reverse();
  }
}

function sameFlags(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one === other || (one.size === other.size && [...one].every((flag) => other.has(flag)));
}
