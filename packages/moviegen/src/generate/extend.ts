// Goes on from a video, part by part: each part is given the last latent frames before it. The parts' latents are decoded as one
// video, so that there are no seams between them; and what decoding loses of the last given frame fades over the first new ones.
//
// Legend: C channels, T H W latent frames, height, width; k latent frames that a part is given.

import { orAborted } from '@moviegen/tensor';
import { errorsInNameOf, InputError, inNameOf, shown } from '../errors.ts';
import { fitted, framesAt } from '../video/fit.ts';
import {
  type Frames,
  framesBetween,
  joinFrames,
  piecesOf,
  type Video,
  type VideoStream,
} from '../video/frames.ts';
import { decodeFrames, encodeFrames } from './autoencode.ts';
import type { VideoAutoencoder, VideoModels } from './family.ts';
import type { GivenOptions, GivenPicture, GivenVideo } from './given.ts';
import type { GroupTold } from './group.ts';
import { sampleGroup } from './group.ts';
import { JOBS } from './jobs.ts';
import { joinLatents, type Latents, latentFrames } from './latents.ts';
import { type GenerateOptions, requestOf } from './options.ts';
import type { Turns } from './turns.ts';
import { integer, seedOf } from './values.ts';

/** k, where the video is long enough. */
const GIVEN = 2;

/** Options of `VideoPipeline.extend`. */
export interface ExtendOptions
  extends Omit<
    GenerateOptions,
    | Exclude<keyof GivenOptions, 'referenceImage'>
    | 'batch'
    | 'latents'
    | 'upscale'
    | 'numFrames'
    | 'seed'
    | 'negativePrompt'
  > {
  /** Frames of the result, the video's own among them. */
  readonly numFrames: number;
  readonly seed?: number | bigint;
  readonly negativePrompt?: string;
}

/** A video that was gone on from. */
export interface Extension {
  readonly prompt: string;
  readonly seed: number | bigint;
  /** The frames of the video, fitted, then what follows them. */
  readonly frames: Video;
  readonly fps: number;
  /** What a person should know of how the video and the prompt were read, a line each. */
  readonly notes: readonly string[];
}

/** The same, while it is made. */
export interface ExtensionStream extends VideoStream, Pick<Extension, 'prompt' | 'seed'> {
  readonly notes: readonly string[];
}

/**
 * How an extension is cut into parts: k latent frames that each is given, latent frames of a part with them, the number of parts,
 * and latent frames of the given end and all that follows. Undefined where the video is too short.
 * @param there frames of the video @param total frames of the result
 */
export function extensionParts(
  { index, geometry, autoencoder }: Pick<VideoModels, 'index' | 'geometry' | 'autoencoder'>,
  { width, height, there, total }: { width: number; height: number; there: number; total: number },
):
  | { readonly k: number; readonly part: number; readonly count: number; readonly wanted: number }
  | undefined {
  const k = [GIVEN, 1].find((frames) => autoencoder.frames(frames).most <= there);
  if (k === undefined) return undefined;
  const latent = (frames: number) => geometry.latentShape(frames, height, width)[1];
  const part = k + latent(index.video.numFrames);
  const wanted = latent(autoencoder.frames(k).most + total - there);
  return { k, part, wanted, count: Math.ceil((wanted - k) / (part - k)) };
}

/** See `VideoPipeline.extendStream`. */
export function extended(
  models: VideoModels,
  turns: Turns,
  video: GivenVideo,
  prompt: string,
  options: ExtendOptions,
): ExtensionStream {
  const { index, geometry, autoencoder, jobs } = models;
  if (!jobs.includes('extend') && jobs.includes('image'))
    throw new InputError(
      `extend: this checkpoint has not learnt ${JOBS.extend}, but goes on from one picture: give the video's last frame to generate, as image (--image)`,
    );
  const { signal, onProgress, numFrames: total, seed = 0, ...rest } = options;
  const { width = index.video.width, height = index.video.height, fps = index.video.fps } = options;
  const partOf = (k: number) => k + geometry.latentShape(index.video.numFrames, height, width)[1];
  let { referenceImage } = options; // a stream is gone through once, and each part asks for it
  const requestFor = (before: Latents | undefined, k: number, part: number) =>
    requestOf(
      [prompt],
      {
        ...rest,
        ...(referenceImage && { referenceImage }),
        seed: errorsInNameOf('extend', () => seedOf(seed)) + BigInt(part),
        numFrames: autoencoder.frames(partOf(k)).most,
      },
      models,
      { job: 'extend', before },
    );
  const checked = requestFor(undefined, GIVEN, 0); // before any frame is read
  const there = framesAt(video, fps);
  errorsInNameOf('extend', () => integer('numFrames', total, 1));
  if (total <= there)
    throw new InputError(
      `extend: numFrames counts the video's own ${there} frames at ${fps} a second: give more than that, got ${shown(total)}`,
    );
  const cut = extensionParts(models, { width, height, there, total });
  if (cut === undefined)
    throw new InputError(
      `extend: the video must have at least ${autoencoder.frames(1).most} frames at ${fps} a second, got ${there}`,
    );
  const { k, wanted, count } = cut;
  const source = fitted(video, { name: 'video', width, height, fps });
  const notes = [
    ...(source.notes ?? []),
    ...(referenceImage && 'notes' in referenceImage ? (referenceImage.notes ?? []) : []),
    ...models.promptNotes(checked.videos[0]!, checked).map((line) => inNameOf('extend', line)),
  ];

  async function* frames(): AsyncGenerator<Frames, void> {
    const held = new LastFrames(autoencoder.frames(k).most);
    for await (const piece of piecesOf(source)) {
      signal?.throwIfAborted();
      held.add(piece);
      yield piece;
    }
    const given = held.frames();
    const latents = await follow(given);
    const shown = total - there;
    const all = { numFrames: given.shape[0] + shown, signal };
    const told = (done: number) =>
      onProgress?.({
        phase: 'decode',
        frames: Math.max(0, done - given.shape[0]),
        totalFrames: shown,
        first: 0,
        count: 1,
      });
    await told(0);
    const seam = new SeamFade(
      framesBetween(given, given.shape[0] - 1, given.shape[0]),
      autoencoder.frames(2).most - autoencoder.frames(1).most,
    );
    let at = 0;
    for await (const piece of turns.each(
      decodeFrames(autoencoder, latents, { ...all, onProgress: told }),
      signal,
    )) {
      const from = Math.min(piece.shape[0], Math.max(0, given.shape[0] - at));
      at += piece.shape[0];
      if (from > 0) seam.decodedLast = framesBetween(piece, from - 1, from);
      if (from < piece.shape[0]) yield seam.apply(framesBetween(piece, from, piece.shape[0]));
    }
  }

  /** The latents of what is given and of all that follows it. */
  async function follow(given: Frames): Promise<Latents> {
    referenceImage &&= await firstFrame(referenceImage);
    let before = await turns.take(() => encodeFrames(autoencoder, given, { signal }), signal);
    const parts = [before];
    for (let part = 0; part < count; part++) {
      const request = requestFor(before, k, part);
      const tell = async (told: GroupTold) => onProgress?.({ ...told, first: part, count: 1 });
      const made = await turns.take(async () => {
        const inputs = await models.encodeGiven(request, signal);
        try {
          const [one] = await sampleGroup(models, request.videos, request, { inputs, tell, signal });
          const T = one!.latents.shape[1];
          if (part + 1 < count) before = await endOf(autoencoder, one!.latents, k, signal);
          return latentFrames(one!.latents, k, T);
        } finally {
          inputs.dispose();
        }
      }, signal);
      parts.push(made);
    }
    return latentFrames(joinLatents(parts), 0, wanted);
  }

  return {
    prompt,
    seed,
    shape: [total, height, width, 3],
    fps,
    notes,
    [Symbol.asyncIterator]: frames,
  };
}

/** The first frame of what may be a stream. */
async function firstFrame(picture: GivenPicture): Promise<Frames> {
  for await (const frames of piecesOf(picture)) return framesBetween(frames, 0, 1);
  throw new InputError('extend: referenceImage holds no frame: give another picture');
}

/** The last k latent frames, as the first ones of a video: encoded anew where a video's first latent frame is of one frame. */
async function endOf(
  autoencoder: VideoAutoencoder,
  latents: Latents,
  k: number,
  signal: AbortSignal | undefined,
): Promise<Latents> {
  const T = latents.shape[1];
  const { frames } = autoencoder;
  if (frames(2).most === 2 * frames(1).most) return latentFrames(latents, T - k, T);
  const last = new LastFrames(frames(k).most);
  for await (const piece of decodeFrames(autoencoder, latents, { numFrames: frames(T).most, signal }))
    last.add(piece);
  return orAborted(encodeFrames(autoencoder, last.frames(), { signal }), signal);
}

/**
 * Given frames stay as they are and new ones are decoded, so that the autoencoder's own loss would begin at once, and be seen. Of
 * what it lost of the last given frame, new frame i = 0 .. n - 1 gets back the share 1 - (i + 1) / (n + 1).
 */
class SeamFade {
  /** The last given frame as the autoencoder decodes it. */
  decodedLast: Frames | undefined;
  readonly #last: Frames;
  readonly #count: number;
  #done = 0;

  /** `count`: n, the frames of one latent frame. */
  constructor(last: Frames, count: number) {
    this.#last = last;
    this.#count = count;
  }

  /** The next new frames. */
  apply(frames: Frames): Frames {
    const [T] = frames.shape;
    const data = new Uint8ClampedArray(frames.data);
    const size = data.length / T;
    for (let i = 0; i < T && this.#done < this.#count; i++, this.#done++) {
      const share = 1 - (this.#done + 1) / (this.#count + 1);
      for (let p = 0; p < size; p++)
        data[i * size + p]! += share * (this.#last.data[p]! - this.decodedLast!.data[p]!);
    }
    return { data: new Uint8Array(data.buffer), shape: frames.shape };
  }
}

/** The last frames of a stream. */
class LastFrames {
  readonly #count: number;
  #pieces: Frames[] = [];
  #held = 0;

  constructor(count: number) {
    this.#count = count;
  }

  add(piece: Frames): void {
    this.#pieces.push(piece);
    this.#held += piece.shape[0];
    while (this.#held - this.#pieces[0]!.shape[0] >= this.#count)
      this.#held -= this.#pieces.shift()!.shape[0];
  }

  frames(): Frames {
    const all = joinFrames(this.#pieces);
    return framesBetween(all, Math.max(0, all.shape[0] - this.#count), all.shape[0]);
  }
}
