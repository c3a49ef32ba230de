// moviegen extend: goes on from a video, to any length. Not here: how (generate/extend.ts), where files go (oneVideo.ts).

import type { Command } from 'commander';
import type { ExtendOptions } from '../../generate/extend.ts';
import { withModel } from '../common.ts';
import { type OneVideoOptions, oneVideo, withOneVideo } from '../oneVideo.ts';
import { checkWords } from '../prompts.ts';
import type { Run } from '../run.ts';
import { showProgress } from '../samplingBars.ts';
import { type SamplingFlags, samplingOptions, withGuidedSampling } from '../samplingFlags.ts';
import { integer } from '../values.ts';

interface Options extends OneVideoOptions, Omit<SamplingFlags, 'seed' | 'numFrames'> {
  readonly numFrames: number;
}

/** Adds the command. */
export function addExtend(program: Command, run: Run): void {
  const command = program
    .command('extend')
    .description('go on from a video: its frames, and what follows them')
    .argument('<video>', 'a video file, or a folder of pictures')
    .argument('<prompt...>', 'what the video shows')
    .requiredOption('--num-frames <n>', 'frames of the result, the video’s own among them', integer);
  withModel(withOneVideo(withGuidedSampling(command, { several: false, frames: false }))).action(
    (path: string, words: string[], options: Options) => extend(run, path, words.join(' '), options),
  );
}

async function extend(run: Run, path: string, prompt: string, options: Options): Promise<void> {
  checkWords('extend', prompt);
  await oneVideo(run, path, prompt, options, async (video, given) => {
    const model = await run.model(options, 'extend');
    const { signal, bars } = run;
    const stream = model.extendStream(video, prompt, {
      ...(samplingOptions(options, model.index) as Omit<ExtendOptions, 'numFrames'>),
      numFrames: options.numFrames,
      ...given,
      signal,
      onProgress: (progress) => showProgress(progress, bars, 1), // each part has bars of its own
    });
    return { stream, device: model.device };
  });
}
