// `npm run bench`: times the cases of @moviegen/kernels marked for it on the adapter at hand.
import { writeFile } from 'node:fs/promises';
import { cases } from '@moviegen/kernels';
import { caseVariants } from '@moviegen/tensor';
import { openDevice } from '@moviegen/tensor/node';
import { Command } from 'commander';
import { atLeast, expression, floatType, progressLine as showProgress } from './arguments.ts';
import { measure, type Result } from './measure.ts';
import { table } from './table.ts';

interface Arguments {
  readonly filter?: RegExp;
  readonly json?: string;
  readonly runs: number;
  readonly time: number;
  readonly dtype: 'f32' | 'f16';
  readonly variants: boolean;
}

const program = new Command('npm run bench --')
  .description('Time every kernel of the case list on this adapter (MOVIEGEN_ADAPTER chooses).')
  .option('--filter <regex>', 'only cases whose "op name" matches', expression)
  .option('--json <file>', 'also write the results to a file')
  .option('--runs <n>', 'at most so many timed runs of a case', atLeast(3), 50)
  .option('--time <ms>', 'at most so much time for the runs of a case', atLeast(1), 1000)
  .option('--dtype <type>', 'f32, or f16 where the adapter has it', floatType, 'f32')
  .option('--variants', 'every variant of a kernel, not only the chosen one', false)
  .parse();
const { filter, json, runs, time, dtype, variants } = program.opts<Arguments>();

const device = await openDevice({ label: 'bench' });
const adapter = [device.info.vendor, device.info.architecture, device.info.description].join(' ');
if (dtype === 'f16' && !device.target.f16) program.error(`error: ${adapter} has no f16`);
const chosen = cases.filter(({ op, name, use }) => use !== 'test' && (filter?.test(`${op} ${name}`) ?? true));
if (chosen.length === 0) program.error(`error: no case matches ${filter}`);

const results: Result[] = [];
const wrong: string[] = [];
for (const item of chosen) {
  const named = variants ? caseVariants(device, item) : [];
  for (const variant of named.length > 0 ? named : [undefined]) {
    showProgress(`${item.op} ${item.name} ${variant ?? ''}`);
    try {
      results.push(await measure(device, item, { dtype, variant }, { runs, time }));
    } catch (error) {
      wrong.push(error instanceof Error ? error.message : String(error));
    }
  }
}
showProgress('');

const source =
  results[0]?.source === 'gpu' ? "the GPU's timestamps" : "the host's clock, submit and wait included";
console.log(`adapter: ${adapter}\ntimes by ${source}`);
console.log(table(results));
for (const line of wrong) console.error(line);
if (json) {
  const report = {
    adapter: device.info,
    node: process.version,
    date: new Date().toISOString(),
    results,
    wrong,
  };
  await writeFile(json, `${JSON.stringify(report, null, 1)}\n`);
}
device.destroy();
process.exitCode = wrong.length > 0 ? 1 : 0;
