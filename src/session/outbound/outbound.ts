import { reasonOf } from '../../errors.js';
import type { ServerMemory } from '../../health/server-memory.js';
import type { DnsResolver } from '../../net/dns-resolver.js';
import type { Logger } from '../../observability/log.js';
import type { ProtocolLog } from '../../observability/protocol-log.js';
import type { Envelope } from '../../protocols/smtp/envelope.js';
import { describeReply, printable, type SmtpReply } from '../../protocols/smtp/replies.js';
import type { RecipientReply } from '../../protocols/smtp/server-step.js';
import type { TraceStep } from '../../routing/decision.js';
import { step } from '../../routing/decision.js';
import type { WayOut } from '../../routing/outbound-mail.js';
import type { SendConnector } from '../../topology/catalogue/catalogue.js';
import type { Topology } from '../../topology/topology.js';
import type { Snapshot } from '../door-services.js';
import type { Attempt, OpenedServer } from '../smtp/open-server.js';
import { ownReplies } from '../smtp/own-replies.js';
import { defaultDeadlines, type TransactionDeadlines } from '../smtp/server-transaction.js';
import { type ConnectorSetup, heloNameFor, setupOf } from './connector-setup.js';
import type { MtaSts, StsPolicy } from './mta-sts.js';
import { type HostRequest, type OpenedHost, openAtHost, type TlsDemand } from './open-at-host.js';
import type { OutboundConnections } from './outbound-connections.js';
import { type HostFinder, hostWords, type OutboundHost } from './outbound-host.js';
import { heedsPolicies, tlsRequirement } from './tls-requirement.js';

/** A message for somewhere outside, to be opened at the next hop of its way. */
export interface OutboundRequest {
  readonly way: WayOut;
  readonly snapshot: Snapshot;
  readonly envelope: Envelope;
  readonly until: 'recipients' | 'data';
  /** Hosts that are not to be asked again. */
  readonly tried: readonly Attempt[];
  /** Raised: the message is given up. */
  readonly signal: AbortSignal;
}

/** What came of it, and how it was come to. */
export type OpenedOutside = OpenedServer & { readonly trace: readonly TraceStep[] };

/** The way to hosts outside. */
export interface Outbound {
  /** Tries the hosts of a way until one has the message open or refuses it for good. Rejects for faults of ours only. */
  open(request: OutboundRequest): Promise<OpenedOutside>;
  /** Connections that wait for another message are ended, others when they come back. */
  close(): void;
}

export interface OutboundParts {
  readonly finder: HostFinder;
  readonly connections: OutboundConnections;
  readonly memory: ServerMemory;
  readonly mtaSts: MtaSts;
  readonly protocolLog: Pick<ProtocolLog, 'session'>;
  /** The name servers of a connector. */
  resolverOf(connector: SendConnector, topology: Topology): DnsResolver;
  readonly log: Logger;
}

// RFC 5321 §4.5.3.2.2: who hands the message over waits five minutes for an answer to RCPT.
const openingTimeoutMs = 240_000;
const wordsMax = 300;

export function createOutbound(parts: OutboundParts): Outbound {
  return {
    async open(request) {
      const { signal } = request;
      const patience = new AbortController();
      const giveUp = (): void => patience.abort(signal.reason);
      const timer = setTimeout(() => patience.abort(new Error('no host took the message in time')), openingTimeoutMs);
      signal.addEventListener('abort', giveUp);
      if (signal.aborted) giveUp();
      try {
        const opened = await openOutside(request, patience.signal, parts);
        if (opened.kind === 'taken') opened.transaction.heed(signal);
        return opened;
      } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', giveUp);
      }
    },
    close() {
      parts.connections.close();
    },
  };
}

async function openOutside(
  request: OutboundRequest,
  signal: AbortSignal,
  parts: OutboundParts,
): Promise<OpenedOutside> {
  const { way, snapshot } = request;
  const { connector, domain } = way;
  const found = await parts.finder.find({ connector, domain, snapshot });
  if (found.kind === 'none') return refused(found.reply, [], found.trace);
  let setup: ConnectorSetup;
  try {
    setup = await setupOf(connector, snapshot.topology);
  } catch (error) {
    const reason = reasonOf(error);
    parts.log.error({ connector: connector.name, error: reason }, 'a send connector is not set up completely');
    const reply = { code: 451, enhanced: '4.3.5', text: 'The way out is not set up completely; try again later' };
    return refused(reply, [], [...found.trace, step('outbound/not-set-up', reason)]);
  }
  const policy = await policyFor(request, parts);
  const search = new HostSearch(hostRequestOf(request, setup, signal), parts, [...found.trace], request.tried);
  const left = found.hosts.filter((host) => !request.tried.some(({ server }) => server === hostWords(host)));
  for (const host of left) {
    if (signal.aborted) break;
    const opened = await search.open(host, policy);
    if (opened !== null) return opened;
  }
  return search.given(domain);
}

function hostRequestOf(
  { way, snapshot, envelope, until }: OutboundRequest,
  { login, identity }: ConnectorSetup,
  signal: AbortSignal,
): HostRequest {
  const { connector } = way;
  const heloName = heloNameFor(connector, snapshot.frontEnd);
  return { connector, envelope, until, heloName, login, identity, deadlines: deadlinesOf(connector), signal };
}

/** Blocks of data and the last word take longer in the measure of RFC 5321 §4.5.3.2: three and ten times a reply. */
function deadlinesOf({ connectTimeout, replyTimeout }: SendConnector): TransactionDeadlines {
  return {
    connectTimeoutMs: connectTimeout,
    replyTimeoutMs: replyTimeout,
    blockTimeoutMs: Math.min(3 * replyTimeout, defaultDeadlines.blockTimeoutMs),
    finalReplyTimeoutMs: Math.min(10 * replyTimeout, defaultDeadlines.finalReplyTimeoutMs),
  };
}

/** RFC 8461: what the other domain asks of those who find its hosts by MX. */
async function policyFor({ way, snapshot }: OutboundRequest, parts: OutboundParts): Promise<StsPolicy | null> {
  const { connector, domain } = way;
  if (!heedsPolicies(connector)) return null;
  return parts.mtaSts.policyOf(domain, parts.resolverOf(connector, snapshot.topology));
}

/** One host after the other, and what was learnt on the way. */
class HostSearch {
  readonly #request: HostRequest;
  readonly #parts: OutboundParts;
  readonly #trace: TraceStep[];
  readonly #before: readonly Attempt[];
  readonly #tried: Attempt[] = [];
  readonly #unfit: SmtpReply[] = [];

  constructor(request: HostRequest, parts: OutboundParts, trace: TraceStep[], before: readonly Attempt[]) {
    this.#request = request;
    this.#parts = parts;
    this.#trace = trace;
    this.#before = before;
  }

  /** Null: this host cannot take it now. */
  async open(host: OutboundHost, policy: StsPolicy | null): Promise<OpenedOutside | null> {
    const demanded = tlsRequirement(this.#request.connector, host.name, policy);
    this.#trace.push(...demanded.trace);
    if (demanded.kind === 'refused') {
      const { reply } = demanded;
      return this.#note(host, { kind: 'failed', reason: reply.text, reply });
    }
    return this.#note(host, await this.#ask(host, { kind: demanded.kind, name: demanded.name }));
  }

  /** The answer when no host was left. */
  given(domain: string): OpenedOutside {
    const all = [...this.#before, ...this.#tried];
    // A host that could not be asked may yet be fit.
    const unfit = this.#unfit.length === all.length ? mildestOf(this.#unfit) : undefined;
    const why = all.length === 0 ? 'there is none' : all.map(({ server, reason }) => `${server}: ${reason}`).join('; ');
    const text = printable(`No host takes mail for ${domain} now: ${why}`).slice(0, wordsMax);
    const reply = unfit ?? { code: 451, enhanced: '4.4.1', text };
    return refused(reply, this.#tried, this.#trace);
  }

  /** In the clear where the handshake failed and nobody asked for TLS, but never with a password. */
  async #ask(host: OutboundHost, demand: TlsDemand): Promise<Exclude<OpenedHost, { kind: 'no-tls' }>> {
    const first = await openAtHost(host, demand, this.#request, this.#parts);
    if (first.kind !== 'no-tls') return first;
    if (this.#request.login.credentials !== null) return { kind: 'failed', reason: first.reason, reply: null };
    this.#trace.push(step('outbound/tls-failed', `${hostWords(host)}: ${first.reason}; once more without TLS`));
    const second = await openAtHost(host, { kind: 'none', name: null }, this.#request, this.#parts);
    return second.kind === 'no-tls' ? { kind: 'failed', reason: second.reason, reply: null } : second;
  }

  /** With `data` the word on some recipients is the word for all. */
  #tellAll(outcome: Exclude<OpenedHost, { kind: 'no-tls' | 'failed' }>): typeof outcome {
    const { envelope, until } = this.#request;
    if (outcome.kind === 'taken' || until !== 'data' || outcome.refused.length === 0) return outcome;
    return { ...outcome, reply: replyForAll(outcome.refused, envelope.to.length) };
  }

  #note(host: OutboundHost, outcome: Exclude<OpenedHost, { kind: 'no-tls' }>): OpenedOutside | null {
    if (outcome.kind !== 'failed') {
      const what = outcome.kind === 'taken' ? 'is asked' : 'refuses it';
      this.#trace.push(step('outbound/host', `${hostWords(host)} ${what}`));
      return Object.assign(this.#tellAll(outcome), { tried: this.#tried, trace: this.#trace });
    }
    const { reason, reply } = outcome;
    const attempt = { server: hostWords(host), reason };
    this.#tried.push(attempt);
    this.#trace.push(step('outbound/host-failed', `${attempt.server}: ${reason}`));
    this.#parts.log.info({ connector: this.#request.connector.name, host: attempt.server, reason }, 'host not usable');
    if (reply !== null) this.#unfit.push(reply);
    return null;
  }
}

/** The first that is temporary, else the first. */
const mildestOf = (replies: readonly SmtpReply[]): SmtpReply | undefined =>
  replies.find(({ code }) => code < 500) ?? replies[0];

/**
 * The word on a message of which a host refused recipients that had been told 250 each. It is for all of them, so it
 * is for good only where every one was refused so; handed over again, each is asked for by itself.
 */
function replyForAll(refusals: readonly RecipientReply[], recipientCount: number): SmtpReply {
  const mildest = mildestOf(refusals.map(({ reply }) => reply));
  const [first] = refusals;
  if (first === undefined || mildest === undefined) return ownReplies.fault;
  if (mildest.code < 500 || refusals.length === recipientCount) return mildest;
  const text = printable(`${first.address} was refused: ${describeReply(first.reply)}`).slice(0, wordsMax);
  return { code: 451, enhanced: '4.5.0', text };
}

function refused(reply: SmtpReply, tried: readonly Attempt[], trace: readonly TraceStep[]): OpenedOutside {
  return { kind: 'refused', server: null, reply, refused: [], tried, trace };
}
