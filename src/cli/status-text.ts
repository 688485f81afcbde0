import type { CounterStatus, RuntimeStatus } from '../control/messages.js';
import { formatTable, onTerminal, paint } from './output.js';

function uptimeText(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first < 0 ? 3 : first, first < 0 ? 4 : first + 2)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ');
}

/** One screen: who runs, since when, what is in force, what listens, who is connected. */
export function statusText(status: RuntimeStatus): string {
  const sessions = Object.entries(status.sessions).map(([protocol, count]) => `${count} ${protocol}`);
  const lines = [
    `${paint('bold', status.frontEnd)} runs as process ${status.pid} for ${uptimeText(status.uptimeMs)}, revision ${status.revision} in force`,
    `sessions: ${sessions.length === 0 ? 'none' : sessions.join(', ')}`,
  ];
  if (status.refused)
    lines.push(paint('red', `revision ${status.refused.revision} is not wholly in force: ${status.refused.reason}`));
  const doors = status.doors.map((door) => [door.address, door.protocol, door.state, door.name, door.reason ?? '']);
  const notes = status.notes.map((note) => `note: ${note}\n`).join('');
  const table = formatTable(['address', 'protocol', 'state', 'door', ''], doors, onTerminal());
  return `${lines.join('\n')}\n${table}${notes}${status.counters.map(counterLine).join('')}`;
}

/** `count: agent-verdicts, connection-filtering, connect, block: 12`. */
function counterLine({ name, labels, value }: CounterStatus): string {
  return `count: ${[name, ...Object.values(labels)].join(', ')}: ${value}\n`;
}
