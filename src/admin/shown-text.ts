/** What strangers wrote, without what would make a terminal do something. */
export function shownText(text: string): string {
  return text.replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, '?');
}
