import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { createServer as createWebServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';

import { afterEach, expect, test } from 'vitest';

import { awaitRuntimes } from '../../src/admin/await-runtimes.js';
import { activateDatabase } from '../../src/admin/database.js';
import { lendStore } from '../../src/admin/lend-store.js';
import { moveMailboxes } from '../../src/admin/mailbox.js';
import { choosePorts } from '../../src/demo/choose-ports.js';
import { openPage } from '../../src/demo/demo-clients/http-client.js';
import { readMailbox } from '../../src/demo/demo-clients/imap-client.js';
import { sendMail } from '../../src/demo/demo-clients/smtp-client.js';
import { type DoorName, demoDoors, demoPassword } from '../../src/demo/demo-estate.js';
import { demoGuide, guideText } from '../../src/demo/demo-guide.js';
import { type DemoStep, runScript } from '../../src/demo/demo-script.js';
import { programName } from '../../src/demo/program-name.js';
import { endText, stepText } from '../../src/demo/script-text.js';
import { type Demo, startDemo } from '../../src/demo/start-demo.js';
import { run } from '../support/run.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const plain = (_style: string, text: string): string => text;
const meta = { actor: 'test', command: 'test', message: null };
const bin = new URL('../../bin/run.js', import.meta.url).pathname;
const isBuilt = existsSync(new URL('../../dist/commands/demo.js', import.meta.url));

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (let cleanUp = cleanUps.pop(); cleanUp; cleanUp = cleanUps.pop()) await cleanUp();
});

/** A base whose five ports are free now; below those that other tests choose from. */
async function freePortBase(): Promise<number> {
  for (;;) {
    const base = 11_000 + Math.floor(Math.random() * 8_000);
    const ports = await choosePorts(base);
    if (Object.entries(demoDoors).every(([name, offset]) => ports[name as DoorName] === base + offset)) return base;
  }
}

async function demo(portBase?: number): Promise<Demo> {
  const started = await startDemo({ portBase: portBase ?? (await freePortBase()), version: '0.0.0-test' });
  cleanUps.push(() => started.stop(0));
  return started;
}

async function occupy(port: number): Promise<void> {
  const server = createServer((socket) => socket.destroy());
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => server.close());
}

async function activate(started: Demo, database: string, server: string): Promise<void> {
  const { revision } = await lendStore(started.storePath, 'write', (store) =>
    activateDatabase(store, database, server, meta, {}),
  );
  await awaitRuntimes([started.controlSocket], revision ?? 0);
}

const web = async (started: Demo, user: string): Promise<string> =>
  (await openPage(started.doors.http, { path: '/owa/', user, password: demoPassword })).server;

const mailTo = (to: string, subject: string) => ({
  from: 'kim@elsewhere.test',
  to,
  subject,
  text: '.hidden dot\nHello.',
});

test('the script sees one server before the failover and the other one after it', async () => {
  const told: DemoStep[] = [];
  const report = await runScript(await demo(), (step) => told.push(step));
  expect(report.failed).toBeNull();
  expect(told).toEqual(report.steps);
  const seen = report.steps.map(({ sightings }) => sightings.map(({ service, saw }) => `${service} ${saw}`));
  expect(seen).toEqual([
    ['mail MBX1'],
    ['imap MBX1'],
    ['web MBX1'],
    ['database MBX2'],
    ['mail MBX2', 'imap MBX2', 'web MBX2'],
  ]);
  for (const { predicted, saw } of report.steps.flatMap(({ sightings }) => sightings)) expect(predicted).toEqual([saw]);
  expect(endText(report, plain)).toBe(
    'all 5 steps saw what test routing said: ann@demo.test was answered by MBX1, then by MBX2\n',
  );
  expect(report.steps.map((step) => stepText(step, plain)).join('')).toMatch(
    /^1 send a message\n {2}smtp:[^]*saw MBX2/,
  );
});

test('the script ends at the step that does not see what it should, and names it', async () => {
  const started = await demo();
  const impostor = createWebServer((_request, response) => {
    response.writeHead(200, { 'X-Mailbox-Server': 'MBX9' }).end();
  });
  impostor.listen(0, '127.0.0.1');
  await once(impostor, 'listening');
  cleanUps.push(() => impostor.close());
  const misled = { ...started, doors: { ...started.doors, http: (impostor.address() as AddressInfo).port } };
  const report = await runScript(misled, () => undefined);
  const problem = 'web was answered by MBX9 where test routing had named MBX1';
  expect(report.failed).toBe(`step 3 (open a page over HTTP): ${problem}`);
  expect(report.steps.map((step) => step.problem)).toEqual([null, null, problem]);
  expect(endText(report, plain)).toBe(`the demo failed at step 3 (open a page over HTTP): ${problem}\n`);
});

test('a door that refuses fails its step', async () => {
  const started = await demo();
  const report = await runScript(
    { ...started, doors: { ...started.doors, imap: started.doors.smtp } },
    () => undefined,
  );
  expect(report.failed).toMatch(/^step 2 \(read it over IMAP\): the IMAP door answered "220 /);
});

test('a copy that is made active serves the mailbox from then on', async () => {
  const started = await demo();
  expect(await web(started, 'ann@demo.test')).toBe('MBX1');
  await activate(started, 'DB1', 'MBX2');
  expect(await web(started, 'ann@demo.test')).toBe('MBX2');
  expect(await web(started, 'bob@demo.test')).toBe('MBX2');
  expect(await web(started, 'dan@demo.test')).toBe('MBX2');
  await activate(started, 'DB1', 'MBX1');
  expect(await web(started, 'ann@demo.test')).toBe('MBX1');
});

test('a mailbox that is moved to another database takes its mail along', async () => {
  const started = await demo();
  await sendMail(started.doors.smtp, mailTo('ann@demo.test', 'before the move'));
  await lendStore(started.storePath, 'write', (store) => moveMailboxes(store, ['ann@demo.test'], 'DB3', meta, {}));
  const query = { user: 'ann@demo.test', password: demoPassword, subject: 'before the move' };
  expect(await readMailbox(started.doors.imap, query)).toEqual({ server: 'MBX3', messageCount: 1, takenInBy: 'MBX1' });
});

test('mail for the group reaches its members on all servers', async () => {
  const started = await demo();
  expect(await sendMail(started.doors.smtp, mailTo('team@demo.test', 'to all'))).toMatch(/on MBX3$/);
  for (const [user, server] of [
    ['ann@demo.test', 'MBX1'],
    ['cat@demo.test', 'MBX2'],
    ['eve@demo.test', 'MBX3'],
  ] as const) {
    const view = await readMailbox(started.doors.imap, { user, password: demoPassword, subject: 'to all' });
    expect(view).toEqual({ server, messageCount: 1, takenInBy: 'MBX3' });
  }
  const bob = await readMailbox(started.doors.imap, { user: 'bob', password: demoPassword, subject: 'to all' });
  expect(bob).toEqual({ server: 'MBX1', messageCount: 0, takenInBy: null });
});

test('strangers are told apart from users at the SMTP door', async () => {
  const started = await demo();
  const unknown = sendMail(started.doors.smtp, mailTo('nobody@demo.test', 'lost'));
  await expect(unknown).rejects.toThrow(/550 5\.1\.1/);
  await expect(sendMail(started.doors.smtp, mailTo('lee@far.test', 'relay'))).rejects.toThrow(/550 5\.7\.1/);
  const tagged = await sendMail(started.doors.smtp, mailTo('ann+news@demo.test', 'tagged'));
  expect(tagged).toMatch(/on MBX1$/);
});

test('a wrong password opens no mailbox', async () => {
  const started = await demo();
  const wrong = { user: 'ann@demo.test', password: 'demo ', subject: 'x' };
  await expect(readMailbox(started.doors.imap, wrong)).rejects.toThrow(/IMAP door answered "NO /);
  await expect(openPage(started.doors.http, { path: '/owa/', user: 'ann', password: 'x' })).rejects.toThrow(
    /status 401/,
  );
});

test('doors whose ports are taken open at others, and the guide says so', async () => {
  const base = await freePortBase();
  await occupy(base + 143);
  const started = await demo(base);
  expect(started.doors).toMatchObject({ smtp: base + 25, pop: base + 110, http: base + 80, imaps: base + 993 });
  expect(started.doors.imap).not.toBe(base + 143);
  const guide = demoGuide(started, base, programName('/opt/my mail/bin/run.js'));
  const text = guideText(guide, plain);
  expect(text).toContain(`IMAP   127.0.0.1:${started.doors.imap}   (port ${base + 143} is in use)`);
  expect(text).toContain(`--store ${started.storePath}`);
  expect(text).toContain("node '/opt/my mail/bin/run.js' database activate DB1 --to MBX2");
  expect(guide.trials).toHaveLength(5);
  const second = await demo(base);
  expect(new Set([...Object.values(started.doors), ...Object.values(second.doors)]).size).toBe(10);
});

test('nothing is left of a demo that has ended', async () => {
  const started = await demo();
  expect(existsSync(started.storePath)).toBe(true);
  expect(existsSync(started.controlSocket)).toBe(true);
  await started.stop(0);
  await started.stopped;
  expect(existsSync(started.storePath)).toBe(false);
  expect(existsSync(started.controlSocket)).toBe(false);
  await expect(sendMail(started.doors.smtp, mailTo('ann@demo.test', 'late'))).rejects.toThrow(/refused the connection/);
});

interface Spawned {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly temporary: string;
  readonly env: Readonly<Record<string, string>>;
}

async function spawnDemo(...args: string[]): Promise<Spawned> {
  const portBase = String(await freePortBase());
  const temporary = tempDir('demo');
  const env = { TMPDIR: temporary, XDG_RUNTIME_DIR: temporary, USHER_SOCKET: '', USHER_STORE: '/nowhere/usher.db' };
  const child = spawn(process.execPath, [bin, 'demo', '--port-base', portBase, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  cleanUps.push(() => child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, output: () => text, temporary, env };
}

test.skipIf(!isBuilt)('the command prints its doors and obeys commands from elsewhere until SIGTERM', async () => {
  const { child, output, temporary, env } = await spawnDemo();
  await until('the guide', () => output().includes('Ctrl-C'), 15_000);
  expect(output()).toMatch(/SMTP {3}127\.0\.0\.1:\d+/);
  expect(output()).toMatch(/accounts, all with the password demo/);
  expect(output()).not.toContain('\u001b');
  const store = /^store +(\S+)$/m.exec(output())?.[1] ?? '';
  const words = ['--store', store, '--json'];
  const moved = await run(process.execPath, [bin, 'database', 'activate', 'DB1', '--to', 'MBX2', ...words], { env });
  expect(JSON.parse(moved.stdout)).toMatchObject({ revision: 2 });
  const status = await run(process.execPath, [bin, 'status', ...words], { env });
  expect(JSON.parse(status.stdout)).toMatchObject({ running: true, pid: child.pid, frontEnd: 'FE1', revision: 2 });
  const http = Number(/HTTP {3}127\.0\.0\.1:(\d+)/.exec(output())?.[1]);
  const page = await openPage(http, { path: '/owa/', user: 'ann@demo.test', password: demoPassword });
  expect(page.server).toBe('MBX2');
  child.kill('SIGTERM');
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  expect({ code, signal, left: readdirSync(temporary) }).toEqual({ code: 0, signal: null, left: [] });
});

test.skipIf(!isBuilt)('the command tries itself and says so in one JSON document', async () => {
  const { child, output, temporary } = await spawnDemo('--script', '--json');
  const [code] = (await once(child, 'close')) as [number | null];
  expect(JSON.parse(output())).toMatchObject({ user: 'ann@demo.test', failed: null, steps: { length: 5 } });
  expect({ code, left: readdirSync(temporary) }).toEqual({ code: 0, left: [] });
});

test.skipIf(!isBuilt)('a demo that is interrupted while it starts leaves nothing', async () => {
  const { child, temporary } = await spawnDemo();
  await until('its folder', () => readdirSync(temporary).some((name) => name.startsWith('usher-demo-')));
  child.kill('SIGINT');
  const [code] = (await once(child, 'exit')) as [number | null];
  expect({ code, left: readdirSync(temporary) }).toEqual({ code: 0, left: [] });
});

test.skipIf(!isBuilt)('a process that ends without stopping its demo leaves nothing', async () => {
  const temporary = tempDir('demo');
  const startModule = new URL('../../dist/src/demo/start-demo.js', import.meta.url).href;
  const script = `const { startDemo } = await import(${JSON.stringify(startModule)});
    const { controlSocket } = await startDemo({ portBase: ${await freePortBase()}, version: 'x' });
    process.stdout.write(controlSocket);
    process.exit(3);`;
  const env = { TMPDIR: temporary, XDG_RUNTIME_DIR: temporary };
  const ended = await run(process.execPath, ['--input-type=module', '--eval', script], { env });
  expect(ended.stdout.startsWith(temporary)).toBe(true);
  expect({ code: ended.code, left: readdirSync(temporary) }).toEqual({ code: 3, left: [] });
});
