import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { requestRow, requestText, type TrackHttpFlags, trackRequests } from '../../src/admin/track-http.js';
import { createHttpLog } from '../../src/observability/http-log.js';
import { httpRecord } from '../support/http-record.js';
import { tempDir } from '../support/temp-dir.js';

const nowMs = Date.parse('2026-11-22T10:00:00Z');
const folder = join(tempDir('track-http'), 'log', 'http');

beforeAll(async () => {
  const log = createHttpLog({
    folder,
    nowMs: () => nowMs,
    onTrouble: (trouble) => expect.unreachable(JSON.stringify(trouble)),
  });
  for (let minute = 0; minute < 60; minute++) {
    const at = new Date(nowMs - (60 - minute) * 60_000).toISOString();
    const client = minute < 30 ? `203.0.113.${minute}` : `2001:db8::${minute}`;
    const status = minute % 10 === 0 ? 503 : 200;
    log.write(httpRecord({ at, requestId: `r${minute}`, client, status: minute === 7 ? null : status }));
  }
  await log.close();
});

const track = (flags: Partial<TrackHttpFlags>) => trackRequests(folder, { limit: 100, ...flags }, nowMs);

describe('what is found', () => {
  test.each<[Partial<TrackHttpFlags>, number]>([
    [{}, 60],
    [{ requestId: 'r42' }, 1],
    [{ user: 'contoso\\ann', mailbox: 'ANN@contoso.com', server: 'MBX1', service: 'ews', path: '/ews' }, 60],
    [{ user: 'bob' }, 0],
    [{ client: '203.0.113.5' }, 1],
    [{ client: '::ffff:203.0.113.5' }, 1],
    [{ client: '203.0.113.0/28' }, 16],
    [{ client: '203.0.113.10-203.0.113.19' }, 10],
    [{ client: '2001:db8::/32' }, 30],
    [{ client: '2001:DB8:0::30' }, 1],
    [{ status: '503' }, 6],
    [{ status: '4xx,none' }, 1],
    [{ status: '2xx,5xx' }, 59],
    [{ since: '10m' }, 10],
    [{ since: '2026-11-22T09:00:00Z', until: '50m' }, 11],
    [{ since: '10m', status: '5xx' }, 1],
  ])('%j: %i', async (flags, count) => {
    const { records, notes } = await track(flags);
    expect(records).toHaveLength(count);
    expect(notes).toStrictEqual(count === 0 ? ['no request found'] : []);
  });

  test('is in order, and the limit keeps the newest', async () => {
    const { records, notes } = await track({ limit: 7 });
    expect(records.map(({ requestId }) => requestId)).toStrictEqual([53, 54, 55, 56, 57, 58, 59].map((n) => `r${n}`));
    expect(notes).toStrictEqual(['these are the newest 7 of 60; see more with --limit']);
  });

  test('is nothing where there are no files, and the note says where they would be', async () => {
    const nowhere = join(folder, 'nowhere');
    expect(await trackRequests(nowhere, { limit: 1 }, nowMs)).toStrictEqual({
      records: [],
      notes: [`no request found; there is no HTTP log of this time in ${nowhere}`],
    });
  });

  test.each<[Partial<TrackHttpFlags>, RegExp]>([
    [{ since: 'yesterday' }, /^--since takes a time/],
    [{ status: 'bad' }, /^--status takes statuses .*found "bad"$/],
    [{ client: 'pc7' }, /^--client takes an address .*found "pc7"$/],
    [{ client: '203.0.113.0/33' }, /^--client takes an address/],
  ])('%j is a usage error', async (flags, message) => {
    await expect(track(flags)).rejects.toMatchObject({ exitCode: 2, message });
  });
});

describe('what is shown', () => {
  test.each<[string, Parameters<typeof httpRecord>[0], readonly [number, string][]]>([
    ['a row', {}, [[4, '200']]],
    [
      'an answer of ours',
      { server: null, status: 401, user: null },
      [
        [2, ''],
        [4, '401'],
        [5, ''],
      ],
    ],
    ['an answer that broke off', { end: 'aborted' }, [[4, '200 aborted']]],
    ['no answer', { end: 'aborted', status: null }, [[4, 'aborted']]],
  ])('%s', (_, changes, cells) => {
    const row = [
      '2026-11-22T09:59:58.123Z',
      '203.0.113.9',
      'CONTOSO\\Ann',
      'POST /EWS/Exchange.asmx',
      '',
      'MBX1',
      '12',
    ];
    for (const [column, text] of cells) row[column] = text;
    expect(requestRow(httpRecord(changes))).toStrictEqual(row);
  });

  test('everything', () => {
    expect(requestText(httpRecord()).split('\n')).toStrictEqual([
      '2026-11-22T09:59:58.123Z POST https://mail.contoso.com/EWS/Exchange.asmx',
      '  client    203.0.113.9:40000, HTTP/1.1, user CONTOSO\\Ann, at "HTTPS" of FE1, request 4f2a-1',
      '  agent     Mozilla/5.0 (Windows NT 10.0)',
      '  service   ews',
      '  mailbox   ann@contoso.com, by basic-user',
      '  database  DB1, active on MBX1',
      '  decision  proxy: mailbox',
      '  tried     MBX2: connection refused',
      '  server    MBX1',
      '  answer    200 (1234 bytes in, 4096 out in 12 ms, the first after 5 ms)',
      '',
    ]);
  });

  test('nothing that is not known', () => {
    const unknown = { user: null, userAgent: null, service: null, hint: null, mailbox: null, server: null };
    const undecided = { outcome: null, reason: null, tried: [], trace: [], status: null, firstByteMs: null };
    const left = { end: 'aborted', endReason: 'the client left', client: '2001:db8::9', host: '' } as const;
    expect(requestText(httpRecord({ ...unknown, ...undecided, ...left })).split('\n')).toStrictEqual([
      '2026-11-22T09:59:58.123Z POST https:///EWS/Exchange.asmx',
      '  client  [2001:db8::9]:40000, HTTP/1.1, at "HTTPS" of FE1, request 4f2a-1',
      '  answer  aborted: the client left (1234 bytes in, 4096 out in 12 ms)',
      '',
    ]);
  });

  test('what strangers wrote reaches no terminal as anything but text', () => {
    const evil = 'a\u001b]0;x\u0007\n\u009b2J\u202eb';
    const record = httpRecord({ path: evil, user: evil, userAgent: evil, host: evil, method: evil, mailbox: evil });
    for (const text of [...requestRow(record), ...requestText(record).split('\n')]) {
      expect(text).not.toMatch(/[\p{Cc}\u202e]/u);
    }
  });
});
