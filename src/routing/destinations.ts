import type { Directory } from '../topology/directory.js';
import { addressKey, parseMailAddress } from '../topology/mail-address.js';
import { nameKey } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';
import type { RecipientClass, Reply, TraceStep } from './decision.js';
import { step } from './decision.js';
import { classifyRecipient } from './recipients.js';

/** What the mail of one recipient must reach. */
export type Destination =
  | { readonly kind: 'database'; readonly database: string }
  | { readonly kind: 'expansion-server'; readonly server: string }
  | { readonly kind: 'outside'; readonly domain: string }
  | { readonly kind: 'refused'; readonly reason: string; readonly reply: Reply };

/** A recipient as a server's transport resolves it. */
export interface ResolvedRecipient {
  readonly address: string;
  readonly class: RecipientClass | null;
  readonly destination: Destination;
  readonly trace: readonly TraceStep[];
}

/** Where a recipient is resolved, and how far this has gone. */
interface Resolution {
  readonly topology: Topology;
  readonly directory: Directory;
  /** The server that resolves: it expands groups that name no other. */
  readonly serverName: string;
  readonly seen: Set<string>;
}

/** How many recipients one message may expand to. */
const expandedMax = 10_000;

const refused = (reason: string, code: number, enhanced: string, text: string): Destination => ({
  kind: 'refused',
  reason,
  reply: { code, enhanced, text },
});

const unknown = refused('unknown-recipient', 550, '5.1.1', 'User unknown');

/**
 * Resolves recipients at a server: groups without an expansion server elsewhere are expanded here, members of members
 * too, each once; contacts become their targets. (Recipient resolution: an unknown address of our own domain is never
 * sent out.)
 */
export function resolveRecipients(
  topology: Topology,
  directory: Directory,
  serverName: string,
  addresses: readonly string[],
): ResolvedRecipient[] {
  const resolution = { topology, directory, serverName, seen: new Set<string>() };
  return addresses.flatMap((address) => resolve(resolution, address, []));
}

function resolve(at: Resolution, address: string, before: readonly TraceStep[]): ResolvedRecipient[] {
  const known = classifyRecipient(at.topology, at.directory, address);
  const shown = address.slice(0, 100);
  const found = (destination: Destination, detail: string): ResolvedRecipient[] => [
    {
      address,
      class: known?.class ?? null,
      destination,
      trace: [...before, step('recipient/resolved', `${shown} ${detail}`)],
    },
  ];
  if (!known) return found(refused('bad-address', 501, '5.1.3', 'Invalid address'), 'is no address');
  if (at.seen.has(known.key) || at.seen.size >= expandedMax) return [];
  at.seen.add(known.key);
  const { entry } = known;
  switch (entry?.class) {
    case 'mailbox':
      return found({ kind: 'database', database: entry.database }, `is a mailbox in ${entry.database}`);
    case 'contact': {
      const trace = [...before, step('recipient/contact', `${shown} is a contact for ${entry.target}`)];
      return resolve(at, entry.target, trace).map((recipient) => ({
        ...recipient,
        address,
        class: 'contact' as const,
      }));
    }
    case 'group': {
      const { expansionServer } = entry;
      if (expansionServer !== null && nameKey(expansionServer) !== nameKey(at.serverName)) {
        return found(
          { kind: 'expansion-server', server: expansionServer },
          `is a group that ${expansionServer} expands`,
        );
      }
      const members = at.directory.membersOf(addressKey(entry.address) ?? entry.address);
      const trace = [...before, step('recipient/expanded', `${shown} is a group of ${members.length}, expanded here`)];
      return members.flatMap((member) => resolve(at, member, trace));
    }
    case undefined:
      return known.class === 'unknown'
        ? found(unknown, 'is unknown in our own domain')
        : found(
            { kind: 'outside', domain: parseMailAddress(known.key)?.domain ?? '' },
            known.class === 'relay' ? 'is in a domain that we relay for' : 'is outside',
          );
  }
}
