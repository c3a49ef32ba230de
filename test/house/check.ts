// The part of `npm run check` that looks at the import graph: prints every import that breaks the plan of the house,
// and fails if there are any.

import { execFileSync } from 'node:child_process';
import { house } from './house.ts';
import { violations } from './importGraph.ts';

const listed = execFileSync(
  'git',
  ['ls-files', '-co', '--exclude-standard', 'packages/*/src/**/*.ts', 'packages/*/src/*.ts'],
  {
    encoding: 'utf8',
  },
);
const files = listed.split('\n').filter((file) => file !== '');
const found = violations([...new Set(files)], house);
for (const line of found) console.error(line);
if (found.length > 0) {
  console.error(`${found.length} imports break the plan of the house (test/house/house.ts)`);
  process.exitCode = 1;
} else console.log(`import graph: ${files.length} files, no circle, no arrow upward`);
