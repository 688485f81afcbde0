import type { ReceiveConnector } from '../../../src/topology/catalogue/catalogue.js';
import type { Asked, Standing } from './oracle-question.js';
import type { OracleHandOver } from './oracle-way-out.js';
import { lower } from './simple-paths.js';

/** Whom an address belongs to. Knows plain addresses only: no quotes, no tags, no international names. */
export interface Addressee {
  readonly class: 'mailbox' | 'group' | 'contact' | 'relay' | 'external' | 'unknown';
  readonly database: string | null;
  readonly owner: string | null;
}

export function addresseeOf({ estate }: Asked, address: string): Addressee {
  const wanted = lower(address);
  const mailbox = estate.mailboxes.find((entry) =>
    [entry.address, ...entry.aliases].some((name) => lower(name) === wanted),
  );
  if (mailbox) return { class: 'mailbox', database: mailbox.database, owner: mailbox.address };
  const nobody = { database: null, owner: null };
  if (estate.groups.some((group) => lower(group.address) === wanted)) return { class: 'group', ...nobody };
  if (estate.contacts.some((contact) => lower(contact.address) === wanted)) return { class: 'contact', ...nobody };
  const domain = wanted.split('@')[1] ?? '';
  const accepted = estate.objects.domains.find(
    ({ name, matchSubdomains }) => lower(name) === domain || (matchSubdomains && domain.endsWith(`.${lower(name)}`)),
  );
  if (!accepted) return { class: 'external', ...nobody };
  return { class: accepted.type === 'authoritative' ? 'unknown' : 'relay', ...nobody };
}

export function oracleStanding({ estate, question }: Asked, connector: ReceiveConnector): Standing {
  if (question.user !== null) return 'user';
  if (connector.auth.includes('external-authoritative')) return 'server';
  const ours = estate.objects.servers.some(
    (server) => server.roles.includes('mailbox') && server.host === question.clientAddress,
  );
  if (ours && connector.permissionGroups.includes('servers')) return 'server';
  const groups = connector.permissionGroups;
  return groups.includes('partners') && !groups.includes('anonymous') ? 'partner' : 'anonymous';
}

/** What is answered to one RCPT: nothing bad, or the code. */
export interface OracleRecipient extends Addressee {
  readonly address: string;
  readonly code: 250 | 452 | 550 | 552;
  readonly considered: boolean;
  /** `inside`, or what those outside that can go together have in common. */
  readonly way: string;
}

/** The server that has an address to itself: the active one, if it accepts only its own mailboxes. */
function loner({ estate }: Asked, database: string | null): string | null {
  const active = estate.objects.databases.find((entry) => lower(entry.name) === lower(database ?? ''))?.active;
  const server = estate.objects.servers.find((entry) => lower(entry.name) === lower(active ?? ''));
  return server?.accepts === 'own' ? server.name : null;
}

/** Every RCPT of the message in turn. */
export function oracleRecipients(
  asked: Asked,
  connector: ReceiveConnector,
  standing: Standing,
  handOver: OracleHandOver | null,
): OracleRecipient[] {
  const { organization } = asked.estate.objects;
  const most =
    standing === 'server' ? organization.maxRecipients : Math.min(organization.maxRecipients, connector.maxRecipients);
  const relay = standing === 'user' || standing === 'server' || (standing === 'anonymous' && connector.anonymousRelay);
  const answered: OracleRecipient[] = [];
  for (const address of asked.question.to) {
    const addressee = addresseeOf(asked, address);
    const taken = answered.filter((recipient) => recipient.code === 250);
    const leaves = addressee.class === 'external' || addressee.class === 'relay';
    const out = leaves && handOver ? handOver.wayFor(address) : ({ way: 'inside', code: 250 } as const);
    let code: OracleRecipient['code'] = 250;
    if (taken.length >= most) code = 452;
    else if (addressee.class === 'external' && !relay) code = 550;
    else if (out.code !== 250) code = out.code;
    else if (taken[0] && taken[0].way !== out.way) code = 452;
    else if (standing !== 'user' && taken[0] && loner(asked, taken[0].database) !== loner(asked, addressee.database))
      code = 452;
    answered.push({ ...addressee, address, code, considered: code === 250 && taken.length < 20, way: out.way });
  }
  return answered;
}
