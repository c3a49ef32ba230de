// Movie Gen: the pipeline for its own checkpoints only, whose index says more than other families' do.

import type { CheckpointFiles } from './checkpointFiles.ts';
import { movieGen } from './families/movieGen/family.ts';
import type { ModelIndex } from './families/movieGen/modelIndex.ts';
import { type FromPretrainedOptions, loaded, VideoPipeline } from './pipeline.ts';

/**
 * Movie Gen: text to video.
 *
 * ```ts
 * const movieGen = await MovieGen.fromPretrained('models/shapes-world');
 * const { frames } = await movieGen.generate('a red circle moves right on a black background', { seed: 1 });
 * const file = await encodeVideo(frames, { format: 'mp4' });
 * movieGen.dispose();
 * ```
 */
export class MovieGen extends VideoPipeline {
  declare readonly index: ModelIndex;

  /**
   * Loads a checkpoint of Movie Gen; `VideoPipeline.fromPretrained` loads a checkpoint of any family.
   * @param source a folder (Node), an http(s) address of one, or anything that opens files by name.
   * @throws CheckpointError, SafetensorsError, NoAdapterError; the signal's reason where aborted.
   */
  static override async fromPretrained(
    source: string | URL | CheckpointFiles,
    options: FromPretrainedOptions = {},
  ): Promise<MovieGen> {
    return loaded(
      source,
      options,
      async () => movieGen,
      (models, owns) => new MovieGen(models, owns),
    );
  }
}
