import { setMaxListeners } from 'node:events';
import { isIPv6 } from 'node:net';
import { reasonOf } from '../errors.js';
import type { TlsIdentity } from '../net/tls-settings.js';
import type { Logger } from '../observability/log.js';
import type { Gateway, Listener, Server } from '../topology/catalogue/catalogue.js';
import { compareNames, nameKey } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';
import { askGateway } from './ask-gateway.js';
import type { GatewayAnswer } from './options-question.js';

interface Estate {
  readonly topology: Topology;
  readonly frontEnd: Server;
}

export interface GatewayProbeOptions {
  /** The estate in force now. */
  readonly snapshot: () => Estate;
  readonly log: Logger;
  /** For one answer; default 5 seconds. */
  readonly timeoutMs?: number;
  /** The first questions are spread over so long, or over the pause between two if that is shorter; default 10 seconds. */
  readonly spreadMs?: number;
  /** Instead of the pause that a gateway's `probe` says. */
  readonly everyMs?: number;
}

/** Asks the gateways, again and again, whether they are there; it decides nothing, as a gateway that calls is there. */
export interface GatewayProbe {
  /** Takes up a change of the estate now. */
  refresh(): void;
  /** A line for each gateway that does not answer. */
  notes(): readonly string[];
  close(): void;
}

/** What is known of a gateway; `sinceMs` of the first question without an answer, in Unix time. */
type Standing =
  | { readonly kind: 'unasked' }
  | { readonly kind: 'there' }
  | { readonly kind: 'missed'; readonly sinceMs: number }
  | { readonly kind: 'silent'; readonly sinceMs: number };

interface Watched {
  gateway: Gateway;
  standing: Standing;
  /** On the clock of `performance.now()`. */
  dueAtMs: number;
  isBeingAsked: boolean;
}

const timeoutMsDefault = 5000;
const spreadMsDefault = 10_000;
const askedMax = 50;
const notesMax = 20;

/** Asks only where the front end has a SIP door. Questions begin at once; whoever is silent twice in a row is told of. */
export function createGatewayProbe(options: GatewayProbeOptions): GatewayProbe {
  return new Probe(options);
}

class Probe implements GatewayProbe {
  readonly #options: GatewayProbeOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #ending = new AbortController();
  #topology: Topology | null = null;
  #askedCount = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: GatewayProbeOptions) {
    this.#options = options;
    // Every question listens to it while it is open.
    setMaxListeners(0, this.#ending.signal);
    this.refresh();
  }

  refresh(): void {
    if (this.#ending.signal.aborted) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const estate = this.#options.snapshot();
    if (estate.topology !== this.#topology) this.#follow(estate);
    const nowMs = performance.now();
    const waiting = [...this.#watched.values()]
      .filter(({ isBeingAsked }) => !isBeingAsked)
      .sort((a, b) => a.dueAtMs - b.dueAtMs);
    for (const watched of waiting) {
      // Whoever has been answered calls again.
      if (this.#askedCount === askedMax) return;
      const leftMs = watched.dueAtMs - nowMs;
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.refresh(), leftMs).unref();
        return;
      }
      void this.#ask(watched, estate);
    }
  }

  notes(): readonly string[] {
    const silent = [...this.#watched.values()]
      .flatMap(({ gateway, standing }) => (standing.kind === 'silent' ? [{ gateway, ...standing }] : []))
      .sort((a, b) => compareNames(a.gateway.name, b.gateway.name));
    const lines = silent.slice(0, notesMax).map(({ gateway, sinceMs }) => {
      const since = new Date(sinceMs).toISOString();
      return `gateway "${gateway.name}" (${placeOf(gateway)}, ${gateway.transport}) has not answered since ${since}`;
    });
    const moreCount = silent.length - lines.length;
    return moreCount === 0 ? lines : [...lines, `${moreCount} more gateways have not answered`];
  }

  close(): void {
    this.#ending.abort(new Error('the probe was closed'));
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** A gateway that is asked as before keeps what is known of it. */
  #follow({ topology, frontEnd }: Estate): void {
    this.#topology = topology;
    const nowMs = performance.now();
    const asked = sipListeners(topology, frontEnd).length === 0 ? [] : topology.callGateways.filter(isAsked);
    const gateways = new Map(asked.map((gateway) => [keyOf(gateway), gateway]));
    for (const key of this.#watched.keys()) if (!gateways.has(key)) this.#watched.delete(key);
    for (const [key, gateway] of gateways) {
      const known = this.#watched.get(key);
      if (known === undefined) {
        const spreadMs = Math.min(this.#pauseMs(gateway), this.#options.spreadMs ?? spreadMsDefault);
        const dueAtMs = nowMs + Math.random() * spreadMs;
        this.#watched.set(key, { gateway, standing: { kind: 'unasked' }, dueAtMs, isBeingAsked: false });
      } else {
        known.gateway = gateway;
        known.dueAtMs = Math.min(known.dueAtMs, nowMs + this.#pauseMs(gateway));
      }
    }
  }

  async #ask(watched: Watched, { topology, frontEnd }: Estate): Promise<void> {
    const { timeoutMs = timeoutMsDefault, log } = this.#options;
    const { gateway } = watched;
    const askedAtMs = Date.now();
    watched.isBeingAsked = true;
    watched.dueAtMs = performance.now() + this.#pauseMs(gateway);
    this.#askedCount += 1;
    try {
      const identity = gateway.transport === 'tls' ? identityOf(topology, frontEnd) : null;
      const { signal } = this.#ending;
      const answer = await askGateway({ gateway, ownHost: frontEnd.host, identity, timeoutMs, signal });
      if (this.#watched.get(keyOf(gateway)) === watched) this.#take(watched, answer, askedAtMs);
    } catch (error) {
      if (this.#ending.signal.aborted) return;
      log.error({ gateway: gateway.name, error: reasonOf(error) }, 'a gateway could not be asked');
    } finally {
      watched.isBeingAsked = false;
      this.#askedCount -= 1;
      this.refresh();
    }
  }

  #take(watched: Watched, answer: GatewayAnswer, askedAtMs: number): void {
    const { log } = this.#options;
    const { gateway, standing } = watched;
    const fields = { gateway: gateway.name, address: placeOf(gateway), transport: gateway.transport };
    switch (answer.kind) {
      case 'answered':
        watched.standing = { kind: 'there' };
        if (standing.kind !== 'silent') return;
        log.info({ ...fields, code: answer.code, silentMs: Date.now() - standing.sinceMs }, 'gateway answers again');
        return;
      case 'silent':
        if (standing.kind === 'silent') return;
        if (standing.kind !== 'missed') {
          watched.standing = { kind: 'missed', sinceMs: askedAtMs };
          return;
        }
        watched.standing = { kind: 'silent', sinceMs: standing.sinceMs };
        log.warn({ ...fields, detail: answer.reason }, 'gateway does not answer');
    }
  }

  #pauseMs({ probe }: Gateway): number {
    return this.#options.everyMs ?? probe;
  }
}

const isAsked = ({ enabled, probe }: Gateway): boolean => enabled && probe > 0;

/** Whoever is to be asked elsewhere or in another way is another one. */
function keyOf({ name, address, port, transport }: Gateway): string {
  return JSON.stringify([nameKey(name), address, port, transport]);
}

function placeOf({ address, port }: Gateway): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

function sipListeners({ listeners }: Topology, frontEnd: Server): readonly Listener[] {
  const own = nameKey(frontEnd.name);
  return listeners.filter(({ protocol, server }) => protocol === 'sip' && (server === null || nameKey(server) === own));
}

/** The certificate of a TLS door for calls, which gateways know already; null where none is named. */
function identityOf(topology: Topology, frontEnd: Server): TlsIdentity | null {
  for (const { certificate } of sipListeners(topology, frontEnd)) {
    const key = certificate === null ? null : nameKey(certificate);
    const found = topology.certificates.find(({ name }) => nameKey(name) === key);
    if (found !== undefined) return { certFile: found.certFile, keyFile: found.keyFile };
  }
  return null;
}
