// Builds the packages once before the tests, because some tests start the command line as a user does, from dist/.

import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What `npm run build` builds; the packages below come with them. */
const BUILT = ['packages/moviegen', 'packages/curation', 'packages/server'];

/** Vitest's global setup. If the build fails, only the tests that start the command line fail. */
export default function build(): void {
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  const root = fileURLToPath(new URL('..', import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-b', ...BUILT], {
    cwd: root,
    encoding: 'utf8',
  });
  process.env.MOVIEGEN_TEST_BUILD = status === 0 ? 'done' : stdout;
}
