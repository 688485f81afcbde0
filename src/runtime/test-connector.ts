import { hostname } from 'node:os';
import { reasonOf, UsherError } from '../errors.js';
import type { DnsResolver } from '../net/dns-resolver.js';
import type { LogFields } from '../observability/log.js';
import type { Envelope } from '../protocols/smtp/envelope.js';
import { describeReply } from '../protocols/smtp/replies.js';
import { step, type TraceStep } from '../routing/decision.js';
import type { Snapshot } from '../session/door-services.js';
import { type ConnectorSetup, heloNameFor, setupOf } from '../session/outbound/connector-setup.js';
import type { MtaSts, MtaStsOptions, StsPolicy } from '../session/outbound/mta-sts.js';
import type { HostQuestion, OutboundHost } from '../session/outbound/outbound-host.js';
import { type DialogueLine, type HostProbe, type ProbeRequest, probeHost } from '../session/outbound/probe-host.js';
import { heedsPolicies, tlsRequirement } from '../session/outbound/tls-requirement.js';
import type { SendConnector } from '../topology/catalogue/catalogue.js';
import { chooseFrontEnd } from '../topology/choose-front-end.js';
import { type MailAddress, parseMailAddress } from '../topology/mail-address.js';
import { didYouMean, nameKey, nearestName } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';
import { createHostParts } from './outbound-parts.js';

/** What `test smtp` was asked. */
export interface ConnectorQuestion {
  readonly connector: string;
  /** A recipient; undefined: none is named to the hosts. */
  readonly to: string | undefined;
  /** `<>` is the null sender; undefined: postmaster of the default domain, where there is one. */
  readonly from: string | undefined;
  /** The front end whose name is told; undefined: the only one, or the one of this host. */
  readonly on: string | undefined;
}

export interface ConnectorTest {
  readonly revision: number;
  readonly connector: string;
  /** Null: no recipient was named. */
  readonly to: string | null;
  /** In the order in which mail would try them. */
  readonly hosts: readonly HostProbe[];
  /** How the hosts were found, and what kept them from being asked. */
  readonly trace: readonly TraceStep[];
}

const hostsMax = 20;
/** For one host: the time that a message may take to be opened. */
const hostTimeoutMs = 240_000;

/**
 * Speaks to the next hops of a connector, one after the other, as far as mail goes before its data. It needs no
 * running front end; names, policies, TLS and credentials are those of the code that carries the mail.
 * @throws UsherError for a question that cannot be asked; what hosts do is in the answer
 */
export async function testConnector(
  { topology, directory }: Omit<Snapshot, 'frontEnd'>,
  question: ConnectorQuestion,
): Promise<ConnectorTest> {
  const connector = connectorOf(topology, question.connector);
  const recipient = recipientOf(connector, question.to);
  const from = senderOf(topology, question.from);
  const snapshot = { topology, directory, frontEnd: chooseFrontEnd(topology, question.on, hostname()) };
  const trace: TraceStep[] = [];
  const envelope = envelopeOf(from, question.to);
  const hosts = await probeHosts({ connector, domain: recipient?.domain ?? '', snapshot }, envelope, trace);
  return { revision: topology.revision, connector: connector.name, to: question.to ?? null, hosts, trace };
}

async function probeHosts(question: HostQuestion, envelope: Envelope, trace: TraceStep[]): Promise<HostProbe[]> {
  const { connector, domain, snapshot } = question;
  const { topology, frontEnd } = snapshot;
  if (!connector.enabled) trace.push(step('send-connector', `"${connector.name}" is disabled: no mail goes this way`));
  const parts = createHostParts(noting(trace));
  const found = await parts.finder.find(question);
  trace.push(...found.trace);
  if (found.kind === 'none') {
    trace.push(step('outbound/nobody', describeReply(found.reply)));
    return [];
  }
  const setup = await readSetup(connector, topology, trace);
  if (setup === null) return [];
  const policy = await policyFor(connector, domain, parts.mtaSts, parts.resolverOf(connector, topology), trace);
  const request: ProbeRequest = {
    connector,
    heloName: heloNameFor(connector, frontEnd),
    ...setup,
    deadlines: { connectTimeoutMs: connector.connectTimeout, replyTimeoutMs: connector.replyTimeout },
    envelope,
    timeoutMs: hostTimeoutMs,
  };
  const left = found.hosts.length - hostsMax;
  if (left > 0) trace.push(step('outbound/hosts', `the first ${hostsMax} are asked, ${left} more are not`));
  const probes: HostProbe[] = [];
  for (const host of found.hosts.slice(0, hostsMax)) probes.push(await probeWith(host, policy, request));
  return probes;
}

async function probeWith(host: OutboundHost, policy: StsPolicy | null, request: ProbeRequest): Promise<HostProbe> {
  const demand = tlsRequirement(request.connector, host.name, policy);
  const remarks = demand.trace.map(({ rule, detail }) => `${rule}: ${detail}`);
  if (demand.kind !== 'refused') return probeHost(host, demand, remarks, request);
  const { name, address, port } = host;
  const dialogue = remarks.map((text): DialogueLine => ({ direction: '*', text }));
  const reason = describeReply(demand.reply);
  return { host: name, address, port, outcome: 'failed', reason, tls: null, dialogue, connectMs: null };
}

function connectorOf({ sendConnectors }: Topology, wanted: string): SendConnector {
  const known = sendConnectors.find(({ name }) => nameKey(name) === nameKey(wanted));
  if (known !== undefined) return known;
  const names = sendConnectors.map(({ name }) => name);
  const nearest = nearestName(wanted, names);
  throw new UsherError(
    'missing',
    'not-found',
    `there is no send connector "${wanted}"${didYouMean(wanted, names) || '; see "usher send-connector list"'}`,
    nearest === undefined ? [] : [nearest],
  );
}

function recipientOf({ name, smartHosts }: SendConnector, to: string | undefined): MailAddress | null {
  if (to !== undefined) return addressOf('to', to);
  if (smartHosts.length > 0) return null;
  throw new UsherError(
    'usage',
    'usage',
    `send connector "${name}" has no smart hosts: the hosts are those of the recipient's domain; name one with --to`,
    [`usher test smtp --connector ${JSON.stringify(name)} --to ADDRESS`],
  );
}

function senderOf({ organization }: Topology, from: string | undefined): string {
  if (from === undefined) return organization.defaultDomain === null ? '' : `postmaster@${organization.defaultDomain}`;
  const bare = from.replace(/^<(.*)>$/, '$1');
  if (bare !== '') addressOf('from', bare);
  return bare;
}

function addressOf(flag: string, text: string): MailAddress {
  const address = parseMailAddress(text);
  if (address === undefined) throw new UsherError('usage', 'usage', `--${flag} takes an address, found "${text}"`);
  return address;
}

function envelopeOf(from: string, to: string | undefined): Envelope {
  const recipients = to === undefined ? [] : [{ address: to, notify: null, orcpt: null }];
  const smtputf8 = /[^\u0000-\u007f]/.test(`${from}${to ?? ''}`);
  return { from, to: recipients, body8bit: false, smtputf8, ret: null, envid: null };
}

/** Null: a file or password that the connector names cannot be had, so that no mail goes this way. */
async function readSetup(
  connector: SendConnector,
  topology: Topology,
  trace: TraceStep[],
): Promise<ConnectorSetup | null> {
  try {
    return await setupOf(connector, topology);
  } catch (error) {
    trace.push(step('outbound/not-set-up', reasonOf(error)));
    return null;
  }
}

async function policyFor(
  connector: SendConnector,
  domain: string,
  source: MtaSts,
  resolver: DnsResolver,
  trace: TraceStep[],
): Promise<StsPolicy | null> {
  if (!heedsPolicies(connector)) return null;
  const policy = await source.policyOf(domain, resolver);
  const words = policy === null ? 'no policy is in force' : `policy ${policy.id}, mode ${policy.mode}`;
  trace.push(step('mta-sts', `${domain}: ${words}`));
  return policy;
}

/** What is said of policies, as steps. */
function noting(trace: TraceStep[]): MtaStsOptions['log'] {
  const note = ({ domain, reason }: LogFields, message: string): void => {
    trace.push(step('mta-sts', `${String(domain)}: ${message}: ${String(reason)}`));
  };
  return { info: note, warn: note, error: note };
}
