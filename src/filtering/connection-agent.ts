import type { DnsAnswer } from '../topology/resolver.js';
import type { FilterVerdict } from '../topology/screening.js';
import { judgeClient } from './connection-filter.js';
import type { FilterSetting } from './filter-setting.js';
import { pass } from './filter-verdict.js';
import { isInternalRelay, outsideAddress } from './outside-address.js';
import type { AgentMessage, AgentSession, Awaitable, ProtocolAgent } from './protocol-agent.js';
import { RecipientsApart } from './recipients-apart.js';
import { isPromise } from './when-known.js';

/** How long providers are asked about one client; those that are left by then do not list it. */
const lookUpTimeMs = 15_000;

/**
 * Connection filtering: the client's address when it connects; at a relay of ours, where everybody's mail comes from,
 * the address that the relay had it from, at the end of the header.
 */
export function connectionAgent({ filters, internalSmtpServers, resolver, nowMs }: FilterSetting): ProtocolAgent {
  const isRelay = (session: AgentSession): boolean => isInternalRelay(internalSmtpServers, session.clientAddress);
  const judge = (address: string): Awaitable<FilterVerdict> => {
    const startedMs = nowMs();
    const answers = new Map<string, DnsAnswer>();
    const goOn = (): Awaitable<FilterVerdict> => {
      for (;;) {
        const step = judgeClient(filters, address, startedMs, answers);
        if (step.kind === 'verdict') return step.verdict;
        const isOverdue = nowMs() - startedMs >= lookUpTimeMs;
        const answer = isOverdue ? ({ kind: 'timeout' } as const) : resolver.addresses(step.name);
        if (isPromise(answer)) {
          return answer.then((later) => {
            answers.set(step.name, later);
            return goOn();
          });
        }
        answers.set(step.name, answer);
      }
    };
    return goOn();
  };
  const agent: ProtocolAgent = {
    name: 'connection-filtering',
    priority: 1,
    connect: (session) => (isRelay(session) ? pass : judge(session.clientAddress)),
  };
  if (internalSmtpServers.length === 0) return agent;
  const apart = new RecipientsApart(filters.bypassedRecipients);
  const judgeOrigin = (message: AgentMessage): Awaitable<FilterVerdict> => {
    const address = outsideAddress(message.fields, internalSmtpServers);
    return address === undefined ? pass : judge(address);
  };
  return {
    ...agent,
    mail(session) {
      apart.forget(session);
      return pass;
    },
    recipient(session, recipient) {
      if (!isRelay(session)) return pass;
      apart.learn(session, recipient);
      return apart.judge(session, recipient);
    },
    message(session, message) {
      if (!isRelay(session) || message.recipients.every((key) => apart.holds(session, key))) return pass;
      return judgeOrigin(message);
    },
  };
}
