import type { SpfResult } from '../filtering/spf-filter.js';
import type { TraceStep } from '../routing/decision.js';
import { isAddress } from '../topology/ranges.js';
import { readDnsAnswers } from './dns-answers.js';
import { type AgentSaid, agentsNotAsked, watchedAgents } from './filter-agents.js';
import { type FilterOutcome, type FilterSession, runFilterSession } from './filter-session.js';
import { badFlag, type Estate } from './test-routing.js';

/** What `filter test` was asked. */
export interface FilterQuestion extends Omit<FilterSession, 'fields'> {
  /** `NAME=ADDRESS[,ADDRESS]`, `NAME=nxdomain`, `NAME=timeout`; empty: no DNS list is asked. */
  readonly dns: readonly string[];
  /** What the check of SPF says; undefined: SPF is not asked. */
  readonly spf: string | undefined;
  /** `Name: value`, as in the message. */
  readonly headers: readonly string[];
}

export interface FilterAnswer extends FilterOutcome {
  readonly revision: number;
  /** What the filters said, in the order in which they were asked. */
  readonly filters: readonly AgentSaid[];
  readonly notAsked: ReturnType<typeof agentsNotAsked>;
}

const spfResults = [
  'none',
  'neutral',
  'pass',
  'fail',
  'softfail',
  'temperror',
  'permerror',
] as const satisfies readonly SpfResult[];

/** What the filters do with a message, by the code that the front end runs; DNS answers are those of the question. */
export async function testFilters(estate: Estate, question: FilterQuestion): Promise<FilterAnswer> {
  const { clientIp, dns, headers, spf, from } = question;
  if (!isAddress(clientIp)) throw badFlag('client-ip', clientIp, 'an IP address');
  const result = spfResults.find((known) => known === spf) ?? null;
  if (spf !== undefined && result === null) throw badFlag('spf', spf, `one of ${spfResults.join(', ')}`);
  const given = { dns: dns.length === 0 ? null : readDnsAnswers(dns), spf: result };
  const session = { ...question, from: from?.replace(/^<(.*)>$/, '$1'), fields: headers.map(readField) };
  const filters: AgentSaid[] = [];
  const agents = watchedAgents(estate.topology, given, (said) => filters.push(said));
  const outcome = await runFilterSession(estate, session, agents);
  const notAsked = agentsNotAsked(estate.topology, given);
  return { revision: estate.topology.revision, ...outcome, filters, notAsked };
}

function readField(line: string): { name: string; value: string } {
  const colon = line.indexOf(':');
  if (colon < 1) throw badFlag('header', line, '"Name: value"');
  return { name: line.slice(0, colon).trim(), value: line.slice(colon + 1).trim() };
}

/** Which door, what was said, what each recipient hears, then the end; line by line. */
export function filterAnswerText({ filters, notAsked, trace, ...rest }: FilterAnswer): string {
  const { recipients, marks, outcome, reply } = rest;
  const isPlace = ({ rule }: TraceStep): boolean => rule.startsWith('receive-connector/');
  const judged = trace.filter((step) => !isPlace(step) && !step.rule.startsWith('filter/'));
  const lines = [
    ...trace.filter(isPlace).map(({ rule, detail }) => [rule, detail] as const),
    ...filters.map((said) => [`${said.event}/${said.agent}`, saidText(said)] as const),
    ...notAsked.map(({ name, why }) => [`not asked/${name}`, why] as const),
    ...judged.map(({ rule, detail }) => [rule, detail] as const),
  ];
  const width = Math.max(0, ...lines.map(([head]) => head.length));
  const ends = recipients.map(({ address, verdict, reply: said }) => `${address}  ${verdict}${replyText(said)}`);
  const marked = marks.length === 0 ? '' : ` marked ${marks.join(', ')}`;
  const steps = lines.map(([head, text]) => `  ${head.padEnd(width)}  ${text}`);
  return `${[...steps, ...ends, `${outcome}${marked}${replyText(reply)}`].join('\n')}\n`;
}

const saidText = ({ about, verdict, why }: AgentSaid): string =>
  `${about}: ${verdict}${why === null ? '' : `; ${why}`}`;

function replyText(reply: FilterOutcome['reply']): string {
  return reply === null ? '' : ` ${[reply.code, reply.enhanced, reply.text].filter((part) => part !== null).join(' ')}`;
}
