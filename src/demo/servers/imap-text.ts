const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A string, or NIL, as IMAP writes it: quoted when it can be, else a literal. One character per byte. */
export function imapString(text: string | undefined): string {
  if (text === undefined) return 'NIL';
  if (text.length <= 1000 && /^[\x20-\x7e]*$/.test(text)) return `"${text.replace(/["\\]/g, '\\$&')}"`;
  const bytes = text.replaceAll('\0', '');
  return `{${bytes.length}}\r\n${bytes}`;
}

/** `17-Jul-2026 02:44:25 +0000`, in quotes. */
export function imapDateTime(date: Date): string {
  const day = String(date.getUTCDate()).padStart(2, ' ');
  const time = date.toISOString().slice(11, 19);
  return `"${day}-${months[date.getUTCMonth()]}-${date.getUTCFullYear()} ${time} +0000"`;
}

/** Reads `17-Jul-2026 02:44:25 -0700`; undefined when malformed. */
export function parseImapDateTime(text: string): Date | undefined {
  const pattern = /^( \d|\d\d)-([A-Za-z]{3})-(\d{4}) (\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)$/;
  const [, day, month = '', year, time, zoneHours, zoneMinutes] = pattern.exec(text) ?? [];
  const monthNumber = monthOf(month);
  if (day === undefined || monthNumber === undefined) return undefined;
  const iso = `${year}-${monthNumber}-${day.replace(' ', '0')}T${time}${zoneHours}:${zoneMinutes}`;
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** The start of a day, `1-Feb-2026`, in UTC milliseconds; undefined when malformed. */
export function parseImapDay(text: string): number | undefined {
  const [, day, month = '', year] = /^(\d{1,2})-([A-Za-z]{3})-(\d{4})$/.exec(text) ?? [];
  const monthNumber = monthOf(month);
  if (day === undefined || monthNumber === undefined) return undefined;
  const time = Date.parse(`${year}-${monthNumber}-${day.padStart(2, '0')}T00:00:00Z`);
  return Number.isNaN(time) ? undefined : time;
}

function monthOf(name: string): string | undefined {
  const index = months.findIndex((month) => month.toLowerCase() === name.toLowerCase());
  return index < 0 ? undefined : String(index + 1).padStart(2, '0');
}
