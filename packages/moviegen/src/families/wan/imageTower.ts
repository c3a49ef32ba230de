// The states of pictures that the image models of Wan 2.1 read: what the last layer of CLIP's image tower is given. The tower is
// loaded when a picture comes, and released at once.

import { concat, type Device, keep, scope, Tensor, type WeightSource } from '@moviegen/tensor';
import { ClipVisionModel, parseClipVisionConfig } from '@moviegen/text';
import { placed } from '../../checkpoint/modelFiles.ts';
import type { ModulePrecision } from '../../checkpoint/precision.ts';
import { parseImageProcessor, processFrames } from '../../imageProcessor.ts';
import { pictureOf } from './given.ts';
import type { EncodePictures } from './models.ts';

/** A tower, and how pictures are prepared for it. */
export interface ImageTower {
  readonly path: string;
  /** The parsed `config.json`. */
  readonly config: unknown;
  readonly weights: WeightSource;
  /** The parsed `preprocessor_config.json`; `{}` where there is none. */
  readonly processor: unknown;
}

/** @throws CheckpointError where the tower's config, or that of its pictures, is wrong */
export async function imageTower(
  device: Device,
  part: ImageTower,
  precision: ModulePrecision,
): Promise<EncodePictures> {
  const config = await placed(part, () => parseClipVisionConfig(part.config));
  const processor = await placed(part, () => parseImageProcessor(part.processor, config.imageSize));
  return async (pictures, signal) => {
    const inputs: ReturnType<typeof processFrames>[] = [];
    for (const picture of pictures) inputs.push(processFrames(processor, (await pictureOf(picture))!));
    const tower = await placed(part, () =>
      ClipVisionModel.load(device, part.weights, config, { ...precision, ...(signal && { signal }) }),
    );
    try {
      return keep(
        scope(device, () => {
          const pixels = inputs.map(({ data, shape }) => Tensor.from(device, data, shape));
          return tower.features(concat(pixels, { axis: 0 })).penultimate;
        }),
      );
    } finally {
      tower.dispose();
    }
  };
}
