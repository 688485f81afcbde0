/** A message as it is kept; `raw` is never changed. */
export interface StoredMessage {
  readonly uid: number;
  readonly internalDate: Date;
  readonly raw: Buffer;
  /** System flags (`\Seen`) and keywords. */
  readonly flags: ReadonlySet<string>;
}

export type AppendOutcome =
  | { readonly kind: 'stored'; readonly message: StoredMessage }
  | { readonly kind: 'message-too-large' }
  | { readonly kind: 'mailbox-full' };

export interface AppendOptions {
  readonly flags?: readonly string[];
  readonly internalDate?: Date;
}

/** The INBOX of one address. */
export interface Mailbox {
  readonly uidValidity: number;
  readonly uidNext: number;
  /** In ascending order of UID. */
  readonly messages: readonly StoredMessage[];
  find(uid: number): StoredMessage | undefined;
  /** What `append` would say to a message of this size. */
  roomFor(sizeBytes: number): 'room' | 'message-too-large' | 'mailbox-full';
  append(raw: Buffer, options?: AppendOptions): AppendOutcome;
  setFlags(uid: number, flags: Iterable<string>): void;
  remove(uids: ReadonlySet<number>): void;
  /** Calls `listener` after every change until the returned function is called. */
  watch(listener: () => void): () => void;
}

/** The mail of all demo servers, in memory: servers that hold copies of a database see the same mail. */
export interface MailStore {
  /** The mailbox in that database: made empty when new, moved with its mail when it was in another database. */
  open(database: string, address: string): Mailbox;
  /** Addresses of the mailboxes in a database. */
  addressesIn(database: string): readonly string[];
}

export interface MailStoreLimits {
  readonly messageBytesMax: number;
  readonly mailboxBytesMax: number;
  readonly mailboxMessagesMax: number;
}

export const defaultMailStoreLimits: MailStoreLimits = {
  messageBytesMax: 5 * 1024 * 1024,
  mailboxBytesMax: 10 * 1024 * 1024,
  mailboxMessagesMax: 200,
};

/** An empty store. Names of databases and addresses compare without regard to case. */
export function createMailStore(limits: MailStoreLimits = defaultMailStoreLimits): MailStore {
  const places = new Map<string, { database: string; readonly mailbox: Mailbox }>();
  return {
    open(database, address) {
      const key = address.toLowerCase();
      const place = places.get(key) ?? { database: '', mailbox: createMailbox(limits) };
      place.database = database.toLowerCase();
      places.set(key, place);
      return place.mailbox;
    },
    addressesIn(database) {
      const name = database.toLowerCase();
      return [...places].filter(([, place]) => place.database === name).map(([address]) => address);
    },
  };
}

function createMailbox(limits: MailStoreLimits): Mailbox {
  const uidValidity = Math.floor(Date.now() / 1000);
  const listeners = new Set<() => void>();
  let messages: readonly StoredMessage[] = [];
  let uidNext = 1;
  let bytes = 0;
  const changed = (next: readonly StoredMessage[]): void => {
    messages = next;
    bytes = next.reduce((sum, message) => sum + message.raw.length, 0);
    for (const listener of Array.from(listeners)) listener();
  };
  const roomFor: Mailbox['roomFor'] = (sizeBytes) => {
    if (sizeBytes > limits.messageBytesMax) return 'message-too-large';
    const full = messages.length >= limits.mailboxMessagesMax || bytes + sizeBytes > limits.mailboxBytesMax;
    return full ? 'mailbox-full' : 'room';
  };
  return {
    uidValidity,
    get uidNext() {
      return uidNext;
    },
    get messages() {
      return messages;
    },
    find: (uid) => messages.find((message) => message.uid === uid),
    roomFor,
    append(raw, options = {}) {
      const room = roomFor(raw.length);
      if (room !== 'room') return { kind: room };
      const internalDate = options.internalDate ?? new Date();
      const message: StoredMessage = { uid: uidNext, internalDate, raw, flags: new Set(options.flags) };
      uidNext += 1;
      changed([...messages, message]);
      return { kind: 'stored', message };
    },
    setFlags(uid, flags) {
      changed(messages.map((message) => (message.uid === uid ? { ...message, flags: new Set(flags) } : message)));
    },
    remove(uids) {
      changed(messages.filter((message) => !uids.has(message.uid)));
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
