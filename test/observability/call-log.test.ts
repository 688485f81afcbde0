import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { callLine } from '../../src/observability/call-line.js';
import { type CallLog, createCallLog } from '../../src/observability/call-log.js';
import type { CallRecord } from '../../src/observability/call-record.js';
import { type CallLogQuery, readCallLog } from '../../src/observability/read-call-log.js';
import type { RecordReport } from '../../src/observability/read-record-files.js';
import type { LogOptions } from '../../src/observability/rotated-file.js';
import { callRecord } from '../support/call-record.js';
import { contentsOf, logOptions, temporaryFolder } from './log-folder.js';

const today = 'CALL20261122-1.jsonl';

function openIn(folder: string, options: LogOptions): CallLog {
  const log = createCallLog({ ...options, folder });
  onTestFinished(() => log.close());
  return log;
}

async function written(...records: readonly Partial<CallRecord>[]): Promise<string> {
  const folder = temporaryFolder();
  const { clock, options } = logOptions();
  const log = openIn(folder, options);
  for (const record of records) {
    if (record.at !== undefined) clock.nowMs = Date.parse(record.at);
    log.write(callRecord(record));
  }
  await log.flush();
  return folder;
}

async function found(folder: string, query: CallLogQuery = {}) {
  const records: CallRecord[] = [];
  let report: RecordReport | undefined;
  for await (const record of readCallLog(folder, query, (told) => (report = told))) records.push(record);
  return { records, report, ids: records.map(({ callId }) => callId) };
}

const word = fc.string({ unit: 'binary', maxLength: 40 });
const wordOrNull = fc.option(word);
const record: fc.Arbitrary<CallRecord> = fc.record({
  at: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') }).map((date) => date.toISOString()),
  frontEnd: word,
  listener: word,
  transport: fc.constantFrom('udp', 'tcp', 'tls'),
  client: word,
  clientPort: fc.nat(),
  callId: word,
  from: word,
  to: word,
  requestUri: word,
  diversion: wordOrNull,
  status: fc.nat(),
  reason: word,
  trace: fc.array(fc.record({ rule: word, detail: word })),
  server: wordOrNull,
  contact: wordOrNull,
  durationMs: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
});

describe('a line of the call log', () => {
  it('is its record as JSON, whatever the bytes in it', () => {
    fc.assert(
      fc.property(record, (one) => {
        const line = callLine(one);
        expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(one)));
        expect(Object.keys(JSON.parse(line))).toEqual(Object.keys(callRecord()));
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
      }),
    );
  });

  it('is one object of bounded length for the worst a stranger can send', () => {
    const worst = '\u0000\u001b\u009b"\\\r\n\u2028\u202e\ud800'.repeat(10_000);
    const names = Object.entries(callRecord()).filter(([, value]) => typeof value === 'string');
    const line = callLine({
      ...callRecord(Object.fromEntries(names.map(([name]) => [name, worst]))),
      trace: Array.from({ length: 500 }, () => ({ rule: 'a', detail: 'b' })),
    });
    expect(line.length).toBeLessThan(200_000);
    const read = JSON.parse(line);
    expect(read.callId).toBe(`${worst.slice(0, 997)}...`);
    expect(read.trace).toHaveLength(101);
    expect(read.trace[100]).toEqual({ rule: 'left-out', detail: '400 steps' });
  });

  it('has no word that JSON lacks', () => {
    const numbers = { durationMs: Number.NaN, status: -Infinity, clientPort: Infinity };
    expect(JSON.parse(callLine(callRecord(numbers)))).toMatchObject({ durationMs: 0, status: 0, clientPort: 0 });
  });
});

describe('the call log', () => {
  it('reads back what was written, one line a call', async () => {
    const sent = callRecord();
    const refused = callRecord({ status: 404, diversion: null, server: null, contact: null, trace: [] });
    const folder = await written(sent, refused);
    expect(contentsOf(folder)[today]?.split('\n')).toHaveLength(3);
    const { records, report } = await found(folder);
    expect(records).toEqual([sent, refused]);
    expect(report).toEqual({ files: 1, unreadableLines: 0, lostRecords: 0 });
  });

  it('cannot be made to hold a line that is no call', async () => {
    const forged = `x"}\n${callLine(callRecord({ callId: 'forged' }))}\n`;
    const folder = await written({ callId: forged, from: forged, to: forged, requestUri: forged, diversion: forged });
    expect(contentsOf(folder)[today]?.split('\n')).toHaveLength(2);
    expect((await found(folder)).ids).toEqual([forged]);
  });

  it('tells of calls that found no room', async () => {
    const folder = join(temporaryFolder(), 'calls');
    writeFileSync(folder, '');
    const { options, troubles } = logOptions();
    const log = openIn(folder, { ...options, heldBytesMax: 3000, retryAfterMs: 60_000 });
    for (let n = 0; n < 10; n += 1) log.write(callRecord());
    await log.flush();
    rmSync(folder);
    await log.flush();
    await log.flush();
    const { records, report } = await found(folder);
    expect(records.length).toBeGreaterThan(0);
    expect(report).toEqual({ files: 1, unreadableLines: 0, lostRecords: 10 - records.length });
    expect(troubles.map(({ kind }) => kind)).toEqual(['unwritable', 'lost']);
  });

  it('begins a new file at its size, and keeps the newest', async () => {
    const folder = temporaryFolder();
    const { options } = logOptions();
    const log = openIn(folder, { ...options, fileBytesMax: 5000, folderBytesMax: 20_000 });
    for (let n = 0; n < 100; n += 1) log.write(callRecord({ callId: String(n) }));
    await log.flush();
    const files = Object.values(contentsOf(folder));
    expect(files.length).toBeGreaterThan(2);
    expect(files.every((text) => text.length <= 5000)).toBe(true);
    const { ids } = await found(folder);
    expect(ids.length).toBeLessThan(100);
    expect(ids).toEqual([...Array(100).keys()].slice(-ids.length).map(String));
  });
});

describe('a query of the call log', () => {
  const records: readonly Partial<CallRecord>[] = [
    { callId: 'a', at: '2026-11-20T08:00:00.000Z', diversion: null, server: 'MBX2' },
    { callId: 'b', at: '2026-11-21T09:00:00.000Z', client: '2001:db8::9', status: 404, server: null },
    { callId: 'c', at: '2026-11-22T10:00:00.000Z', diversion: null, requestUri: 'sip:5102@x', to: 'sip:5101@x' },
  ];

  it.each<[string, CallLogQuery, readonly number[]]>([
    ['everything', {}, [0, 1, 2]],
    ['whom it was for or who diverted it', { isCallee: (uri) => uri.startsWith('sip:5101@') }, [1, 2]],
    ['the request URI', { isCallee: (uri) => uri === 'sip:5102@x' }, [2]],
    ['nobody', { isCallee: (uri) => uri === '' }, []],
    ['a client', { isClient: (address) => address === '2001:db8::9' }, [1]],
    ['a server in another case', { server: 'mbx1' }, [2]],
    ['a server whose name is elsewhere in the line', { server: 'FE1' }, []],
    ['a status', { isStatus: (status) => status === 404 }, [1]],
    ['a beginning', { sinceMs: Date.parse('2026-11-21T09:00:00Z') }, [1, 2]],
    ['an end', { untilMs: Date.parse('2026-11-21T09:00:00Z') }, [0, 1]],
    [
      'a span and a server',
      { sinceMs: Date.parse('2026-11-20'), untilMs: Date.parse('2026-11-22'), server: 'MBX2' },
      [0],
    ],
  ])('finds by %s', async (_, query, indexes) => {
    const folder = await written(...records);
    expect((await found(folder, query)).ids).toEqual(indexes.map((index) => records[index]?.callId));
  });

  it('leaves a line alone that is being written, and counts what is no record', async () => {
    const folder = await written({});
    const line = callLine(callRecord());
    const noCalls = [line.replace('"tcp"', '"pigeon"'), line.replace('"rule"', '"rude"'), line.replace('302', '"302"')];
    appendFileSync(join(folder, today), `${noCalls.join('\n')}\n{"at":7}\nnonsense\n${line.slice(0, 300)}`);
    const all = await found(folder);
    expect([all.records.length, all.report?.unreadableLines]).toEqual([1, 5]);
    appendFileSync(join(folder, today), line.slice(300));
    expect((await found(folder)).records).toHaveLength(2);
  });

  it('has nothing to say of a folder that is not there, and refuses one that cannot be read', async () => {
    const folder = temporaryFolder();
    expect((await found(join(folder, 'none'))).report).toEqual({ files: 0, unreadableLines: 0, lostRecords: 0 });
    writeFileSync(join(folder, 'file'), '');
    await expect(found(join(folder, 'file'))).rejects.toMatchObject({ name: 'UsherError', code: 'unreadable' });
  });

  it('finds any call by its own words', async () => {
    await fc.assert(
      fc.asyncProperty(record, async (one) => {
        const folder = temporaryFolder();
        const log = createCallLog({ ...logOptions(one.at).options, folder });
        log.write(one);
        await log.close();
        const atMs = Date.parse(one.at);
        const query = {
          sinceMs: atMs,
          untilMs: atMs,
          server: one.server ?? undefined,
          isCallee: (uri: string) => uri === (one.diversion ?? one.to),
        };
        expect((await found(folder, query)).records).toEqual([one]);
      }),
      { numRuns: 50 },
    );
  });
});
