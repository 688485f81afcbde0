import type { EstateObjects } from '../build-estate.js';
import { lower } from './simple-paths.js';

/** What a recipient's mail must reach. Knows plain addresses only. */
export interface OracleDestination {
  readonly address: string;
  readonly class: string;
  readonly to:
    | { readonly database: string }
    | { readonly expansionServer: string }
    | { readonly domain: string }
    | { readonly refused: string };
}

/** The recipients of a message at a server, in order: groups opened, contacts followed, everybody once. */
export function oracleDestinations(
  estate: EstateObjects,
  server: string,
  addresses: readonly string[],
): OracleDestination[] {
  const done = new Set<string>();
  const open = (address: string, contacts: readonly string[]): OracleDestination[] => {
    const wanted = lower(address);
    const has = (entry: { address: string }): boolean => lower(entry.address) === wanted;
    const mailbox = estate.mailboxes.find((entry) =>
      [entry.address, ...entry.aliases].some((name) => lower(name) === wanted),
    );
    const group = estate.groups.find(has);
    const contact = estate.contacts.find(has);
    const owner = lower((mailbox ?? group ?? contact)?.address ?? address);
    if (contacts.includes(owner)) return [{ address, class: 'contact', to: { refused: '550' } }];
    if (done.has(owner)) return [];
    done.add(owner);
    if (mailbox) return [{ address, class: 'mailbox', to: { database: mailbox.database } }];
    if (group) {
      const other = group.expansionServer;
      return other !== null && lower(other) !== lower(server)
        ? [{ address, class: 'group', to: { expansionServer: other } }]
        : group.members.flatMap((member) => open(member, contacts));
    }
    if (contact) {
      return open(contact.target, [...contacts, owner]).map(({ to }) => ({ address, class: 'contact', to }));
    }
    return [outsider(estate, address)];
  };
  return addresses.flatMap((address) => open(address, []));
}

function outsider(estate: EstateObjects, address: string): OracleDestination {
  const domain = lower(address).split('@')[1] ?? '';
  const accepted = estate.objects.domains.find(
    ({ name, matchSubdomains }) => lower(name) === domain || (matchSubdomains && domain.endsWith(`.${lower(name)}`)),
  );
  if (accepted?.type === 'authoritative') return { address, class: 'unknown', to: { refused: '550' } };
  return { address, class: accepted ? 'relay' : 'external', to: { domain } };
}
