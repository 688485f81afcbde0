import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Answer } from '../../src/admin/test-routing.js';
import { smallEstate } from '../cli/estates.js';
import { createProgram, expectFailure, type Program } from '../cli/program.js';

let program: Program;
beforeAll(() => {
  program = createProgram(smallEstate);
});

const keys = [
  'revision',
  'outcome',
  'reason',
  'deliveryGroup',
  'path',
  'targets',
  'fallback',
  'connector',
  'receiveConnector',
  'reply',
  'location',
  'recipients',
  'trace',
];

async function ask(words: readonly string[]): Promise<{ code: number | null; answer: Answer }> {
  const { code, stdout, stderr } = await program.attempt(['test', 'routing', ...words, '--json']);
  expect(stderr).toBe('');
  return { code, answer: JSON.parse(stdout) as Answer };
}

describe.concurrent('test routing mail', () => {
  test('names the servers, the way and the reasons', async () => {
    const { code, answer } = await ask(['mail', '--to', 'ann@contoso.com']);
    expect(code).toBe(0);
    expect(Object.keys(answer)).toStrictEqual(expect.arrayContaining(keys));
    expect(answer).toMatchObject({
      revision: 1,
      outcome: 'proxy',
      deliveryGroup: { kind: 'dag', name: 'DAG1' },
      path: { sites: ['Berlin'], cost: 0 },
      receiveConnector: 'In',
      recipients: [{ address: 'ann@contoso.com', class: 'mailbox', database: 'DB1', verdict: 'accept' }],
    });
    expect(answer.targets[0]).toMatchObject({ host: expect.stringMatching(/^mbx\d\.contoso\.com$/), port: 2525 });
    expect(answer.trace.length).toBeGreaterThan(0);
  });

  test('the same for people: the trace, then the answer', async () => {
    const text = await program.ok('test', 'routing', 'mail', '--to', 'ann@contoso.com');
    const lines = text.trimEnd().split('\n');
    const { answer } = await ask(['mail', '--to', 'ann@contoso.com']);
    for (const [index, { rule, detail }] of answer.trace.entries()) {
      expect(lines[index]?.trim().startsWith(rule)).toBe(true);
      expect(lines[index]).toContain(detail);
    }
    expect(lines[answer.trace.length]).toMatch(/^proxy to MBX\d \(mbx\d\.contoso\.com:2525\)/);
  });

  test('a stranger may not relay: exit 7, and standard output holds the answer', async () => {
    const { code, answer } = await ask(['mail', '--to', 'kim@fabrikam.com']);
    expect(code).toBe(7);
    expect(answer).toMatchObject({ outcome: 'reject', targets: [], reply: { code: 550, enhanced: '5.7.1' } });
    const text = await program.attempt(['test', 'routing', 'mail', '--to', 'kim@fabrikam.com']);
    expect(text).toMatchObject({ code: 7, stderr: '' });
    expect(text.stdout).toMatch(/\nreject 550 5\.7\.1 /);
  });

  test('--down takes servers away', async () => {
    const one = await ask(['mail', '--to', 'ann@contoso.com', '--down', 'MBX1']);
    expect(one.answer.targets.map(({ server }) => server)).not.toContain('MBX1');
    expect(one.code).toBe(0);
    const all = await ask(['mail', '--to', 'cyd@contoso.com', '--down', 'mbx1', '--down', 'MBX2', '--down', 'MBX3']);
    expect(all).toMatchObject({ code: 7, answer: { outcome: 'defer', targets: [], reply: { code: 451 } } });
    await expectFailure(program, ['test', 'routing', 'mail', '--to', 'ann@contoso.com', '--down', 'MBX4'], {
      exit: 3,
      message: /there is no server "MBX4"/,
      suggestions: ['MBX1'],
    });
  });

  test('--on a front end that is none, or not there', async () => {
    await expectFailure(program, ['test', 'routing', 'mail', '--to', 'ann@contoso.com', '--on', 'FE2'], {
      exit: 3,
      message: /"FE2".*did you mean "FE1"/,
    });
  });
});

describe.concurrent('the estate that is asked', () => {
  test('-f FILE is that file alone, without a store', async () => {
    const own = createProgram();
    const file = join(own.folder, 'estate.json');
    writeFileSync(file, JSON.stringify(smallEstate));
    const answer = await own.json<Answer>(
      'test',
      'routing',
      'client',
      '-f',
      file,
      '--protocol',
      'imap',
      '--user',
      'cyd@contoso.com',
    );
    expect(answer).toMatchObject({ outcome: 'proxy', targets: [{ server: 'MBX3', port: 1993 }] });
    await expectFailure(own, ['site', 'list'], { exit: 5, message: /there is no store/ });
    const words = ['test', 'routing', 'client', '-f', '-', '--protocol', 'imap', '--user', 'cyd@contoso.com', '--json'];
    const { stdout } = await own.attempt(words, { input: JSON.stringify(smallEstate) });
    expect(JSON.parse(stdout)).toStrictEqual(answer);
    await expectFailure(own, ['test', 'routing', 'client', '-f', file, '--protocol', 'imap', '--revision', '1'], {
      exit: 2,
      message: /--revision|--file/,
    });
  });

  test('--revision N is the estate as it was', async () => {
    const own = createProgram(smallEstate);
    await own.ok('mailbox', 'move', 'cyd@contoso.com', '--to', 'DB1');
    await own.ok('mailbox', 'delete', 'ann@contoso.com');
    const at = (revision: string, user: string) =>
      own.json<Answer>('test', 'routing', 'client', '--protocol', 'imap', '--user', user, '--revision', revision);
    const before = await at('1', 'cyd@contoso.com');
    expect(before).toMatchObject({ revision: 1, targets: [{ server: 'MBX3' }] });
    expect(await at('2', 'cyd@contoso.com')).toMatchObject({ revision: 2, targets: [{ server: 'MBX1' }] });
    expect(await at('2', 'ann@contoso.com')).toMatchObject({ revision: 2, outcome: 'proxy' });
  });
});

describe.concurrent('test routing client', () => {
  test('IMAP goes to the server with the active copy', async () => {
    const { code, answer } = await ask(['client', '--protocol', 'imap', '--user', 'ann@contoso.com']);
    expect(code).toBe(0);
    expect(answer).toMatchObject({ outcome: 'proxy', targets: [{ server: 'MBX1', port: 1993, site: 'Berlin' }] });
  });

  test('nobody at all is refused with exit 7', async () => {
    const { code, answer } = await ask(['client', '--protocol', 'pop', '--user', 'nobody@contoso.com']);
    expect(code).toBe(7);
    expect(answer).toMatchObject({ outcome: 'reject', targets: [] });
  });

  test('a server that is down is unavailable with exit 7', async () => {
    const words = ['client', '--protocol', 'imap', '--user', 'cyd@contoso.com', '--down', 'MBX3'];
    expect(await ask(words)).toMatchObject({ code: 7, answer: { outcome: 'unavailable', targets: [], fallback: [] } });
  });

  test('the path of a URL says which service', async () => {
    const words = [
      'client',
      '--protocol',
      'ews',
      '--url',
      'https://mail.contoso.com/owa/',
      '--user',
      'ann@contoso.com',
    ];
    const owa = await ask(words);
    expect(owa).toMatchObject({ code: 0, answer: { outcome: 'proxy' } });
    expect(owa.answer.targets.map(({ port }) => port)).toStrictEqual([444]);
  });

  test('a request is routed as the door would route it', async () => {
    const own = createProgram({
      ...smallEstate,
      httpServices: [{ name: 'dav', path: '/dav', port: 8443 }],
    });
    const route = (...words: readonly string[]) => own.attempt(['test', 'routing', 'client', ...words, '--json']);
    const answerTo = async (...words: readonly string[]) => JSON.parse((await route(...words)).stdout) as Answer;
    const rules = ({ trace }: Answer): string[] => trace.map(({ rule }) => rule);

    const login = await answerTo('--url', '/owa/auth.owa', '--body', 'username=cyd%40contoso.com&password=x');
    expect(login).toMatchObject({ outcome: 'proxy', targets: [{ server: 'MBX3' }] });
    expect(rules(login)).toStrictEqual(expect.arrayContaining(['anchor/forms-login', 'route-cookie/session']));
    expect(Object.keys(login)).toStrictEqual(expect.arrayContaining(keys));
    expect(Object.keys(login)).toHaveLength(keys.length);

    const file = join(own.folder, 'request.xml');
    writeFileSync(file, '<Autodiscover><EMailAddress>cyd@contoso.com</EMailAddress></Autodiscover>');
    const asked = await answerTo('--protocol', 'autodiscover', '--body', `@${file}`);
    expect(rules(asked)).toContain('anchor/autodiscover-address');

    const basic = `Authorization: Basic ${Buffer.from('cyd:secret').toString('base64')}`;
    const dav = await answerTo('--protocol', 'DAV', '--header', basic, '--method', 'propfind');
    expect(dav).toMatchObject({ outcome: 'proxy', targets: [{ server: 'MBX3', port: 8443 }] });
    expect(await answerTo('--url', '/dav/x', '--header', basic)).toStrictEqual(dav);

    const lost = await route('--url', '/nowhere');
    expect(lost.code).toBe(7);
    expect(JSON.parse(lost.stdout)).toMatchObject({ outcome: 'reject', reason: 'no-service', reply: { code: 404 } });
    const unknown = { exit: 2, message: /--protocol takes one of .*, dav, .*\(did you mean "dav"\?\), found "davs"/ };
    await expectFailure(own, ['test', 'routing', 'client', '--protocol', 'davs'], unknown);
  });

  test.each([
    [[], /--protocol is missing \(one of owa, .*\), or --url/],
    [['--protocol', 'owa', '--method', 'GET /'], /--method takes the name of an HTTP method/],
  ])('%j alone is refused', async (words, message) => {
    await expectFailure(program, ['test', 'routing', 'client', ...words], { exit: 2, message });
  });

  test.each([
    [['--url', 'no url at all'], /--url takes a URL or a path/],
    [['--header', 'no colon'], /--header takes "Name: value"/],
  ])('%j is refused', async (words, message) => {
    await expectFailure(program, ['test', 'routing', 'client', '--protocol', 'owa', ...words], { exit: 2, message });
  });
});
