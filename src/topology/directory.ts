import type { Mailbox } from './catalogue/catalogue.js';

/** What an address stands for. `address` is the primary one, as it was given. */
export type DirectoryEntry =
  | {
      readonly class: 'mailbox';
      readonly address: string;
      readonly database: string;
      readonly guid: string | null;
      readonly protocols: Mailbox['protocols'];
    }
  | { readonly class: 'group'; readonly address: string; readonly expansionServer: string | null }
  | { readonly class: 'contact'; readonly address: string; readonly target: string };

export type MailboxEntry = Extract<DirectoryEntry, { class: 'mailbox' }>;

/** Lookup of the addresses, of which there may be millions. Keys are those of `addressKey`. */
export interface Directory {
  find(key: string): DirectoryEntry | undefined;
  findByGuid(guid: string): DirectoryEntry | undefined;
  /**
   * The mailbox with an extension in a dial plan, else the one whose extension holds for every plan; without a plan
   * only the latter. Names of plans compare without regard to case.
   */
  findByExtension(extension: string, dialPlan?: string): DirectoryEntry | undefined;
  /** Members of a group as they were given; empty when it is none. */
  membersOf(groupKey: string): readonly string[];
}
