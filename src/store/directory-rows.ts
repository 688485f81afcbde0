import { UsherError } from '../errors.js';
import type { EstateObject, Noun } from '../topology/catalogue/catalogue.js';
import { addressKey } from '../topology/mail-address.js';
import type { Row, SqlValue } from './columns.js';
import { damagedStore } from './columns.js';
import type { ObjectRows } from './object-rows.js';
import type { Statements } from './statements.js';

/** What the three nouns of the directory keep beside their addresses. */
const tables = {
  mailbox: {
    table: 'mailbox',
    owner: 'mailbox',
    columns: ['address', 'database', 'guid', 'extension', 'dial_plan', 'protocols'],
  },
  group: { table: '"group"', owner: '"group"', columns: ['address', 'expansion_server'] },
  contact: { table: 'contact', owner: 'contact', columns: ['address', 'target'] },
} as const;

type DirectoryNoun = keyof typeof tables;

/** The rows of mailboxes, groups and contacts; their addresses, aliases too, are unique over all three. */
export function createDirectoryRows(statements: Statements, noun: Noun): ObjectRows {
  const name = noun.name as DirectoryNoun;
  const { table, owner, columns } = tables[name];
  const idOf = (address: string): SqlValue | undefined =>
    statements.get(
      `SELECT ${owner} AS id FROM address WHERE key = ? AND ${owner} IS NOT NULL AND position = 0`,
      keyOf(address),
    )?.['id'];
  const objectOf = (row: Row): EstateObject => directoryObject(statements, name, row);

  return {
    read(address) {
      const id = addressKey(address) === undefined ? undefined : idOf(address);
      const row = id === undefined ? undefined : statements.get(`SELECT * FROM ${table} WHERE id = ?`, id);
      return row && objectOf(row);
    },
    list() {
      return statements
        .all(`SELECT t.* FROM ${table} t JOIN address a ON a.${owner} = t.id AND a.position = 0 ORDER BY a.key`)
        .map(objectOf);
    },
    write(object) {
      const values = directoryValues(name, object);
      const known = idOf(String(object['address']));
      if (name === 'mailbox') refuseTakenGuid(statements, object, known ?? null);
      const assignments = columns.map((column) => `${column} = ?`).join(', ');
      const places = columns.map(() => '?').join(', ');
      const id =
        known === undefined
          ? statements.run(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`, ...values)
          : Number(known);
      if (known !== undefined) statements.run(`UPDATE ${table} SET ${assignments} WHERE id = ?`, ...values, id);
      writeAddresses(statements, owner, id, object);
      if (name === 'group') writeMembers(statements, id, object['members'] as readonly string[]);
    },
    remove(address) {
      const id = idOf(address);
      if (id !== undefined) statements.run(`DELETE FROM ${table} WHERE id = ?`, id);
    },
  };
}

function keyOf(address: string): string {
  const key = addressKey(address);
  if (key === undefined) throw damagedStore(`"${address}" is no address`);
  return key;
}

function directoryValues(noun: DirectoryNoun, object: EstateObject): SqlValue[] {
  const value = (field: string): SqlValue => (object[field] ?? null) as SqlValue;
  if (noun === 'group') return [value('address'), value('expansionServer')];
  if (noun === 'contact') return [value('address'), value('target')];
  const fields = ['address', 'database', 'guid', 'extension', 'dialPlan'].map(value);
  return [...fields, JSON.stringify(object['protocols'])];
}

function directoryObject(statements: Statements, noun: DirectoryNoun, row: Row): EstateObject {
  const address = row['address'];
  const id = row['id'] ?? null;
  if (noun === 'contact') return { address, target: row['target'] };
  if (noun === 'group') {
    const members = statements.all('SELECT member FROM group_members WHERE "group" = ? ORDER BY position', id);
    return { address, members: members.map((member) => member['member']), expansionServer: row['expansion_server'] };
  }
  const aliases = statements.all(
    'SELECT address FROM address WHERE mailbox = ? AND position > 0 ORDER BY position',
    id,
  );
  return {
    address,
    aliases: aliases.map((alias) => alias['address']),
    database: row['database'],
    guid: row['guid'],
    extension: row['extension'],
    dialPlan: row['dial_plan'],
    protocols: JSON.parse(String(row['protocols'])),
  };
}

function writeAddresses(statements: Statements, owner: string, id: number, object: EstateObject): void {
  const addresses = [object['address'], ...((object['aliases'] as readonly unknown[] | undefined) ?? [])].map(String);
  const stored = statements.all(`SELECT address FROM address WHERE ${owner} = ? ORDER BY position`, id);
  if (stored.length === addresses.length && stored.every((row, index) => row['address'] === addresses[index])) return;
  statements.run(`DELETE FROM address WHERE ${owner} = ?`, id);
  for (const [position, address] of addresses.entries()) {
    const key = keyOf(address);
    const holder = statements.get(addressHolderSql, key);
    if (holder) throw addressTaken(address, holder);
    statements.run(
      `INSERT INTO address (key, address, position, ${owner}) VALUES (?, ?, ?, ?)`,
      key,
      address,
      position,
      id,
    );
  }
}

const addressHolderSql = `
  SELECT coalesce(m.address, g.address, c.address) AS address,
         CASE WHEN m.id IS NOT NULL THEN 'mailbox' WHEN g.id IS NOT NULL THEN 'group' ELSE 'contact' END AS noun
  FROM address a LEFT JOIN mailbox m ON m.id = a.mailbox LEFT JOIN "group" g ON g.id = a."group"
  LEFT JOIN contact c ON c.id = a.contact WHERE a.key = ?`;

function addressTaken(address: string, holder: Row): UsherError {
  const by = `${String(holder['noun'])} "${String(holder['address'])}"`;
  return new UsherError('conflict', 'address-taken', `the address "${address}" belongs to ${by} already`, [
    String(holder['address']),
  ]);
}

function refuseTakenGuid(statements: Statements, object: EstateObject, ownId: SqlValue): void {
  const guid = (object['guid'] ?? null) as SqlValue;
  if (guid === null) return;
  const holder = statements.get('SELECT address FROM mailbox WHERE guid = ? AND id IS NOT ?', guid, ownId)?.['address'];
  if (holder === undefined) return;
  const message = `the guid "${String(guid)}" belongs to mailbox "${String(holder)}" already`;
  throw new UsherError('conflict', 'guid-taken', message, [String(holder)]);
}

function writeMembers(statements: Statements, id: number, members: readonly string[]): void {
  statements.run('DELETE FROM group_members WHERE "group" = ?', id);
  for (const [position, member] of members.entries()) {
    statements.run('INSERT INTO group_members ("group", position, member) VALUES (?, ?, ?)', id, position, member);
  }
}
