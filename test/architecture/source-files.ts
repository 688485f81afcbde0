import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

export interface SourceFile {
  /** From the project's folder: `src/store/store.ts`. */
  readonly path: string;
  readonly text: string;
  /** Without comments. */
  readonly code: string;
  readonly lineCount: number;
}

/** Every TypeScript file below a folder of the project. */
export function sourceFiles(folder: string): SourceFile[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const text = readFileSync(join(root, folder, name), 'utf8');
      return { path: join(folder, name), text, code: withoutComments(text), lineCount: text.split('\n').length - 1 };
    });
}

/** Enough for formatted code: block comments, and line comments that stand alone or behind code. */
export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[\s;{}(,])\/\/.*$/gm, '$1');
}

const importForms = [
  /\b(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/g,
  /\bimport\s*['"]([^'"]+)['"]/g,
  /\bimport\s*\(\s*['"]([^'"]+)['"]/g,
  /\brequire\s*\(\s*['"]([^'"]+)['"]/g,
];

/** What a file imports, types and late imports too: paths of ours from the project's folder, packages by their names. */
export function importsOf(file: Pick<SourceFile, 'path' | 'code'>): string[] {
  const named = importForms.flatMap((form) => [...file.code.matchAll(form)].map((match) => match[1] ?? ''));
  return named.map((name) => (name.startsWith('.') ? normalize(join(dirname(file.path), name)) : name));
}

/** The room that a path of ours belongs to: `store`, `protocols/imap`, `errors`, `commands`. */
export function roomOf(path: string): string {
  const [top = '', first = '', second = ''] = path.split('/');
  if (top === 'commands') return 'commands';
  if (top !== 'src') return top;
  return first === 'protocols' ? `protocols/${second}` : first.replace(/\.[jt]s$/, '');
}
