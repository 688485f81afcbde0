import type { DirectorySurvey, MailboxSample } from '../store/directory-survey.js';
import type { Finding } from '../topology/check/finding.js';
import { errorOf, warningOf } from '../topology/check/finding.js';

/** Mailboxes in databases that are not there, and in domains that are not ours. */
export function checkDirectory(survey: DirectorySurvey): Finding[] {
  const lost = survey.lostDatabases.map(({ database, ...sample }) => {
    const message = `there is no database "${database}"${alike(sample, 'mailboxes name it too')}; the store is damaged: make the database again, or move the mailboxes`;
    return errorOf('mailbox')(sample.addresses[0] ?? '', ['database'], 'mailbox-without-database', message);
  });
  const foreign = survey.foreignDomains.map(({ domain, ...sample }) => {
    const message = `is in ${domain}, which is no accepted domain${alike(sample, 'addresses of mailboxes are too')}; create the domain, or change the address`;
    return warningOf('mailbox')(sample.addresses[0] ?? '', ['address'], 'mailbox-in-foreign-domain', message);
  });
  if (survey.furtherForeignAddresses > 0) {
    const message = `is one of more domains than are shown: ${survey.furtherForeignAddresses} further addresses of mailboxes are in domains that are not accepted`;
    const last = survey.foreignDomains.at(-1);
    foreign.push(warningOf('mailbox')(last?.addresses[0] ?? '', ['address'], 'further-foreign-domains', message));
  }
  return [...lost, ...foreign, ...checkExtensions(survey.overriddenExtensions)];
}

/** Extensions that mean somebody else in one dial plan than in the others. */
function checkExtensions({ count, first }: DirectorySurvey['overriddenExtensions']): Finding[] {
  return first.map(({ extension, dialPlan, address, general }, index) => {
    const left = index === first.length - 1 ? count - first.length : 0;
    const more = left > 0 ? ` (and ${left} more extensions are like that)` : '';
    const message = `takes extension ${extension} in dial plan "${dialPlan}" from ${general}, which has it for every plan${more}; calls of that plan go to ${address} only`;
    return warningOf('mailbox')(address, ['dialPlan'], 'extension-overridden', message);
  });
}

/** `(412 other mailboxes name it too: b@x, c@x, ...)`, or nothing where there is only the one that is named anyway. */
function alike({ count, addresses }: MailboxSample, words: string): string {
  if (count < 2) return '';
  const shown = addresses.slice(1);
  const end = count - 1 > shown.length ? ', ...' : '';
  return ` (${count - 1} other ${words}: ${shown.join(', ')}${end})`;
}
