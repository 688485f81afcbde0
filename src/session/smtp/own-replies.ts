import type { SmtpReply } from '../../protocols/smtp/replies.js';

const reply = (code: number, enhanced: string, text: string): SmtpReply => ({ code, enhanced, text });

/** What the door says in its own words; RFC 3463 codes. */
export const ownReplies = {
  notAvailable: reply(421, '4.3.2', 'Service not available'),
  shuttingDown: reply(421, '4.3.2', 'Service shutting down'),
  tooManyConnections: reply(421, '4.3.2', 'Too many connections; try again later'),
  silent: reply(421, '4.4.2', 'Nothing came for too long; closing the connection'),
  overdue: reply(421, '4.4.2', 'The connection has lasted too long'),
  tooManyErrors: reply(421, '4.7.0', 'Too many protocol errors'),
  oldTls: reply(421, '4.7.0', 'TLS 1.2 or newer is needed'),
  tlsFirst: reply(530, '5.7.0', 'Must issue a STARTTLS command first'),
  earlyTalker: reply(554, '5.5.0', 'You spoke before the greeting'),
  wrongCredentials: reply(535, '5.7.8', 'Authentication credentials invalid'),
  loginTemporary: reply(454, '4.7.0', 'Temporary authentication failure'),
  loginLost: reply(421, '4.3.2', 'The mailbox server you logged on to is gone; connect again'),
  tooManyMessages: reply(451, '4.7.1', 'Too many messages in a minute; try again later'),
  blocked: reply(421, '4.7.0', 'Closing the connection'),
  discarded: reply(250, '2.6.0', 'Message accepted'),
  parameter: reply(555, '5.5.4', 'MAIL or RCPT parameter not supported'),
  notAscii: reply(553, '5.6.7', 'SMTPUTF8 is not supported; the address must be ASCII'),
  tooManyRecipients: reply(452, '4.5.3', 'Too many recipients'),
  bareLineEnding: reply(550, '5.6.11', 'The message holds a CR or LF without the other'),
  hiddenDot: reply(550, '5.6.0', 'A line of the message hides a dot behind NUL'),
  headerTooLarge: reply(552, '5.3.4', 'The header of the message is too large'),
  tooLarge: reply(552, '5.3.4', 'Message size exceeds fixed maximum message size'),
  noServer: reply(451, '4.4.1', 'No mailbox server can take the message now; try again later'),
  serverLost: reply(451, '4.4.2', 'The next server did not confirm the message; try again later'),
  clientLost: reply(451, '4.4.2', 'The message did not come to its end'),
  faultClosing: reply(421, '4.3.0', 'Internal error; try again later'),
  badAttribute: reply(501, '5.5.4', 'Bad XCLIENT attribute'),
  fault: reply(451, '4.3.0', 'Internal error; try again later'),
} as const;
