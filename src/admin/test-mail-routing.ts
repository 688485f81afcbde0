import { hostname } from 'node:os';
import { UsherError } from '../errors.js';
import { createScreening } from '../filtering/screening.js';
import { downServers } from '../routing/availability.js';
import { type Decision, step, type TraceStep } from '../routing/decision.js';
import { routeMail } from '../routing/route-mail.js';
import { routeServerMail } from '../routing/route-server-mail.js';
import { chooseFrontEnd, requireServers } from '../topology/choose-front-end.js';
import { parseSize } from '../topology/quantities.js';
import { isAddress } from '../topology/ranges.js';
import type { Screening } from '../topology/screening.js';
import type { Topology } from '../topology/topology.js';
import { buildTopology, isMailboxServer, namedHosts } from '../topology/topology.js';
import { readDnsAnswers } from './dns-answers.js';
import { type Answer, badFlag, type Estate, type PlaceOfQuestion } from './test-routing.js';

/** What `test routing mail` was asked. */
export interface MailFlags extends PlaceOfQuestion {
  readonly to: readonly string[];
  readonly from?: string | undefined;
  readonly user?: string | undefined;
  readonly size?: string | undefined;
  readonly clientIp?: string | undefined;
  readonly localIp?: string | undefined;
  readonly port: number;
  /** The mailbox server that asks, instead of a front end. */
  readonly fromServer?: string | undefined;
  /** `NAME=ADDRESS[,ADDRESS]`, `NAME=nxdomain`, `NAME=timeout`. */
  readonly dns?: readonly string[] | undefined;
}

/** Where a message would go, by the code that carries it. */
export function testMailRouting(estate: Estate, flags: MailFlags): Answer {
  const sizeBytes = flags.size === undefined ? null : parseSize(flags.size);
  if (sizeBytes === undefined) throw badFlag('size', flags.size ?? '', 'a size (12MB or bytes)');
  requireServers(estate.topology, flags.down);
  const decision =
    flags.fromServer === undefined
      ? atFrontEnd(estate, flags, sizeBytes)
      : atServer(estate, flags, flags.fromServer, sizeBytes);
  return { revision: estate.topology.revision, ...decision };
}

function atServer({ topology, directory }: Estate, flags: MailFlags, name: string, sizeBytes: number | null) {
  if (flags.on !== undefined) throw new UsherError('usage', 'usage', '--on and --from-server exclude each other');
  const [server] = requireServers(topology, [name]);
  if (!server || !isMailboxServer(server)) {
    throw new UsherError(
      'invalid',
      'no-mailbox-server',
      `${name} is no mailbox server; its transport is what is asked`,
    );
  }
  return routeServerMail({
    topology,
    directory,
    server,
    availability: downServers(flags.down),
    to: flags.to,
    sizeBytes,
  });
}

/** The estate with the addresses that the question gives to servers whose hosts are names. */
function placed(topology: Topology, dns: readonly string[]): Topology {
  const found = new Map<string, readonly string[]>();
  for (const [name, answer] of readDnsAnswers(dns)) if (answer.kind === 'addresses') found.set(name, answer.addresses);
  return found.size === 0 ? topology : buildTopology(topology.revision, topology, found);
}

/**
 * What a client that is refused for what it counts as could still be: a runtime looks up the hosts of servers that are
 * names, here they are known only as the question says.
 */
function unknownHosts(topology: Topology, { clientIp, user, dns = [] }: MailFlags, decision: Decision): TraceStep[] {
  const isRefused = decision.reply?.enhanced === '5.7.1' && user === undefined;
  if (clientIp === undefined || !isRefused) return [];
  const answers = readDnsAnswers(dns);
  const unknown = namedHosts({ ...topology, callGateways: [] }).filter((host) => !answers.has(host));
  if (unknown.length === 0) return [];
  const more = unknown.length > 3 ? ` and ${unknown.length - 3} more` : '';
  const detail = `${unknown.slice(0, 3).join(', ')}${more} not looked up here; if ${clientIp} is one of them, add --dns ${unknown[0]}=${clientIp}; a front end that cannot find one either may answer 451`;
  return [step('server-hosts/unknown', detail)];
}

function atFrontEnd(estate: Estate, flags: MailFlags, sizeBytes: number | null) {
  const { directory } = estate;
  const topology = placed(estate.topology, flags.dns ?? []);
  for (const [flag, address] of [
    ['client-ip', flags.clientIp],
    ['local-ip', flags.localIp],
  ] as const) {
    if (address !== undefined && !isAddress(address)) throw badFlag(flag, address, 'an IP address');
  }
  const decision = routeMail({
    topology,
    directory,
    frontEnd: chooseFrontEnd(topology, flags.on, hostname()),
    availability: downServers(flags.down),
    localAddress: flags.localIp ?? null,
    port: flags.port,
    clientAddress: flags.clientIp ?? null,
    user: flags.user ?? null,
    from: flags.from === undefined ? null : flags.from.replace(/^<(.*)>$/, '$1'),
    to: flags.to,
    sizeBytes,
    screening: screen(topology, flags),
  });
  return { ...decision, trace: [...decision.trace, ...unknownHosts(topology, flags, decision)] };
}

/** The filters with the DNS answers of the question; a name without an answer is not listed. */
function screen({ filters, organization }: Topology, { clientIp, dns = [] }: MailFlags): Screening {
  const answers = readDnsAnswers(dns);
  for (;;) {
    const known = dns.length === 0 ? null : answers;
    const step = createScreening(filters, clientIp ?? null, Date.now(), known, organization.internalSmtpServers);
    if (step.kind === 'ready') return step.screening;
    answers.set(step.name, { kind: 'nxdomain' });
  }
}
