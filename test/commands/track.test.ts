import { describe, expect, test } from 'vitest';
import { openTracking, type TrackingRecord } from '../../src/observability/tracking.js';
import { trackingFolder } from '../../src/settings.js';
import { createProgram, expectFailure, type Program } from '../cli/program.js';
import { trackingRecord } from '../support/tracking-record.js';

/** A program beside whose store these messages were tracked. */
async function withTracked(...records: readonly TrackingRecord[]): Promise<Program> {
  const program = createProgram();
  const tracking = openTracking(trackingFolder(program.store), {
    nowMs: Date.now,
    onTrouble: (trouble) => expect.unreachable(JSON.stringify(trouble)),
  });
  for (const record of records) tracking.record(record);
  await tracking.close();
  return program;
}

const ago = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();

describe.concurrent('track', { timeout: 60_000 }, () => {
  test('finds records by Message-ID, addresses and time, without a store', async () => {
    const old = trackingRecord({
      at: ago(120),
      messageId: '<old@fabrikam.com>',
      server: null,
      reply: '451 4.4.1 later',
    });
    const young = trackingRecord({ at: ago(1), from: '' });
    const program = await withTracked(old, young);
    expect(await program.json('track')).toStrictEqual([old, young]);
    expect(await program.json('track', '--message-id', 'old@fabrikam.com')).toStrictEqual([old]);
    expect(await program.json('track', '--message-id', '<old@fabrikam.com>')).toStrictEqual([old]);
    expect(await program.json('track', '--from', 'Kim@Fabrikam.com', '--to', 'NOBODY@contoso.com')).toStrictEqual([
      old,
    ]);
    expect(await program.json('track', '--from', '<>')).toStrictEqual([young]);
    expect(await program.json('track', '--since', '1h')).toStrictEqual([young]);
    expect(await program.json('track', '--since', ago(180), '--until', '1h')).toStrictEqual([old]);
    expect(await program.json('track', '--limit', '1')).toStrictEqual([young]);
    expect(await program.ok('track')).toBe(
      `${old.at}\tkim@fabrikam.com\tann@contoso.com,nobody@contoso.com\t\t451 4.4.1 later\t<old@fabrikam.com>\n` +
        `${young.at}\t<>\tann@contoso.com,nobody@contoso.com\tMBX1\t250 2.6.0 queued\t<1@fabrikam.com>\n`,
    );
    const text = await program.ok('track', '--message-id', '<old@fabrikam.com>', '--trace');
    expect(text).toContain('  mail/sender-filtering  stamp: a blocked domain\n');
    expect(text).toContain('  delivery-group         DAG1\n');
  });

  test('none is an empty answer, exit 0, and a word on standard error', async () => {
    const program = await withTracked(trackingRecord({ at: ago(1) }));
    const words = ['track', '--message-id', 'x@y.example'];
    expect(await program.attempt(words)).toStrictEqual({ code: 0, stdout: '', stderr: 'no message found\n' });
    expect(await program.attempt([...words, '--json'])).toStrictEqual({ code: 0, stdout: '[]\n', stderr: '' });
    expect(await program.attempt([...words, '--quiet'])).toStrictEqual({ code: 0, stdout: '', stderr: '' });
    const nothing = await createProgram().attempt(['track']);
    expect(nothing).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringMatching(/no tracking files of this time in .*\/usher\.state\/log\/tracking\n$/),
    });
  });

  test('a time or a limit that is none is refused', async () => {
    const program = createProgram();
    await expectFailure(program, ['track', '--since', 'monday'], {
      exit: 2,
      message: /--since takes a time .*"monday"/,
    });
    await expectFailure(program, ['track', '--limit', '0'], { exit: 2, message: /--limit|limit/ });
  });
});
