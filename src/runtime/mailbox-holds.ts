import { UsherError } from '../errors.js';
import { addressKey } from '../topology/mail-address.js';

/** Mailboxes whose logins are refused for a while. Every hold has a token and ends by itself when its time is over. */
export interface MailboxHolds {
  /** Holds these too under the token, until `forMs` from now. */
  hold(token: string, mailboxes: readonly string[], forMs: number): void;
  release(token: string): void;
  /** The keys of the mailboxes that a token holds; an error when its time is over. */
  keysOf(token: string): ReadonlySet<string>;
  isHeld(mailbox: string): boolean;
}

interface Hold {
  readonly keys: Set<string>;
  readonly endAtMs: number;
}

const holdsMax = 100;
const mailboxesMax = 100_000;
const forMsMax = 15 * 60_000;

const keyOf = (mailbox: string): string => addressKey(mailbox) ?? mailbox.toLowerCase();

/** @param nowMs a clock that never goes back */
export function createMailboxHolds(nowMs: () => number): MailboxHolds {
  const holds = new Map<string, Hold>();
  const forgetEnded = (): void => {
    for (const [token, { endAtMs }] of holds) if (endAtMs <= nowMs()) holds.delete(token);
  };
  return {
    hold(token, mailboxes, forMs) {
      forgetEnded();
      if (!holds.has(token) && holds.size >= holdsMax) throw tooMany(`more than ${holdsMax} moves`);
      const keys = holds.get(token)?.keys ?? new Set();
      if (keys.size + mailboxes.length > mailboxesMax) throw tooMany(`more than ${mailboxesMax} mailboxes`);
      for (const mailbox of mailboxes) keys.add(keyOf(mailbox));
      holds.set(token, { keys, endAtMs: nowMs() + Math.min(forMs, forMsMax) });
    },
    release: (token) => void holds.delete(token),
    keysOf(token) {
      forgetEnded();
      const hold = holds.get(token);
      if (hold) return hold.keys;
      throw new UsherError('failed', 'hold-over', 'the mailboxes are no longer held; the time was not enough');
    },
    isHeld(mailbox) {
      if (holds.size === 0) return false;
      forgetEnded();
      const key = keyOf(mailbox);
      return [...holds.values()].some(({ keys }) => keys.has(key));
    },
  };
}

function tooMany(what: string): UsherError {
  return new UsherError('failed', 'too-many-holds', `${what} cannot be held at a time; move fewer`);
}
