// Whole models: one step of a DiT, one decode of a TAE, one layer of Movie Gen 30B, a sampling run, a generation. For
// each, how long it takes and for which share of that time the GPU works.
import { configs, DiT, type DiTConfig } from '@moviegen/dit';
import { castKernel, sizeOf } from '@moviegen/kernels';
import { sample } from '@moviegen/sampler';
import { parseConfig, TAE, type TAEConfig } from '@moviegen/tae';
import { type Device, mul, type Recording, randn, scope, scopeAsync, Tensor } from '@moviegen/tensor';
import type { WanAutoencoderConfig, WanTransformerConfig } from '@moviegen/wan';
import type { GenerateOptions, MovieGen } from 'moviegen';
import { type Spread, spread } from './statistics.ts';

/** A row of whole models. */
export interface ModelResult extends Spread {
  readonly name: string;
  readonly dtype: 'f32' | 'f16';
  readonly runs: number;
  /** Kernels of one run. */
  readonly dispatches?: number;
  readonly gflops?: number;
  /** Share of wall time in which the GPU worked, by its timestamps; absent without timestamps. */
  readonly busy?: number;
  readonly source: 'gpu' | 'host';
}

/** What a model's row needs. */
export interface ModelContext {
  readonly device: Device;
  readonly dtype: 'f32' | 'f16';
  /** Operations and dispatches since the last call, as a device's `onDispatch` tells them. */
  readonly counted?: (() => { readonly flops: number; readonly dispatches: number }) | undefined;
  /** The most timed runs, and the most milliseconds for them; two runs are always made. */
  readonly runs: number;
  readonly time: number;
  readonly signal?: AbortSignal | undefined;
}

/** A row that can be asked for. */
export interface ModelRow {
  readonly name: string;
  /** Too much for a software adapter. */
  readonly hardware: boolean;
  /** What is run, so that PyTorch can run the same. */
  readonly spec?:
    | { readonly kind: 'dit'; readonly config: DiTConfig; readonly latent: Latent; readonly batch: number }
    | { readonly kind: 'tae'; readonly config: TAEConfig; readonly latent: Latent }
    | { readonly kind: 'wan'; readonly config: WanTransformerConfig; readonly latent: Latent }
    | { readonly kind: 'wanVae'; readonly config: WanAutoencoderConfig; readonly latent: Latent };
  run(context: ModelContext): Promise<ModelResult>;
}

/** Shape of a latent. */
export type Latent = readonly [frames: number, height: number, width: number];
export type Shapes = Readonly<Record<string, readonly number[]>>;

/** Seeded weights, scaled so that activations keep their scale from layer to layer. */
export function seededWeights(device: Device, shapes: Shapes, dtype: 'f32' | 'f16'): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape], stream) => {
      if (shape.length === 1 && !name.endsWith('bias')) return [name, Tensor.full(device, shape, 1, dtype)];
      const scale = shape.length === 1 ? 0.02 : sizeOf(shape.slice(1)) ** -0.5;
      const weight = scope(device, () => mul(randn(device, shape, { seed: 7, stream, dtype }), scale));
      return [name, weight];
    }),
  );
}

/** Times the replays of a recording, one after the other. */
export async function timeReplays(
  name: string,
  { device, dtype, counted, runs, time, signal }: ModelContext,
  fn: () => Tensor,
): Promise<ModelResult> {
  counted?.();
  const recording: Recording<Tensor> = device.record(fn);
  const count = counted?.();
  try {
    await recording.ready();
    await device.time(() => recording.run());
    const times: number[] = [];
    let source: ModelResult['source'] = 'host';
    const begin = performance.now();
    for (let k = 0; k < runs && (k < 2 || performance.now() - begin < time); k++) {
      signal?.throwIfAborted();
      const timing = await device.time(() => recording.run());
      times.push(timing.ms);
      source = timing.source;
    }
    const after = spread(times);
    return {
      name,
      dtype,
      ...after,
      runs: times.length,
      dispatches: recording.size.dispatches,
      ...(count && { gflops: count.flops / after.median / 1e6 }),
      source,
    };
  } finally {
    recording.destroy();
  }
}

/** Random states of one encoder for a batch. */
function randomText(device: Device, { textDims }: DiTConfig, tokens: number, batch: number) {
  const [name, width] = Object.entries(textDims)[0]!;
  const states = randn(device, [batch, tokens, width], { seed: 3 });
  return { [name]: { states, lengths: new Array<number>(batch).fill(tokens) } };
}

/** One forward pass of a seeded DiT on both branches of guidance. */
export function ditStep(
  name: string,
  config: DiTConfig,
  [T, H, W]: Latent,
  hardware: boolean,
  batch: 1 | 2 = 2,
): ModelRow {
  return {
    name,
    hardware,
    spec: { kind: 'dit', config, latent: [T, H, W], batch },
    run: (context) =>
      withDit(
        context,
        config,
        async (dit, text) => {
          const { device } = context;
          const x = randn(device, [batch, config.inChannels, T, H, W], { seed: 1 });
          const t = Tensor.from(device, [0.5], [1]);
          dit.preparePositions(x.shape);
          return timeReplays(name, context, () => dit.forward(x, t, text));
        },
        batch,
      ),
  };
}

/** A sampling run of a seeded DiT: wall time of the whole run, and the GPU's share of it. */
export function samplingRun(name: string, config: DiTConfig, [T, H, W]: Latent, steps: number): ModelRow {
  return {
    name,
    hardware: true,
    run: (context) =>
      withDit(context, config, async (dit, text) => {
        const { device, dtype, signal } = context;
        const x = Tensor.zeros(device, [2, config.inChannels, T, H, W]);
        const t = Tensor.from(device, [0], [1]);
        dit.preparePositions(x.shape);
        const recording = device.record(() => dit.forward(x, t, text));
        const noise = randn(device, x.shape, { seed: 1 });
        try {
          await recording.ready();
          const copy = castKernel(x.size, 'f32', 'f32');
          const velocity = (now: Tensor, time: number): Tensor => {
            device.run(copy, [now, x]);
            t.write([time]);
            return recording.run();
          };
          const whole = () =>
            scopeAsync(device, async () => {
              await sample(velocity, noise, { steps, signal });
            });
          await whole();
          return await timeWhole(name, dtype, device, 2, whole);
        } finally {
          recording.destroy();
        }
      }),
  };
}

async function withDit(
  { device, dtype }: ModelContext,
  config: DiTConfig,
  use: (dit: DiT, text: ReturnType<DiT['context']>) => Promise<ModelResult>,
  batch: 1 | 2 = 2,
): Promise<ModelResult> {
  return scopeAsync(device, async () => {
    const dit = new DiT(device, config, seededWeights(device, DiT.weightShapes(config), dtype));
    const text = dit.context(randomText(device, config, 64, batch));
    try {
      return await use(dit, text);
    } finally {
      text.dispose();
      dit.dispose();
    }
  });
}

/** One decode of a seeded TAE. @param latent frames, height and width of the latent */
export function taeDecode(name: string, config: TAEConfig, [T, H, W]: Latent, hardware: boolean): ModelRow {
  return {
    name,
    hardware,
    spec: { kind: 'tae', config, latent: [T, H, W] },
    run: (context) => {
      const { device, dtype } = context;
      return scopeAsync(device, async () => {
        const tae = new TAE(device, config, seededWeights(device, TAE.weightShapes(config), dtype));
        const z = randn(device, [1, config.latentChannels, T, H, W], { seed: 2 });
        try {
          return await timeReplays(name, context, () => tae.decode(z));
        } finally {
          tae.dispose();
        }
      });
    },
  };
}

/** One full generation of a loaded pipeline. */
export function generation(name: string, movieGen: MovieGen, prompt: string): ModelRow {
  return {
    name,
    hardware: false,
    run: async ({ device, dtype, signal }) => {
      const whole = async (options: GenerateOptions = {}) => {
        await movieGen.generate(prompt, { seed: 1, ...(signal && { signal }), ...options });
      };
      await whole({ steps: 2 }); // compiles
      return timeWhole(name, dtype, device, 1, whole);
    },
  };
}

/** Wall time of asynchronous work, and the share of it in which the GPU works. */
async function timeWhole(
  name: string,
  dtype: 'f32' | 'f16',
  device: Device,
  runs: number,
  whole: () => Promise<void>,
): Promise<ModelResult> {
  const walls: number[] = [];
  let busy: number | undefined;
  for (let k = 0; k < runs; k++) {
    let wall = 0;
    const begin = performance.now();
    const timing = await device.time(async () => {
      await whole();
      await device.sync();
      wall = performance.now() - begin;
    });
    walls.push(wall);
    if (timing.source === 'gpu') busy = timing.ms / wall;
  }
  return { name, dtype, ...spread(walls), runs, ...(busy !== undefined && { busy }), source: 'host' };
}

/** Rows of seeded random models of the published shapes. */
export const seededRows: readonly ModelRow[] = [
  ditStep('DiT step, 1b, 4096 tokens, both branches', configs['1b'], [16, 32, 32], true),
  samplingRun('sampling, 1b, 4096 tokens, both branches, 10 steps', configs['1b'], [16, 32, 32], 10),
  ditStep(
    '30b layer, 73728 tokens',
    { ...configs['30b'], numLayers: 1, textDims: { ul2: 4096 } },
    [32, 96, 96],
    true,
    1,
  ),
  taeDecode('TAE decode, 8 frames of 768x768', parseConfig({}), [1, 96, 96], true),
];
