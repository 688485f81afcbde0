import { chmodSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './run.js';
import { tempDir } from './temp-dir.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Compiles source files (paths from the root) with all they import into a folder of its own, for tests that need more
 * than one process. Returns that folder: `dist/src/store/store.js` is there as `src/store/store.ts` is here.
 */
export async function compileSources(...files: readonly string[]): Promise<string> {
  const folder = tempDir('compiled');
  chmodSync(folder, 0o755);
  for (const name of ['node_modules', 'migrations', 'package.json']) symlinkSync(join(root, name), join(folder, name));
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      rootDir: root,
      outDir: join(folder, 'dist'),
      incremental: false,
      tsBuildInfoFile: null,
      sourceMap: false,
    },
    files: files.map((file) => join(root, file)),
    include: [],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { code, stdout } = await run(process.execPath, [tsc, '-p', folder], { timeoutMs: 60_000 });
  if (code !== 0) throw new Error(`the sources do not compile:\n${stdout}`);
  return folder;
}
