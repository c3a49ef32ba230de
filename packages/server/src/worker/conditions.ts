// The seam to conditioned generation: which kinds of jobs a pipeline can do, and how a job becomes a call of the library.
// Nothing else here or in the API knows how a video is made from a picture or another video.

import {
  type GenerateOptions,
  InputError,
  type MovieGenUpsampler,
  openVideo,
  type VideoPipeline,
  type VideoStream,
} from 'moviegen';
import type { Claimed, Media } from '../jobs/rows.ts';
import { KINDS, type Kind } from '../models.ts';
import type { EngineContext } from './engine.ts';

/** What makes the videos of a model. */
export interface Models {
  readonly pipeline: VideoPipeline;
  readonly upsampler?: MovieGenUpsampler | undefined;
}

/** What a checkpoint can do, and an upsampler beside it. */
export const kindsOf = ({ pipeline, upsampler }: Models): readonly Kind[] =>
  KINDS.filter((kind) => (kind === 'upscale' ? upsampler !== undefined : pipeline.jobs.includes(kind)));

type Options = Pick<GenerateOptions, 'onProgress'> & { readonly signal: AbortSignal };

/**
 * The videos of jobs of one kind and one size: those of words alone together, others one after the other.
 * @param read the bytes of a file that a job reads
 * @throws Error where the kind is not among `kindsOf`: the API never creates such a job.
 */
export async function* generate(
  models: Models,
  jobs: readonly Claimed[],
  options: Options,
  read: EngineContext['read'],
): AsyncGenerator<VideoStream> {
  const [{ request }] = jobs as readonly [Claimed, ...Claimed[]];
  if (request.kind !== 'text') {
    for (const job of jobs) yield* conditioned(models, job, options, read);
    return;
  }
  const { width, height, numFrames, fps, steps, guidanceScale } = request;
  yield* models.pipeline.generateStreams(
    jobs.map((job) => job.request.prompt),
    {
      ...options,
      ...{ width, height, numFrames, fps, steps, guidanceScale },
      seed: jobs.map((job) => BigInt(job.request.seed)),
      negativePrompt: jobs.map((job) => job.request.negativePrompt),
      batch: jobs.length,
    },
  );
}

async function* conditioned(
  { pipeline, upsampler }: Models,
  { request }: Claimed,
  options: Options,
  read: EngineContext['read'],
): AsyncGenerator<VideoStream> {
  const { kind, prompt, negativePrompt, width, height, numFrames, totalFrames, fps, steps, guidanceScale } =
    request;
  const open = async (role: Media['role']) => {
    const media = request.media.find((one) => one.role === role);
    if (media === undefined) throw new InputError(`the job has no ${role}`);
    return openVideo(await read(media.key), { name: role });
  };
  const own = { ...options, width, height, steps, guidanceScale, negativePrompt, seed: BigInt(request.seed) };
  const all = { ...own, fps };
  if (kind === 'image')
    yield* pipeline.generateStreams([prompt], { ...all, numFrames, image: await open('image') });
  else if (kind === 'reference')
    yield* pipeline.generateStreams([prompt], {
      ...all,
      numFrames,
      referenceImage: await open('reference'),
    });
  else if (kind === 'edit') yield* pipeline.editStreams(await open('video'), prompt, { ...all, numFrames });
  else if (kind === 'extend')
    yield pipeline.extendStream(await open('video'), prompt, { ...all, numFrames: totalFrames });
  else if (kind === 'upscale' && upsampler === undefined)
    throw new InputError('this worker has no upsampler: start all workers of a model with the same options');
  else if (kind === 'upscale') yield upsampler!.upscaleStream(await open('video'), { ...own, prompt });
  else throw new Error(`internal: no pipeline here makes ${kind} videos`);
}
