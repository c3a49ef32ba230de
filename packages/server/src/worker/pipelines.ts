// The engine of real workers: pipelines of the library on one device, each loaded once.

import type { MovieGenUpsampler, VideoStream } from 'moviegen';
import type { Claimed } from '../jobs/rows.ts';
import type { ModelCard } from '../models.ts';
import { generate, kindsOf, type Models } from './conditions.ts';
import { type Engine, EngineBroken, type EngineContext } from './engine.ts';

/** A pipeline by the name that requests give. */
export interface NamedPipeline extends Models {
  readonly name: string;
}

/** An engine of loaded pipelines, which it disposes of at its end; an upsampler is its caller's. @param maxPixels of all frames of a video together */
export function pipelineEngine(named: readonly NamedPipeline[], maxPixels?: number): Engine {
  const models = new Map(named.map((one) => [one.name, one]));
  const cards = named.map(({ name, pipeline, upsampler }): ModelCard => {
    const { video, sampler } = pipeline.index;
    const { steps, guidanceScale } = sampler;
    return {
      name,
      can: kindsOf({ pipeline, upsampler }),
      defaults: { ...video, steps, guidanceScale },
      upscale: upsampler && upscaleOf(upsampler),
      multiple: pipeline.multiple,
      maxPixels,
    };
  });
  return {
    cards,
    make: (jobs, context) => streams(models.get(jobs[0]!.model)!, jobs, context),
    close() {
      for (const { pipeline } of models.values()) pipeline.dispose();
    },
  };
}

const upscaleOf = ({ index: { scale, sampler } }: MovieGenUpsampler): ModelCard['upscale'] => ({
  scale,
  steps: sampler.steps,
  guidanceScale: sampler.guidanceScale,
});

/** Shares of the whole that the phases take, roughly. */
const SAMPLING = 0.85;
const UPSCALING = { encode: [0, 0.1], sample: [0.1, SAMPLING], decode: [SAMPLING, 1] } as const;

async function* streams(
  models: Models,
  jobs: readonly Claimed[],
  { signal, onProgress, read }: EngineContext,
): AsyncGenerator<VideoStream> {
  let decoded = 0;
  try {
    const options: Parameters<typeof generate>[2] = {
      signal,
      async onProgress(progress) {
        if (progress.phase === 'sample')
          await onProgress({
            done: (SAMPLING * progress.step) / (progress.steps ?? progress.step + 1),
            ...(progress.step > 0 && { preview: () => progress.preview() }),
          });
        else if (progress.phase === 'upscale') {
          const { part, done: count, total = count + 1 } = progress;
          const [from, to] = UPSCALING[part];
          await onProgress({ done: from + ((to - from) * count) / Math.max(1, total) });
        } else if (progress.phase === 'decode') {
          const share = (decoded + progress.frames / progress.totalFrames) / jobs.length;
          await onProgress({ done: SAMPLING + (1 - SAMPLING) * Math.min(1, share) });
        }
      },
    };
    const made = generate(models, jobs, options, read);
    for await (const video of made) {
      yield video;
      decoded++;
    }
  } catch (error) {
    if (!signal.aborted && isLost(error)) throw new EngineBroken((error as Error).message, { cause: error });
    throw error;
  }
}

/** Whether the device is gone, after which nothing more can be made on it. */
function isLost(error: unknown): boolean {
  const { name, cause } = (error ?? {}) as { name?: unknown; cause?: unknown };
  return name === 'DeviceLostError' || (cause !== undefined && isLost(cause));
}
