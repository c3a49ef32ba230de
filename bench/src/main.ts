// `npm run bench`: times the kernels and the models on this machine's adapter, against the best that it can do.
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { parseConfig as parseDit } from '@moviegen/dit';
import { parseConfig as parseTae } from '@moviegen/tae';
import type { Device } from '@moviegen/tensor';
import { openDevice } from '@moviegen/tensor/node';
import { Command } from 'commander';
import { MovieGen } from 'moviegen';
import { atLeast, expression, floatType, progressLine } from './arguments.ts';
import { compareReports, pacesOf, sameAdapter } from './compare.ts';
import { ditStep, generation, type ModelRow, seededRows, taeDecode } from './models.ts';
import { adapterName, type Report } from './report.ts';
import { rooflineSvg } from './roofline.ts';
import { Ear, run } from './run.ts';
import { changeTable, modelTable, table, torchTable } from './table.ts';
import { mergeTorch, type TorchReport, torchCases } from './torch.ts';
import { wanRows } from './wanModels.ts';

interface Arguments {
  readonly filter?: RegExp;
  readonly json?: string;
  readonly compare?: string;
  readonly svg?: string;
  readonly torch?: string;
  readonly cases?: string;
  readonly from?: string;
  readonly runs: number;
  readonly time: number;
  readonly dtype: 'f32' | 'f16';
  readonly variants: boolean;
  readonly models: boolean;
  readonly checkpoint: string;
  readonly unchecked: boolean;
  readonly driver?: string;
}

const GENERATION = 'generation, shipped checkpoint';
const PROMPT = 'a red circle moves right on a black background';

const program = new Command('npm run bench --')
  .description(
    'Time kernels and models on this adapter (MOVIEGEN_ADAPTER chooses), against its measured ceilings.',
  )
  .option('--filter <regex>', 'only rows whose "op name" or "model name" matches', expression)
  .option('--json <file>', 'also write the results to a file; - writes only them, to standard output')
  .option(
    '--compare <old.json>',
    'say what has become slower by more than noise since then; exit status 1 if anything has',
  )
  .option('--svg <file>', 'draw the roofline')
  .option('--torch <torch.json>', 'show the figures of bench/torch/bench.py beside ours')
  .option('--from <report.json>', 'measure nothing, show this earlier run')
  .option('--cases <file>', 'only write the cases that bench/torch/bench.py shall time')
  .option('--runs <n>', 'the most timed runs per case', atLeast(3), 50)
  .option('--time <ms>', 'the most time for the runs of a case', atLeast(1), 1000)
  .option('--dtype <type>', 'f32, or f16 where the adapter has it', floatType, 'f32')
  .option('--variants', 'time every variant of a kernel, not only the chosen one', false)
  .option('--no-models', 'leave out the rows of whole models')
  .option('--checkpoint <folder>', 'the checkpoint for the rows of the shipped model', 'models/shapes-world')
  .option('--unchecked', "add a column without Dawn's bounds checks", false)
  .option('--driver <text>', "the driver's version, for the report")
  .parse();
const given = program.opts<Arguments>();
const readJson = async <T>(path: string): Promise<T> => JSON.parse(await readFile(path, 'utf8')) as T;
const old = given.compare === undefined ? undefined : await readJson<Report>(given.compare);
const torch = given.torch === undefined ? undefined : await readJson<TorchReport>(given.torch);

if (given.cases !== undefined) {
  const rows = [...(await shippedRows(given.checkpoint)), ...seededRows, ...wanRows];
  await writeFile(given.cases, `${JSON.stringify(torchCases(rows), null, 1)}\n`);
  process.exit();
}
const report = given.from === undefined ? await measureAll() : await readJson<Report>(given.from);
const changes = old && compareReports(old, report);
const slower = changes?.filter(({ verdict }) => verdict === 'slower') ?? [];
const text = `${JSON.stringify(report, null, 1)}\n`;
if (given.json === '-') process.stdout.write(text);
else {
  show();
  if (given.json) await writeFile(given.json, text);
}
for (const line of report.wrong) console.error(line);
if (given.svg && report.ceilings) {
  const { ceilings, results: points } = report;
  await writeFile(given.svg, rooflineSvg({ title: adapterName(report.adapter), ceilings, points }));
}
process.exitCode = report.wrong.length > 0 || slower.length > 0 ? 1 : 0;

/** Runs the bench on this machine's adapter. */
async function measureAll(): Promise<Report> {
  const ear = new Ear();
  const device = await openDevice({ label: 'bench', onDispatch: ear.heard });
  if (given.dtype === 'f16' && !device.target.f16)
    program.error(`error: ${adapterName(device.info)} has no f16`);
  const unchecked = given.unchecked ? await openDevice({ label: 'unchecked', unchecked: true }) : undefined;
  const models = given.models ? [...(await shippedRows(given.checkpoint)), ...seededRows, ...wanRows] : [];
  const movieGen = given.models ? await openCheckpoint(device) : undefined;
  if (movieGen) models.push(generation(GENERATION, movieGen, PROMPT));
  const measured = await run(device, { ...given, models, ear, unchecked, onProgress: progressLine });
  progressLine('');
  movieGen?.dispose();
  unchecked?.destroy();
  device.destroy();
  if (measured.results.length + measured.models.length + measured.wrong.length === 0)
    program.error(`error: nothing here matches ${given.filter}`);
  return {
    adapter: device.info,
    date: new Date().toISOString(),
    command: `npm run bench -- ${process.argv.slice(2).join(' ')}`.trim(),
    machine: {
      cores: cpus().length,
      load: loadavg().map((load) => Number(load.toFixed(2))),
      ...(given.driver && { driver: given.driver }),
    },
    ...measured,
  };
}

function show(): void {
  const { ceilings, results, models: whole, leftOut } = report;
  const byGpu = results[0]?.source === 'gpu';
  console.log(`adapter: ${adapterName(report.adapter)}`);
  console.log(`times by ${byGpu ? "the GPU's timestamps" : "the host's clock, submit and wait included"}`);
  if (ceilings) {
    const rates = Object.entries(ceilings.flops).map(
      ([type, rate]) => `${type} ${(rate / 1e9).toFixed(1)} GFLOP/s`,
    );
    console.log(`ceilings: ${rates.join(', ')}, copy ${(ceilings.copyBytes / 1e9).toFixed(2)} GB/s`);
  }
  if (results.length > 0) console.log(table(results));
  if (whole.length > 0) console.log(modelTable(whole));
  if (leftOut.length > 0) console.log(`left out:\n  ${leftOut.join('\n  ')}`);
  if (old && !sameAdapter(old, report)) {
    console.log(`${given.compare} was measured on another adapter: ${adapterName(old.adapter)}`);
  }
  const paces = old ? pacesOf(old, report).map((pace) => pace.toFixed(2)) : [];
  if (paces.length > 0)
    console.log(`ceilings of ${given.compare} over this run's, copy and arithmetic: ${paces.join(', ')}`);
  if (changes) console.log(changeTable(changes));
  if (torch) {
    console.log(`PyTorch ${torch.torch} on ${torch.device}`);
    console.log(torchTable(mergeTorch(report, torch)));
  }
}

/** The pipeline for the row of a whole generation, if that row is wanted and the checkpoint exists. */
async function openCheckpoint(device: Device): Promise<MovieGen | undefined> {
  const { checkpoint, dtype, filter } = given;
  if (!existsSync(checkpoint) || filter?.test(`model ${GENERATION}`) === false) return undefined;
  return MovieGen.fromPretrained(checkpoint, { device, dtype });
}

/** Rows with the shapes of the shipped checkpoint. */
async function shippedRows(folder: string): Promise<ModelRow[]> {
  if (!existsSync(folder)) return [];
  const dit = parseDit(await readJson(`${folder}/transformer/config.json`));
  const tae = parseTae(await readJson(`${folder}/tae/config.json`));
  return [
    ditStep('DiT step, shipped shape, 32 tokens, both branches', dit, [2, 8, 8], false),
    taeDecode('TAE decode, shipped shape, 16 frames of 64x64', tae, [2, 8, 8], false),
  ];
}
