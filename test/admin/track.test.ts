import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type TrackFlags, trackMessages, trackRow, trackText } from '../../src/admin/track.js';
import { openTracking, type TrackingRecord } from '../../src/observability/tracking.js';
import { tempDir } from '../support/temp-dir.js';
import { trackingRecord } from '../support/tracking-record.js';

const nowMs = Date.parse('2026-11-22T10:00:00Z');
const folder = join(tempDir('track'), 'log', 'tracking');

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  const tracking = openTracking(folder, {
    nowMs: () => nowMs,
    onTrouble: (trouble) => expect.unreachable(JSON.stringify(trouble)),
  });
  for (let minute = 0; minute < 60; minute++) {
    const at = new Date(nowMs - (60 - minute) * 60_000).toISOString();
    tracking.record(
      trackingRecord({ at, messageId: `<${minute}@fabrikam.com>`, from: minute === 7 ? '' : 'Kim@fabrikam.com' }),
    );
  }
  await tracking.close();
});

const track = (flags: Partial<TrackFlags>) => trackMessages(folder, { limit: 100, ...flags }, nowMs);
const idsOf = (records: readonly TrackingRecord[]) => records.map(({ messageId }) => messageId);

describe('what is found', () => {
  test.each<[Partial<TrackFlags>, number]>([
    [{}, 60],
    [{ messageId: '42@fabrikam.com' }, 1],
    [{ messageId: '<42@fabrikam.com>' }, 1],
    [{ from: 'KIM@FABRIKAM.COM', to: 'Ann@contoso.com' }, 59],
    [{ from: '<>' }, 1],
    [{ to: 'kim@fabrikam.com' }, 0],
    [{ since: '10m' }, 10],
    [{ since: '2026-11-22T09:00:00Z', until: '50m' }, 11],
    [{ since: '10m', from: '' }, 0],
  ])('%j: %i', async (flags, count) => {
    const { records, notes } = await track(flags);
    expect(records).toHaveLength(count);
    expect(notes).toStrictEqual(count === 0 ? ['no message found'] : []);
  });

  test('is in order, and the limit keeps the newest', async () => {
    const { records, notes } = await track({ limit: 7 });
    expect(idsOf(records)).toStrictEqual([53, 54, 55, 56, 57, 58, 59].map((minute) => `<${minute}@fabrikam.com>`));
    expect(notes).toStrictEqual(['these are the newest 7 of 60; see more with --limit']);
  });

  test('is nothing where there are no files, and the note says where they would be', async () => {
    const nowhere = join(folder, 'nowhere');
    expect(await trackMessages(nowhere, { limit: 1 }, nowMs)).toStrictEqual({
      records: [],
      notes: [`no message found; there are no tracking files of this time in ${nowhere}`],
    });
  });

  test('a time that is none is a usage error', async () => {
    await expect(track({ since: 'yesterday' })).rejects.toMatchObject({
      exitCode: 2,
      message: /^--since takes a time/,
    });
  });
});

describe('what is shown', () => {
  test('a row', () => {
    expect(trackRow(trackingRecord({ from: '', server: null }))).toStrictEqual([
      '2026-11-22T09:59:58.123Z',
      '<>',
      'ann@contoso.com,nobody@contoso.com',
      '',
      '250 2.6.0 queued',
      '<1@fabrikam.com>',
    ]);
  });

  test('everything', () => {
    expect(trackText(trackingRecord({ leftOut: { trace: 3 } })).split('\n')).toStrictEqual([
      '2026-11-22T09:59:58.123Z <1@fabrikam.com>',
      '  client                 203.0.113.9:40000, as mx.fabrikam.com, TLSv1.3, at "Default" of FE1, session S1',
      '  from                   kim@fabrikam.com',
      '  to                     ann@contoso.com  accept 250 2.1.5 ok',
      '  to                     nobody@contoso.com  reject 550 5.1.1 User unknown',
      '  mail/sender-filtering  stamp: a blocked domain',
      '  delivery-group         DAG1',
      '  tried                  MBX2: refused',
      '  left out               3 trace',
      '  server                 MBX1',
      '  transaction            0123',
      '  answer                 accepted: 250 2.6.0 queued (4096 bytes in 12 ms)',
      '',
    ]);
  });

  test('what strangers wrote reaches no terminal as anything but text', () => {
    const evil = 'a\u001b]0;x\u0007\n\u009b2J\u202eb';
    const record = trackingRecord({ helo: evil, from: evil, messageId: evil, reply: evil });
    for (const text of [...trackRow(record), ...trackText(record).split('\n')]) {
      expect(text).not.toMatch(/[\p{Cc}\u202e]/u);
    }
  });
});
