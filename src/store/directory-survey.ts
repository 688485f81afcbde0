import type { Statements } from './statements.js';

/** Mailboxes that have something in common: how many, and the first few addresses. */
export interface MailboxSample {
  readonly count: number;
  readonly addresses: readonly string[];
}

/** The mailbox of a dial plan that takes an extension from the one that has it for every plan. */
export interface OverriddenExtension {
  readonly extension: string;
  readonly dialPlan: string;
  readonly address: string;
  readonly general: string;
}

/** What the directory names that only the whole of it can show. */
export interface DirectorySurvey {
  /** Databases that mailboxes name and that are not there: a store that was edited by hand. */
  readonly lostDatabases: ReadonlyArray<MailboxSample & { readonly database: string }>;
  /** Domains of addresses of mailboxes that are not accepted ones, in the order in which they are met. */
  readonly foreignDomains: ReadonlyArray<MailboxSample & { readonly domain: string }>;
  /** Addresses in further domains of that kind, when there are too many to keep. */
  readonly furtherForeignAddresses: number;
  /** Extensions that a mailbox of a dial plan has and one without a plan too: how many, and the first few. */
  readonly overriddenExtensions: { readonly count: number; readonly first: readonly OverriddenExtension[] };
  readonly expansionServers: ReadonlyArray<{ readonly server: string; readonly groups: MailboxSample }>;
  readonly hasGroupsOrContacts: boolean;
}

/** How many addresses of a kind are named. */
const sampleMax = 5;
/** How many domains are kept apart; memory stays bounded whatever the directory holds. */
const domainsMax = 100;

/**
 * Reads over the whole directory once: about half a second for a million mailboxes.
 * `accepted` are domains in A-labels; `isAccepted` is asked about the others.
 */
export function surveyDirectory(
  statements: Statements,
  accepted: readonly string[],
  isAccepted: (domain: string) => boolean,
): DirectorySurvey {
  return {
    lostDatabases: findLostDatabases(statements),
    ...findForeignDomains(statements, accepted, isAccepted),
    overriddenExtensions: findOverriddenExtensions(statements),
    expansionServers: findExpansionServers(statements),
    hasGroupsOrContacts:
      statements.get('SELECT 1 FROM "group" LIMIT 1') !== undefined ||
      statements.get('SELECT 1 FROM contact LIMIT 1') !== undefined,
  };
}

/** Steps from name to name in the index, so that it takes as long as there are databases and not mailboxes. */
const lostDatabasesSql = `
  WITH RECURSIVE named (name) AS (
    SELECT min(database) FROM mailbox
    UNION ALL
    SELECT (SELECT min(database) FROM mailbox WHERE database > named.name) FROM named WHERE named.name IS NOT NULL
  )
  SELECT name FROM named
  WHERE name IS NOT NULL AND NOT EXISTS (SELECT 1 FROM database d WHERE d.name = named.name) LIMIT 100`;

function findLostDatabases(statements: Statements): DirectorySurvey['lostDatabases'] {
  return statements.all(lostDatabasesSql).map((row) => {
    const database = String(row['name']);
    const count = Number(statements.get('SELECT count(*) AS held FROM mailbox WHERE database = ?', database)?.['held']);
    const sql = `SELECT address FROM mailbox WHERE database = ? ORDER BY id LIMIT ${sampleMax}`;
    return { database, count, addresses: statements.all(sql, database).map((found) => String(found['address'])) };
  });
}

/** The domain of a key; a quoted local part may hold an @, so that the last one counts there. */
const domainSql = `CASE WHEN key LIKE '"%' THEN substr(key, length(rtrim(key, replace(key, '@', ''))) + 1)
  ELSE substr(key, instr(key, '@') + 1) END`;

function findForeignDomains(
  statements: Statements,
  accepted: readonly string[],
  isAccepted: (domain: string) => boolean,
): Pick<DirectorySurvey, 'foreignDomains' | 'furtherForeignAddresses'> {
  const rows = statements.database
    .prepare<[string], { domain: string; address: string }>(
      `SELECT domain, address FROM (SELECT ${domainSql} AS domain, address FROM address WHERE mailbox IS NOT NULL)
       WHERE domain NOT IN (SELECT value FROM json_each(?))`,
    )
    .iterate(JSON.stringify(accepted));
  const byDomain = new Map<string, { count: number; addresses: string[] }>();
  let furtherForeignAddresses = 0;
  for (const { domain, address } of rows) {
    const known = byDomain.get(domain);
    if (known) {
      known.count += 1;
      if (known.addresses.length < sampleMax) known.addresses.push(address);
    } else if (!isAccepted(domain)) {
      if (byDomain.size < domainsMax) byDomain.set(domain, { count: 1, addresses: [address] });
      else furtherForeignAddresses += 1;
    }
  }
  return {
    foreignDomains: [...byDomain].map(([domain, sample]) => ({ domain, ...sample })),
    furtherForeignAddresses,
  };
}

/** In the order of the index, which has all that is asked for. */
const overriddenSql = `SELECT extension, count(*) OVER () AS held FROM mailbox WHERE extension IS NOT NULL
  GROUP BY extension HAVING count(dial_plan) > 0 AND count(*) > count(dial_plan) ORDER BY extension LIMIT ${sampleMax}`;
const overridingSql = `SELECT o.dial_plan AS plan, o.address, g.address AS general
  FROM mailbox o JOIN mailbox g ON g.extension = o.extension AND g.dial_plan IS NULL
  WHERE o.extension = ? AND o.dial_plan IS NOT NULL ORDER BY o.dial_plan, o.id LIMIT 1`;

function findOverriddenExtensions(statements: Statements): DirectorySurvey['overriddenExtensions'] {
  const rows = statements.all(overriddenSql);
  const first = rows.flatMap((row) => {
    const extension = String(row['extension']);
    const pair = statements.get(overridingSql, extension);
    if (!pair) return [];
    return [
      {
        extension,
        dialPlan: String(pair['plan']),
        address: String(pair['address']),
        general: String(pair['general']),
      },
    ];
  });
  return { count: Number(rows[0]?.['held'] ?? 0), first };
}

function findExpansionServers(statements: Statements): DirectorySurvey['expansionServers'] {
  const sql = `SELECT expansion_server AS server, count(*) AS held, min(address) AS first FROM "group"
    WHERE expansion_server IS NOT NULL GROUP BY expansion_server ORDER BY expansion_server`;
  return statements.all(sql).map((row) => ({
    server: String(row['server']),
    groups: { count: Number(row['held']), addresses: [String(row['first'])] },
  }));
}
