// publint and "are the types wrong" on each pack: node lint.js PACK...

import { readFileSync } from 'node:fs';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

/** The packages are ES modules only: require() of Node below 22 and the resolution before `exports` are not promised. */
const LEFT_OUT = ['node10', 'node16-cjs'];

let faults = 0;
for (const file of process.argv.slice(2)) {
  const tarball = readFileSync(file);
  const { messages, pkg } = await publint({
    pack: { tarball: Uint8Array.from(tarball).buffer },
    strict: true,
  });
  const found = messages.map((message) => `publint: ${message.type}: ${formatMessage(message, pkg)}`);
  const options = { excludeEntrypoints: ['./page'] }; // a script that a page loads: it exports nothing
  const { problems } = await checkPackage(createPackageFromTarballData(new Uint8Array(tarball)), options);
  for (const problem of problems ?? [{ kind: 'no types' }])
    if (!LEFT_OUT.includes(problem.resolutionKind)) found.push(`types: ${JSON.stringify(problem)}`);
  for (const line of found) console.error(`${pkg.name}: ${line}`);
  faults += found.length;
  console.log(
    `${pkg.name}: ${found.length === 0 ? 'publint and the types are clean' : `${found.length} faults`}`,
  );
}
if (faults > 0) process.exitCode = 1;
