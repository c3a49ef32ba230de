// moviegen compare: the options. The work is in ../compare/compareCommand.ts, which is imported only when the command runs.

import type { Command } from 'commander';
import { withModel } from '../common.ts';
import type { CompareFlags } from '../compare/compareCommand.ts';
import type { Run } from '../run.ts';
import { withSampling } from '../samplingFlags.ts';
import { integer, policy } from '../values.ts';

/** Adds the command. */
export function addCompare(program: Command, run: Run): void {
  const command = program
    .command('compare')
    .description(
      'compare two models: a page for people to judge pairs of videos, and a report of their votes and of measures',
    )
    .argument('<a>', 'a folder of videos named after prompts, or a checkpoint to make them')
    .argument('<b>', 'the same for the other side')
    .requiredOption('-p, --prompts <file>', 'a line per prompt, or the CSV of Movie Gen Video Bench')
    .option('--report', 'print what the votes say, and the automatic measures, instead of serving the page')
    .option('--votes <file>', 'where votes are kept', 'votes.jsonl')
    .option(
      '--axes <ids>',
      'what is judged: subject, motion, consistency, completeness, naturalness, overall, realness, aesthetics (default: all)',
      (text: string) => text.split(','),
    )
    .option(
      '--calibrate',
      'every rater judges every pair twice, which tells how far raters stray by themselves',
    )
    .option('--order <seed>', 'seed of order and sides', integer, 0)
    .option('--port <n>', 'port of the page on 127.0.0.1 (default: a free one)', integer, 0)
    .option('--keep <folder>', 'where videos of checkpoints are written, in a and b', 'out/compare')
    .option('--dtype-a <type>', 'types of the weights of checkpoint A (default: --dtype)', policy)
    .option('--dtype-b <type>', 'types of the weights of checkpoint B (default: --dtype)', policy)
    .option('--clip <dir>', 'CLIP, for the similarity of prompts and frames and of neighbouring frames')
    .option('--truth <folder>', 'true videos of the same prompts, for PSNR, SSIM and the Frechet distance')
    .option('--autoencoder <dir>', 'whose latents are the features of the Frechet distance')
    .option('--svg <file>', 'write the picture of the report here');
  withModel(withSampling(command)).action(async (a: string, b: string, options: CompareFlags) => {
    run.configure(options);
    const { compare } = await import('../compare/compareCommand.ts');
    await compare(run, a, b, options);
  });
}
