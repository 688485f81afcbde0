import { describe, expect, test } from 'vitest';
import { createHttpLog } from '../../src/observability/http-log.js';
import type { HttpRecord } from '../../src/observability/http-record.js';
import { httpLogFolder } from '../../src/settings.js';
import { createProgram, expectFailure, type Program } from '../cli/program.js';
import { httpRecord } from '../support/http-record.js';

/** A program beside whose store these requests were logged. */
async function withLogged(...records: readonly HttpRecord[]): Promise<Program> {
  const program = createProgram();
  const log = createHttpLog({
    folder: httpLogFolder(program.store),
    nowMs: Date.now,
    onTrouble: (trouble) => expect.unreachable(JSON.stringify(trouble)),
  });
  for (const record of records) log.write(record);
  await log.close();
  return program;
}

const ago = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();

describe.concurrent('track http', { timeout: 60_000 }, () => {
  test('finds requests by all their parts, without a store', async () => {
    const old = httpRecord({ at: ago(120), requestId: 'old', client: '198.51.100.7', status: 503, server: null });
    const young = httpRecord({ at: ago(1), requestId: 'young', mailbox: 'bob@contoso.com', path: '/owa/' });
    const program = await withLogged(old, young);
    const found = (...words: string[]) => program.json('track', 'http', ...words);
    expect(await found()).toStrictEqual([old, young]);
    expect(await found('--user', 'contoso\\ann', '--mailbox', 'Ann@contoso.com')).toStrictEqual([old]);
    expect(await found('--client', '198.51.100.0/24', '--status', '5xx')).toStrictEqual([old]);
    expect(await found('--server', 'mbx1', '--service', 'EWS', '--path', '/owa')).toStrictEqual([young]);
    expect(await found('--request-id', 'young', '--since', '1h')).toStrictEqual([young]);
    expect(await found('--since', ago(180), '--until', '1h')).toStrictEqual([old]);
    expect(await found('--limit', '1')).toStrictEqual([young]);
    expect(await program.ok('track', 'http')).toBe(
      `${old.at}\t198.51.100.7\tCONTOSO\\Ann\tPOST /EWS/Exchange.asmx\t503\t\t12\n` +
        `${young.at}\t203.0.113.9\tCONTOSO\\Ann\tPOST /owa/\t200\tMBX1\t12\n`,
    );
    const text = await program.ok('track', 'http', '--request-id', 'old', '--trace');
    expect(text).toContain('  database  DB1, active on MBX1\n');
    expect(text).toContain('  answer    503 (');
  });

  test('none is an empty answer, exit 0, and a word on standard error', async () => {
    const program = await withLogged(httpRecord({ at: ago(1) }));
    const words = ['track', 'http', '--user', 'bob'];
    expect(await program.attempt(words)).toStrictEqual({ code: 0, stdout: '', stderr: 'no request found\n' });
    expect(await program.attempt([...words, '--json'])).toStrictEqual({ code: 0, stdout: '[]\n', stderr: '' });
    expect(await program.attempt([...words, '--quiet'])).toStrictEqual({ code: 0, stdout: '', stderr: '' });
    expect(await createProgram().attempt(['track', 'http'])).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringMatching(/no HTTP log of this time in .*\/usher\.state\/log\/http\n$/),
    });
  });

  test('a time, an address, a status or a limit that is none is refused', async () => {
    const program = createProgram();
    const refused: readonly (readonly [string, string, RegExp])[] = [
      ['--since', 'monday', /--since takes a time .*"monday"/],
      ['--client', 'pc7', /--client takes an address .*"pc7"/],
      ['--status', '6', /--status takes statuses .*"6"/],
      ['--limit', '0', /limit/],
    ];
    for (const [flag, value, message] of refused) {
      await expectFailure(program, ['track', 'http', flag, value], { exit: 2, message });
    }
  });

  test('stands beside the command it is named after', async () => {
    const program = await withLogged(httpRecord({ at: ago(1) }));
    expect(await program.attempt(['track'])).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^no message found/),
    });
    expect(await program.attempt(['track', '--limit', '5'])).toMatchObject({ code: 0, stdout: '' });
    expect(await program.ok('track', '--help')).toContain('track http');
    await expectFailure(program, ['track', 'htpt'], { exit: 2, message: /htpt/ });
  });
});
