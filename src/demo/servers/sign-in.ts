import { createHash, timingSafeEqual } from 'node:crypto';

import type { Mailbox, MailStore } from './mail-store.js';

export interface Account {
  readonly password: string;
  /** The database that holds the mailbox now. */
  readonly database: string;
  /** The mailbox's own address when it was asked for by another name. */
  readonly address?: string;
}

/** The account of a login name or recipient, in lower case; undefined when there is none. */
export type Accounts = (address: string) => Account | undefined;

/** One demo server as its protocols see it. */
export interface MailboxHost {
  readonly name: string;
  readonly store: MailStore;
  readonly accounts: Accounts;
  /** Whether this server holds the active copy of a database. */
  readonly isActive: (database: string) => boolean;
}

/** A mailbox and where it is. */
export interface FoundMailbox {
  readonly address: string;
  readonly database: string;
  readonly mailbox: Mailbox;
}

export type SignInOutcome =
  | ({ readonly kind: 'signed-in' } & FoundMailbox)
  | { readonly kind: 'wrong-password' }
  | { readonly kind: 'active-elsewhere' };

/** Checks a password, then whether the mailbox is active on this server. */
export function signIn(host: MailboxHost, user: string, password: string): SignInOutcome {
  const account = host.accounts(user.toLowerCase());
  // an unknown name is compared too, so that it takes the same time
  const matches = timingSafeEqual(digestOf(password), digestOf(account?.password ?? ''));
  if (!account || !matches) return { kind: 'wrong-password' };
  if (!host.isActive(account.database)) return { kind: 'active-elsewhere' };
  return { kind: 'signed-in', ...placeOf(host, user, account) };
}

/** Whether the password is right, wherever the mailbox is active. */
export function knowsPassword(host: MailboxHost, user: string, password: string): boolean {
  const account = host.accounts(user.toLowerCase());
  return timingSafeEqual(digestOf(password), digestOf(account?.password ?? '')) && account !== undefined;
}

/** The mailbox of a recipient, whichever server holds it. */
export function findMailbox(host: MailboxHost, recipient: string): FoundMailbox | undefined {
  const account = host.accounts(recipient.toLowerCase());
  return account && placeOf(host, recipient, account);
}

/** Whether this server still holds the active copy of a mailbox that signed in here. */
export function isStillHere(host: MailboxHost, { address }: FoundMailbox): boolean {
  const account = host.accounts(address);
  return account !== undefined && host.isActive(account.database);
}

function placeOf(host: MailboxHost, name: string, account: Account): FoundMailbox {
  const address = account.address ?? name.toLowerCase();
  return { address, database: account.database, mailbox: host.store.open(account.database, address) };
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
