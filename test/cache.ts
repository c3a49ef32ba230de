// An empty cache folder for the tests: a table of variants that this user's programs have measured must not choose
// the kernels that are tested.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Vitest's global setup, and how it ends. */
export default function cache(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'moviegen-cache-'));
  process.env.XDG_CACHE_HOME = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
