import { connectionAgent } from './connection-agent.js';
import type { FilterSetting } from './filter-setting.js';
import type { ProtocolAgent } from './protocol-agent.js';
import { recipientAgent } from './recipient-agent.js';
import { senderAgent } from './sender-agent.js';
import { spfAgent } from './spf-agent.js';

/** The built-in agents that are switched on. They serve any number of sessions. */
export function builtInAgents(setting: FilterSetting): readonly ProtocolAgent[] {
  const { filters, checkSpf } = setting;
  const { connection, sender, recipient, spf } = filters.enabled;
  return [
    ...(connection ? [connectionAgent(setting)] : []),
    ...(spf && checkSpf !== null ? [spfAgent({ ...setting, checkSpf })] : []),
    ...(sender ? [senderAgent(filters)] : []),
    ...(recipient ? [recipientAgent(filters)] : []),
  ];
}
