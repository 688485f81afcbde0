import type { Directory, DirectoryEntry } from '../topology/directory.js';
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

/** Where recipients are resolved, and how far this has gone. */
interface Resolution {
  readonly topology: Topology;
  readonly directory: Directory;
  /** The server that resolves: it expands groups that name no other. */
  readonly serverName: string;
  /** What was resolved, by the key of its first address: a mailbox gets one copy, whatever it is called. */
  readonly seen: Set<string>;
}

/** How a recipient was come to: the groups and contacts before it. */
interface Way {
  readonly trace: readonly TraceStep[];
  /** Keys of the contacts that led here, the first one first. */
  readonly contacts: readonly string[];
}

/** How many recipients one message may expand to. */
const expandedMax = 100_000;

/** How deep groups and contacts may lie in one another. */
const depthMax = 50;

const refused = (reason: string, code: number, enhanced: string, text: string): Destination => ({
  kind: 'refused',
  reason,
  reply: { code, enhanced, text },
});

const unknown = refused('unknown-recipient', 550, '5.1.1', 'User unknown');
const badAddress = refused('bad-address', 501, '5.1.3', 'Invalid address');
const tooManyMembers = refused('too-many-members', 550, '5.2.4', 'Mailing list has too many members');
const tooDeep = refused('nested-too-deep', 550, '5.2.4', 'Mailing lists are nested too deep');
const loop = refused('contact-loop', 550, '5.4.6', 'Routing loop detected');

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
  return addresses.flatMap((address) => resolve(resolution, address, { trace: [], contacts: [] }));
}

function resolve(at: Resolution, address: string, way: Way): ResolvedRecipient[] {
  const known = classifyRecipient(at.topology, at.directory, address);
  const shown = address.slice(0, 100);
  const found = (destination: Destination, detail: string): ResolvedRecipient[] => [
    {
      address,
      class: known?.class ?? null,
      destination,
      trace: [...way.trace, step('recipient/resolved', `${shown} ${detail}`)],
    },
  ];
  if (!known) return found(badAddress, 'is no address');
  const key = known.entry ? (addressKey(known.entry.address) ?? known.key) : known.key;
  if (way.contacts.includes(key)) return found(loop, 'is a contact that leads back to itself');
  if (at.seen.has(key)) return [];
  if (way.trace.length >= depthMax) return found(tooDeep, `lies ${depthMax} groups and contacts deep`);
  const { entry } = known;
  if (entry?.class === 'group') return resolveGroup(at, entry, shown, way, found);
  at.seen.add(key);
  if (entry?.class === 'mailbox') {
    return found({ kind: 'database', database: entry.database }, `is a mailbox in ${entry.database}`);
  }
  if (entry?.class === 'contact') {
    const trace = [...way.trace, step('recipient/contact', `${shown} is a contact for ${entry.target}`)];
    const targets = resolve(at, entry.target, { trace, contacts: [...way.contacts, key] });
    return targets.map((recipient) => ({ ...recipient, address, class: 'contact' as const }));
  }
  if (known.class === 'unknown') return found(unknown, 'is unknown in our own domain');
  const domain = parseMailAddress(known.key)?.domain ?? '';
  return found(
    { kind: 'outside', domain },
    known.class === 'relay' ? 'is in a domain that we relay for' : 'is outside',
  );
}

type GroupEntry = Extract<DirectoryEntry, { class: 'group' }>;

function resolveGroup(
  at: Resolution,
  { address, expansionServer }: GroupEntry,
  shown: string,
  way: Way,
  found: (destination: Destination, detail: string) => ResolvedRecipient[],
): ResolvedRecipient[] {
  const key = addressKey(address) ?? address;
  if (expansionServer !== null && nameKey(expansionServer) !== nameKey(at.serverName)) {
    at.seen.add(key);
    return found({ kind: 'expansion-server', server: expansionServer }, `is a group that ${expansionServer} expands`);
  }
  const members = at.directory.membersOf(key);
  if (at.seen.size + members.length > expandedMax) {
    return found(tooManyMembers, `is a group of ${members.length}; a message expands to ${expandedMax} at most`);
  }
  at.seen.add(key);
  const trace = [...way.trace, step('recipient/expanded', `${shown} is a group of ${members.length}, expanded here`)];
  return members.flatMap((member) => resolve(at, member, { ...way, trace }));
}
