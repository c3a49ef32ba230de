// moviegen judge: the options. The work is in ../judge/judgeModel.ts, which is imported only when the command runs: no other
// command needs the code that judges videos.

import { type Command, Option } from 'commander';
import type { DTypePolicy } from '../../checkpoint/precision.ts';
import { onlyWith, withModel } from '../common.ts';
import type { JudgeOptions } from '../judge/judgeModel.ts';
import type { Run } from '../run.ts';
import { integer, interval, number, policy } from '../values.ts';

/** The jobs that have fixed samples. */
const JOBS = ['text', 'image', 'extend', 'edit', 'reference', 'upscale', 'letters'] as const;

/** Adds the command. */
export function addJudge(program: Command, run: Run): void {
  const command = program
    .command('judge')
    .description('make videos of the fixed prompts of shapes world, and judge the frames of their mp4 files')
    .addOption(
      new Option('--job <job>', 'judge the fixed samples of another job').choices(JOBS).default('text'),
    )
    .option('--every <n>', 'only every nth prompt', integer, 1)
    .option('--batch <n>', 'prompts sampled together', integer, 8)
    .option('--steps <n>', 'steps of the solver', integer)
    .option('-g, --guidance-scale <number>', 'guidance', number)
    .option('--cache <threshold>', 'threshold of the step cache (default: 0, off)', number)
    .option(
      '--guidance-interval <start,end>',
      'shares of the steps between which guidance is computed',
      interval,
    )
    .option('--keep <folder>', 'keep the mp4 files here')
    .option(
      '--compare <type>',
      'also judge the same prompts with the models in this --dtype, and print PSNR and SSIM against the first videos; may be given several times',
      (text: string, before: readonly DTypePolicy[]) => [...before, policy(text)],
      [] as readonly DTypePolicy[],
    )
    .option(
      '--tiling',
      'only measure what the autoencoder’s tiles cost in quality, on true clips of shapes world',
    );
  withModel(command).action(async (options: JudgeOptions & { readonly job: (typeof JOBS)[number] }) => {
    run.configure(options);
    if (options.job !== 'text') {
      onlyWith(command, FOR_JOBS, `--job ${options.job}`);
      const { judgeJob } = await import('../judge/jobs.ts');
      return judgeJob(run, options.job, options);
    }
    if (options.tiling) onlyWith(command, FOR_TILING, '--tiling');
    const { judgeModel } = await import('../judge/judgeModel.ts');
    await judgeModel(run, options);
  });
}

/** The options that apply to other jobs than text. */
const FOR_JOBS = [
  ...[
    'job',
    'every',
    'steps',
    'guidanceScale',
    'keep',
    'model',
    'dtype',
    'lora',
    'lora2',
    'loraPartial',
    'maxMemory',
    'offload',
  ],
  ...['tokenizer', 'variant', 'header', 'revision', 'adapter', 'json', 'quiet', 'debug', 'verbose'],
];

/** The options that apply where only the autoencoder runs. */
const FOR_TILING = ['tiling', 'every', 'model', 'dtype', 'adapter', 'json', 'quiet', 'debug'];
