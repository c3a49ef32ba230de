// Plans a generation without making it: the pipeline itself runs on a device that allocates and computes nothing, so that the
// memory and operations in the plan are those of the code. How a plan is printed is in table.ts.

import { type Device, dryDevice, WeightsError } from '@moviegen/tensor';
import type { Ceilings } from '@moviegen/tensor/checks';
import { checkOptions } from '../arguments.ts';
import { type FilesOptions, openFiles } from '../checkpoint/files.ts';
import type { DTypePolicy } from '../checkpoint/precision.ts';
import type { CheckpointFiles } from '../checkpointFiles.ts';
import { InputError } from '../errors.ts';
import { families, familyOf } from '../families/index.ts';
import type { PlannedPipeline, PlannedWeights, VideoAutoencoder, VideoModels } from '../generate/family.ts';
import { sampleGroup } from '../generate/group.ts';
import { type Latents, uploadLatents } from '../generate/latents.ts';
import { type GenerateOptions, requestOf } from '../generate/options.ts';
import type { Guidance } from '../generate/request.ts';
import { flopsOf, type OpCosts, secondsIn, Tally } from './costs.ts';
import { bytes } from './units.ts';

/** Sizes that are known by name. */
export const PUBLISHED: readonly string[] = families.flatMap(({ published }) => Object.keys(published));

/** Options of {@link planGeneration}. */
export interface PlanOptions
  extends FilesOptions,
    Pick<
      GenerateOptions,
      'width' | 'height' | 'numFrames' | 'steps' | 'guidanceScale' | 'guidance' | 'signal'
    > {
  /** Default: a checkpoint's first example; for a published size, a prompt as long as its encoders take. */
  readonly prompt?: string;
  /** Types of weights and activations. Default f32. */
  readonly dtype?: DTypePolicy;
  /** Bytes that the transformer's weights may take on the device: layers that do not fit are streamed at every step. */
  readonly maxMemory?: number;
  /** The adapter's memory in bytes, which adapters do not tell. Default: memory is not compared. */
  readonly memory?: number;
  /** The adapter to plan for. Default: the limits of a large GPU are assumed. */
  readonly device?: Device;
  /** That adapter's ceilings, by `measureCeilings`; without them the plan has no times. */
  readonly ceilings?: Ceilings;
}

/** The most memory that a phase holds, in bytes. */
export interface PhaseMemory {
  readonly phase: 'load' | 'text and sampling' | 'decoding';
  /** The highest sum of all buffers: `device.memory().peak`. */
  readonly peak: number;
  /** The peak without the weights of all models. */
  readonly activations: number;
  /** The largest single buffer. */
  readonly largestBuffer: number;
}

/** What a generation would take. */
export interface GenerationPlan {
  readonly model: string;
  readonly adapter: string;
  readonly dtype: DTypePolicy;
  readonly video: { readonly width: number; readonly height: number; readonly numFrames: number };
  /** [C, T, H, W]. */
  readonly latentShape: readonly number[];
  /** Tokens of the video in the transformer. */
  readonly tokens: number;
  readonly steps: number;
  readonly guidance: Guidance | 'none';
  readonly weights: readonly PlannedWeights[];
  readonly flops: {
    /** One velocity, both branches of guidance. */
    readonly velocity: number;
    readonly total: number;
    /** By part, then by op. */
    readonly parts: Readonly<Record<'text' | 'dit' | 'tae', Readonly<Record<string, OpCosts>>>>;
  };
  readonly memory: {
    /** Weights of all models. */
    readonly weights: number;
    readonly peak: number;
    readonly phases: readonly PhaseMemory[];
  };
  readonly limits: { readonly buffer: number; readonly binding: number };
  /** A lower bound: at the adapter's ceilings, which kernels approach and never reach. */
  readonly seconds?: {
    readonly total: number;
    readonly text: number;
    readonly dit: number;
    readonly tae: number;
  };
  readonly ceilings?: Ceilings;
  /** What does not fit, and what would help. Empty if everything fits. */
  readonly problems: readonly string[];
}

/** More than any buffer needs. */
const UNLIMITED = { maxBufferSize: 2 ** 50, maxStorageBufferBindingSize: 2 ** 50 };

/**
 * Plans a generation without allocating anything.
 * @param model `30b`, `5b` or `1b`, with the published encoders and autoencoder; or a checkpoint's folder or address.
 * @throws InputError if the options make no sense; CheckpointError
 */
export async function planGeneration(
  model: string | URL | CheckpointFiles,
  options: PlanOptions = {},
): Promise<GenerationPlan> {
  checkOptions('plan', options);
  const pipeline = await pipelineOf(model, options);
  try {
    return withMemory(await walk(pipeline, options, {}, []), options);
  } catch (error) {
    if (error instanceof InputError || error instanceof WeightsError || options.signal?.aborted) throw error;
    const problem = `${(error as Error).message}; what would help: ${remedies(options).join('; ')}`;
    return withMemory(await walk(pipeline, options, UNLIMITED, [problem]), options);
  }
}

async function pipelineOf(
  model: string | URL | CheckpointFiles,
  options: PlanOptions,
): Promise<PlannedPipeline> {
  for (const { published } of families)
    if (typeof model === 'string' && Object.hasOwn(published, model)) return published[model]!();
  const { signal } = options;
  const files = openFiles(model, { download: false, ...options });
  return (await familyOf(files, signal)).plan(files, signal);
}

/** The plan, compared with the adapter's memory. */
function withMemory(plan: GenerationPlan, options: PlanOptions): GenerationPlan {
  const { memory = Number.POSITIVE_INFINITY } = options;
  const { peak, phases, weights } = plan.memory;
  if (peak <= memory) return plan;
  const over = phases.filter((one) => one.peak > memory).map(({ phase }) => phase);
  const ways = [
    ...(weights > memory && options.maxMemory === undefined
      ? [
          '--max-memory streams the layers of the transformer at every step',
          '--dtype q8/f16 or q4/f16 for smaller weights',
        ]
      : []),
    ...remedies(options),
  ];
  const problem = `${over.join(', ')}: ${bytes(peak)} at most, and the adapter has ${bytes(memory)}; what would help: ${ways.join('; ')}`;
  return { ...plan, problems: [...plan.problems, problem] };
}

/** Runs the pipeline on a dry device with the given limits, and sums up its costs. */
async function walk(
  pipeline: PlannedPipeline,
  options: PlanOptions,
  limits: Partial<typeof UNLIMITED>,
  problems: readonly string[],
): Promise<GenerationPlan> {
  const { dtype = 'f32', signal, ceilings } = options;
  const tally = new Tally(ceilings);
  let largestBuffer = 0;
  const device = await dryDevice({
    like: options.device,
    limits,
    onDispatch: tally.add,
    onBuffer: (bytes) => {
      largestBuffer = Math.max(largestBuffer, bytes);
    },
  });
  try {
    const phases: PhaseMemory[] = [];
    let weightBytes = 0;
    const phase = (name: PhaseMemory['phase']) => {
      const { peak } = device.memory();
      phases.push({ phase: name, peak, activations: Math.max(0, peak - weightBytes), largestBuffer });
      device.trim();
      device.resetPeak();
      largestBuffer = 0;
    };
    const { models, weights } = await pipeline.load(device, { dtype, maxMemory: options.maxMemory, signal });
    weightBytes = device.memory().used;
    phase('load');
    tally.take();

    const prompt = options.prompt ?? models.index.prompts[0] ?? 'a video';
    const { width: w, height: h, numFrames: n, guidanceScale: g, guidance: how } = options;
    const request = requestOf(
      [prompt],
      definedOf({
        width: w,
        height: h,
        numFrames: n,
        guidanceScale: g,
        guidance: how,
        steps: options.steps,
        ...picturesFor(models, w, h),
      }),
      models,
    );
    const steps = request.path.steps!; // the default solver's are known
    const short = { ...request, path: request.path.shortened() };
    const parts: Record<string, Record<string, OpCosts>> = {};
    let evaluations = 1;
    const inputs = await models.encodeGiven(short, signal);
    const [sampled] = await sampleGroup(models, request.videos, short, {
      inputs,
      signal,
      tell: async (told) => {
        // Kernels of a recording are counted once, when it is made; without a recording, at every step.
        if (told.phase === 'compile') parts.text = tally.take();
        if (told.phase === 'sample' && told.step === 0) parts.dit = tally.take(steps);
        if (told.phase === 'sample') evaluations = Math.max(1, told.step);
      },
    });
    inputs.dispose();
    const rest = tally.take(steps / evaluations);
    if (flopsOf(parts.dit!) === 0) parts.dit = rest;
    phase('text and sampling');

    const { numFrames, width, height, latentShape, guidanceScale } = request;
    await decode(models.autoencoder, sampled!.latents, numFrames, signal);
    parts.tae = tally.take();
    phase('decoding');

    const flops = Object.fromEntries(Object.entries(parts).map(([name, ops]) => [name, flopsOf(ops)]));
    const seconds = Object.fromEntries(Object.entries(parts).map(([name, ops]) => [name, secondsIn(ops)]));
    const real = options.device?.limits ?? device.limits;
    return {
      model: pipeline.name,
      adapter: device.info.description,
      dtype,
      video: { width, height, numFrames },
      latentShape,
      steps,
      tokens: models.geometry.tokens(latentShape),
      guidance: guidanceScale === 1 ? 'none' : models.guidanceOf(request),
      weights,
      flops: {
        velocity: flops.dit! / steps,
        total: flops.text! + flops.dit! + flops.tae!,
        parts: { text: parts.text!, dit: parts.dit!, tae: parts.tae! },
      },
      memory: { weights: weightBytes, peak: Math.max(...phases.map(({ peak }) => peak)), phases },
      limits: { buffer: real.maxBufferSize, binding: real.maxStorageBufferBindingSize },
      ...(ceilings && {
        ceilings,
        seconds: {
          total: seconds.text! + seconds.dit! + seconds.tae!,
          text: seconds.text!,
          dit: seconds.dit!,
          tae: seconds.tae!,
        },
      }),
      problems,
    };
  } finally {
    device.destroy();
  }
}

/** Black pictures for models that make videos of pictures only. */
function picturesFor({ jobs, index }: VideoModels, width = index.video.width, height = index.video.height) {
  if (jobs.includes('text')) return {};
  const picture = { data: new Uint8Array(3 * width * height), shape: [1, height, width, 3] as const };
  return { image: picture, ...(jobs.includes('lastImage') && { lastImage: picture }) };
}

/** Decodes like `decodeFrames`, but reads only one piece of each size, since nobody sees the pixels. */
async function decode(
  autoencoder: VideoAutoencoder,
  latents: Latents,
  numFrames: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const sizes = new Set<number>();
  const part = (start: number, end: number) => uploadLatents(latents, autoencoder.device, start, end);
  for await (const piece of autoencoder.decodeTiled({ shape: [1, ...latents.shape], part }, { numFrames })) {
    signal?.throwIfAborted();
    if (!sizes.has(piece.size)) await piece.read();
    sizes.add(piece.size);
    piece.dispose();
    autoencoder.device.trim(); // as at the end of every turn
  }
}

/** Suggestions for a generation that does not fit. */
function remedies({ dtype = 'f32', guidance }: PlanOptions): string[] {
  return [
    ...(dtype === 'f32' ? ['--dtype f16 halves every buffer'] : []),
    ...(guidance === 'batched' ? ['--guidance sequential halves the activations of the transformer'] : []),
    'fewer frames or a smaller size',
    'an adapter with more memory or larger buffers',
  ];
}

/** The options that were given. */
const definedOf = (
  options: { readonly [K in keyof GenerateOptions]?: GenerateOptions[K] | undefined },
): GenerateOptions => Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
