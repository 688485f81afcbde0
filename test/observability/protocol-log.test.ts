import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openProtocolLog, type ProtocolLog, type ProtocolSide } from '../../src/observability/protocol-log.js';
import type { LogOptions } from '../../src/observability/rotated-file.js';
import { contentsOf, logOptions, temporaryFolder } from './log-folder.js';
import { parseStrictCsv } from './strict-csv.js';

const header =
  '#Software: usher\n#Log-type: SMTP Receive Protocol Log\n#Date: 2026-11-22T10:00:00.000Z\n' +
  '#Fields: date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context\n';

function openIn(folder: string, options: LogOptions, side: ProtocolSide = 'receive'): ProtocolLog {
  const log = openProtocolLog(side, folder, options);
  onTestFinished(() => log.close());
  return log;
}

it('writes sessions with the columns that log readers of the field know', async () => {
  const folder = temporaryFolder();
  const { clock, options } = logOptions();
  const log = openIn(folder, options);
  const first = log.session({
    connector: 'FE1\\Default, "Frontend"',
    sessionId: '08DE2A',
    local: '192.0.2.1:25',
    remote: '[2001:db8::1]:40000',
  });
  first.record('+', '');
  first.record('>', '220 fe1.example.com ESMTP usher');
  await log.flush();
  clock.nowMs += 5;
  log.session({ connector: 'C', sessionId: '2', local: 'l', remote: 'r' }).record('*', 'TLS 1.3; AES', 'a,b');
  first.record('<', 'EHLO x\r\n250 FAKE\u001b[2J');
  first.record('-', '', 'Remote');
  await log.flush();
  const text = contentsOf(folder)['RECV20261122-1.log'] ?? '';
  expect(text.startsWith(header)).toBe(true);
  const connector = 'FE1\\x5cDefault, "Frontend"';
  const [at, later] = ['2026-11-22T10:00:00.000Z', '2026-11-22T10:00:00.005Z'];
  const ends = ['192.0.2.1:25', '[2001:db8::1]:40000'];
  expect(parseStrictCsv(text.slice(header.length))).toEqual([
    [at, connector, '08DE2A', '0', ...ends, '+', '', ''],
    [at, connector, '08DE2A', '1', ...ends, '>', '220 fe1.example.com ESMTP usher', ''],
    [later, 'C', '2', '0', 'l', 'r', '*', 'TLS 1.3; AES', 'a,b'],
    [later, connector, '08DE2A', '2', ...ends, '<', 'EHLO x\\x0d\\x0a250 FAKE\\x1b[2J', ''],
    [later, connector, '08DE2A', '3', ...ends, '-', '', 'Remote'],
  ]);
});

it('says in a line of its own how many lines were lost', async () => {
  const folder = join(temporaryFolder(), 'log');
  writeFileSync(folder, '');
  const { options, troubles } = logOptions();
  const log = openIn(folder, { ...options, heldBytesMax: 500, retryAfterMs: 60_000 });
  const session = log.session({ connector: 'C', sessionId: '1', local: 'l', remote: 'r' });
  for (let n = 0; n < 100; n += 1) session.record('<', 'NOOP');
  await log.flush();
  rmSync(folder);
  await log.flush();
  await log.flush();
  const rows = parseStrictCsv((contentsOf(folder)['RECV20261122-1.log'] ?? '').slice(header.length));
  const last = rows.at(-1) ?? [];
  expect(last[6]).toBe('*');
  expect(last[7]).toBe(`${101 - rows.length} lines of this log were lost`);
  expect(rows.every((row) => row.length === 9)).toBe(true);
  expect(troubles.at(-1)).toEqual({ kind: 'lost', folder, lines: 101 - rows.length });
});

it('keeps what we say to others in files of its own, with the same columns', async () => {
  const folder = temporaryFolder();
  const { options } = logOptions();
  const log = openIn(folder, options, 'send');
  const session = log.session({ connector: 'Internet', sessionId: '1', local: 'l', remote: 'r' });
  session.record('>', 'EHLO front.example.com');
  await log.flush();
  const [name = '', ...others] = Object.keys(contentsOf(folder));
  expect([name, ...others]).toEqual(['SEND20261122-1.log']);
  const text = contentsOf(folder)[name] ?? '';
  const ours = header.replace('Receive', 'Send');
  expect(text.startsWith(ours)).toBe(true);
  const row = ['2026-11-22T10:00:00.000Z', 'Internet', '1', '0', 'l', 'r', '>', 'EHLO front.example.com', ''];
  expect(parseStrictCsv(text.slice(ours.length))).toEqual([row]);
});
