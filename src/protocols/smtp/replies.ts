/** An SMTP reply: `enhanced` is the RFC 3463 code if there is one; the lines of `text` are joined by `\n`. */
export interface SmtpReply {
  readonly code: number;
  readonly enhanced: string | null;
  readonly text: string;
}

/** The reply in wire form, one line for each line of its text, CRLF included. */
export function formatReply(reply: SmtpReply): string {
  const enhanced = reply.enhanced === null ? '' : `${reply.enhanced} `;
  const lines = reply.text.split('\n').map((line) => printable(enhanced + line).trimEnd());
  return lines.map((line, index) => `${reply.code}${index === lines.length - 1 ? ' ' : '-'}${line}\r\n`).join('');
}

/** The reply on one line, for a log or a trace: `550 5.1.1 no such user`. */
export function describeReply(reply: SmtpReply): string {
  return formatReply({ ...reply, text: reply.text.replaceAll('\n', ' ') }).trimEnd();
}

/** What the first digit of a reply says: RFC 5321 §4.2.1. */
export function kindOfReply(reply: SmtpReply): 'done' | 'go-on' | 'temporary' | 'permanent' {
  if (reply.code < 300) return 'done';
  if (reply.code < 400) return 'go-on';
  return reply.code < 500 ? 'temporary' : 'permanent';
}

/** The text without control characters, so that it can stand in a reply or a log. */
export function printable(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?');
}
