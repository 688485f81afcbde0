import { describe, expect, test } from 'vitest';
import { smallEstate } from '../cli/estates.js';
import { createProgram, expectFailure } from '../cli/program.js';

const filters = {
  enabled: { spf: true },
  blockProviders: [{ name: 'zen', zone: 'zen.example', response: 'see zen' }],
  senders: { blockBlank: true },
  spf: { fail: 'delete' },
};

describe.concurrent('filter test', { timeout: 60_000 }, () => {
  const words = ['filter', 'test', '--client-ip', '203.0.113.9', '--to', 'ann@contoso.com'];

  test('exit 0 where a recipient gets the message, and 7 where none does', async () => {
    const program = createProgram({ ...smallEstate, filters });
    const [passed, listed, blank] = await Promise.all([
      program.attempt([...words, '--from', 'kim@fabrikam.com', '--helo', 'mx.fabrikam.com', '--spf', 'pass']),
      program.attempt([...words, '--dns', '9.113.0.203.zen.example=127.0.0.2', '--json']),
      program.attempt([...words, '--from', '<>', '--quiet']),
    ]);
    expect(passed).toMatchObject({ code: 0, stderr: '' });
    expect(passed.stdout).toMatch(/\nann@contoso\.com {2}accept\naccept marked spf-pass\n$/);
    expect(listed).toMatchObject({ code: 7, stderr: '' });
    expect(JSON.parse(listed.stdout)).toMatchObject({
      revision: 1,
      outcome: 'reject',
      reply: { code: 550, enhanced: '5.7.1', text: 'see zen' },
      filters: [{ agent: 'connection-filtering', event: 'connect', verdict: 'block' }],
      recipients: [{ address: 'ann@contoso.com', verdict: 'reject' }],
    });
    expect(blank).toStrictEqual({ code: 7, stdout: '', stderr: '' });
  });

  test('wrong words', async () => {
    const program = createProgram({ ...smallEstate, filters });
    await expectFailure(program, ['filter', 'test'], { exit: 2, message: /missing flag --client-ip/ });
    await expectFailure(program, [...words, '--on', 'FE2'], { exit: 3, message: /"FE2".*did you mean "FE1"/ });
  });
});
