import type { ReceiveConnector } from '../../topology/catalogue/catalogue.js';
import { nameKey } from '../../topology/names.js';

/** How many messages each source has sent through each receive connector within the last minute. */
export interface MessageRates {
  /**
   * Counts one more message; false, and nothing is counted, when the source has sent `messagesPerMinute` of them.
   * `source` is the key of the user of a session that logged on, else the client's address.
   */
  take(connector: Pick<ReceiveConnector, 'name' | 'messagesPerMinute'>, source: string): boolean;
}

/** Messages of one source that came together. */
interface Batch {
  readonly atMs: number;
  count: number;
}

interface SourceRate {
  /** Oldest first. */
  batches: Batch[];
  total: number;
}

const windowMs = 60_000;
const sourcesMax = 100_000;
/** Up to this limit every message keeps its own time; above it those of one second share one. */
const exactMax = 64;
const coarseMs = 1000;

/**
 * In no minute, wherever it begins, a source sends more than its connector allows. Above 64 a minute a message may count
 * for up to a second more. When there are too many sources the one that has been silent longest is forgotten.
 */
export function createMessageRates(nowMs: () => number): MessageRates {
  // In the order of their last message.
  const sources = new Map<string, SourceRate>();
  return {
    take({ name, messagesPerMinute: limit }, source) {
      if (limit === null) return true;
      const now = nowMs();
      const widthMs = limit <= exactMax ? 1 : coarseMs;
      const key = `${nameKey(name)}\n${source}`;
      const rate = sources.get(key) ?? { batches: [], total: 0 };
      dropOld(rate, now, widthMs);
      if (rate.total >= limit) return false;
      count(rate, now, widthMs);
      sources.delete(key);
      forgetSilent(sources, now);
      sources.set(key, rate);
      return true;
    },
  };
}

function dropOld(rate: SourceRate, nowMs: number, widthMs: number): void {
  const { batches } = rate;
  // A clock that was set back would keep what it has counted for as long as it was set back.
  const isAhead = (batches.at(-1)?.atMs ?? nowMs) > nowMs;
  const oldMs = nowMs - windowMs - widthMs + 1;
  const kept = isAhead ? batches.length : batches.findIndex(({ atMs }) => atMs > oldMs);
  if (kept === 0) return;
  const dropped = batches.splice(0, kept === -1 ? batches.length : kept);
  rate.total -= dropped.reduce((sum, batch) => sum + batch.count, 0);
}

function count(rate: SourceRate, nowMs: number, widthMs: number): void {
  const last = rate.batches.at(-1);
  rate.total += 1;
  if (last !== undefined && nowMs - last.atMs < widthMs) last.count += 1;
  else rate.batches.push({ atMs: nowMs, count: 1 });
}

/** Makes room for one: those at the front whose minute is over go, a few at a time, and the first when there is no room. */
function forgetSilent(sources: Map<string, SourceRate>, nowMs: number): void {
  let dropsLeft = 2;
  for (const [key, { batches }] of sources) {
    const isSilent = (batches.at(-1)?.atMs ?? 0) <= nowMs - windowMs - coarseMs;
    if (dropsLeft === 0 || (!isSilent && sources.size < sourcesMax)) return;
    sources.delete(key);
    dropsLeft -= 1;
  }
}
