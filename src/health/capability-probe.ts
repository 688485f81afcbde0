import { reasonOf } from '../errors.js';
import type { Logger } from '../observability/log.js';
import type { Server } from '../topology/catalogue/catalogue.js';
import { nameKey } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';
import { askCapabilities } from './ask-capabilities.js';
import { commonCapabilities } from './door-capabilities.js';

type Protocol = 'imap' | 'pop';

export interface CapabilityProbeOptions {
  /** The estate in force now. */
  readonly snapshot: () => { readonly topology: Topology; readonly frontEnd: Server };
  readonly log: Logger;
  /** How long an answer is good for; default 5 minutes. */
  readonly refreshMs?: number;
  /** How soon those that did not answer are asked again; default 30 seconds. */
  readonly retryMs?: number;
  /** For one server; default 10 seconds. */
  readonly timeoutMs?: number;
}

/** What the mailbox servers say they can do before a login, asked again and again. */
export interface CapabilityProbe {
  /** What all servers that have ever answered can do; null while none has. */
  of(protocol: Protocol): readonly string[] | null;
  /** Asks all servers now, after a change of the estate for instance. Never rejects. */
  refresh(): Promise<void>;
  close(): void;
}

interface Place {
  readonly key: string;
  readonly protocol: Protocol;
  readonly server: Server;
}

type Answer = { readonly kind: 'told'; readonly capabilities: readonly string[] } | { readonly kind: 'silent' };

const refreshMsDefault = 5 * 60_000;
const retryMsDefault = 30_000;
const timeoutMsDefault = 10_000;
const probesMax = 4;

/** Asks for the first time at once, whenever the estate has changed by the next connection, and every few minutes. */
export function createCapabilityProbe(options: CapabilityProbeOptions): CapabilityProbe {
  return new Probe(options);
}

class Probe implements CapabilityProbe {
  readonly #options: CapabilityProbeOptions;
  readonly #answers = new Map<string, Answer>();
  readonly #ending = new AbortController();
  #common: Record<Protocol, readonly string[] | null> = { imap: null, pop: null };
  #probedTopology: Topology | null = null;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;
  #isWantedAgain = false;

  constructor(options: CapabilityProbeOptions) {
    this.#options = options;
    void this.refresh();
  }

  of(protocol: Protocol): readonly string[] | null {
    if (this.#probedTopology !== this.#options.snapshot().topology) void this.refresh();
    return this.#common[protocol];
  }

  refresh(): Promise<void> {
    if (this.#ending.signal.aborted) return Promise.resolve();
    this.#probedTopology = this.#options.snapshot().topology;
    this.#isWantedAgain = true;
    this.#running ??= this.#probeWhileWanted().finally(() => (this.#running = null));
    return this.#running;
  }

  close(): void {
    this.#ending.abort(new Error('the probe was closed'));
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #probeWhileWanted(): Promise<void> {
    while (this.#isWantedAgain && !this.#ending.signal.aborted) {
      this.#isWantedAgain = false;
      try {
        await this.#probeAll();
      } catch (error) {
        this.#options.log.error({ error: reasonOf(error) }, 'the capabilities of mailbox servers could not be asked');
      }
    }
  }

  async #probeAll(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const { topology, frontEnd } = this.#options.snapshot();
    const places = placesOf(topology, frontEnd);
    this.#forgetUnless(new Set(places.map(({ key }) => key)));
    const queue = places.values();
    const lane = async (): Promise<number> => {
      let silent = 0;
      for (const place of queue) if (!(await this.#probe(place))) silent += 1;
      return silent;
    };
    const silent = await Promise.all(Array.from({ length: probesMax }, lane));
    if (this.#ending.signal.aborted) return;
    const { refreshMs = refreshMsDefault, retryMs = retryMsDefault } = this.#options;
    const waitMs = silent.some((count) => count > 0) ? Math.min(retryMs, refreshMs) : refreshMs;
    this.#timer = setTimeout(() => void this.refresh(), waitMs).unref();
  }

  /** Whether the server has told. */
  async #probe({ key, protocol, server }: Place): Promise<boolean> {
    if (this.#ending.signal.aborted) return true;
    const { timeoutMs = timeoutMsDefault, log } = this.#options;
    const endpoint = server.endpoints[protocol];
    const before = this.#answers.get(key);
    try {
      const question = { protocol, host: server.host, endpoint, timeoutMs, signal: this.#ending.signal };
      const capabilities = await askCapabilities(question);
      this.#answers.set(key, { kind: 'told', capabilities });
      this.#compare();
      return true;
    } catch (error) {
      if (this.#ending.signal.aborted) return true;
      // What it said before still counts: it will most likely say so again. The first silence is told once.
      if (before === undefined) {
        this.#answers.set(key, { kind: 'silent' });
        const fields = { protocol, server: server.name, detail: reasonOf(error) };
        log.info(fields, 'a mailbox server does not say what it can do');
      }
      return false;
    }
  }

  #forgetUnless(keys: ReadonlySet<string>): void {
    for (const key of this.#answers.keys()) if (!keys.has(key)) this.#answers.delete(key);
    this.#compare();
  }

  #compare(): void {
    for (const protocol of ['imap', 'pop'] as const) {
      const answers = [...this.#answers].flatMap(([key, answer]) =>
        key.startsWith(protocol) && answer.kind === 'told' ? [answer.capabilities] : [],
      );
      const common = commonCapabilities(protocol, answers);
      if (common?.join('\n') !== this.#common[protocol]?.join('\n')) this.#common[protocol] = common;
    }
  }
}

/** The servers that logins at this front end's doors can be led to. */
function placesOf(topology: Topology, frontEnd: Server): readonly Place[] {
  const places = new Map<string, Place>();
  for (const protocol of protocolsOf(topology, frontEnd)) {
    for (const { active } of topology.databases) {
      const server = topology.server(active);
      if (!server || isInactive(server, protocol)) continue;
      const key = `${protocol} ${nameKey(server.name)} ${JSON.stringify([server.host, server.endpoints[protocol]])}`;
      places.set(key, { key, protocol, server });
    }
  }
  return [...places.values()];
}

function protocolsOf(topology: Topology, frontEnd: Server): readonly Protocol[] {
  const isOpen = (protocol: Protocol): boolean =>
    topology.listeners.some(
      (listener) =>
        listener.protocol === protocol &&
        (listener.server === null || nameKey(listener.server) === nameKey(frontEnd.name)),
    );
  return (['imap', 'pop'] as const).filter(isOpen);
}

function isInactive(server: Server, protocol: Protocol): boolean {
  return server.components.some(
    ({ component, state }) => state === 'inactive' && (component === protocol || component === 'server-wide'),
  );
}
