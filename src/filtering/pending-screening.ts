import type { Filters } from '../topology/catalogue/catalogue.js';
import type { FilterVerdict, Screening } from '../topology/screening.js';
import type { AgentChain } from './agent-chain.js';
import { pass } from './filter-verdict.js';
import { addressKeysOf } from './known-keys.js';
import type { Awaitable } from './protocol-agent.js';
import { isPromise } from './when-known.js';

/**
 * A screening whose answers may take time. When one does, `pass` is returned and `pending` set: once it has resolved,
 * the same question gets its answer at once. It never rejects.
 */
export interface PendingScreening extends Screening {
  readonly pending: Promise<void> | null;
}

/** Answers kept for one message; beyond it they are asked for again. */
const answersMax = 10_000;

/** The screening of one message by the agents of its session; no agent is asked the same of it twice. */
export function screeningOf(
  chain: AgentChain,
  { bypassedRecipients }: Pick<Filters, 'bypassedRecipients'>,
): PendingScreening {
  const answers = new Map<string, FilterVerdict>();
  let pending: Promise<void> | null = null;
  const isBypassed = (key: string): boolean => addressKeysOf(bypassedRecipients).has(key);

  const answered = (question: string, ask: () => Awaitable<FilterVerdict>): FilterVerdict => {
    const known = answers.get(question);
    if (known !== undefined) return known;
    // One question at a time: the others are put when the whole is asked again.
    if (pending !== null) return pass;
    const keep = (verdict: FilterVerdict): FilterVerdict => {
      if (answers.size >= answersMax) answers.clear();
      answers.set(question, verdict);
      return verdict;
    };
    const answer = ask();
    if (!isPromise(answer)) return keep(answer);
    pending = answer.then((verdict) => {
      keep(verdict);
      pending = null;
    });
    return pass;
  };

  return {
    get client() {
      return chain.client;
    },
    get pending() {
      return pending;
    },
    sender: (from) => answered(`from ${from}`, () => chain.mail(from)),
    recipient(recipient) {
      const { key, primaryKey = key } = recipient;
      // Who is refused anyway is asked about by nobody.
      if (chain.client.kind === 'block' && !isBypassed(key) && !isBypassed(primaryKey)) return chain.client;
      return answered(`to ${key}\n${primaryKey}`, () => chain.recipient(recipient));
    },
    isBypassed,
  };
}
