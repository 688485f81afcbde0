import { stat } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { reasonOf } from '../errors.js';
import type { CreateAgent, ProtocolAgent } from '../filtering/protocol-agent.js';
import { withinTime } from '../session/smtp/within-time.js';
import type { Filters } from '../topology/catalogue/catalogue.js';

type AgentEntry = Filters['agents'][number];

/** The administrator's agents that could be had, and why others could not: one line each. */
export interface LoadedAgents {
  readonly agents: readonly ProtocolAgent[];
  readonly problems: readonly string[];
}

/** Loads the agents of an estate, and keeps those that stay as they were: what they remember stays with them. */
export interface AgentLoader {
  load(entries: readonly AgentEntry[]): Promise<LoadedAgents>;
}

interface Kept {
  readonly signature: string;
  readonly agent: ProtocolAgent;
}

const loadTimeoutMs = 30_000;
const events = ['connect', 'hello', 'mail', 'recipient', 'message', 'outcome', 'disconnect'] as const;

/**
 * A module is loaded again when its file has changed; what it imports itself is not. Where a new state of an agent
 * cannot be loaded, the one before stays. `nowMs` is what agents are given as their clock.
 */
export function createAgentLoader(nowMs: () => number, timeoutMs: number = loadTimeoutMs): AgentLoader {
  let kept: ReadonlyMap<string, Kept> = new Map();
  const load = async (entries: readonly AgentEntry[]): Promise<LoadedAgents> => {
    const next = new Map<string, Kept>();
    const problems: string[] = [];
    for (const entry of entries.filter(({ enabled }) => enabled)) {
      const before = kept.get(entry.name);
      try {
        next.set(entry.name, await withinTime(loadAgent(entry, before, nowMs), timeoutMs));
      } catch (error) {
        if (before) next.set(entry.name, before);
        const rest = before ? '; it stays as it was loaded before' : '';
        problems.push(`agent "${entry.name}" (${entry.module}): ${reasonOf(error)}${rest}`);
      }
    }
    kept = next;
    return { agents: [...next.values()].map(({ agent }) => agent), problems };
  };
  // One after the other: each begins with what the one before it kept.
  let last: Promise<unknown> = Promise.resolve();
  return {
    load(entries) {
      const loaded = last.then(() => load(entries));
      last = loaded.catch(() => undefined);
      return loaded;
    },
  };
}

async function loadAgent(entry: AgentEntry, before: Kept | undefined, nowMs: () => number): Promise<Kept> {
  const { name, module, priority, settings } = entry;
  const { mtimeMs, size } = await stat(module);
  const version = `${mtimeMs}-${size}`;
  const signature = JSON.stringify([module, version, priority, settings]);
  if (before?.signature === signature) return before;
  const url = pathToFileURL(module);
  url.search = version;
  const exported = (await import(/* @vite-ignore */ url.href)) as Readonly<Record<string, unknown>>;
  const create = exported['createAgent'];
  if (typeof create !== 'function') throw new Error('it exports no function "createAgent"');
  if (!isRecord(settings)) throw new Error('its settings are no object');
  const options = { name, priority, settings: structuredClone(settings), nowMs };
  const agent: unknown = await (create as CreateAgent)(options);
  const wrong = whatIsWrong(agent, entry);
  if (wrong !== null) throw new Error(wrong);
  return { signature, agent: agent as ProtocolAgent };
}

/** What an agent lacks to be one; null: nothing. */
function whatIsWrong(agent: unknown, { name, priority }: AgentEntry): string | null {
  if (!isRecord(agent)) return 'createAgent returned no object';
  const given = { name, priority };
  for (const key of ['name', 'priority'] as const) {
    if (agent[key] === given[key]) continue;
    return `createAgent returned ${key} ${JSON.stringify(agent[key])} instead of ${JSON.stringify(given[key])}`;
  }
  const odd = events.find((event) => agent[event] !== undefined && typeof agent[event] !== 'function');
  if (odd !== undefined) return `its "${odd}" is no function`;
  if (events.every((event) => agent[event] === undefined)) return `it has none of the functions ${events.join(', ')}`;
  return null;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
