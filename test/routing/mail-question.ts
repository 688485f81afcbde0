import { downServers } from '../../src/routing/availability.js';
import type { Decision, Target } from '../../src/routing/decision.js';
import type { MailQuestion } from '../../src/routing/route-mail.js';
import type { BuiltEstate } from './build-estate.js';
import type { OracleAnswer } from './oracle/oracle-mail.js';
import type { OracleQuestion } from './oracle/oracle-question.js';

/** The question as the routing takes it. */
export function mailQuestion({ topology, directory }: BuiltEstate, question: OracleQuestion): MailQuestion {
  const { frontEnd: name, down, ...rest } = question;
  const frontEnd = topology.server(name);
  if (!frontEnd) throw new Error(`the estate has no server ${name}`);
  return { ...rest, topology, directory, frontEnd, availability: downServers(down), screening: null };
}

/** Servers of a set, sorted and in lower case. */
export const namesOf = (targets: readonly Target[]): string[] =>
  targets.map(({ server }) => server.toLowerCase()).sort();

/** A decision in the oracle's words. */
export function inOracleWords(decision: Decision): OracleAnswer {
  const { deliveryGroup: group, path } = decision;
  return {
    outcome: decision.outcome,
    code: decision.reply === null ? null : Number(decision.reply.code),
    receiveConnector: decision.receiveConnector,
    connector: decision.connector,
    deliveryGroup: group && `${group.kind} ${group.name.toLowerCase()}`,
    path: path && `${path.sites.join('-')} ${path.cost}`,
    targets: namesOf(decision.targets),
    fallback: decision.fallback.map(namesOf),
    recipients: decision.recipients.map(
      ({ address, reply, considered }) =>
        `${address} ${reply?.code ?? 250} ${considered ? 'counts' : 'does not count'}`,
    ),
  };
}
