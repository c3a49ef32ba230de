// The folders of fixtures, for tests.

import { fileURLToPath } from 'node:url';
import { fixtureFiles } from '../../moviegen/src/node/inputs.ts';

/** The repository's folder, or another one of this kind that is given by hand. */
const root = process.env.WAN_FIXTURES ?? fileURLToPath(new URL('../fixtures', import.meta.url));

/** What is in them. */
export const files = await fixtureFiles(root);

/** Names of the folders with cases. */
export const folders = files.wanFolders;
