import type { Domain } from '../topology/catalogue/catalogue.js';
import type { Directory, DirectoryEntry } from '../topology/directory.js';
import { addressKey, parseMailAddress } from '../topology/mail-address.js';
import type { Topology } from '../topology/topology.js';
import type { RecipientClass } from './decision.js';

/** What an address of a recipient stands for. */
export interface Recipient {
  readonly class: RecipientClass;
  readonly entry: DirectoryEntry | undefined;
  /** The accepted domain it is in. */
  readonly domain: Domain | undefined;
  readonly key: string;
}

/** The entry of an address; `ann+tag@` is found as `ann@` where the full address is nobody's. */
export function findEntry(directory: Directory, key: string): DirectoryEntry | undefined {
  const entry = directory.find(key);
  if (entry) return entry;
  const plus = key.indexOf('+');
  const at = key.lastIndexOf('@');
  return plus > 0 && plus < at ? directory.find(key.slice(0, plus) + key.slice(at)) : undefined;
}

/** An address as it was given, with the default domain where it has none. */
export function completeAddress({ organization: { defaultDomain } }: Topology, text: string): string {
  return text.includes('@') || defaultDomain === null ? text : `${text}@${defaultDomain}`;
}

/** Classifies a recipient; undefined when the text is no address. An address without a domain gets the default one. */
export function classifyRecipient(topology: Topology, directory: Directory, text: string): Recipient | undefined {
  const address = parseMailAddress(completeAddress(topology, text));
  if (!address) return undefined;
  const domain = topology.acceptedDomain(address.domain);
  const entry = findEntry(directory, address.key);
  if (entry) return { class: entry.class, entry, domain, key: address.key };
  if (!domain) return { class: 'external', entry, domain, key: address.key };
  return { class: domain.type === 'authoritative' ? 'unknown' : 'relay', entry, domain, key: address.key };
}

/**
 * The key of the address that a login means: `user@domain`, or in the default domain `user`, `DOMAIN\user`, `domain/user`
 * and `domain/user/mailbox`, where the last part is whose mailbox is opened.
 */
export function loginKey(topology: Topology, login: string): string | undefined {
  const separator = Math.max(login.lastIndexOf('\\'), login.lastIndexOf('/'));
  return addressKey(completeAddress(topology, login.slice(separator + 1)));
}

/** The mailbox that a login names. */
export function findLogin(topology: Topology, directory: Directory, login: string): DirectoryEntry | undefined {
  // RFC 5322 §3.2.3: a slash may be part of an address.
  const whole = login.includes('/') ? addressKey(completeAddress(topology, login)) : undefined;
  const named = whole === undefined ? undefined : directory.find(whole);
  if (named) return named;
  const key = loginKey(topology, login);
  return key === undefined ? undefined : directory.find(key);
}
