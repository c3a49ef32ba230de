// Models that ONNX Runtime Web runs beside ours: what bench/torch/onnx_models.py has written. Its results are compared with PyTorch's.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NDArray } from '@moviegen/kernels';
import { openFile } from '@moviegen/safetensors/node';
import type { Device } from '@moviegen/tensor';
import { compareArrays } from '@moviegen/tensor/checks';
import { percentile } from '../statistics.ts';
import { wanRows } from '../wanModels.ts';
import { loadOrt, modelWay } from './ort.ts';
import type { Outcome } from './race.ts';

/** The largest difference from PyTorch's result: some models sum in another order hundreds of times. */
const BOUND = 1e-3;

/** Times every model of a folder: ours, ONNX Runtime Web's, and ours again. */
export async function raceModels(
  device: Device,
  folder: string,
  samples: number,
  wanted: RegExp | undefined,
  say: (text: string) => void,
): Promise<Outcome[]> {
  const ort = await loadOrt();
  const listed = JSON.parse(await readFile(join(folder, 'models.json'), 'utf8')) as {
    name: string;
    file: string;
  }[];
  const outcomes: Outcome[] = [];
  for (const { name, file } of listed.filter((model) => wanted?.test(model.name) ?? true)) {
    const row = wanRows.find((model) => model.name === name);
    if (!row) throw new Error(`internal: ${folder} holds a model ${name} that the bench does not have`);
    const tensors = await arraysOf(join(folder, `${file}.safetensors`));
    const { y, ...inputs } = tensors as { y: NDArray } & Record<string, NDArray>;
    const ours: number[] = [];
    const theirs: number[] = [];
    const mine = async () => {
      say(`${name}: ours`);
      ours.push((await row.run({ device, dtype: 'f32', runs: samples, time: 10_000 })).median);
    };
    await mine();
    say(`${name}: ONNX Runtime Web opens it`);
    const bytes = await readFile(join(folder, `${file}.onnx`));
    const way = await modelWay(ort, { how: 'a session', bytes, inputs, shape: y.shape });
    const { error } = compareArrays(await way.result(), y.data);
    for (let turn = 0; turn < samples && sum(theirs) < 10_000; turn++) {
      say(`${name}: ONNX Runtime Web, ${turn} of ${samples}`);
      const begin = performance.now();
      await way.run();
      await way.settle();
      theirs.push(performance.now() - begin);
    }
    way.dispose();
    await mine();
    const right = error <= BOUND;
    const [us, them] = [Math.min(...ours), percentile(theirs, 0.5)];
    outcomes.push({
      name,
      case: `model ${name}`,
      bound: 1,
      ours: { library: 'moviegen', how: 'recorded', median: us, samples },
      peers: [
        {
          library: 'ONNX Runtime Web',
          how: 'a session',
          error,
          samples: theirs.length,
          ...(right ? { median: them } : { problem: `wrong by ${error.toExponential(1)}` }),
        },
      ],
      ...(right && { ratio: them / us, fastest: 'ONNX Runtime Web: a session' }),
    });
  }
  return outcomes;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

async function arraysOf(path: string): Promise<Record<string, NDArray>> {
  const file = await openFile(path);
  const arrays: Record<string, NDArray> = {};
  for (const name of file.names()) {
    const { buffer } = await file.read(name);
    arrays[name] = { shape: [...file.shape(name)], dtype: 'f32', data: new Float32Array(buffer) };
  }
  return arrays;
}
