import type { SmtpReply } from '../../protocols/smtp/replies.js';

/** RFC 5321 §4.5.3.1.5: 512 octets a line, with code, enhanced code and CRLF. */
const lineLengthMax = 480;
const linesMax = 20;
const shortened = ' ...';

/** A server's reply as it can be passed on: whoever hears it need not take lines, or so many, as we take. */
export function briefReply(reply: SmtpReply): SmtpReply {
  const { text } = reply;
  if (text.length <= lineLengthMax && !text.includes('\n') && isAscii.test(text)) return reply;
  const lines = text.split('\n');
  const kept = lines.slice(0, linesMax).map(briefLine);
  if (lines.length > linesMax) kept.push(shortened.trimStart());
  return { ...reply, text: kept.join('\n') };
}

/** The reason that a server gave, on one line. */
export const briefReason = (reason: string): string =>
  reason.length <= lineLengthMax ? reason : reason.slice(0, lineLengthMax) + shortened;

const isAscii = /^[\u0000-\u007f]*$/;

function briefLine(line: string): string {
  const bytes = Buffer.from(line);
  if (bytes.length <= lineLengthMax) return line;
  // A character that is cut is none.
  return (
    bytes
      .subarray(0, lineLengthMax - shortened.length)
      .toString()
      .replace(/\ufffd$/, '') + shortened
  );
}
