import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { callRow, callText, type TrackCallFlags, trackCalls } from '../../src/admin/track-call.js';
import { createCallLog } from '../../src/observability/call-log.js';
import { callRecord } from '../support/call-record.js';
import { tempDir } from '../support/temp-dir.js';

const nowMs = Date.parse('2026-11-22T10:00:00Z');
const folder = join(tempDir('track-call'), 'log', 'calls');

beforeAll(async () => {
  const log = createCallLog({
    folder,
    nowMs: () => nowMs,
    onTrouble: (trouble) => expect.unreachable(JSON.stringify(trouble)),
  });
  const special: Readonly<Record<number, Parameters<typeof callRecord>[0]>> = {
    1: { diversion: null, to: 'sip:Ann.Smith@Contoso.com;user=x', requestUri: 'sip:ann.smith@fe1' },
    2: { diversion: 'tel:+1-555-1234' },
    3: { diversion: '"Ann <5>" <sips:%355102@x;a=b>;reason=busy' },
    4: { diversion: null, to: 'sip:5000@x', requestUri: 'sip:5103@[fd00::1]:5060' },
    5: { diversion: 'mailto:ann@contoso.com' },
  };
  for (let minute = 0; minute < 60; minute++) {
    const at = new Date(nowMs - (60 - minute) * 60_000).toISOString();
    const client = minute < 30 ? `10.9.9.${minute}` : `2001:db8::${minute}`;
    const status = minute % 10 === 0 ? 404 : 302;
    log.write(callRecord({ at, callId: `c${minute}`, client, status, ...special[minute] }));
  }
  await log.close();
});

const track = (flags: Partial<TrackCallFlags>) => trackCalls(folder, { limit: 100, ...flags }, nowMs);

describe('what is found', () => {
  test.each<[Partial<TrackCallFlags>, number]>([
    [{}, 60],
    [{ callee: '5101' }, 55],
    [{ callee: '510' }, 0],
    [{ callee: 'ann.smith@contoso.com' }, 1],
    [{ callee: 'ANN.SMITH' }, 1],
    [{ callee: 'ann@contoso.com' }, 0],
    [{ callee: '+15551234' }, 1],
    [{ callee: '+1 555' }, 0],
    [{ callee: '+1-(555)-12.34' }, 1],
    [{ callee: 'tel:+15551234' }, 1],
    [{ callee: '55102' }, 1],
    [{ callee: 'sip:5103@[FD00::1]' }, 1],
    [{ callee: '5103@elsewhere' }, 0],
    [{ callee: '5000', server: 'mbx1' }, 59],
    [{ server: 'MBX2' }, 0],
    [{ client: '10.9.9.5' }, 1],
    [{ client: '::ffff:10.9.9.5' }, 1],
    [{ client: '10.9.9.0/28' }, 16],
    [{ client: '2001:db8::/32' }, 30],
    [{ status: '404' }, 6],
    [{ status: '3xx' }, 54],
    [{ status: '5xx,none' }, 0],
    [{ since: '10m' }, 10],
    [{ since: '2026-11-22T09:00:00Z', until: '50m' }, 11],
    [{ since: '10m', status: '4xx' }, 1],
  ])('%j: %i', async (flags, count) => {
    const { records, notes } = await track(flags);
    expect(records).toHaveLength(count);
    expect(notes).toStrictEqual(count === 0 ? ['no call found'] : []);
  });

  test('is in order, and the limit keeps the newest', async () => {
    const { records, notes } = await track({ limit: 3 });
    expect(records.map(({ callId }) => callId)).toStrictEqual(['c57', 'c58', 'c59']);
    expect(notes).toStrictEqual(['these are the newest 3 of 60; see more with --limit']);
  });

  test('is nothing where there are no files, and the note says where they would be', async () => {
    const nowhere = join(folder, 'nowhere');
    expect(await trackCalls(nowhere, { limit: 1 }, nowMs)).toStrictEqual({
      records: [],
      notes: [`no call found; there is no call log of this time in ${nowhere}`],
    });
  });

  test.each<[Partial<TrackCallFlags>, RegExp]>([
    [{ since: 'yesterday' }, /^--since takes a time/],
    [{ until: 'later' }, /^--until takes a time/],
    [{ status: 'bad' }, /^--status takes statuses .*found "bad"$/],
    [{ client: 'gw1' }, /^--client takes an address .*found "gw1"$/],
  ])('%j is a usage error', async (flags, message) => {
    await expect(track(flags)).rejects.toMatchObject({ exitCode: 2, message });
  });
});

describe('what is shown', () => {
  test('a row', () => {
    const row = ['2026-11-22T09:59:58.123Z', '10.9.9.9', 'sip:+15550100@gw.contoso.com', 'sip:5101@gw.contoso.com'];
    expect(callRow(callRecord())).toStrictEqual([...row, '302', 'MBX1', '1']);
  });

  test('a call that nobody diverted and nobody took', () => {
    const row = callRow(callRecord({ diversion: null, server: null, status: 480 }));
    expect(row.slice(3)).toStrictEqual(['sip:5000@fe1.contoso.com;transport=tcp', '480', '', '1']);
  });

  test('everything', () => {
    expect(callText(callRecord()).split('\n')).toStrictEqual([
      '2026-11-22T09:59:58.123Z sip:5000@fe1.contoso.com;transport=tcp',
      '  client       10.9.9.9:40000, tcp, at "SIP" of FE1, call a84b4c76e66710@gw.contoso.com',
      '  from         sip:+15550100@gw.contoso.com',
      '  to           sip:5000@fe1.contoso.com',
      '  diversion    sip:5101@gw.contoso.com',
      '  call/callee  5101 is ann@contoso.com in DB1, active on MBX1',
      '  server       MBX1',
      '  contact      sip:5000@mbx1.contoso.com:5062;transport=tcp',
      '  answer       302: callee (in 1 ms)',
      '',
    ]);
  });

  test('what strangers wrote reaches no terminal as anything but text', () => {
    const evil = 'a\u001b]0;x\u0007\n\u009b2J\u202eb';
    const record = callRecord({ from: evil, to: evil, requestUri: evil, diversion: evil, callId: evil, contact: evil });
    for (const text of [...callRow(record), ...callText(record).split('\n')]) {
      expect(text).not.toMatch(/[\p{Cc}\u202e]/u);
    }
  });
});
