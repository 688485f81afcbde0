import { describe, expect, test } from 'vitest';
import { smallEstate } from '../cli/estates.js';
import { createProgram, expectFailure } from '../cli/program.js';

describe.concurrent('organization', { timeout: 60_000 }, () => {
  test('show gives it as export does, update changes it', async () => {
    const program = createProgram(smallEstate);
    const shown = await program.json<object>('organization', 'show');
    expect(shown).toStrictEqual((await program.json<{ organization: object }>('export')).organization);
    const numbers = ['--max-recipients', '7', '--max-requests-per-server', '150'];
    const flags = ['--arbitration-database', 'db1', '--max-message-size', '50MB', ...numbers];
    const lists = ['--internal-smtp-servers', '10.0.0.0/24,10.1.0.5', '--resolvers', '10.0.0.53:5353'];
    const changed = await program.change(
      'organization',
      'update',
      ...flags,
      ...lists,
      '--client-proxy',
      'any-active-in-dag',
    );
    expect(changed).toMatchObject({ revision: 2, changed: [{ noun: 'organization', change: 'updated' }] });
    expect(await program.json('organization', 'show')).toStrictEqual({
      defaultDomain: 'contoso.com',
      arbitrationDatabase: 'DB1',
      clientProxy: 'any-active-in-dag',
      maxRecipients: 7,
      maxMessageSize: '50MB',
      internalSmtpServers: ['10.0.0.0/24', '10.1.0.5'],
      resolvers: ['10.0.0.53:5353'],
      maxRequestsPerServer: 150,
    });
    expect(await program.ok('organization', 'show')).toMatch(/^defaultDomain: contoso\.com$/m);
    await program.ok('organization', 'update', '--unset', 'arbitrationDatabase', '--set', 'resolvers=');
    expect(await program.json('organization', 'show')).toMatchObject({ arbitrationDatabase: null, resolvers: [] });
  });

  test('renew-route-key makes a revision and shows no key', async () => {
    const program = createProgram(smallEstate);
    const shown = await program.json<object>('export');
    const changed = [{ noun: 'organization', name: 'route key', change: 'updated' }];
    const words = ['organization', 'renew-route-key'];
    expect(await program.change(...words, '--dry-run')).toStrictEqual({ revision: null, changed, warnings: [] });
    expect(await program.change(...words)).toStrictEqual({ revision: 2, changed, warnings: [] });
    expect(await program.ok(...words, '--expect-revision', '2', '--message', 'again')).toBe(
      'organization "route key" updated\nrevision 3\n',
    );
    expect(await program.json('history')).toMatchObject([
      { revision: 3, message: 'again', summary: 'updated organization "route key"' },
      { revision: 2 },
      { revision: 1 },
    ]);
    expect(await program.json('export')).toStrictEqual(shown);
    await expectFailure(program, [...words, '--expect-revision', '2'], { exit: 4, message: /store is at 3/ });
  });

  test('what does not fit is refused', async () => {
    const program = createProgram(smallEstate);
    await expectFailure(program, ['organization', 'update', '--arbitration-database', 'DB9'], {
      exit: 2,
      message: /"DB9"/,
    });
    await expectFailure(program, ['organization', 'update', '--max-recipients', '0'], {
      exit: 2,
      message: /maxRecipients/,
    });
    await expectFailure(program, ['organization', 'delete'], {
      exit: 2,
      message: /there is no command "organization delete"/,
    });
  });
});
