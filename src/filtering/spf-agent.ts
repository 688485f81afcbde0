import type { FilterSetting } from './filter-setting.js';
import { pass } from './filter-verdict.js';
import { isInternalRelay, outsideAddress } from './outside-address.js';
import type { AgentMessage, AgentSession, Awaitable, MessageVerdict, ProtocolAgent } from './protocol-agent.js';
import { RecipientsApart } from './recipients-apart.js';
import { isSpfBypassed, judgeSpf, type SpfChecker, type SpfResult, spfAction, spfDomain } from './spf-filter.js';
import { whenKnown } from './when-known.js';

/**
 * SPF: the client is checked at MAIL, and its message judged at the end of the header. What comes through a relay of
 * ours is checked at the end of the header only, by the address that the relay had it from.
 */
export function spfAgent(setting: Omit<FilterSetting, 'checkSpf'> & { readonly checkSpf: SpfChecker }): ProtocolAgent {
  const { filters, internalSmtpServers, checkSpf } = setting;
  const results = new WeakMap<AgentSession, SpfResult>();
  const apart = new RecipientsApart(filters.spf.bypassedRecipients);
  const isRelay = (session: AgentSession): boolean => isInternalRelay(internalSmtpServers, session.clientAddress);
  const check = (address: string, helo: string, from: string): Awaitable<SpfResult> =>
    spfDomain(from, helo) === undefined ? 'none' : checkSpf({ address, helo, from });

  /** Whether the message under way is refused, or may be when its header is known. */
  const mayBeRefused = (session: AgentSession): boolean => {
    const result = results.get(session);
    if (result !== undefined) return spfAction(filters, result) === 'reject';
    const from = session.from ?? '';
    return isRelay(session) && !isSpfBypassed(filters, from) && Object.values(filters.spf).includes('reject');
  };
  const judge = (session: AgentSession, { from, recipients }: AgentMessage, result: SpfResult): MessageVerdict => {
    const checked = recipients.filter((key) => !apart.holds(session, key));
    const [first] = checked;
    if (first === undefined) return pass;
    const verdict = judgeSpf(filters, result, from, first);
    return verdict.kind === 'discard' ? { ...verdict, recipients: checked } : verdict;
  };

  return {
    name: 'spf',
    priority: 5,
    mail(session, from) {
      results.delete(session);
      apart.forget(session);
      if (isSpfBypassed(filters, from) || isRelay(session)) return pass;
      return whenKnown(check(session.clientAddress, session.helo ?? '', from), (result) => {
        results.set(session, result);
        return pass;
      });
    },
    recipient(session, recipient) {
      apart.learn(session, recipient);
      return mayBeRefused(session) ? apart.judge(session, recipient) : pass;
    },
    message(session, message) {
      const known = results.get(session);
      if (known !== undefined) return judge(session, message, known);
      if (!isRelay(session) || isSpfBypassed(filters, message.from)) return pass;
      const address = outsideAddress(message.fields, internalSmtpServers);
      if (address === undefined) return pass;
      // What the client told the relay as its own name is not known: RFC 7208 §2.4 leaves the empty sender without one.
      return whenKnown(check(address, '', message.from), (result) => judge(session, message, result));
    },
  };
}
