// Tells the built service worker which files belong to the page, and their version.
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import type { Plugin } from 'vite';

const WORKER = 'serviceWorker.js';

/** Fills the list in when all files are written. The checkpoint is left out, because the page keeps it itself. */
export function offline(): Plugin {
  let outDir = '';
  return {
    name: 'offline',
    apply: 'build',
    enforce: 'post',
    configResolved(config) {
      outDir = resolve(config.root, config.build.outDir);
    },
    async writeBundle() {
      const entries = await readdir(outDir, { recursive: true, withFileTypes: true });
      const files = entries
        .filter((entry) => entry.isFile())
        .map((entry) => relative(outDir, join(entry.parentPath, entry.name)).split(sep).join('/'))
        .filter((name) => name !== WORKER && !name.startsWith('checkpoint/'))
        .sort();
      const hash = createHash('sha256');
      for (const name of files) hash.update(name).update(await readFile(join(outDir, name)));
      const version = hash.digest('hex').slice(0, 16);
      const path = join(outDir, WORKER);
      const code = await readFile(path, 'utf8');
      const filled = code
        .replace(/(["'`])__FILES__\1/, () => JSON.stringify(JSON.stringify(files)))
        .replace(/(["'`])__VERSION__\1/, () => JSON.stringify(version));
      if (filled.includes('__FILES__') || !filled.includes(version))
        throw new Error(`internal: ${WORKER} lost its places for files and version`);
      await writeFile(path, filled);
    },
  };
}
