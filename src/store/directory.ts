import type { Directory, DirectoryEntry } from '../topology/directory.js';
import type { Row } from './columns.js';
import type { Statements } from './statements.js';

const columns = `m.address AS mailbox, m.database, m.guid, m.protocols, g.address AS "group", g.expansion_server,
  c.address AS contact, c.target`;
const joins = `LEFT JOIN mailbox m ON m.id = a.mailbox LEFT JOIN "group" g ON g.id = a."group"
  LEFT JOIN contact c ON c.id = a.contact`;

const findSql = `SELECT ${columns} FROM address a ${joins} WHERE a.key = ?`;
const membersSql = `SELECT member FROM address a JOIN group_members g ON g."group" = a."group" WHERE a.key = ?
  ORDER BY g.position`;

const mailboxSql = 'SELECT address AS mailbox, database, guid, protocols FROM mailbox';
const byGuidSql = `${mailboxSql} WHERE guid = ?`;
const byExtensionSql = `${mailboxSql} WHERE extension = ? AND dial_plan IS NULL`;
/** The plan's own mailbox comes first; the other is then not looked for. */
const byPlanSql = `${mailboxSql} WHERE extension = ? AND dial_plan = ? UNION ALL ${byExtensionSql} LIMIT 1`;

/** The directory as the store has it at the moment of each lookup. */
export function createDirectory(statements: Statements): Directory {
  return {
    find(key) {
      const row = statements.get(findSql, key);
      return row && entryOf(row);
    },
    findByGuid: (guid) => findMailbox(statements, byGuidSql, guid),
    findByExtension: (extension, dialPlan) =>
      dialPlan === undefined
        ? findMailbox(statements, byExtensionSql, extension)
        : findMailbox(statements, byPlanSql, extension, dialPlan, extension),
    membersOf(key) {
      return statements.all(membersSql, key).map((row) => String(row['member']));
    },
  };
}

function findMailbox(statements: Statements, sql: string, ...values: readonly string[]): DirectoryEntry | undefined {
  const row = statements.get(sql, ...values);
  return row && entryOf(row);
}

function entryOf(row: Row): DirectoryEntry {
  if (typeof row['mailbox'] === 'string') {
    const protocols = row['protocols'] === '{}' ? {} : JSON.parse(String(row['protocols']));
    const guid = row['guid'] === null ? null : String(row['guid']);
    return { class: 'mailbox', address: row['mailbox'], database: String(row['database']), guid, protocols };
  }
  if (typeof row['group'] === 'string') {
    const expansionServer = row['expansion_server'] === null ? null : String(row['expansion_server']);
    return { class: 'group', address: row['group'], expansionServer };
  }
  return { class: 'contact', address: String(row['contact']), target: String(row['target']) };
}
