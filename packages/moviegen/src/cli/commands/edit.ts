// moviegen edit: changes a video as an instruction says. Not here: how (pipeline.ts), where files go (oneVideo.ts).

import type { Command } from 'commander';
import type { EditOptions } from '../../pipeline.ts';
import { withModel } from '../common.ts';
import { type OneVideoOptions, oneVideo, withOneVideo } from '../oneVideo.ts';
import { checkWords } from '../prompts.ts';
import type { Run } from '../run.ts';
import { showProgress } from '../samplingBars.ts';
import { type SamplingFlags, samplingOptions, withGuidedSampling } from '../samplingFlags.ts';

interface Options extends OneVideoOptions, Omit<SamplingFlags, 'seed'> {
  readonly task?: string;
}

/** Adds the command. */
export function addEdit(program: Command, run: Run): void {
  const command = program
    .command('edit')
    .description('change a video as an instruction says: its length and rate stay')
    .argument('<video>', 'a video file, or a folder of pictures')
    .argument('<instruction...>', 'what to change: "make the circle blue"')
    .option('--task <name>', 'the kind of edit, one that the model knows (default: any)');
  withModel(withOneVideo(withGuidedSampling(command, { several: false }))).action(
    (path: string, words: string[], options: Options) => edit(run, path, words.join(' '), options),
  );
}

async function edit(run: Run, path: string, instruction: string, options: Options): Promise<void> {
  checkWords('edit', instruction);
  await oneVideo(run, path, instruction, options, async (video, given) => {
    const model = await run.model(options, 'edit');
    const { signal } = run;
    const edits = model.editStreams(video, instruction, {
      ...(samplingOptions(options, model.index) as EditOptions),
      ...(options.task !== undefined && { task: options.task }),
      ...given,
      signal,
      onProgress: (progress) => showProgress(progress, run.bars, 1),
    });
    const { value: stream } = await edits.next();
    return { stream: stream!, device: model.device };
  });
}
