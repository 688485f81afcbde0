import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { LogOptions } from '../../src/observability/rotated-file.js';
import {
  openTracking,
  readTracking,
  type Tracking,
  type TrackingQuery,
  type TrackingRecord,
  type TrackingReport,
} from '../../src/observability/tracking.js';
import { contentsOf, logOptions, temporaryFolder } from './log-folder.js';

const today = 'MSGTRK20261122-1.jsonl';
const sample: TrackingRecord = {
  at: '2026-11-22T10:00:00.000Z',
  frontEnd: 'FE1',
  session: '08DE2A',
  connector: 'Default Frontend',
  client: '203.0.113.9',
  clientPort: 40_000,
  helo: 'mx.example.net',
  tls: 'TLSv1.3 TLS_AES_256_GCM_SHA384',
  user: null,
  from: 'Sender@example.net',
  recipients: [
    { address: 'ann@contoso.com', verdict: 'accept', reply: '250 2.1.5 Recipient OK' },
    { address: 'nobody@contoso.com', verdict: 'reject', reply: '550 5.1.10 no such recipient' },
  ],
  messageId: '<1@example.net>',
  transaction: '0123456789abcdef',
  filters: [{ agent: 'sender', event: 'mail', verdict: 'stamp', why: 'blocked sender' }],
  decision: { outcome: 'proxy', reason: 'mailbox', trace: [{ rule: 'delivery-group', detail: 'DAG1' }] },
  server: 'MBX1',
  tried: [{ server: 'MBX2', reason: 'connection refused' }],
  reply: '250 2.6.0 queued',
  outcome: 'accepted',
  bytes: 4096,
  durationMs: 12,
};

function openIn(folder: string, options: LogOptions): Tracking {
  const tracking = openTracking(folder, options);
  onTestFinished(() => tracking.close());
  return tracking;
}

async function written(...records: readonly Partial<TrackingRecord>[]): Promise<string> {
  const folder = temporaryFolder();
  const { clock, options } = logOptions();
  const tracking = openIn(folder, options);
  for (const record of records) {
    if (record.at !== undefined) clock.nowMs = Date.parse(record.at);
    tracking.record({ ...sample, ...record });
  }
  await tracking.flush();
  return folder;
}

async function found(folder: string, query: TrackingQuery = {}) {
  const records: TrackingRecord[] = [];
  let report: TrackingReport | undefined;
  for await (const record of readTracking(folder, query, (told) => (report = told))) records.push(record);
  return { records, report, ids: records.map(({ messageId }) => messageId) };
}

describe('message tracking', () => {
  it('reads back what was recorded, one line a message', async () => {
    const folder = await written({}, { messageId: null, decision: null, from: '', recipients: [] });
    expect(contentsOf(folder)[today]?.split('\n')).toHaveLength(3);
    const { records, report } = await found(folder);
    expect(records).toEqual([sample, { ...sample, messageId: null, decision: null, from: '', recipients: [] }]);
    expect(report).toEqual({ files: 1, unreadableLines: 0, lostRecords: 0 });
  });

  it('bounds every text and every list, and says how much it left out', async () => {
    const long = 'x'.repeat(5000);
    const folder = await written({
      helo: long,
      recipients: Array.from({ length: 1234 }, () => ({ address: long, verdict: 'accept' as const, reply: null })),
      filters: Array.from({ length: 101 }, () => ({ agent: long, event: long, verdict: long, why: long })),
      decision: {
        outcome: long,
        reason: long,
        trace: Array.from({ length: 150 }, () => ({ rule: long, detail: long })),
      },
      tried: Array.from({ length: 102 }, () => ({ server: long, reason: long })),
    });
    const shortFolder = await written({
      recipients: Array.from({ length: 1234 }, () => ({
        address: 'ann@contoso.com',
        verdict: 'accept' as const,
        reply: null,
      })),
    });
    expect((await found(shortFolder)).records[0]).toMatchObject({
      recipients: { length: 1000 },
      leftOut: { recipients: 234 },
    });
    const [record] = (await found(folder)).records;
    expect(record?.helo).toBe(`${'x'.repeat(997)}...`);
    expect(record?.leftOut).toEqual({ recipients: 1214, filters: 81, trace: 130, tried: 82 });
    expect(contentsOf(folder)[today]?.length).toBeLessThan(1_000_000);
  });

  it('keeps the worst a stranger can send to one harmless line', async () => {
    const worst = '\u0000\u001b\u009b\r\n\u2028\u202e'.repeat(200);
    const recipients = Array.from({ length: 1000 }, () => ({
      address: worst,
      verdict: 'accept' as const,
      reply: worst,
    }));
    const folder = await written({ helo: worst, messageId: worst, recipients }, {});
    const lines = (contentsOf(folder)[today] ?? '').split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/);
    expect(lines[0]?.length).toBeLessThan(2_000_000);
    expect((await found(folder)).records).toHaveLength(2);
    expect((await found(folder)).records[0]?.helo).toBe(`${worst.slice(0, 997)}...`);
  });

  it('tells of records that found no room', async () => {
    const folder = join(temporaryFolder(), 'tracking');
    writeFileSync(folder, '');
    const { options } = logOptions();
    const tracking = openIn(folder, { ...options, heldBytesMax: 3000, retryAfterMs: 60_000 });
    for (let n = 0; n < 10; n += 1) tracking.record(sample);
    await tracking.flush();
    rmSync(folder);
    await tracking.flush();
    await tracking.flush();
    const { records, report } = await found(folder, { from: 'sender@example.net' });
    expect(records.length).toBeGreaterThan(0);
    expect(report).toEqual({ files: 1, unreadableLines: 0, lostRecords: 10 - records.length });
  });
});

describe('a tracking query', () => {
  const records = [
    { messageId: '<1@a>', from: 'Ann@A.example', at: '2026-11-20T08:00:00.000Z' },
    { messageId: '2@a', from: '', at: '2026-11-21T09:00:00.000Z' },
    { messageId: '<Q"\\3@a>', from: '<bob@b.example>', at: '2026-11-22T10:00:00.000Z' },
    { messageId: null, from: 'ΑΣ@GRÜN.example', at: '2026-11-22T11:00:00.000Z' },
  ];

  it.each<[string, TrackingQuery, readonly number[]]>([
    ['everything', {}, [0, 1, 2, 3]],
    ['a message id', { messageId: '1@a' }, [0]],
    ['a message id in brackets', { messageId: '<2@a>' }, [1]],
    ['a message id with a quotation mark', { messageId: 'Q"\\3@a' }, [2]],
    ['a message id in another case', { messageId: '1@A' }, []],
    ['a sender in another case', { from: 'ann@a.EXAMPLE' }, [0]],
    ['a sender in brackets', { from: '<BOB@b.example>' }, [2]],
    ['a sender beyond ASCII', { from: 'ας@grün.example' }, [3]],
    ['the empty sender', { from: '' }, [1]],
    ['the empty sender in brackets', { from: '<>' }, [1]],
    ['a recipient', { to: 'NOBODY@contoso.com' }, [0, 1, 2, 3]],
    ['a part of a recipient', { to: 'body@contoso.com' }, []],
    ['a sender who is a recipient', { from: 'ann@contoso.com' }, []],
    ['a beginning', { sinceMs: Date.parse('2026-11-21T09:00:00Z') }, [1, 2, 3]],
    ['an end', { untilMs: Date.parse('2026-11-21T09:00:00Z') }, [0, 1]],
    ['a span and a recipient', { sinceMs: Date.parse('2026-11-22'), to: 'ann@contoso.com' }, [2, 3]],
  ])('finds by %s', async (_, query, indexes) => {
    const folder = await written(...records);
    expect((await found(folder, query)).ids).toEqual(indexes.map((index) => records[index]?.messageId));
  });

  it('opens only the files of days that can matter', async () => {
    const folder = await written(...records);
    mkdirSync(join(folder, 'MSGTRK20261122-9.jsonl'));
    expect((await found(folder, { sinceMs: Date.parse('2026-11-22T00:00:00Z') })).report?.files).toBe(1);
    expect((await found(folder, { untilMs: Date.parse('2026-11-20T23:00:00Z') })).report?.files).toBe(2);
  });

  it('gives records in the order of their times, across files and writers', async () => {
    const ids = [...Array(600).keys()];
    const at = (id: number) => new Date(Date.parse('2026-11-21T23:59:59.900Z') + id).toISOString();
    const folder = await written(...ids.map((id) => ({ messageId: `${id}`, at: at(id % 2 ? id - 1 : id + 1) })));
    const times = (await found(folder)).records.map((record) => record.at);
    expect(times).toEqual(ids.map(at));
  });

  it('leaves a line alone that is being written, and counts what is no record', async () => {
    const folder = await written({});
    const path = join(folder, today);
    appendFileSync(path, `{"at":"2026-11-22T10:00:00.000Z","recipients":7}\nnonsense\n\n${'y'.repeat(200)}\n`);
    appendFileSync(path, JSON.stringify(sample).slice(0, 300));
    const all = await found(folder);
    expect([all.records.length, all.report?.unreadableLines]).toEqual([1, 4]);
    const byId = await found(folder, { messageId: '1@example.net' });
    expect([byId.records.length, byId.report?.unreadableLines]).toEqual([1, 3]);
    appendFileSync(path, JSON.stringify(sample).slice(300));
    expect((await found(folder)).records).toHaveLength(2);
  });

  it('survives a line that is larger than any record', async () => {
    const folder = await written({});
    appendFileSync(join(folder, today), `${'z'.repeat(40_000_000)}\n${JSON.stringify(sample)}\n`);
    const { records, report } = await found(folder);
    expect([records.length, report?.unreadableLines]).toEqual([2, 1]);
  });

  it('has nothing to say of a folder that is not there, and refuses one that cannot be read', async () => {
    const folder = temporaryFolder();
    expect((await found(join(folder, 'none'))).report).toEqual({ files: 0, unreadableLines: 0, lostRecords: 0 });
    writeFileSync(join(folder, 'file'), '');
    await expect(found(join(folder, 'file'))).rejects.toMatchObject({ name: 'UsherError', code: 'unreadable' });
  });

  it('finds any address and any id that was recorded', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(text, text, text, async (messageId, from, to) => {
        const recipients = [{ address: to, verdict: 'accept', reply: null }] as const;
        const folder = await written({ messageId, from, recipients });
        for (const query of [{ messageId }, { from }, { to }, { messageId, from, to }]) {
          expect((await found(folder, query)).records).toHaveLength(1);
        }
      }),
      { numRuns: 20 },
    );
  });
});
