// npm run licences: every package that ours need or may use, with its licence; the part of `npm run check` that looks at the
// licences of all dependencies, those of development too.

import { licenceFaults, licensed } from './licences.ts';

const counts = new Map<string, number>();
for (const { name, version, licence } of licensed({ shipped: true })) {
  if (!process.argv.includes('--check')) console.log(`${licence}\t${name}\t${version}`);
  counts.set(licence, (counts.get(licence) ?? 0) + 1);
}
const faults = licenceFaults(licensed({ shipped: false }));
for (const line of faults) console.error(line);
if (faults.length > 0) process.exitCode = 1;
const summary = [...counts].sort(([, a], [, b]) => b - a).map(([licence, count]) => `${licence} ${count}`);
console.log(`licences beside ours: ${summary.join(', ')}`);
