// Takes in what a request gives besides its prompts, once for all of its videos. Streams are read outside of the turn, since
// their frames may come from another call.

import { piecesOf, type VideoStream } from '../video/frames.ts';
import { encodeFrames } from './autoencode.ts';
import type { VideoModels } from './family.ts';
import type { GroupOptions } from './group.ts';
import type { GenerationRequest } from './request.ts';
import { type Outside, piecesOutside } from './turns.ts';

/** Encodes what a request gives, once for all of its videos. */
export async function takeIn(
  models: VideoModels,
  request: GenerationRequest,
  outside: Outside,
  signal: AbortSignal | undefined,
): Promise<Pick<GroupOptions, 'inputs' | 'start'>> {
  const { given } = request;
  const { video, strength } = given;
  const read = (stream: VideoStream | undefined) =>
    stream && { ...stream, [Symbol.asyncIterator]: () => piecesOutside(piecesOf(stream), outside) };
  const reference = read(given.reference);
  if (video !== undefined && strength !== undefined) {
    // All of the noise leaves nothing of the video.
    const frames = read(video)!;
    const start = strength === 1 ? undefined : await encodeFrames(models.autoencoder, frames, { signal });
    const only = { ...request, given: { ...given, reference } };
    return { inputs: await models.encodeGiven(only, signal), start };
  }
  const fitted = { image: read(given.image), lastImage: read(given.lastImage), video: read(video) };
  const outsiders = { ...request, given: { ...given, ...fitted, mask: read(given.mask), reference } };
  return { inputs: await models.encodeGiven(outsiders, signal), start: undefined };
}
