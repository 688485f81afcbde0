import { addressKey } from '../topology/mail-address.js';
import type { FilterVerdict } from '../topology/screening.js';
import { block, pass } from './filter-verdict.js';
import { addressKeysOf } from './known-keys.js';
import type { AgentRecipient, AgentSession } from './protocol-agent.js';

/**
 * Recipients that a check of whole messages leaves out. There is one answer to a message, so those that are left out
 * and those that are not go in transactions of their own.
 */
export class RecipientsApart {
  readonly #list: readonly string[];
  /** Names of the message under way that stand for a name on the list. */
  readonly #otherNames = new WeakMap<AgentSession, Set<string>>();

  constructor(list: readonly string[]) {
    this.#list = list;
  }

  /** Another message begins. */
  forget(session: AgentSession): void {
    this.#otherNames.delete(session);
  }

  holds(session: AgentSession, address: string): boolean {
    const key = addressKey(address) ?? address;
    return addressKeysOf(this.#list).has(key) || this.#otherNames.get(session)?.has(key) === true;
  }

  /** RCPT: learns the names of a recipient. */
  learn(session: AgentSession, { key, primaryKey }: AgentRecipient): void {
    if (key === primaryKey || !addressKeysOf(this.#list).has(primaryKey)) return;
    const names = this.#otherNames.get(session) ?? new Set();
    this.#otherNames.set(session, names.add(key));
  }

  /** RCPT, where the message may be refused whole: may the recipient share the transaction with those before it. */
  judge(session: AgentSession, { key }: AgentRecipient): FilterVerdict {
    const [first] = session.recipients;
    if (first === undefined || this.holds(session, first) === this.holds(session, key)) return pass;
    const why = `${first} and ${key} are not checked alike`;
    return block(452, '4.5.3', 'Send to this recipient in another transaction', why);
  }
}
