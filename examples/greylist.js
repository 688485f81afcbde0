// Greylisting: what comes for the first time from a network, a sender and to a recipient is asked to come again.
// A server that queues its mail does; most that send junk do not. RFC 6647.
//
// To use it, copy the file to the front ends and name it in the estate:
//
//   filters:
//     agents:
//       - name: greylist
//         module: /etc/usher/greylist.js
//         settings: {delay: 60, window: 14400, remember: 3110400, entries: 100000}
//
// delay     seconds that must pass before a second attempt counts (60)
// window    seconds within which the second attempt must come (4 hours)
// remember  seconds for which a triple that came again is let through, counted from its last message (36 days)
// entries   triples kept in memory; the oldest go first (100000)

const defaults = { delay: 60, window: 4 * 3600, remember: 36 * 24 * 3600, entries: 100_000 };
const limits = { delay: 3600, window: 7 * 24 * 3600, remember: 365 * 24 * 3600, entries: 10_000_000 };

/** @type {import('../src/filtering/protocol-agent.js').CreateAgent} */
export function createAgent({ name, priority, settings, nowMs }) {
  const { delay, window, remember, entries } = readSettings(settings);
  /**
   * Oldest first. `passedMs`: when it last came again in time; null: not yet.
   * @type {Map<string, {firstMs: number, passedMs: number | null}>}
   */
  const seen = new Map();

  /** @param {string} key @param {{firstMs: number, passedMs: number | null}} entry */
  const keep = (key, entry) => {
    seen.delete(key);
    seen.set(key, entry);
    for (const oldest of seen.keys()) {
      if (seen.size <= entries) break;
      seen.delete(oldest);
    }
  };

  /** @param {string} key */
  const judge = (key) => {
    const now = nowMs();
    const entry = seen.get(key);
    if (entry && entry.passedMs !== null && now - entry.passedMs <= remember * 1000) {
      keep(key, { ...entry, passedMs: now });
      return { kind: 'pass' };
    }
    if (!entry || entry.passedMs !== null || now - entry.firstMs > window * 1000) {
      keep(key, { firstMs: now, passedMs: null });
      return comeAgain(`first sight of ${key}`);
    }
    const leftMs = entry.firstMs + delay * 1000 - now;
    if (leftMs > 0) return comeAgain(`${key} came again ${Math.ceil(leftMs / 1000)} s too early`);
    keep(key, { ...entry, passedMs: now });
    return { kind: 'pass' };
  };

  return {
    name,
    priority,
    recipient(session, recipient) {
      const from = (session.from ?? '').slice(0, 600).toLowerCase();
      return judge(`${networkOf(session.clientAddress)} <${from}> <${recipient.primaryKey}>`);
    },
  };
}

/** @param {string} why */
const comeAgain = (why) => ({
  kind: 'block',
  why,
  reply: { code: 451, enhanced: '4.7.1', text: 'Greylisted, please try again later' },
});

/**
 * The network of an address: big senders try again from a neighbour. 24 bits of IPv4, 64 of IPv6.
 * @param {string} address
 */
function networkOf(address) {
  if (!address.includes(':')) return `${address.split('.').slice(0, 3).join('.')}.0/24`;
  const [head = '', tail] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array.from({ length: missing }, () => '0'), ...after];
  return `${groups.slice(0, 4).join(':')}::/64`;
}

/** @param {Readonly<Record<string, unknown>>} settings */
function readSettings(settings) {
  for (const key of Object.keys(settings)) {
    if (!(key in defaults)) {
      throw new Error(`unknown setting "${key}"; there are ${Object.keys(defaults).join(', ')}`);
    }
  }
  const read = { ...defaults, ...settings };
  for (const [key, max] of Object.entries(limits)) {
    const value = read[key];
    if (!Number.isInteger(value) || value < (key === 'delay' ? 0 : 1) || value > max) {
      throw new Error(`setting "${key}" is ${JSON.stringify(value)}; it must be a whole number up to ${max}`);
    }
  }
  if (read.delay > read.window)
    throw new Error(`setting "delay" (${read.delay}) is longer than "window" (${read.window})`);
  return read;
}
