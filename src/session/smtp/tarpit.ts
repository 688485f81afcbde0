import type { SmtpReply } from '../../protocols/smtp/replies.js';
import type { Standing } from '../../routing/mail-session.js';
import type { ReceiveConnector } from '../../topology/catalogue/catalogue.js';

/** How long the reply to a RCPT or AUTH is held back, in milliseconds: a refusal makes strangers wait. */
export function tarpitMs(
  { tarpit }: Pick<ReceiveConnector, 'tarpit'>,
  standing: Standing,
  { code }: SmtpReply,
): number {
  if (code < 500) return 0;
  switch (standing) {
    case 'anonymous':
    case 'partner':
      return tarpit;
    case 'user':
    case 'server':
      return 0;
  }
}
