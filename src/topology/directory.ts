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
  findByExtension(extension: string): DirectoryEntry | undefined;
  /** Members of a group as they were given; empty when it is none. */
  membersOf(groupKey: string): readonly string[];
}
