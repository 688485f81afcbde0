import { type ImapValue, textOf } from './imap-parser.js';

const systemFlags = ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft'];
const keywordsMax = 20;

/** The FLAGS response code material: what SELECT says can be set. */
export const flagList = systemFlags.join(' ');

/** The flags of an argument, a list or bare atoms; undefined when one of them is no flag a client may set. */
export function readFlags(values: readonly ImapValue[]): string[] | undefined {
  const [first] = values;
  const items = values.length === 1 && first?.kind === 'list' ? first.items : values;
  const flags: string[] = [];
  for (const item of items) {
    const flag = item.kind === 'atom' ? textOf(item) : undefined;
    const known = systemFlags.find((name) => name.toLowerCase() === flag?.toLowerCase());
    if (known !== undefined) flags.push(known);
    else if (flag !== undefined && /^[A-Za-z0-9$_.-]{1,50}$/.test(flag)) flags.push(flag);
    else return undefined;
  }
  return flags.length > systemFlags.length + keywordsMax ? undefined : flags;
}

export type StoreAction = 'replace' | 'add' | 'remove';

/** The flags after a STORE; undefined when a message would carry too many. */
export function applyFlags(
  current: ReadonlySet<string>,
  action: StoreAction,
  flags: readonly string[],
): ReadonlySet<string> | undefined {
  const next = new Set(action === 'replace' ? [] : current);
  for (const flag of flags) {
    if (action === 'remove') next.delete(flag);
    else next.add(flag);
  }
  return next.size > systemFlags.length + keywordsMax ? undefined : next;
}
