import { appendFileSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { httpLine } from '../../src/observability/http-line.js';
import { createHttpLog, type HttpLog } from '../../src/observability/http-log.js';
import type { HttpRecord } from '../../src/observability/http-record.js';
import { type HttpLogQuery, readHttpLog } from '../../src/observability/read-http-log.js';
import type { RecordReport } from '../../src/observability/read-record-files.js';
import type { LogOptions } from '../../src/observability/rotated-file.js';
import { httpRecord } from '../support/http-record.js';
import { contentsOf, logOptions, temporaryFolder } from './log-folder.js';

const today = 'HTTP20261122-1.jsonl';

function openIn(folder: string, options: LogOptions): HttpLog {
  const log = createHttpLog({ ...options, folder });
  onTestFinished(() => log.close());
  return log;
}

async function written(...records: readonly Partial<HttpRecord>[]): Promise<string> {
  const folder = temporaryFolder();
  const { clock, options } = logOptions();
  const log = openIn(folder, options);
  for (const record of records) {
    if (record.at !== undefined) clock.nowMs = Date.parse(record.at);
    log.write(httpRecord(record));
  }
  await log.flush();
  return folder;
}

async function found(folder: string, query: HttpLogQuery = {}) {
  const records: HttpRecord[] = [];
  let report: RecordReport | undefined;
  for await (const record of readHttpLog(folder, query, (told) => (report = told))) records.push(record);
  return { records, report, ids: records.map(({ requestId }) => requestId) };
}

const word = fc.string({ unit: 'binary', maxLength: 40 });
const wordOrNull = fc.option(word);
const count = fc.nat();
const record: fc.Arbitrary<HttpRecord> = fc.record({
  at: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') }).map((date) => date.toISOString()),
  requestId: word,
  listener: word,
  frontEnd: word,
  client: word,
  clientPort: count,
  scheme: fc.constantFrom('http', 'https'),
  version: fc.constantFrom('1.0', '1.1', '2'),
  method: word,
  host: word,
  path: word.map((text) => text.replaceAll('?', '')),
  service: wordOrNull,
  hint: wordOrNull,
  mailbox: wordOrNull,
  user: wordOrNull,
  userAgent: wordOrNull,
  status: fc.option(count),
  end: fc.constantFrom('answered', 'aborted'),
  endReason: wordOrNull,
  server: wordOrNull,
  outcome: wordOrNull,
  reason: wordOrNull,
  tried: fc.array(fc.record({ server: word, reason: word })),
  bytesReceived: fc.maxSafeNat(),
  bytesSent: fc.maxSafeNat(),
  durationMs: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
  firstByteMs: fc.option(count),
  trace: fc.array(fc.record({ rule: word, detail: word })),
});

describe('a line of the HTTP log', () => {
  it('is its record as JSON, whatever the bytes in it', () => {
    fc.assert(
      fc.property(record, (one) => {
        const line = httpLine(one);
        expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(one)));
        expect(Object.keys(JSON.parse(line))).toEqual(Object.keys(httpRecord()));
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
      }),
    );
  });

  it('is one object of bounded length for the worst a stranger can send', () => {
    const worst = '\u0000\u001b\u009b"\\\r\n\u2028\u202e\ud800'.repeat(10_000);
    const names = Object.entries(httpRecord()).filter(([, value]) => typeof value === 'string');
    const line = httpLine({
      ...httpRecord(Object.fromEntries(names.map(([name]) => [name, worst]))),
      tried: Array.from({ length: 500 }, () => ({ server: 'MBX1', reason: 'refused' })),
      trace: Array.from({ length: 500 }, () => ({ rule: 'a', detail: 'b' })),
    });
    expect(line.length).toBeLessThan(200_000);
    const read = JSON.parse(line);
    expect(read.method).toBe(`${worst.slice(0, 997)}...`);
    expect(read.userAgent).toBe(`${worst.slice(0, 297)}...`);
    expect([read.tried.length, read.trace.length]).toEqual([101, 101]);
    expect(read.tried[100]).toEqual({ server: '', reason: '400 more' });
    expect(read.trace[100]).toEqual({ rule: 'left-out', detail: '400 steps' });
  });

  it('has no query in it', () => {
    expect(httpLine(httpRecord({ path: '/owa/?token=secret' }))).not.toContain('secret');
  });

  it('has no word that JSON lacks', () => {
    const numbers = { bytesSent: Number.NaN, durationMs: Infinity, status: -Infinity };
    expect(JSON.parse(httpLine(httpRecord(numbers)))).toMatchObject({ bytesSent: 0, durationMs: 0, status: 0 });
  });

  it('is the same for a trace seen before', () => {
    const one = httpRecord();
    expect(httpLine(one)).toBe(httpLine({ ...one }));
  });
});

describe('the HTTP log', () => {
  it('reads back what was written, one line a request', async () => {
    const plain = httpRecord();
    const bare = httpRecord({ status: null, user: null, server: null, end: 'aborted', tried: [], trace: [] });
    const folder = await written(plain, bare);
    expect(contentsOf(folder)[today]?.split('\n')).toHaveLength(3);
    const { records, report } = await found(folder);
    expect(records).toEqual([plain, bare]);
    expect(report).toEqual({ files: 1, unreadableLines: 0, lostRecords: 0 });
  });

  it('begins a new file at its size, and keeps the newest', async () => {
    const folder = temporaryFolder();
    const { options } = logOptions();
    const log = openIn(folder, { ...options, fileBytesMax: 5000, folderBytesMax: 20_000 });
    for (let n = 0; n < 100; n += 1) log.write(httpRecord({ requestId: String(n) }));
    await log.flush();
    const names = Object.keys(contentsOf(folder));
    expect(names.length).toBeGreaterThan(2);
    expect(Object.values(contentsOf(folder)).every((text) => text.length <= 5000)).toBe(true);
    const { ids } = await found(folder);
    expect(ids.length).toBeLessThan(100);
    expect(ids).toEqual([...Array(100).keys()].slice(-ids.length).map(String));
  });

  it('tells of requests that found no room', async () => {
    const folder = join(temporaryFolder(), 'http');
    writeFileSync(folder, '');
    const { options, troubles } = logOptions();
    const log = openIn(folder, { ...options, heldBytesMax: 3000, retryAfterMs: 60_000 });
    for (let n = 0; n < 10; n += 1) log.write(httpRecord());
    await log.flush();
    rmSync(folder);
    await log.flush();
    await log.flush();
    const { records, report } = await found(folder, { mailbox: 'ann@contoso.com' });
    expect(records.length).toBeGreaterThan(0);
    expect(report).toEqual({ files: 1, unreadableLines: 0, lostRecords: 10 - records.length });
    expect(troubles.map(({ kind }) => kind)).toEqual(['unwritable', 'lost']);
  });

  it('takes nothing more once it is closed', async () => {
    const folder = temporaryFolder();
    const { options, troubles } = logOptions();
    const log = openIn(folder, options);
    log.write(httpRecord());
    await log.close();
    log.write(httpRecord());
    expect((await found(folder)).records).toHaveLength(1);
    expect(troubles).toEqual([{ kind: 'lost', folder, lines: 1 }]);
  });
});

describe('a query of the HTTP log', () => {
  const records: readonly Partial<HttpRecord>[] = [
    { requestId: 'a', at: '2026-11-20T08:00:00.000Z', user: null, mailbox: null, hint: null, service: 'owa' },
    { requestId: 'b', at: '2026-11-21T09:00:00.000Z', client: '2001:db8::9', status: 503, server: null, path: '/owa/' },
    { requestId: 'c"\\', at: '2026-11-22T10:00:00.000Z', user: 'ΑΣ@GRÜN.example', status: 401, tried: [] },
    { requestId: 'd', at: '2026-11-22T11:00:00.000Z', mailbox: 'Bob@contoso.com', status: null, end: 'aborted' },
  ];

  it.each<[string, HttpLogQuery, readonly number[]]>([
    ['everything', {}, [0, 1, 2, 3]],
    ['a request id', { requestId: 'c"\\' }, [2]],
    ['a part of a request id', { requestId: 'c"' }, []],
    ['a user in another case', { user: 'contoso\\ann' }, [1, 3]],
    ['a user beyond ASCII', { user: 'ας@grün.example' }, [2]],
    ['a user who is a mailbox', { user: 'ann@contoso.com' }, []],
    ['a mailbox', { mailbox: 'bob@contoso.com' }, [3]],
    ['a client', { isClient: (address) => address === '2001:db8::9' }, [1]],
    ['the server that answered', { server: 'mbx1' }, [0, 2, 3]],
    ['a server that was tried', { server: 'MBX2' }, [0, 1, 3]],
    ['a service', { service: 'OWA' }, [0]],
    ['a status', { isStatus: (status) => status === 401 || status === null }, [2, 3]],
    ['the beginning of a path', { path: '/OWA' }, [1]],
    ['the middle of a path', { path: 'owa' }, []],
    ['no path', { path: '' }, [0, 1, 2, 3]],
    ['a beginning', { sinceMs: Date.parse('2026-11-21T09:00:00Z') }, [1, 2, 3]],
    ['just after a beginning', { sinceMs: Date.parse('2026-11-21T09:00:00Z') + 0.5 }, [2, 3]],
    ['an end', { untilMs: Date.parse('2026-11-21T09:00:00Z') + 0.5 }, [0, 1]],
    ['a span and a server', { sinceMs: Date.parse('2026-11-22'), server: 'MBX1', mailbox: 'ann@contoso.com' }, [2]],
    ['a time before all', { untilMs: -1 }, []],
    ['a time after all', { sinceMs: Date.UTC(12_000, 0) }, []],
  ])('finds by %s', async (_, query, indexes) => {
    const folder = await written(...records);
    expect((await found(folder, query)).ids).toEqual(indexes.map((index) => records[index]?.requestId));
  });

  it('opens only the files that can matter', async () => {
    const folder = await written(...records);
    mkdirSync(join(folder, 'HTTP20261122-9.jsonl'));
    expect((await found(folder, { sinceMs: Date.parse('2026-11-22T00:00:00Z') })).report?.files).toBe(1);
    expect((await found(folder, { untilMs: Date.parse('2026-11-20T23:00:00Z') })).report?.files).toBe(2);
    const lastChange = new Date('2026-11-22T11:00:00Z');
    utimesSync(join(folder, today), lastChange, lastChange);
    expect((await found(folder, { sinceMs: lastChange.getTime() })).ids).toEqual(['d']);
    expect((await found(folder, { sinceMs: lastChange.getTime() + 2000 })).report?.files).toBe(0);
  });

  it('gives requests in the order of their ends, across files and writers', async () => {
    const ids = [...Array(600).keys()];
    const at = (id: number) => new Date(Date.parse('2026-11-21T23:59:59.900Z') + id).toISOString();
    const folder = await written(...ids.map((id) => ({ requestId: `${id}`, at: at(id % 2 ? id - 1 : id + 1) })));
    expect((await found(folder)).records.map((record) => record.at)).toEqual(ids.map(at));
  });

  it('leaves a line alone that is being written, and counts what is no record', async () => {
    const folder = await written({});
    const path = join(folder, today);
    const line = httpLine(httpRecord());
    appendFileSync(path, `{"at":"2026-11-22T10:00:00.000Z","tried":7}\nnonsense\n\n${'y'.repeat(200)}\n`);
    appendFileSync(path, `${line.replace('"https"', '"gopher"')}\n${line.replace('"rule"', '"rude"')}\n`);
    appendFileSync(path, line.slice(0, 300));
    const all = await found(folder);
    expect([all.records.length, all.report?.unreadableLines]).toEqual([1, 6]);
    const byId = await found(folder, { requestId: '4f2a-1' });
    expect([byId.records.length, byId.report?.unreadableLines]).toEqual([1, 5]);
    appendFileSync(path, line.slice(300));
    expect((await found(folder)).records).toHaveLength(2);
  });

  it('survives a line that is larger than any record', async () => {
    const folder = await written({});
    appendFileSync(join(folder, today), `${'z'.repeat(40_000_000)}\n${httpLine(httpRecord())}\n`);
    const { records, report } = await found(folder);
    expect([records.length, report?.unreadableLines]).toEqual([2, 1]);
  });

  it('has nothing to say of a folder that is not there, and refuses one that cannot be read', async () => {
    const folder = temporaryFolder();
    expect((await found(join(folder, 'none'))).report).toEqual({ files: 0, unreadableLines: 0, lostRecords: 0 });
    writeFileSync(join(folder, 'file'), '');
    await expect(found(join(folder, 'file'))).rejects.toMatchObject({ name: 'UsherError', code: 'unreadable' });
  });

  it('finds any request by any of its own words', async () => {
    await fc.assert(
      fc.asyncProperty(record, async (one) => {
        const folder = temporaryFolder();
        const log = createHttpLog({ ...logOptions(one.at).options, folder });
        log.write(one);
        await log.close();
        const { requestId, user, mailbox, service, server, path } = one;
        const named = { user, mailbox, service, server };
        const words = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== null));
        const atMs = Date.parse(one.at);
        const query = { requestId, path: path.slice(0, path.length / 2), sinceMs: atMs, untilMs: atMs, ...words };
        expect((await found(folder, query)).records).toEqual([one]);
      }),
      { numRuns: 50 },
    );
  });
});
