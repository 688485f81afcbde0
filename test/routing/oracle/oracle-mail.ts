import { oracleConnector } from './oracle-connector.js';
import type { Asked } from './oracle-question.js';
import { addresseeOf, oracleRecipients, oracleStanding } from './oracle-recipients.js';
import type { OraclePlan } from './oracle-servers.js';
import { isOn, OracleView, planForRecipients, planForSender } from './oracle-servers.js';
import { oracleHandOver } from './oracle-way-out.js';
import { lower } from './simple-paths.js';

/** What an answer must be, as far as the oracle says. Sets of servers are sorted and in lower case. */
export interface OracleAnswer {
  readonly outcome: string;
  readonly code: number | null;
  readonly receiveConnector: string | null;
  readonly connector: string | null;
  readonly deliveryGroup: string | null;
  readonly path: string | null;
  readonly targets: readonly string[];
  readonly fallback: ReadonlyArray<readonly string[]>;
  readonly recipients: readonly string[];
}

const empty = { connector: null, deliveryGroup: null, path: null, targets: [], fallback: [], recipients: [] };

/** Where a message goes, thought through the slow way. */
export function oracleMail(asked: Asked): OracleAnswer {
  const { estate, question } = asked;
  const connector = oracleConnector(asked);
  if (!connector) return { ...empty, outcome: 'reject', code: 421, receiveConnector: null };
  const common = { ...empty, receiveConnector: connector.name };
  const standing = oracleStanding(asked, connector);
  const frontEnd = estate.objects.servers.find((server) => lower(server.name) === lower(question.frontEnd));
  const site = estate.objects.sites.find((entry) => lower(entry.name) === lower(frontEnd?.site ?? ''));
  const isOutside = standing === 'anonymous' || standing === 'partner';
  if (!frontEnd || !isOn(frontEnd, 'frontend-transport') || (isOutside && site?.acceptInbound === false)) {
    return { ...common, outcome: 'defer', code: 421 };
  }
  const group = ({ anonymous: 'anonymous', user: 'users', server: 'servers', partner: 'partners' } as const)[standing];
  if (standing !== 'user' && !connector.permissionGroups.includes(group))
    return { ...common, outcome: 'reject', code: 530 };
  if (question.user !== null && !isOwnName(asked, question.user)) return { ...common, outcome: 'reject', code: 550 };
  const sizeMax =
    standing === 'server' ? Infinity : Math.min(connector.maxMessageSize, estate.objects.organization.maxMessageSize);
  if ((question.sizeBytes ?? 0) > sizeMax) return { ...common, outcome: 'reject', code: 552 };
  const handOver = oracleHandOver(asked, connector, standing);
  const answered = oracleRecipients(asked, connector, standing, handOver);
  const recipients = answered.map(
    ({ address, code, considered }) => `${address} ${code} ${considered ? 'counts' : 'does not count'}`,
  );
  const accepted = answered.filter((recipient) => recipient.code === 250);
  if (accepted.length === 0) {
    const code = answered.at(-1)?.code ?? 503;
    return { ...common, recipients, outcome: code >= 500 && code !== 503 ? 'reject' : 'defer', code };
  }
  const [first] = accepted;
  if (first && handOver && first.way !== 'inside') return { ...common, recipients, ...handOver.carry(first.address) };
  const view = new OracleView(asked);
  const plan = question.user === null ? planForRecipients(view, accepted) : planForSender(view, question.user);
  return { ...common, recipients, ...carryOut(asked, plan) };
}

function isOwnName(asked: Asked, user: string): boolean {
  const { from } = asked.question;
  if (from === '' || lower(from) === lower(user)) return true;
  const { owner } = addresseeOf(asked, user);
  return owner !== null && addresseeOf(asked, from).owner === owner;
}

type Carried = Pick<OracleAnswer, 'outcome' | 'code' | 'deliveryGroup' | 'path' | 'targets' | 'fallback'>;

/** Leaves out who is down, switched off or was tried before. */
function carryOut({ estate, question }: Asked, plan: OraclePlan): Carried {
  const group = plan.group && `${plan.group.kind} ${lower(plan.group.name)}`;
  const nobody = { deliveryGroup: null, path: null, targets: [], fallback: [] };
  if ((question.sizeBytes ?? 0) > (plan.way?.widthBytes ?? Infinity))
    return { ...nobody, outcome: 'reject', code: 552 };
  const parts = question.user === null ? ['hub-transport'] : ['hub-transport', 'submission'];
  const usable = estate.objects.servers
    .filter((server) => !question.down.some((name) => lower(name) === lower(server.name)))
    .filter((server) => parts.every((part) => isOn(server, part)))
    .map((server) => server.name);
  const tried: string[] = [];
  const left: Array<{ servers: string[]; path: string | null }> = [];
  for (const { servers, path } of plan.sets) {
    const names = servers.filter((name) => usable.includes(name) && !tried.includes(name));
    tried.push(...names);
    const way = path ? `${path.sites.join('-')} ${path.cost}` : null;
    if (names.length > 0) left.push({ servers: names.map(lower).sort(), path: way });
  }
  const [first, ...rest] = left;
  if (!first) return { ...nobody, outcome: 'defer', code: 451, deliveryGroup: group };
  const fallback = rest.map((set) => set.servers);
  return { outcome: 'proxy', code: null, deliveryGroup: group, path: first.path, targets: first.servers, fallback };
}
