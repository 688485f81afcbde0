import { UsherError } from '../errors.js';
import type { CsvRecord } from '../estate/csv-records.js';
import { readCsv } from '../estate/csv-records.js';
import type { MailboxCounts, MailboxImporter, ReportLine } from '../store/mailbox-importer.js';
import { didYouMean } from '../topology/names.js';
import type { ChangeMeta, ChangeOptions, ChangeResult, Store } from './change-estate.js';
import type { ImportColumn } from './mailbox-fields.js';
import { importColumns, mailboxReader } from './mailbox-fields.js';
import { pieceSource, readPieces } from './read-pieces.js';
import { namesIn } from './write-object.js';

/** What an import answers: `changed` names the first thousand mailboxes, the counts say how many there were. */
export interface ImportResult extends ChangeResult, MailboxCounts {
  readonly changedCount: number;
}

export interface ImportRequest {
  /** Path of a CSV file; `-` is standard input. */
  readonly file: string;
  /** Hears now and then how many rows were read. */
  readonly onProgress?: (rows: number) => void;
}

/** How many problems are named. */
const problemsMax = 50;
/** Rows between two words of progress. */
const progressStep = 10_000;

/**
 * Makes and changes the mailboxes of a CSV file (RFC 4180, UTF-8, a header line) in one transaction and one revision.
 * An empty cell is the default; a column that is not there keeps what is stored.
 * @throws UsherError `invalid` with file, line and reason of every problem; then nothing is imported
 */
export function importMailboxes(
  store: Store,
  request: ImportRequest,
  meta: ChangeMeta,
  options: ChangeOptions,
): ImportResult {
  const problems = createProblems(pieceSource(request.file));
  const records = readCsv(readPieces(request.file));
  try {
    // The header comes before the transaction: a pipe may keep others waiting until its first line.
    const columns = readHeader(records, problems);
    const { revision, changed, result } = store.change(meta, options, (transaction) => {
      const importer = transaction.importMailboxes(problems.report);
      const names = namesIn(transaction);
      const known = { databases: names('database'), dialPlans: names('dial-plan') };
      const read = mailboxReader(columns, known, problems.report);
      importRecords(records, importer, read, problems, request.onProgress);
      importer.finish();
      problems.refuse();
      return importer.counts();
    });
    return { revision, changed, changedCount: result.created + result.updated, ...result, warnings: [] };
  } finally {
    records.return(undefined);
  }
}

function importRecords(
  records: Iterable<CsvRecord>,
  importer: MailboxImporter,
  read: ReturnType<typeof mailboxReader>,
  problems: Problems,
  onProgress: ImportRequest['onProgress'],
): void {
  let rows = 0;
  for (const record of records) {
    if ('problem' in record) problems.report(record.line, record.problem);
    else {
      const row = read(record.fields, record.line);
      if (row) importer.put(row, record.line);
    }
    if (++rows % progressStep === 0) onProgress?.(rows);
  }
}

/** The columns of the first line; a header with a mistake ends the import. */
function readHeader(records: Iterator<CsvRecord>, problems: Problems): readonly ImportColumn[] {
  const first = records.next();
  if (first.done) problems.report(1, `is empty; the first line names the columns: ${importColumns.join(',')}`);
  else if ('problem' in first.value) problems.report(first.value.line, first.value.problem);
  else {
    const { line, fields } = first.value;
    const columns = fields.flatMap((field) => importColumns.find((known) => known === field.toLowerCase()) ?? []);
    for (const field of fields.filter((field) => !importColumns.some((known) => known === field.toLowerCase()))) {
      const hint = didYouMean(field, importColumns) || `; known columns: ${importColumns.join(', ')}`;
      problems.report(line, `unknown column "${field.slice(0, 80)}"${hint}`);
    }
    for (const [index, column] of columns.entries()) {
      if (columns.indexOf(column) < index) problems.report(line, `the column "${column}" stands there twice`);
    }
    for (const column of ['address', 'database'] as const) {
      if (!columns.includes(column)) problems.report(line, `the column "${column}" is missing`);
    }
    problems.refuse();
    return columns;
  }
  problems.refuse();
  return [];
}

interface Problems {
  readonly report: ReportLine;
  /** Throws when there was one. */
  readonly refuse: () => void;
}

/** Keeps the problems of the first lines, and counts the others. */
function createProblems(fileName: string): Problems {
  let count = 0;
  let kept: { line: number; message: string }[] = [];
  const first = (): typeof kept => kept.toSorted((a, b) => a.line - b.line).slice(0, problemsMax);
  return {
    report: (line, message) => {
      count++;
      kept.push({ line, message });
      if (kept.length >= 2 * problemsMax) kept = first();
    },
    refuse: () => {
      if (count === 0) return;
      const lines = first().map(({ line, message }) => `${fileName}:${line}: ${message}`);
      if (count > lines.length) lines.push(`and ${count - lines.length} more`);
      throw new UsherError('invalid', 'invalid', lines.join('\n'));
    },
  };
}
