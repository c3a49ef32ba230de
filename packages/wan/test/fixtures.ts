// The folders of fixtures, for tests.

import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { FixtureFiles } from '../../moviegen/src/parity/parity.ts';

/** The repository's folder, or another one of this kind that is given by hand. */
export const root = process.env.WAN_FIXTURES ?? fileURLToPath(new URL('../fixtures', import.meta.url));

/** Folders that hold cases of a transformer. */
export const files: FixtureFiles = {
  folders: async () =>
    (await readdir(root))
      .filter((name) => existsSync(`${root}/${name}/expected/transformer-cases.json`))
      .sort(),
  read: async (path) => new Uint8Array(await readFile(`${root}/${path}`)),
};
