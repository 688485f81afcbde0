import type { SmtpReply } from '../../protocols/smtp/replies.js';

const reply = (code: number, enhanced: string, text: string): SmtpReply => ({ code, enhanced, text });

/** What is answered where no host was found; RFC 3463 codes. */
export const findReplies = {
  // RFC 7505 §4.2.
  nullMx: (domain: string) => reply(556, '5.1.10', `${domain} accepts no mail`),
  noDomain: (domain: string) => reply(550, '5.4.4', `${domain} does not exist`),
  noExchanger: (domain: string) => reply(550, '5.4.4', `${domain} has no host that mail can be sent to`),
  noLiteral: (domain: string) => reply(550, '5.1.2', `${domain} is not an address`),
  loop: (domain: string) => reply(554, '5.4.6', `Routing loop: mail for ${domain} would come back here`),
  dnsFailed: (domain: string) => reply(451, '4.4.3', `${domain} could not be looked up; try again later`),
  smartHostsFailed: reply(451, '4.4.3', 'The smart host could not be looked up; try again later'),
  smartHostsWrong: reply(451, '4.3.5', 'System incorrectly configured: no smart host can be used; try again later'),
  fault: reply(451, '4.3.0', 'Internal error; try again later'),
} as const;
