import { readdirSync, readFileSync } from 'node:fs';

/**
 * The processes of a group that still run. One that has ended but was not yet collected by its parent is not
 * among them: the parent of an orphan is the machine's first process, and that one may take its time.
 */
export function processGroup(leader: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    const [state, , group] = statusOf(pid);
    return Number(group) === leader && state !== 'Z' && state !== 'X';
  });
}

// State, parent, group: the fields after the name, which may hold spaces and parentheses.
function statusOf(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return [];
    throw error;
  }
}
