import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ImportResult } from '../../src/admin/import-mailboxes.js';
import { importMailboxes } from '../../src/admin/import-mailboxes.js';
import { UsherError } from '../../src/errors.js';
import { readCsv } from '../../src/estate/csv-records.js';
import type { ChangeOptions } from '../../src/store/change.js';
import type { Store } from '../../src/store/store.js';
import { refusal } from '../support/refusal.js';
import { apply, exported, meta, scratchStore } from '../support/scratch-store.js';
import { tempDir } from '../support/temp-dir.js';

const folder = tempDir('import');
let files = 0;

function csvFile(text: string | Buffer): string {
  const path = join(folder, `people-${++files}.csv`);
  writeFileSync(path, text);
  return path;
}

const importText = (store: Store, text: string | Buffer, options: ChangeOptions = {}): ImportResult =>
  importMailboxes(store, { file: csvFile(text) }, meta, options);

/** The problems of a refused import, without the name of the file. */
function problemsOf(store: Store, text: string | Buffer): string[] {
  const before = [store.revision(), exported(store)];
  const error = refusal(() => importText(store, text));
  expect(error).toMatchObject({ code: 'invalid', exitCode: 2 });
  expect([store.revision(), exported(store)]).toStrictEqual(before);
  return error.message.split('\n').map((line) => line.replace(/^.*\.csv:/, ''));
}

const guid = (digit: string): string => `5b1c9e70-1f6e-4f0e-9a53-${digit.repeat(12)}`;

const estate = {
  estate: 1,
  sites: [{ name: 'A' }],
  servers: [{ name: 'MBX1', site: 'A' }],
  databases: [
    { name: 'DB1', copies: ['MBX1'] },
    { name: 'DB2', copies: ['MBX1'] },
  ],
  dialPlans: [{ name: 'Vienna' }, { name: 'Graz' }],
  mailboxes: [
    { address: 'ann@x.org', aliases: ['a1@x.org', 'a2@x.org'], database: 'DB1', guid: guid('a'), extension: '100' },
    { address: 'bob@x.org', aliases: ['b1@x.org'], database: 'DB1', guid: guid('b'), protocols: { imap: false } },
  ],
  groups: [{ address: 'all@x.org', members: [] }],
};

function estateStore(): Store {
  const store = scratchStore();
  apply(store, estate);
  return store;
}

const mailboxesOf = (store: Store) => exported(store)['mailboxes'] as Readonly<Record<string, unknown>>[];
const mailboxOf = (store: Store, address: string) =>
  mailboxesOf(store).find((mailbox) => String(mailbox['address']).toLowerCase() === address);

describe('an import of mailboxes', () => {
  test('makes and changes them in one revision, with columns in any order and quoted cells', () => {
    const store = estateStore();
    const text = [
      'Extension,database,ADDRESS,aliases,protocols-off,guid',
      `200,db2,cyd@x.org,"c1@x.org;c2@x.org c3@x.org",imap;POP,${guid('c')}`,
      '"+4930","DB1","""dan,d""@x.org",,,',
      '',
      `100,DB2,Ann@x.org,a2@x.org,,${guid('a')}`,
    ].join('\r\n');
    expect(importText(store, `\uFEFF${text}\r\n`)).toStrictEqual({
      revision: 2,
      changed: [
        { noun: 'mailbox', name: 'cyd@x.org', change: 'created' },
        { noun: 'mailbox', name: '"dan,d"@x.org', change: 'created' },
        { noun: 'mailbox', name: 'Ann@x.org', change: 'updated' },
      ],
      changedCount: 3,
      created: 2,
      updated: 1,
      unchanged: 0,
      warnings: [],
    });
    expect(mailboxOf(store, 'cyd@x.org')).toStrictEqual({
      address: 'cyd@x.org',
      aliases: ['c1@x.org', 'c2@x.org', 'c3@x.org'],
      database: 'DB2',
      guid: guid('c'),
      extension: '200',
      dialPlan: null,
      protocols: { imap: false, pop: false },
    });
    expect(mailboxOf(store, 'ann@x.org')).toMatchObject({ address: 'Ann@x.org', aliases: ['a2@x.org'] });
    expect(store.history(1)).toMatchObject([{ revision: 2, actor: 'ann', message: 'because', changedCount: 3 }]);
  });

  test('keeps what columns that are not there would say, and clears what an empty cell says', () => {
    const store = estateStore();
    importText(store, 'address,database\nann@x.org,DB2\n');
    expect(mailboxOf(store, 'ann@x.org')).toStrictEqual({
      ...estate.mailboxes[0],
      database: 'DB2',
      dialPlan: null,
      protocols: {},
    });
    importText(store, 'address,database,aliases,guid,extension,protocols-off\nann@x.org,DB2,,,,\nbob@x.org,DB1,,,,pop');
    expect(mailboxesOf(store)).toMatchObject([
      { address: 'ann@x.org', aliases: [], guid: null, extension: null, protocols: {} },
      { address: 'bob@x.org', protocols: { pop: false } },
    ]);
  });

  test('that changes nothing makes no revision; a dry run writes nothing; another revision is a conflict', () => {
    const store = estateStore();
    const same = 'address,database\nann@x.org,DB1\nbob@x.org,db1\n';
    expect(importText(store, same)).toMatchObject({ revision: 1, changed: [], changedCount: 0, unchanged: 2 });
    expect(importText(store, 'address,database\n')).toMatchObject({ revision: 1, changedCount: 0 });
    const more = `${same}cyd@x.org,DB2\n`;
    const before = exported(store);
    expect(importText(store, more, { dryRun: true })).toMatchObject({ revision: null, created: 1, changedCount: 1 });
    expect(exported(store)).toStrictEqual(before);
    expect(refusal(() => importText(store, more, { expectRevision: 7 })).code).toBe('revision-conflict');
    expect(importText(store, more, { expectRevision: 1 })).toMatchObject({ revision: 2, created: 1, unchanged: 2 });
  });

  test('puts extensions into dial plans, keeps them there and takes them out', () => {
    const store = estateStore();
    const columns = 'address,database,extension,dial-plan';
    importText(store, `${columns}\ncyd@x.org,DB1,100,VIENNA\nbob@x.org,DB1,100,Graz`);
    const plansOf = () => mailboxesOf(store).map(({ dialPlan }) => dialPlan);
    expect(plansOf()).toEqual([null, 'Graz', 'Vienna']);
    importText(store, 'address,database,extension\ncyd@x.org,DB2,100');
    expect(plansOf()).toEqual([null, 'Graz', 'Vienna']);
    importText(store, `${columns}\ncyd@x.org,DB2,300,\nbob@x.org,DB1,100,Vienna`);
    expect(plansOf()).toEqual([null, 'Vienna', null]);
    expect(store.directory.findByExtension('100', 'Vienna')).toMatchObject({ address: 'bob@x.org' });
    expect(store.at(2).directory.findByExtension('100', 'Vienna')).toMatchObject({ address: 'cyd@x.org' });
  });

  test('lets rows take what other rows of the file let go of, whichever comes first', () => {
    const store = estateStore();
    const rows = [`bob@x.org,DB1,a1@x.org,${guid('a')},100`, `ann@x.org,DB1,b1@x.org,${guid('b')},`, `a2@x.org,DB2,,,`];
    importText(store, `address,database,aliases,guid,extension\n${rows.join('\n')}`);
    expect(mailboxesOf(store)).toMatchObject([
      { address: 'a2@x.org' },
      { address: 'ann@x.org', aliases: ['b1@x.org'], guid: guid('b'), extension: null },
      { address: 'bob@x.org', aliases: ['a1@x.org'], guid: guid('a'), extension: '100' },
    ]);
    expect(store.directory.find('a1@x.org')).toMatchObject({ address: 'bob@x.org' });
    expect(store.at(1).directory.find('a1@x.org')).toMatchObject({ address: 'ann@x.org' });
  });

  test('names the first thousand of very many, and counts them all', () => {
    const store = estateStore();
    const rows = Array.from({ length: 2500 }, (_, index) => `user${index}@x.org,DB${1 + (index % 2)}`);
    const seen: number[] = [];
    const file = csvFile(`address,database\n${rows.join('\n')}`);
    const result = importMailboxes(store, { file, onProgress: (count) => seen.push(count) }, meta, {});
    expect(result.changed).toHaveLength(1000);
    expect(result).toMatchObject({ changedCount: 2500, created: 2500 });
    expect(store.countMailboxes('DB2')).toBe(1250);
    expect(store.history(1)).toMatchObject([{ changedCount: 2500 }]);
  });
});

describe('a file with mistakes', () => {
  test('has each named by its line, and nothing of it is kept', () => {
    const rows = [
      'address,database,aliases,guid,extension,protocols-off',
      'cyd@x.org,DB3,,,,',
      'ann,,,,,',
      `dan@x.org,DB1,d 1@x.org,xyz,12a,imapp`,
      'eve@x.org,DB1,"e1@x.org',
      ';e2@x.org",,,,,',
      'bob@x.org,DB1,b1@x.org;all@x.org,,,',
      'BOB@x.org,DB2,,,,',
      `fay@x.org,DB1,,${guid('A')},,`,
      'a1@x.org,DB2,,,100,',
      'gus@x.org,DB1,,,300,',
      'hal@x.org,DB1,,,300,',
      'ida@x.org,DB1,i@x.org;i@x.org,,,',
    ];
    expect(problemsOf(estateStore(), rows.join('\n'))).toStrictEqual([
      '2: database: there is no database "DB3" (did you mean "DB1"?)',
      '3: address: expected a mail address (ann@contoso.com), found "ann"',
      '3: database: is required',
      '4: aliases: expected a mail address (ann@contoso.com), found "d"',
      '4: guid: expected a GUID (5b1c9e70-1f6e-4f0e-9a53-0c8d4f7a2b11), found "xyz"',
      '4: extension: expected digits, found "12a"',
      '4: protocols-off: unknown protocol "imapp" (did you mean "imap"?)',
      '5: has 8 fields; the header names 6 columns',
      '7: the address "all@x.org" belongs to group "all@x.org" already',
      '8: mailbox "BOB@x.org" stands in the file already (line 7)',
      `9: the guid "${guid('A')}" belongs to mailbox "ann@x.org" already`,
      '10: the address "a1@x.org" belongs to mailbox "ann@x.org" already',
      '10: extension 100 belongs to ann@x.org and a1@x.org',
      '12: extension 300 belongs to gus@x.org and hal@x.org',
      '13: the address "i@x.org" belongs to mailbox "ida@x.org" already',
    ]);
  });

  test.each([
    [
      '',
      '1: is empty; the first line names the columns: address,database,aliases,guid,extension,dial-plan,protocols-off',
    ],
    ['address;database\n', '1: unknown column "address;database"; known columns: address, database'],
    ['adress,database\n', '1: unknown column "adress" (did you mean "address"?)'],
    ['address\n', '1: the column "database" is missing'],
    ['address,database,Address\n', '1: the column "address" stands there twice'],
    ['address,database\n"ann@x.org"x,DB1\nbob@x.org,DB9', '2: a closing quote is followed by text'],
    ['address,database\nann"@x.org,DB1\n', '2: a quote stands within a field that does not begin with one'],
    ['address,database\nann@x.org,DB1\n"bob@x.org,DB1\n', '3: a quote is not closed'],
    [Buffer.from('address,database\njos\xe9@x.org,DB1\n', 'latin1'), '2: is not UTF-8'],
    [`address,database\n${'a'.repeat(1_500_000)}`, '2: is longer than 1048576 characters'],
  ])('says so: %#', (text, expected) => {
    expect(problemsOf(estateStore(), text)[0]).toContain(expected);
  });

  test('has extensions named that two mailboxes would have in one plan, or for every plan', () => {
    const store = estateStore();
    const header = 'address,database,extension,dial-plan';
    importText(store, `${header}\ncyd@x.org,DB1,100,Vienna\nbob@x.org,DB1,100,Graz`);
    const rows = ['gus@x.org,DB1,300,Vienna', 'hal@x.org,DB1,300,vienna', 'ida@x.org,DB1,300,', 'jon@x.org,DB1,300,'];
    expect(
      problemsOf(store, [header, ...rows, 'bob@x.org,DB1,100,Vienna', 'kai@x.org,DB1,1,Viena'].join('\n')),
    ).toEqual([
      '3: extension 300 of dial plan "Vienna" belongs to gus@x.org and hal@x.org',
      '5: extension 300 belongs to ida@x.org and jon@x.org',
      '6: extension 100 of dial plan "Vienna" belongs to cyd@x.org and bob@x.org',
      '7: dial-plan: there is no dial-plan "Viena" (did you mean "Vienna"?)',
    ]);
  });

  test('has fifty of its problems named, those of the first lines, and the others counted', () => {
    const rows = Array.from({ length: 400 }, (_, index) => `user${index},DB1`);
    const problems = problemsOf(estateStore(), `address,database\n${rows.join('\n')}`);
    expect(problems).toHaveLength(51);
    expect(problems[49]).toMatch(/^51: address: expected a mail address/);
    expect(problems.at(-1)).toBe('and 350 more');
  });

  test('that is not there is wrong usage', () => {
    const file = join(folder, 'none.csv');
    const error = refusal(() => importMailboxes(estateStore(), { file }, meta, {}));
    expect(error).toMatchObject({ exitCode: 2, message: `the file ${file} is not there` });
  });
});

describe('a mailbox of an imported row', () => {
  const protocols = ['imap', 'pop', 'smtp', 'owa', 'ecp', 'ews', 'eas', 'mapi', 'rpc', 'oab', 'autodiscover'] as const;
  const others = ['powershell', 'um'] as const;
  const address = fc
    .constantFrom('ann', 'Ann', 'bob', 'cyd', 'a1', 'b1', 'all', '"q,q"')
    .map((local) => `${local}@x.org`);
  const alias = fc.constantFrom('a1', 'a2', 'A2', 'b1', 'c1', 'ann', 'cyd').map((local) => `${local}@X.org`);
  const row = fc.record({
    address,
    database: fc.constantFrom('DB1', 'db2', 'DB2', 'DB7'),
    aliases: fc.uniqueArray(alias, { maxLength: 2 }),
    guid: fc.option(fc.constantFrom('a', 'b', 'c', 'A').map(guid)),
    extension: fc.option(fc.constantFrom('100', '200', '+300')),
    dialPlan: fc.option(fc.constantFrom('Vienna', 'VIENNA', 'Graz', 'Linz')),
    off: fc.subarray([...protocols, ...others]),
  });
  const optional = fc.subarray(['aliases', 'guid', 'extension', 'dial-plan', 'protocols-off'] as const);
  type Row = typeof row extends fc.Arbitrary<infer T> ? T : never;

  const quote = (cell: string): string => (/[",]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

  function csvOf(rows: readonly Row[], columns: readonly string[]): string {
    const cells = (of: Row): Record<string, string> => ({
      address: of.address,
      database: of.database,
      aliases: of.aliases.join(';'),
      guid: of.guid ?? '',
      extension: of.extension ?? '',
      'dial-plan': of.dialPlan ?? '',
      'protocols-off': of.off.join(' '),
    });
    const names = ['address', 'database', ...columns];
    return [names, ...rows.map((of) => names.map((name) => quote(cells(of)[name] ?? '')))]
      .map((line) => line.join(','))
      .join('\n');
  }

  const fieldNames: Readonly<Record<string, string>> = { 'dial-plan': 'dialPlan', 'protocols-off': 'protocols' };

  function estateOf(rows: readonly Row[], columns: readonly string[]): object {
    const mailboxes = rows.map(({ off, ...fields }) => {
      const states = [...protocols, ...others].map((name) => [name, off.includes(name) ? false : null]);
      const all: Record<string, unknown> = { ...fields, protocols: Object.fromEntries(states) };
      const given = columns.map((column) => fieldNames[column] ?? column).map((name) => [name, all[name]]);
      return { address: fields.address, database: fields.database, ...Object.fromEntries(given) };
    });
    return { estate: 1, mailboxes };
  }

  /** What is left of a store after an attempt: the estate and the history of its mailboxes, or null when refused. */
  function outcome(store: Store, attempt: () => unknown): unknown {
    try {
      attempt();
    } catch (error) {
      if (error instanceof UsherError) return null;
      throw error;
    }
    const history = store
      .history()
      .map(({ changed, changedCount }) => [
        changedCount,
        changed.map(({ noun, name, change }) => `${change} ${noun} ${name}`).toSorted(),
      ]);
    return { estate: exported(store), history, before: store.at(1).directory.find('ann@x.org') };
  }

  test('is the one that an estate file would make, or is refused as that would be', () => {
    let kept = 0;
    const rows = fc.array(row, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(rows, optional, (rows, columns) => {
        const [imported, applied] = [estateStore(), estateStore()];
        const left = outcome(imported, () => importText(imported, csvOf(rows, columns)));
        const right = outcome(applied, () => apply(applied, estateOf(rows, columns) as never));
        if (left !== null) kept++;
        expect(left).toStrictEqual(right);
        imported.close();
        applied.close();
      }),
      { numRuns: 300 },
    );
    expect(kept).toBeGreaterThan(20);
  });
});

describe('the records of a CSV text', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', 'ü', '"', ',', '\n', '\r', ' ', ';'), maxLength: 6 });

  test('are the cells that were written, however it is cut into pieces', () => {
    const table = fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { maxLength: 6 });
    const cuts = fc.array(fc.nat(60), { maxLength: 8 });
    fc.assert(
      fc.property(table, cuts, fc.constantFrom('\n', '\r\n'), (rows, cuts, ending) => {
        const text = rows
          .map((cells) => cells.map((text) => `"${text.replaceAll('"', '""')}"`).join(',') + ending)
          .join('');
        const places = [0, ...cuts.toSorted((a, b) => a - b), text.length];
        const pieces = places.slice(1).map((place, index) => text.slice(places[index], place));
        const records = [...readCsv(pieces)];
        expect(records.map((record) => ('fields' in record ? record.fields : record.problem))).toStrictEqual(rows);
        const lines = rows.map((_, index) => 1 + rows.slice(0, index).flat().join('').split('\n').length - 1 + index);
        expect(records.map(({ line }) => line)).toStrictEqual(lines);
      }),
    );
  });

  test('never throws and is the same for any cut', () => {
    fc.assert(
      fc.property(fc.array(cell, { maxLength: 12 }), fc.nat(40), (parts, cut) => {
        const text = parts.join('');
        const whole = [...readCsv([text])];
        expect([...readCsv([text.slice(0, cut), text.slice(cut)])]).toStrictEqual(whole);
        expect([...readCsv(text.split(''))]).toStrictEqual(whole);
      }),
    );
  });
});
