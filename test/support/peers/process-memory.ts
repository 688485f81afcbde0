import { readdirSync, readFileSync } from 'node:fs';

/** What a process and all its descendants hold in memory now (RSS), in bytes. Linux only. */
export function processMemory(root: number): number {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => read(Number(name)));
  const family = new Set([root]);
  for (let size = 0; size !== family.size; ) {
    size = family.size;
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid);
  }
  return all.reduce((sum, { pid, bytes }) => (family.has(pid) ? sum + bytes : sum), 0);
}

function read(pid: number): { pid: number; parent: number; bytes: number }[] {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'latin1');
    const number = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
    return [{ pid, parent: number('PPid'), bytes: number('VmRSS') * 1024 }];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return [];
    throw error;
  }
}
