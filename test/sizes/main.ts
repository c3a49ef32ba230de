// npm run sizes: measures what a page downloads of the packages and prints the table; with --write it becomes the known one.

import { renameSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { BUNDLES, chunksOf, JSON_FILE, type Sizes, sizesOf, TABLE_FILE, tableOf } from './bundles.ts';

const { write } = parseArgs({ options: { write: { type: 'boolean' } } }).values;
const sizes: Record<string, Sizes> = {};
for (const [name, bundle] of Object.entries(BUNDLES)) sizes[name] = sizesOf(await chunksOf(bundle));
console.log(tableOf(sizes));
if (write) {
  put(JSON_FILE, `${JSON.stringify(sizes, null, 2)}\n`);
  put(TABLE_FILE, tableOf(sizes));
}

function put(file: string, text: string): void {
  writeFileSync(`${file}.tmp`, text);
  renameSync(`${file}.tmp`, file);
}
