import { describe, expect, test } from 'vitest';
import { createCallLog } from '../../src/observability/call-log.js';
import type { CallRecord } from '../../src/observability/call-record.js';
import { callLogFolder } from '../../src/settings.js';
import { createProgram, expectFailure, type Program } from '../cli/program.js';
import { callRecord } from '../support/call-record.js';

/** A program beside whose store these calls were logged. */
async function withLogged(...records: readonly CallRecord[]): Promise<Program> {
  const program = createProgram();
  const log = createCallLog({
    folder: callLogFolder(program.store),
    nowMs: Date.now,
    onTrouble: (trouble) => expect.unreachable(JSON.stringify(trouble)),
  });
  for (const record of records) log.write(record);
  await log.close();
  return program;
}

const ago = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();

describe.concurrent('track call', { timeout: 60_000 }, () => {
  test('finds calls by all their parts, without a store', async () => {
    const old = callRecord({ at: ago(120), callId: 'old', client: '10.9.8.7', status: 404, server: null });
    const young = callRecord({ at: ago(1), callId: 'young', diversion: null, requestUri: 'sip:5102@x' });
    const program = await withLogged(old, young);
    const found = (...words: string[]) => program.json('track', 'call', ...words);
    expect(await found()).toStrictEqual([old, young]);
    expect(await found('--callee', '5101')).toStrictEqual([old]);
    expect(await found('--callee', '5102', '--server', 'mbx1')).toStrictEqual([young]);
    expect(await found('--client', '10.9.8.0/24', '--status', '4xx')).toStrictEqual([old]);
    expect(await found('--since', ago(180), '--until', '1h')).toStrictEqual([old]);
    expect(await found('--limit', '1')).toStrictEqual([young]);
    expect(await program.ok('track', 'call')).toBe(
      `${old.at}\t10.9.8.7\tsip:+15550100@gw.contoso.com\tsip:5101@gw.contoso.com\t404\t\t1\n` +
        `${young.at}\t10.9.9.9\tsip:+15550100@gw.contoso.com\tsip:5102@x\t302\tMBX1\t1\n`,
    );
    const text = await program.ok('track', 'call', '--callee', '5101', '--trace');
    expect(text).toContain('  call/callee  5101 is ann@contoso.com in DB1, active on MBX1\n');
  });

  test('none is an empty answer, exit 0, and a word on standard error', async () => {
    const program = await withLogged(callRecord({ at: ago(1) }));
    const words = ['track', 'call', '--callee', '5199'];
    expect(await program.attempt(words)).toStrictEqual({ code: 0, stdout: '', stderr: 'no call found\n' });
    expect(await program.attempt([...words, '--json'])).toStrictEqual({ code: 0, stdout: '[]\n', stderr: '' });
    expect(await program.attempt([...words, '--quiet'])).toStrictEqual({ code: 0, stdout: '', stderr: '' });
    expect(await createProgram().attempt(['track', 'call'])).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringMatching(/no call log of this time in .*\/usher\.state\/log\/calls\n$/),
    });
  });

  test('a time, an address, a status or a limit that is none is refused', async () => {
    const program = createProgram();
    const refused: readonly (readonly [string, string, RegExp])[] = [
      ['--until', 'monday', /--until takes a time .*"monday"/],
      ['--client', 'gw1', /--client takes an address .*"gw1"/],
      ['--status', '6', /--status takes statuses .*"6"/],
      ['--limit', '0', /limit/],
    ];
    for (const [flag, value, message] of refused) {
      await expectFailure(program, ['track', 'call', flag, value], { exit: 2, message });
    }
  });
});
