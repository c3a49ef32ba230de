// Plans a generation without making it: the pipeline itself runs on a device that allocates and computes nothing, so that the
// memory and operations in the plan are those of the code. How a plan is printed is in table.ts.

import { WeightsError } from '@moviegen/tensor';
import { checkOptions } from '../arguments.ts';
import { openFiles } from '../checkpoint/files.ts';
import type { Place } from '../checkpointFiles.ts';
import { errorsInNameOf, InputError } from '../errors.ts';
import { families, familyOf } from '../families/index.ts';
import { checkpointUpsampler, publishedUpsampler } from '../families/movieGen/pipelineConfigs.ts';
import { encodeFrames } from '../generate/autoencode.ts';
import { extensionParts } from '../generate/extend.ts';
import {
  isPartPlaces,
  NO_FILES,
  type PartPlaces,
  type PlannedPipeline,
  type VideoModels,
} from '../generate/family.ts';
import type { GivenOptions } from '../generate/given.ts';
import { sampleGroup } from '../generate/group.ts';
import { checkJob, type Job } from '../generate/jobs.ts';
import type { Latents } from '../generate/latents.ts';
import { type GenerateOptions, requestOf } from '../generate/options.ts';
import { takeIn } from '../generate/takeIn.ts';
import { integer } from '../generate/values.ts';
import { flopsOf, type OpCosts, repeated, summed } from './costs.ts';
import { assumedVideo, DryRun, decodeAll } from './dryRun.ts';
import {
  type GenerationPlan,
  type PartCosts,
  PLAN_OPTIONS,
  PLANNED_JOBS,
  type PlannedJob,
  type PlanOptions,
} from './planTypes.ts';
import { walkUpscale } from './upscale.ts';

export type { GenerationPlan, PhaseMemory, PlannedJob, PlanOptions } from './planTypes.ts';
export { PLANNED_JOBS } from './planTypes.ts';

import { bytes } from './units.ts';

/** Sizes that are known by name. */
export const PUBLISHED: readonly string[] = families.flatMap(({ published }) => Object.keys(published));

/** More than any buffer needs. */
const UNLIMITED = { maxBufferSize: 2 ** 50, maxStorageBufferBindingSize: 2 ** 50 };

/**
 * Plans a generation without allocating anything.
 * @param model `30b`, `5b` or `1b`, with the published encoders and autoencoder; or a checkpoint's folder or address.
 * @throws InputError if the options make no sense; CheckpointError
 */
export async function planGeneration(
  model: Place | PartPlaces,
  options: PlanOptions = {},
): Promise<GenerationPlan> {
  checkOptions('plan', options, PLAN_OPTIONS);
  const upscales = options.job === 'upscale';
  if (model === '7b' && !upscales) throw new InputError('plan: 7b is an upsampler: plan its job upscale');
  const walked = upscales ? await upscaleWalk(model, options) : await generationWalk(model, options);
  try {
    const plan = withMemory(await walked({}, []), options);
    return upscales ? plan : await withFitting(plan, model, options);
  } catch (error) {
    if (error instanceof InputError || error instanceof WeightsError || options.signal?.aborted) throw error;
    const problem = `${(error as Error).message}; what would help: ${remedies(options).join('; ')}`;
    return withMemory(await walked(UNLIMITED, [problem]), options);
  }
}

/** Makes a plan within limits. */
type PlanWalk = (limits: Partial<typeof UNLIMITED>, problems: readonly string[]) => Promise<GenerationPlan>;

async function generationWalk(model: Place | PartPlaces, options: PlanOptions): Promise<PlanWalk> {
  const pipeline = await pipelineOf(model, options);
  return (limits, problems) => walk(pipeline, options, limits, problems);
}

async function upscaleWalk(model: Place | PartPlaces, options: PlanOptions): Promise<PlanWalk> {
  const { signal } = options;
  if (model === '7b') checkPublished(model, options);
  const pipeline =
    model === '7b'
      ? publishedUpsampler()
      : await checkpointUpsampler(openFiles(model as Place, options), { ...options, signal });
  return (limits, problems) => walkUpscale(pipeline, options, limits, problems);
}

async function pipelineOf(model: Place | PartPlaces, options: PlanOptions): Promise<PlannedPipeline> {
  for (const { published } of families)
    if (typeof model === 'string' && Object.hasOwn(published, model)) {
      checkPublished(model, options);
      return published[model]!();
    }
  const { signal } = options;
  const http = { download: false, ...options };
  const alone = isPartPlaces(model);
  const files = alone ? NO_FILES : openFiles(model, http);
  const { tokenizer } = options;
  const parts = alone ? { ...model, ...options.parts } : options.parts;
  return (await familyOf(files, signal)).plan(files, signal, { tokenizer, parts, http });
}

/** @throws InputError where files are given of a size that has none */
function checkPublished(model: string, { parts, tokenizer }: PlanOptions): void {
  if (parts !== undefined || tokenizer !== undefined)
    throw new InputError(
      `plan: ${model} is a published size, which is planned without files: --transformer, --vae, --text-encoder and --tokenizer are for a checkpoint`,
    );
}

/** The plan, with what would fit where it does not: the same with smaller weights. */
async function withFitting(
  plan: GenerationPlan,
  model: Place | PartPlaces,
  options: PlanOptions,
): Promise<GenerationPlan> {
  const { memory = Number.POSITIVE_INFINITY, dtype = 'f32', device } = options;
  const last = plan.problems.at(-1);
  if (plan.memory.peak <= memory || last === undefined || typeof dtype !== 'string') return plan;
  const smaller = (device?.target.f16 ?? true) ? (['q8/f16', 'q4/f16'] as const) : (['q8', 'q4'] as const);
  let found = '';
  for (const one of smaller) {
    if (dtype.slice(0, 2) <= one.slice(0, 2) && dtype.startsWith('q')) continue; // it is as small already
    const { peak } = (await planGeneration(model, { ...options, dtype: one, memory: undefined })).memory;
    found = `; --dtype ${one} ${peak <= memory ? 'fits' : 'takes'}: ${bytes(peak)}`;
    if (peak <= memory) break;
  }
  return { ...plan, problems: [...plan.problems.slice(0, -1), last + found] };
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
  const { dtype = 'f32', signal } = options;
  const dry = await DryRun.open(options, limits);
  const { device, tally } = dry;
  try {
    const { models, weights } = await pipeline.load(device, { dtype, maxMemory: options.maxMemory, signal });
    dry.loaded();

    const prompt = options.prompt ?? models.index.prompts[0] ?? 'a video';
    const { width: w, height: h, numFrames: n, guidanceScale: g, guidance: how } = options;
    const { job = plannedJob(models.jobs) } = options;
    const size = { width: w, height: h, numFrames: n ?? models.index.video.numFrames };
    // All blocks are counted of a cache: how many it leaves out depends on the prompt.
    const how1 = { guidanceScale: g, guidance: how, steps: options.steps, cache: options.cache };
    const extension = job === 'extend' ? assumedExtension(models, options) : undefined;
    const request = requestOf(
      [prompt],
      {
        ...definedOf({ ...size, ...how1 }),
        ...(extension ? { numFrames: extension.numFrames } : assumed(job, models, size)),
      },
      models,
      extension ? { job: 'extend', before: extension.before } : job === 'edit' ? { job } : undefined,
    );
    const times = extension?.parts ?? 1;
    const steps = request.path.steps!; // the default solver's are known
    const short = { ...request, path: request.path.shortened() };
    const parts: Record<keyof PartCosts, Record<string, OpCosts>> = { text: {}, dit: {}, tae: {} };
    let evaluations = 1;
    if (extension) await encodeFrames(models.autoencoder, extension.given, { signal });
    const { inputs, start } = await takeIn(models, short, (wait) => wait(), signal);
    const given = tally.take();
    if (job !== 'text') dry.phase('encoding');
    const [sampled] = await sampleGroup(models, request.videos, short, {
      inputs,
      start,
      signal,
      tell: async (told) => {
        if (told.phase === 'compile') parts.text = repeated(tally.take(), times);
        if (told.phase === 'sample' && told.step === 0) parts.dit = tally.take();
        if (told.phase === 'sample') evaluations = Math.max(1, told.step);
      },
    });
    inputs.dispose();
    // Kernels of a recording are counted once, when it is made, before the steps; without one, at every step.
    const each = tally.take(1 / evaluations);
    const recorded = flopsOf(parts.dit) > flopsOf(each);
    parts.dit = summed(repeated(parts.dit, recorded ? steps * times : times), repeated(each, steps * times));
    dry.phase('text and sampling');

    const { width, height, latentShape, guidanceScale } = request;
    const decoded = extension?.decoded ?? { latents: sampled!.latents, numFrames: request.numFrames };
    await decodeAll(models.autoencoder, decoded.latents, decoded.numFrames, signal);
    // What encodes pictures for the text's place counts as text.
    const ofText = job === 'reference';
    parts.tae = ofText ? tally.take() : summed(given, tally.take());
    if (ofText) parts.text = summed(given, parts.text);
    dry.phase('decoding');

    return dry.plan(parts, steps * times, {
      model: pipeline.name,
      dtype,
      video: { width, height, numFrames: extension?.total ?? request.numFrames },
      latentShape,
      ...(extension && { parts: times }),
      steps,
      tokens: models.geometry.tokens(latentShape),
      guidance: guidanceScale === 1 && request.videoGuidanceScale === 1 ? 'none' : models.guidanceOf(request),
      weights,
      problems,
    });
  } finally {
    device.destroy();
  }
}

/** Text to video, or what a checkpoint that cannot do it can do first. */
const plannedJob = (jobs: readonly Job[]): PlannedJob =>
  jobs.includes('text') ? 'text' : (PLANNED_JOBS.find((job) => jobs.includes(job)) ?? 'text');

/** What a job is given, of a plan: black pictures. */
function assumed(
  job: PlannedJob,
  {
    index: {
      video: { width, height, fps },
    },
    jobs,
  }: Pick<VideoModels, 'index' | 'jobs'>,
  size: {
    readonly width?: number | undefined;
    readonly height?: number | undefined;
    readonly numFrames: number;
  },
): GivenOptions {
  const black = (count: number) => assumedVideo(count, size.height ?? height, size.width ?? width, fps);
  // What goes from a first to a last picture alone needs both.
  if ((job === 'image' || job === 'lastImage') && !jobs.includes('text') && jobs.includes('lastImage'))
    return { image: black(1), lastImage: black(1) };
  if (job === 'image' || job === 'lastImage') return { [job]: black(1) };
  if (job === 'reference') return { referenceImage: black(1) };
  if (job === 'text' || job === 'upscale' || job === 'extend') return {};
  return { video: black(size.numFrames), ...(job === 'mask' && { mask: black(1) }) };
}

/** What an extension is given, of a plan, and what it decodes: a black video as long as the model's own, or two latent frames, made twice as long. */
function assumedExtension(models: VideoModels, { width, height, numFrames }: PlanOptions) {
  const { autoencoder, geometry, index } = models;
  checkJob('extend', 'extend', models.jobs);
  const size = { width: width ?? index.video.width, height: height ?? index.video.height };
  const there = Math.max(index.video.numFrames, autoencoder.frames(2).most);
  const total = errorsInNameOf('extend', () => integer('numFrames', numFrames ?? 2 * there, 1));
  if (total <= there)
    throw new InputError(
      `extend: numFrames counts the video's own frames, assumed to be ${there}: give more than that, got ${total}`,
    );
  const cut = extensionParts(models, { ...size, there, total });
  if (cut === undefined)
    throw new InputError(`extend: a video of ${there} frames is too short for this checkpoint`);
  const ended = autoencoder.frames(cut.k).most;
  const latents = (T: number): Latents => {
    const [C, , H, W] = geometry.latentShape(ended, size.height, size.width);
    return { data: new Float32Array(C * T * H * W), shape: [C, T, H, W] };
  };
  return {
    total,
    parts: cut.count,
    numFrames: autoencoder.frames(cut.part).most,
    given: assumedVideo(ended, size.height, size.width, index.video.fps),
    before: latents(cut.k),
    decoded: { latents: latents(cut.wanted), numFrames: ended + total - there },
  };
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
