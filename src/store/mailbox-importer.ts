import { isDeepStrictEqual } from 'node:util';
import type { EstateObject, Mailbox } from '../topology/catalogue/catalogue.js';
import { catalogue } from '../topology/catalogue/catalogue.js';
import { nameKey } from '../topology/names.js';
import type { Row, SqlValue } from './columns.js';
import type { ObjectChange } from './revisions.js';
import type { Statements } from './statements.js';

/** An address and the key by which it compares. */
export interface KeyedAddress {
  readonly key: string;
  readonly address: string;
}

/** A mailbox to be made or changed: checked values in stored form; undefined keeps what is stored, or is the default. */
export interface MailboxRow extends KeyedAddress {
  readonly database: string;
  readonly aliases: readonly KeyedAddress[] | undefined;
  readonly guid: string | null | undefined;
  readonly extension: string | null | undefined;
  readonly dialPlan: string | null | undefined;
  readonly protocols: Mailbox['protocols'] | undefined;
}

/** Says what is wrong with the row of a line. */
export type ReportLine = (line: number, message: string) => void;

/** Writes many mailboxes in one change. Mailboxes may be written in no other way in the same change. */
export interface MailboxImporter {
  put(row: MailboxRow, line: number): void;
  /** Gives out the addresses and GUIDs that one row lost to another, and reports what two mailboxes would share. */
  finish(): void;
  counts(): MailboxCounts;
}

export interface MailboxCounts {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
}

/** The change that the rows belong to. */
interface Ledger {
  readonly revision: number;
  /** Writes the revision's own row, once. */
  begin(): void;
  tally(change: ObjectChange): void;
}

type Outcome = keyof MailboxCounts;

/** The pages of the tables that are written in no order, held at once: without them the disk sets the pace. */
const importCacheKilobytes = 192 * 1024;
const usualCacheKilobytes = 16_000;

const scratchTables = `
  DROP TABLE IF EXISTS temp.imported;
  DROP TABLE IF EXISTS temp.pending_address;
  DROP TABLE IF EXISTS temp.pending_guid;
  CREATE TEMP TABLE imported (mailbox INTEGER PRIMARY KEY, line INTEGER NOT NULL, takes_extension INTEGER NOT NULL);
  CREATE TEMP TABLE pending_address (line INTEGER, key TEXT, address TEXT, position INTEGER, mailbox INTEGER);
  CREATE TEMP TABLE pending_guid (line INTEGER, mailbox INTEGER, guid TEXT);`;

const ownSql = `SELECT m.id, m.address, m.database, m.guid, m.extension, m.dial_plan, m.protocols
  FROM address a JOIN mailbox m ON m.id = a.mailbox WHERE a.key = ? AND a.position = 0`;
const aliasesSql = 'SELECT address FROM address WHERE mailbox = ? AND position > 0 ORDER BY position';
const insertSql = `INSERT INTO mailbox (id, address, database, guid, extension, dial_plan, protocols)
  VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (guid) DO NOTHING`;
const updateSql = `UPDATE mailbox SET address = ?, database = ?, guid = ?, extension = ?, dial_plan = ?, protocols = ?
  WHERE id = ?`;
const addressSql = `INSERT INTO address (key, address, position, mailbox) VALUES (?, ?, ?, ?)
  ON CONFLICT (key) DO NOTHING`;
const earlierSql = 'SELECT line FROM imported WHERE mailbox = ?';
const markSql = 'INSERT INTO imported (mailbox, line, takes_extension) VALUES (?, ?, ?)';
const changeSql = `INSERT INTO change (noun, name, revision, before, after) VALUES ('mailbox', ?, ?, ?, ?)`;

const noProtocols: Mailbox['protocols'] = {};

/** Begins an import within the transaction of a change. */
export function createMailboxImporter(statements: Statements, ledger: Ledger, report: ReportLine): MailboxImporter {
  const { database } = statements;
  database.exec(scratchTables);
  database.pragma(`cache_size = -${importCacheKilobytes}`);
  const counts = { created: 0, updated: 0, unchanged: 0 };
  const made = createMadeMailboxes(statements);
  const writer = createWriter(statements, made);
  return {
    put(row, line) {
      const own = statements.get(ownSql, row.key);
      const outcome = own ? writer.update(own, row, line) : writer.create(row, line);
      if (typeof outcome === 'number') {
        report(line, `mailbox "${row.address}" stands in the file already (line ${outcome})`);
        return;
      }
      counts[outcome.kind]++;
      if (outcome.kind === 'unchanged') return;
      ledger.begin();
      statements.run(changeSql, row.key, ledger.revision, outcome.before, outcome.after);
      ledger.tally({ noun: catalogue.mailbox.name, name: row.address, change: outcome.kind });
    },
    finish() {
      giveOutPending(statements, report);
      reportSharedExtensions(statements, made, report);
      database.pragma(`cache_size = -${usualCacheKilobytes}`);
    },
    counts: () => ({ ...counts }),
  };
}

interface Written {
  readonly kind: Outcome;
  readonly before: string | null;
  readonly after: string;
}

/** Each answers what became of the row, or the line on which the mailbox stood before. */
interface Writer {
  create(row: MailboxRow, line: number): Written;
  update(own: Row, row: MailboxRow, line: number): Written | number;
}

/** The mailboxes that an import makes have ids one after the other. */
interface MadeMailboxes {
  readonly firstId: number;
  /** The id of the next one, which stands on a line. */
  take(line: number): number;
  /** The line of a mailbox; undefined when it was there before. */
  lineOf(id: number): number | undefined;
}

function createMadeMailboxes(statements: Statements): MadeMailboxes {
  const firstId = 1 + Number(statements.get('SELECT coalesce(max(id), 0) AS id FROM mailbox')?.['id']);
  // Four bytes a mailbox: the only thing that grows with the file.
  let lines = new Uint32Array(1024);
  let count = 0;
  return {
    firstId,
    take(line) {
      if (count === lines.length) {
        const longer = new Uint32Array(2 * count);
        longer.set(lines);
        lines = longer;
      }
      lines[count] = line;
      return firstId + count++;
    },
    lineOf: (id) => (id < firstId ? undefined : lines[id - firstId]),
  };
}

function createWriter(statements: Statements, made: MadeMailboxes): Writer {
  /** The GUID, or null where another mailbox holds it now and may yet let go of it. */
  const freeGuid = (guid: string | null, ownId: number): string | null => {
    if (guid === null) return null;
    return statements.get('SELECT 1 FROM mailbox WHERE guid = ? AND id IS NOT ?', guid, ownId) ? null : guid;
  };
  const writeAddresses = (id: number, line: number, addresses: readonly KeyedAddress[]): void => {
    for (const [position, { key, address }] of addresses.entries()) {
      if (statements.count(addressSql, key, address, position, id) > 0) continue;
      statements.run('INSERT INTO pending_address VALUES (?, ?, ?, ?, ?)', line, key, address, position, id);
    }
  };
  const awaitGuid = (id: number, line: number, guid: string | null): void => {
    statements.run('INSERT INTO pending_guid VALUES (?, ?, ?)', line, id, guid);
  };
  return {
    create(row, line) {
      const { address, database, aliases = [], guid = null, extension = null, dialPlan = null } = row;
      const { protocols = noProtocols } = row;
      const id = made.take(line);
      const states = protocols === noProtocols ? '{}' : JSON.stringify(protocols);
      if (statements.count(insertSql, id, address, database, guid, extension, dialPlan, states) === 0) {
        statements.run(insertSql, id, address, database, null, extension, dialPlan, states);
        awaitGuid(id, line, guid);
      }
      writeAddresses(id, line, [row, ...aliases]);
      const names = aliases.map((alias) => alias.address);
      const after = JSON.stringify({ address, aliases: names, database, guid, extension, dialPlan, protocols });
      return { kind: 'created', before: null, after };
    },
    update(own, row, line) {
      const id = Number(own['id']);
      const earlier = made.lineOf(id) ?? statements.get(earlierSql, id)?.['line'];
      if (earlier != null) return Number(earlier);
      const stored = storedMailbox(own, statements.all(aliasesSql, id));
      const after = merge(stored, row);
      statements.run(markSql, id, line, takesExtension(stored, after) ? 1 : 0);
      if (isDeepStrictEqual(stored, after)) return { kind: 'unchanged', before: null, after: '' };
      const free = freeGuid(after.guid, id);
      const protocols = JSON.stringify(after.protocols);
      statements.run(updateSql, after.address, after.database, free, after.extension, after.dialPlan, protocols, id);
      if (after.guid !== free) awaitGuid(id, line, after.guid);
      if (row.aliases) {
        statements.run('DELETE FROM address WHERE mailbox = ?', id);
        writeAddresses(id, line, [row, ...row.aliases]);
      } else {
        statements.run('UPDATE address SET address = ? WHERE key = ?', row.address, row.key);
      }
      return { kind: 'updated', before: JSON.stringify(stored), after: JSON.stringify(after) };
    },
  };
}

/** Whether a mailbox has an extension that it did not have in this plan before. */
function takesExtension(stored: Mailbox, after: Mailbox): boolean {
  if (after.extension === null) return false;
  return after.extension !== stored.extension || nameKey(after.dialPlan ?? '') !== nameKey(stored.dialPlan ?? '');
}

function storedMailbox(row: Row, aliases: readonly Row[]): Mailbox {
  const text = (value: SqlValue | undefined): string | null => (value == null ? null : String(value));
  return {
    address: String(row['address']),
    aliases: aliases.map((alias) => String(alias['address'])),
    database: String(row['database']),
    guid: text(row['guid']),
    extension: text(row['extension']),
    dialPlan: text(row['dial_plan']),
    protocols: JSON.parse(String(row['protocols'])) as Mailbox['protocols'],
  };
}

function merge(stored: Mailbox, row: MailboxRow): Mailbox & EstateObject {
  return {
    address: row.address,
    aliases: row.aliases ? row.aliases.map((alias) => alias.address) : stored.aliases,
    database: row.database,
    guid: row.guid === undefined ? stored.guid : row.guid,
    extension: row.extension === undefined ? stored.extension : row.extension,
    dialPlan: row.dialPlan === undefined ? stored.dialPlan : row.dialPlan,
    protocols: row.protocols ?? stored.protocols,
  };
}

const keptAddressesSql = `
  SELECT p.line, p.address, coalesce(m.address, g.address, c.address) AS holder,
         CASE WHEN m.id IS NOT NULL THEN 'mailbox' WHEN g.id IS NOT NULL THEN 'group' ELSE 'contact' END AS noun
  FROM pending_address p JOIN address a ON a.key = p.key LEFT JOIN mailbox m ON m.id = a.mailbox
  LEFT JOIN "group" g ON g.id = a."group" LEFT JOIN contact c ON c.id = a.contact
  WHERE a.mailbox IS NOT p.mailbox OR a.position <> p.position`;
const keptGuidsSql = `
  SELECT p.line, p.guid, h.address AS holder FROM pending_guid p JOIN mailbox h ON h.guid = p.guid
  WHERE h.id <> p.mailbox`;

function giveOutPending(statements: Statements, report: ReportLine): void {
  const { database } = statements;
  database.exec(`
    INSERT INTO address (key, address, position, mailbox)
      SELECT key, address, position, mailbox FROM pending_address WHERE true ORDER BY rowid ON CONFLICT (key) DO NOTHING;
    UPDATE OR IGNORE mailbox SET guid = p.guid FROM pending_guid p WHERE mailbox.id = p.mailbox;`);
  for (const row of database.prepare<[], Row>(keptAddressesSql).iterate()) {
    const holder = `${String(row['noun'])} "${String(row['holder'])}"`;
    report(Number(row['line']), `the address "${String(row['address'])}" belongs to ${holder} already`);
  }
  for (const row of database.prepare<[], Row>(keptGuidsSql).iterate()) {
    const holder = `mailbox "${String(row['holder'])}"`;
    report(Number(row['line']), `the guid "${String(row['guid'])}" belongs to ${holder} already`);
  }
}

// Who had an extension before comes first, then who of the file was there, then who was made: in the order of the lines.
const sharedExtensionsSql = `
  SELECT m.id, m.extension, m.dial_plan, m.address, i.line FROM (
    SELECT extension, dial_plan FROM mailbox WHERE extension IS NOT NULL GROUP BY extension, dial_plan HAVING count(*) > 1
  ) s CROSS JOIN mailbox m ON m.extension = s.extension AND m.dial_plan IS s.dial_plan
  LEFT JOIN imported i ON i.mailbox = m.id AND i.takes_extension
  ORDER BY m.extension, m.dial_plan, m.id >= ?, i.line, m.id`;

function reportSharedExtensions(statements: Statements, made: MadeMailboxes, report: ReportLine): void {
  let holder: { key: string; address: string } | undefined;
  for (const row of statements.database.prepare<[number], Row>(sharedExtensionsSql).iterate(made.firstId)) {
    const [extension, address] = [String(row['extension']), String(row['address'])];
    const line = made.lineOf(Number(row['id'])) ?? row['line'];
    const plan = row['dial_plan'] == null ? '' : ` of dial plan "${String(row['dial_plan'])}"`;
    const key = nameKey(`${extension}${plan}`);
    if (holder?.key !== key) holder = { key, address };
    else if (line != null) {
      report(Number(line), `extension ${extension}${plan} belongs to ${holder.address} and ${address}`);
    }
  }
}
