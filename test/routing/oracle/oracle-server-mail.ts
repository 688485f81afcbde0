import type { EstateObjects } from '../build-estate.js';
import { oracleDestinations } from './oracle-destinations.js';
import type { OracleHop } from './oracle-hop.js';
import { OracleHopFinder } from './oracle-hop.js';
import { OracleView, same } from './oracle-servers.js';

/** A message at a mailbox server, in plain names. */
export interface ServerQuestion {
  readonly server: string;
  readonly down: readonly string[];
  readonly to: readonly string[];
  readonly sizeBytes: number | null;
}

export interface ServerAsked {
  readonly estate: EstateObjects;
  readonly question: ServerQuestion;
}

/** Recipients that leave together, and where to. Recipients as `ann@contoso.test mailbox accept`. */
export interface OracleRoute extends OracleHop {
  readonly recipients: readonly string[];
}

/** Where a message goes from a server, thought through the slow way. */
export function oracleServerMail({ estate, question }: ServerAsked): OracleRoute[] {
  const source = estate.objects.servers.find((server) => same(server.name, question.server));
  if (!source) throw new Error(`the estate has no server ${question.server}`);
  const place = { localAddress: null, port: 25, clientAddress: null, user: null, from: '' };
  const view = new OracleView({ estate, question: { ...place, ...question, frontEnd: source.name } });
  const finder = new OracleHopFinder(view, source, question.sizeBytes);
  const routes: Array<OracleRoute & { recipients: string[] }> = [];
  for (const { address, class: kind, to } of oracleDestinations(estate, source.name, question.to)) {
    const hop = finder.hopTo(to);
    const words = `${address} ${kind} ${hop.outcome === 'reject' ? `reject ${hop.code}` : 'accept'}`;
    const together = routes.find((route) => isSame(route, hop));
    if (together) together.recipients.push(words);
    else routes.push({ ...hop, recipients: [words] });
  }
  return routes;
}

const isSame = (a: OracleHop, b: OracleHop): boolean =>
  a.outcome === b.outcome && a.name === b.name && a.connector === b.connector && a.deliveryGroup === b.deliveryGroup;
