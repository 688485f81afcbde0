import type { SmtpClientOptions } from './client-options.js';
import { clientReplies } from './client-replies.js';
import { type ClientSession, offeredMechanisms } from './client-session.js';
import type { Question } from './client-state.js';
import type { SmtpReply } from './replies.js';

/** The greeting of a new connection: RFC 5321 §4.2. */
export function welcome({ banner, serverName }: SmtpClientOptions): SmtpReply {
  return { code: 220, enhanced: null, text: banner?.replace(/^220[ -]?/, '') ?? `${serverName} ESMTP usher` };
}

/**
 * The positive reply to a question.
 * @param words the driver's own; null: the usual ones
 * @param session as it is after the answer
 */
export function consentTo(
  question: Question,
  words: SmtpReply | null,
  session: ClientSession,
  options: SmtpClientOptions,
): SmtpReply {
  if (question.kind === 'hello') {
    const lines = [words?.text ?? `${options.serverName} Hello`];
    if (question.verb === 'EHLO') lines.push(...capabilities(session, options));
    return { code: 250, enhanced: null, text: lines.join('\n') };
  }
  if (question.kind === 'data' && words !== null && words.code !== 354) throw new Error('DATA goes on with a 354');
  return words ?? usualReply(question.kind, options);
}

function usualReply(kind: Exclude<Question['kind'], 'hello'>, options: SmtpClientOptions): SmtpReply {
  switch (kind) {
    case 'mail':
      return clientReplies.sender;
    case 'recipient':
      return clientReplies.recipient;
    case 'login':
      return clientReplies.loggedIn;
    case 'xclient':
      return welcome(options);
    case 'data':
      return clientReplies.data;
    case 'end-of-body':
      throw new Error('the word on a message must be given');
  }
}

/** RFC 5321 §4.1.1.1. */
function capabilities(session: ClientSession, options: SmtpClientOptions): readonly string[] {
  const { extensions, sizeMax, tls, xclient } = options;
  const mechanisms = offeredMechanisms(session, options);
  const lines = [sizeMax === null ? 'SIZE' : `SIZE ${sizeMax}`, 'PIPELINING', '8BITMIME', 'ENHANCEDSTATUSCODES'];
  if (extensions.dsn) lines.push('DSN');
  if (extensions.smtputf8) lines.push('SMTPUTF8');
  if (extensions.chunking) lines.push('CHUNKING');
  if (session.channel === 'plain' && tls === 'offered') lines.push('STARTTLS');
  if (mechanisms.length > 0) lines.push(`AUTH ${mechanisms.join(' ')}`);
  if (xclient.length > 0) lines.push(`XCLIENT ${xclient.join(' ')}`);
  return lines;
}
