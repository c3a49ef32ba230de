// The states of pictures that video models read, by CLIP's image tower. The tower is loaded when pictures come, and released at
// once: it is used once per call, and its memory is the transformer's then.

import { concat, type Device, keep, scope, Tensor, type WeightSource } from '@moviegen/tensor';
import { ClipVisionModel, parseClipVisionConfig } from '@moviegen/text';
import { type ModelPart, placed } from '../checkpoint/modelFiles.ts';
import type { ModulePrecision } from '../checkpoint/precision.ts';
import { InputError } from '../errors.ts';
import { checkPrepared, parseImageProcessor, processFrames } from '../imageProcessor.ts';
import { type Frames, piecesOf, type VideoStream } from '../video/frames.ts';

/** The files of a tower, and how pictures are prepared for it: the parsed `preprocessor_config.json`. */
export interface ImageTowerPart extends Pick<ModelPart, 'path' | 'config'> {
  readonly weights: WeightSource;
  readonly processor: unknown;
}

/** States of pictures by CLIP's image tower, [pictures, tokens, width]; the caller owns them. */
export type EncodePictures = (
  pictures: readonly VideoStream[],
  signal: AbortSignal | undefined,
) => Promise<Tensor>;

/** Which states a model reads: `penultimate`, what the last layer is given, or `tokens`, what it gives, after a norm. */
export type TowerStates = 'penultimate' | 'tokens';

/** @throws CheckpointError where the tower's config, or that of its pictures, is wrong */
export async function imageTower(
  device: Device,
  part: ImageTowerPart,
  precision: ModulePrecision,
  states: TowerStates,
): Promise<EncodePictures> {
  const config = await placed(part, () => parseClipVisionConfig(part.config));
  const processor = await placed(part, () => parseImageProcessor(part.processor, config.imageSize));
  checkPrepared(processor, config.imageSize, part.path);
  return async (pictures, signal) => {
    const inputs: ReturnType<typeof processFrames>[] = [];
    for (const picture of pictures) {
      const frame = await pictureOf(picture);
      if (frame === undefined) throw new InputError('generate: a picture holds no frame: give another file');
      inputs.push(processFrames(processor, frame));
    }
    const tower = await placed(part, () =>
      ClipVisionModel.load(device, part.weights, config, { ...precision, ...(signal && { signal }) }),
    );
    try {
      return keep(
        scope(device, () => {
          const each = inputs.map(({ data, shape }) => Tensor.from(device, data, shape));
          const pixels = concat(each, { axis: 0 });
          return states === 'tokens' ? tower.tokens(pixels) : tower.features(pixels).penultimate;
        }),
      );
    } finally {
      tower.dispose();
    }
  };
}

/** The first frame of a stream. */
export async function pictureOf(stream: VideoStream | undefined): Promise<Frames | undefined> {
  if (stream === undefined) return undefined;
  for await (const frames of piecesOf(stream)) return frames;
  return undefined;
}
