// Plans an upscaling without making it, as plan.ts does a generation.

import { errorsInNameOf } from '../errors.ts';
import { dryUpsampler } from '../families/movieGen/dryModels.ts';
import type { PipelineConfigs } from '../families/movieGen/pipelineConfigs.ts';
import {
  encodeEnlarged,
  encodePrompt,
  paddedSize,
  sampleWindows,
  windowsOf,
} from '../families/movieGen/upsampler.ts';
import type { UpsamplerIndex } from '../families/movieGen/upsamplerIndex.ts';
import { type UpscaleOptions, upscaleRequest } from '../generate/upscale.ts';
import { integer } from '../generate/values.ts';
import { summed } from './costs.ts';
import { assumedVideo, DryRun, decodeAll } from './dryRun.ts';
import type { GenerationPlan, PlanOptions } from './planTypes.ts';

/** Plans an upscaling: a frame is encoded, one window computed, frames decoded, and each multiplied by how many there are. */
export async function walkUpscale(
  pipeline: PipelineConfigs<UpsamplerIndex>,
  options: PlanOptions,
  limits: { readonly maxBufferSize?: number; readonly maxStorageBufferBindingSize?: number },
  problems: readonly string[],
): Promise<GenerationPlan> {
  const { dtype = 'f32', signal, maxMemory, prompt = '' } = options;
  const numFrames = errorsInNameOf('upscale', () => integer('numFrames', options.numFrames ?? 256, 1));
  const dry = await DryRun.open(options, limits);
  const { device, tally } = dry;
  try {
    const { models, weights } = await dryUpsampler(device, pipeline, { dtype, maxMemory, signal });
    dry.loaded();
    const { width = 1920, height = 1080, guidanceScale } = options;
    const { scale } = models.index;
    const small = assumedVideo(1, Math.ceil(height / scale), Math.ceil(width / scale), 16);
    const { steps: asked, window, tile } = options;
    const chosen = {
      ...{ width, height },
      ...(asked !== undefined && { steps: asked }),
      ...(guidanceScale !== undefined && { guidanceScale }),
    } satisfies UpscaleOptions;
    const request = upscaleRequest(
      small,
      { ...chosen, prompt, ...(window && { window }), ...(tile && { tile }) },
      models.index,
      models.patch,
    );
    const path = models.path(chosen);
    const size = paddedSize(models, request);
    const one = await encodeEnlarged(models, small, size, request, { signal });
    const encoded = tally.take(numFrames);
    dry.phase('encoding');

    const [C, , H, W] = one.latents.shape;
    const latentShape = [C, numFrames, H, W] as const;
    const windows = windowsOf(latentShape, request, models.dit.config.patchSize);
    const shape = windows.windowShape;
    const part = { data: new Float32Array(shape.reduce((a, b) => a * b)), shape };
    const conditions = await encodePrompt(models, request, shape, signal);
    const text = tally.take();
    const alone = windowsOf(shape, request, models.dit.config.patchSize);
    const once = models.path({ ...chosen, steps: 1 });
    await sampleWindows(models, part, alone, conditions, request, once, { signal });
    conditions.dispose();
    const steps = path.steps!;
    const evaluations = path.evaluations! * windows.places.length;
    const dit = tally.take(evaluations);
    dry.phase('text and sampling');

    const many = Math.min(numFrames, 8);
    const few = { data: new Float32Array(C * many * H * W), shape: [C, many, H, W] as const };
    await decodeAll(models.autoencoder, few, many, signal);
    const tae = summed(encoded, tally.take(numFrames / many));
    dry.phase('decoding');
    const plan = dry.plan({ text, dit, tae }, path.evaluations!, {
      model: pipeline.name,
      dtype,
      video: { width, height, numFrames },
      latentShape,
      steps,
      tokens: (shape[1] * shape[2] * shape[3]) / models.dit.config.patchSize.reduce((a, b) => a * b),
      guidance: request.guidanceScale === 1 ? 'none' : 'batched',
      weights,
      problems,
    });
    const host = 3 * 4 * C * numFrames * H * W; // x, what is given, the sums
    return {
      ...plan,
      windows: { count: windows.places.length, shape },
      memory: { ...plan.memory, host },
    };
  } finally {
    device.destroy();
  }
}
