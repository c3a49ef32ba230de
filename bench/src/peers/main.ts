// `npm run bench:peers`: our kernels beside TensorFlow.js, ONNX Runtime Web and jax-js on one adapter, with the same
// toggles and event-loop tick. They take turns, and every result is checked before its time counts.
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { findAdapter, openDevice } from '@moviegen/tensor/node';
import { Command } from 'commander';
import { atLeast, expression, progressLine } from '../arguments.ts';
import { Ear } from '../run.ts';
import { surround } from './environment.ts';
import { openJax } from './jax.ts';
import { raceModels } from './models.ts';
import { openOrt } from './ort.ts';
import { install } from './packages.ts';
import type { Peer } from './peer.ts';
import { type Outcome, race } from './race.ts';
import { rows } from './rows.ts';
import { peersTable } from './table.ts';
import { openTfjs } from './tfjs.ts';

const libraries: Readonly<Record<string, () => Promise<Peer>>> = {
  tfjs: openTfjs,
  ort: openOrt,
  jax: openJax,
};

interface Arguments {
  readonly filter?: RegExp;
  readonly json?: string;
  readonly samples: number;
  readonly peers: string;
  readonly onnx?: string;
}

const program = new Command('npm run bench:peers --')
  .description('Time our kernels beside other WebGPU libraries on this adapter (MOVIEGEN_ADAPTER chooses).')
  .option('--filter <regex>', 'only rows whose name matches', expression)
  .option('--samples <n>', 'timings of each way', atLeast(3), 20)
  .option('--peers <names>', 'some of tfjs,ort,jax', 'tfjs,ort,jax')
  .option(
    '--onnx <folder>',
    'the models that bench/torch/onnx_models.py has written, instead of single operations',
  )
  .option('--json <file>', 'also write the results to a file; - writes only them, to standard output')
  .parse();
const { filter, json, samples, peers: named, onnx } = program.opts<Arguments>();
const chosen = onnx ? [] : rows.filter(({ name }) => filter?.test(name) ?? true);
if (chosen.length === 0 && !onnx) program.error(`error: no row matches ${filter}`);

install();
const found = await findAdapter();
surround(found);
const ear = new Ear();
const device = await openDevice({ found, label: 'bench', onDispatch: ear.heard });
// V8 optimises WebAssembly in the background for a minute, and on a software adapter that takes time from the kernels.
if (device.target.software) setFlagsFromString('--liftoff-only');

const peers: Peer[] = [];
for (const name of (onnx ? 'ort' : named).split(',').map((part) => part.trim())) {
  const open = libraries[name];
  if (!open) throw new Error(`no peer is named ${name}: there are ${Object.keys(libraries).join(', ')}`);
  progressLine(`opening ${name}`);
  try {
    peers.push(await open());
  } catch (error) {
    console.error(`${name} does not open here: ${error instanceof Error ? error.message : error}`);
  }
}

const outcomes: Outcome[] = [];
let failed = false;
/** The report of the rows so far. */
const reported = (): string => {
  const report = {
    adapter: device.info,
    node: process.version,
    date: new Date().toISOString(),
    command: `npm run bench:peers -- ${process.argv.slice(2).join(' ')}`.trim(),
    machine: { cores: cpus().length, load: loadavg().map((load) => Number(load.toFixed(2))) },
    peers: peers.map(({ name, version }) => ({ name, version })),
    rows: outcomes,
  };
  return `${JSON.stringify(report, null, 1)}\n`;
};
for (const row of chosen) {
  try {
    outcomes.push(
      await race(device, peers, row, { samples, dispatched: ear.labels, onProgress: progressLine }),
    );
    progressLine('');
    if (json && json !== '-') await writeFile(json, reported()); // a long run may be stopped early
    if (json !== '-') console.log(peersTable([outcomes.at(-1)!], outcomes.length === 1));
  } catch (error) {
    failed = true;
    console.error(`${row.name}: ${error instanceof Error ? error.message : error}`);
  }
}
if (onnx) {
  outcomes.push(...(await raceModels(device, onnx, samples, filter, progressLine)));
  if (json && json !== '-') await writeFile(json, reported());
}
progressLine('');
if (json === '-') process.stdout.write(reported());
else {
  console.log(`\nadapter: ${found.name}`);
  console.log(peers.map(({ name, version }) => `${name} ${version}`).join(', '));
  console.log(
    "times by the host's clock, waiting included; every result was checked against the CPU reference, or against PyTorch's\n",
  );
  console.log(peersTable(outcomes, true));
}
process.exit(failed ? 1 : 0); // peers leave work behind that would keep the process alive
