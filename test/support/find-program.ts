import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

// Daemons and their parts stand in directories that an ordinary user's PATH lacks.
const systemFolders = [
  '/usr/local/sbin',
  '/usr/sbin',
  '/sbin',
  '/usr/lib/postfix/sbin',
  '/usr/libexec/postfix',
  '/usr/lib/dovecot',
  '/usr/libexec/dovecot',
];

/** The full path of a program of this machine, or undefined. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...systemFolders];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Not there, or in a folder that is closed to us: not a program for us either way.
    return false;
  }
}
