import { resolve } from 'node:path';
import { UsherError } from '../errors.js';
import type { EstateObject } from '../topology/catalogue/catalogue.js';
import { type FilterList, filterLists } from './filter-lists.js';
import { badFlag } from './test-routing.js';
import { timeFlag } from './time-flag.js';

/** What `filter add` was told of the entries beside what they go by. */
export interface DetailFlags {
  readonly comment?: string | undefined;
  readonly expires?: string | undefined;
  readonly zone?: string | undefined;
  readonly priority?: number | undefined;
  readonly match?: string | undefined;
  readonly response?: string | undefined;
  readonly disabled?: boolean | undefined;
  readonly module?: string | undefined;
  readonly setting?: readonly string[] | undefined;
}

type DetailFlag = keyof DetailFlags;

function flagsOfList({ name, kind }: FilterList): readonly DetailFlag[] {
  switch (kind) {
    case 'range':
      return ['comment', 'expires'];
    case 'provider':
      return ['zone', 'priority', 'match', 'disabled', ...(name === 'block-provider' ? (['response'] as const) : [])];
    case 'agent':
      return ['module', 'priority', 'setting', 'disabled'];
    case 'address':
    case 'domain':
      return [];
  }
}

/** The fields of an entry that the flags give, in the form of the estate file; a flag of another list is refused. */
export function readDetails(list: FilterList, flags: DetailFlags, nowMs: number): EstateObject {
  const own = flagsOfList(list);
  const given = (Object.keys(flags) as DetailFlag[]).filter((flag) => flags[flag] !== undefined);
  for (const flag of given) if (!own.includes(flag)) throw foreignFlag(flag, list, own);
  const { comment, expires, zone, priority, match, response, disabled, module, setting } = flags;
  return {
    ...(comment !== undefined && { comment }),
    ...(expires !== undefined && { expires: readExpiry(expires, nowMs) }),
    ...(zone !== undefined && { zone }),
    ...(priority !== undefined && { priority }),
    ...(match !== undefined && { match: readMatch(match) }),
    ...(response !== undefined && { response: response === '' ? null : response }),
    ...(disabled !== undefined && { enabled: !disabled }),
    ...(module !== undefined && { module: resolve(module) }),
    ...(setting !== undefined && { settings: Object.fromEntries(setting.map(readSetting)) }),
  };
}

function foreignFlag(flag: DetailFlag, list: FilterList, own: readonly DetailFlag[]): UsherError {
  const at = filterLists.filter((other) => flagsOfList(other).includes(flag)).map(({ name }) => name);
  const takes = own.length === 0 ? 'takes none' : `takes ${own.map((name) => `--${name}`).join(', ')}`;
  return new UsherError('usage', 'usage', `--${flag} is a flag of ${at.join(' and ')}; ${list.name} ${takes}`);
}

function readExpiry(text: string, nowMs: number): string | null {
  if (text === 'never') return null;
  const timeMs = timeFlag('expires', text, nowMs, 'future');
  if (timeMs > nowMs) return new Date(timeMs).toISOString();
  throw badFlag('expires', text, 'a time to come, a duration from now, or never');
}

function readMatch(text: string): unknown {
  if (text === 'any') return text;
  const mask = /^mask:(\d{1,3})$/.exec(text)?.[1];
  if (mask !== undefined) return { mask: Number(mask) };
  if (/^[\d.,\s]+$/.test(text)) return { addresses: text.split(',').map((address) => address.trim()) };
  throw badFlag('match', text, 'any, mask:NUMBER or addresses (127.0.0.2,127.0.0.5)');
}

function readSetting(text: string): [string, unknown] {
  const equals = text.indexOf('=');
  if (equals < 1) throw badFlag('setting', text, 'KEY=VALUE');
  return [text.slice(0, equals), readJson(text.slice(equals + 1))];
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // not JSON: the plain word itself
  }
}
