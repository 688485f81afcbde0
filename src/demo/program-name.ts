import { basename, resolve } from 'node:path';

import { shellWord } from './shell-word.js';

/** How usher is called on this machine, wherever the other terminal is: by name where it is installed. */
export function programName(script: string | undefined = process.argv[1]): string {
  if (script === undefined || basename(script) === 'usher') return 'usher';
  return `node ${shellWord(resolve(script))}`;
}
