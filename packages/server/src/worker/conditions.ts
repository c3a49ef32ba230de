// The seam to conditioned generation: which kinds of jobs a pipeline can do, and how a job becomes a call of the library.
// Nothing else here or in the API knows how a video is made from a picture or another video.

import type { GenerateOptions, VideoPipeline, VideoStream } from 'moviegen';
import type { Claimed } from '../jobs/rows.ts';
import type { Kind } from '../models.ts';

/** What a checkpoint can do. */
export function kindsOf(_pipeline: VideoPipeline): readonly Kind[] {
  return ['text'];
}

/**
 * The videos of jobs of one kind and one size.
 * @throws Error where the kind is not among `kindsOf`: the API never creates such a job.
 */
export function generate(
  pipeline: VideoPipeline,
  jobs: readonly Claimed[],
  options: Pick<GenerateOptions, 'signal' | 'onProgress'>,
): AsyncIterable<VideoStream> {
  const [{ request }] = jobs as readonly [Claimed, ...Claimed[]];
  if (request.kind !== 'text') throw new Error(`internal: no pipeline here makes ${request.kind} videos`);
  const { width, height, numFrames, fps, steps, guidanceScale } = request;
  return pipeline.generateStreams(
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
