import type { KeyedAddress, MailboxRow, ReportLine } from '../store/mailbox-importer.js';
import type { Mailbox } from '../topology/catalogue/catalogue.js';
import { catalogue } from '../topology/catalogue/catalogue.js';
import type { FormatName } from '../topology/formats.js';
import { formats } from '../topology/formats.js';
import { addressKey } from '../topology/mail-address.js';
import { didYouMean, nameKey } from '../topology/names.js';

/** The columns that a file of mailboxes may have. */
export const importColumns = [
  'address',
  'database',
  'aliases',
  'guid',
  'extension',
  'dial-plan',
  'protocols-off',
] as const;

export type ImportColumn = (typeof importColumns)[number];

const { aliases: aliasesField, protocols: protocolsField } = catalogue.mailbox.fields;
const aliasesMax = aliasesField.type.kind === 'list' ? aliasesField.type.countMax : 0;
const protocolNames = protocolsField.type.kind === 'record' ? protocolsField.type.keys : [];

/** Reads the fields of one line; undefined when something is wrong with them, which is reported. */
type MailboxReader = (fields: readonly string[], line: number) => MailboxRow | undefined;

/** The names that a mailbox may mention, by name key. */
interface KnownNames {
  readonly databases: ReadonlyMap<string, string>;
  readonly dialPlans: ReadonlyMap<string, string>;
}

/**
 * Checks the cells of each line by the formats of the estate, without the schema, which takes much longer.
 */
export function mailboxReader(
  columns: readonly ImportColumn[],
  { databases, dialPlans }: KnownNames,
  report: ReportLine,
): MailboxReader {
  const place = (column: ImportColumn): number => columns.indexOf(column);
  const [address, database, aliases, guid, extension, dialPlan, off] = importColumns.map(place) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return (fields, line) => {
    if (fields.length !== columns.length) {
      report(line, `has ${fields.length} fields; the header names ${columns.length} columns`);
      return undefined;
    }
    if (isMisread(fields)) {
      report(line, 'is not UTF-8');
      return undefined;
    }
    let isGood = true;
    const bad = (column: ImportColumn, message: string): void => {
      isGood = false;
      report(line, `${column}: ${message}`);
    };
    const keyed = readAddress('address', fields[address] ?? '', bad);
    const row = {
      ...keyed,
      database: readReference('database', fields[database] ?? '', databases, bad),
      aliases: aliases < 0 ? undefined : readAliases(fields[aliases] ?? '', bad),
      guid: guid < 0 ? undefined : readText('guid', 'guid', fields[guid] ?? '', bad),
      extension: extension < 0 ? undefined : readText('extension', 'digits', fields[extension] ?? '', bad),
      dialPlan: dialPlan < 0 ? undefined : readDialPlan(fields[dialPlan] ?? '', dialPlans, bad),
      protocols: off < 0 ? undefined : readProtocolsOff(fields[off] ?? '', bad),
    };
    return isGood ? row : undefined;
  };
}

/** Whether a cell holds what stands for bytes that are no text. */
function isMisread(fields: readonly string[]): boolean {
  for (const field of fields) if (field.includes('\uFFFD')) return true;
  return false;
}

type Bad = (column: ImportColumn, message: string) => void;

const found = (format: FormatName, value: string): string =>
  `expected ${formats[format].expected}, found ${JSON.stringify(value).slice(0, 80)}`;

function readAddress(column: 'address' | 'aliases', address: string, bad: Bad): KeyedAddress {
  const key = addressKey(address);
  if (key === undefined) bad(column, address === '' ? 'is required' : found('address', address));
  return { key: key ?? '', address };
}

function readReference(
  column: 'database' | 'dial-plan',
  name: string,
  names: ReadonlyMap<string, string>,
  bad: Bad,
): string {
  const known = names.get(nameKey(name));
  if (known !== undefined) return known;
  if (name === '') bad(column, 'is required');
  else if (!formats.name.fits(name)) bad(column, found('name', name));
  else {
    const first = [...names.values()].slice(0, 8);
    const others = first.length > 0 ? `; known: ${first.join(', ')}` : '; none has been made yet';
    bad(column, `there is no ${column} "${name}"${didYouMean(name, names.values()) || others}`);
  }
  return name;
}

function readDialPlan(name: string, names: ReadonlyMap<string, string>, bad: Bad): string | null {
  return name === '' ? null : readReference('dial-plan', name, names, bad);
}

const partsOf = (cell: string): string[] => (cell === '' ? [] : cell.split(/[ ;]+/).filter((part) => part !== ''));

function readAliases(cell: string, bad: Bad): KeyedAddress[] {
  const parts = partsOf(cell);
  if (parts.length > aliasesMax) bad('aliases', `holds at most ${aliasesMax} entries`);
  return parts.slice(0, aliasesMax).map((part) => readAddress('aliases', part, bad));
}

function readText(column: ImportColumn, format: FormatName, text: string, bad: Bad): string | null {
  if (text === '') return null;
  if (!formats[format].fits(text)) bad(column, found(format, text));
  return text;
}

const nothingOff: Mailbox['protocols'] = {};

/** The protocols that are off, all of them: the others are on. */
function readProtocolsOff(cell: string, bad: Bad): Mailbox['protocols'] {
  if (cell === '') return nothingOff;
  const off = new Set(partsOf(cell).map((part) => part.toLowerCase()));
  for (const name of off) {
    if (protocolNames.includes(name)) continue;
    const hint = didYouMean(name, protocolNames) || `; known: ${protocolNames.join(', ')}`;
    bad('protocols-off', `unknown protocol "${name.slice(0, 80)}"${hint}`);
  }
  return Object.fromEntries(protocolNames.filter((name) => off.has(name)).map((name) => [name, false]));
}
