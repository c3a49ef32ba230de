// Gives the tests an empty cache folder, so that no table of variants that was measured on this machine chooses the
// kernels that are tested.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Vitest's global setup; it returns the teardown. */
export default function cache(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'moviegen-cache-'));
  process.env.XDG_CACHE_HOME = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
