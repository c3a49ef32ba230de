// moviegen serve: a video API over HTTP, with workers as processes of its own.

import type { Command } from 'commander';
import { InputError } from 'moviegen';
import { bytes, defaultModel, duration, type Run } from 'moviegen/cli';
import { readKeys } from './api/auth.ts';
import { LIMITS, WORK_FACTOR } from './limits.ts';
import { stderrLog } from './log.ts';
import { modelsOf, positive, type WorkerSettings, withWorker } from './options.ts';
import { startServer } from './server.ts';
import { startWorkers } from './worker/processes.ts';

interface Options extends Omit<WorkerSettings, 'model'> {
  readonly model?: WorkerSettings['model'];
  readonly port: number;
  readonly host: string;
  readonly database?: string;
  readonly workers: number;
  readonly apiKeyFile?: string;
  readonly allowImageUrls?: boolean;
  readonly allowOrigin?: readonly string[];
  readonly maxBody: number;
  readonly maxImagePixels: number;
  readonly maxPrompt: number;
  readonly maxWork?: number;
  readonly maxVideoPixels: number;
  readonly maxQueue: number;
  readonly maxPerKey: number;
  readonly keep: number;
}

/** Adds the command. */
export function addServe(program: Command, run: Run): void {
  const command = program
    .command('serve')
    .description('answer OpenAI’s video API over HTTP: a queue, workers, and a store of videos')
    .option('-p, --port <n>', 'port; 0 for any that is free', port, 8000)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--workers <n>', 'processes that make videos; 0 leaves that to moviegen worker', count, 1)
    .option('--api-key-file <file>', 'keys of clients, one per line (default: everyone may ask)')
    .option('--allow-image-urls', 'fetch pictures at public addresses that clients name')
    .option('--allow-origin <origin>', 'pages of this origin may ask; may be given several times', append)
    .option('--max-body <bytes>', 'largest request', bytes, LIMITS.bodyBytes)
    .option('--max-image-pixels <n>', 'largest picture that is read', positive, LIMITS.imagePixels)
    .option('--max-prompt <n>', 'longest prompt, in letters', positive, LIMITS.promptLength)
    .option(
      '--max-work <n>',
      `most width x height x frames x steps of a video (default: ${WORK_FACTOR} times what the checkpoint makes by itself)`,
      positive,
    )
    .option(
      '--max-video-pixels <n>',
      'most pixels of all frames of a video that is read',
      positive,
      LIMITS.videoPixels,
    )
    .option('--max-queue <n>', 'most videos that wait', positive, LIMITS.queued)
    .option('--max-per-key <n>', 'most videos per key that wait or are being made', positive, LIMITS.perKey)
    .option('--keep <time>', 'how long finished videos are kept: 12h, 7d', duration, LIMITS.keepSeconds);
  withWorker(command).action((options: Options) => serve(run, options));
}

async function serve(run: Run, options: Options): Promise<void> {
  run.configure(options);
  const { workers, database, apiKeyFile } = options;
  const { signal } = run;
  if (workers === 0 && database === undefined)
    throw new InputError(
      'serve: --workers 0 needs --database: no other worker can reach the database of a folder',
    );
  const keys = apiKeyFile === undefined ? undefined : await readKeys(apiKeyFile);
  if (keys === undefined && !/^(localhost|127\.|::1$)/.test(options.host))
    throw new InputError('serve: --host lets other machines ask: give --api-key-file, too');
  const settings: WorkerSettings | undefined =
    workers === 0 ? undefined : plain({ ...options, model: modelsOf(options, defaultModel) });
  run.bars.begin('data');
  const server = await startServer({
    ...options,
    keys,
    origins: options.allowOrigin,
    leaseSeconds: options.lease,
    limits: {
      bodyBytes: options.maxBody,
      imagePixels: options.maxImagePixels,
      promptLength: options.maxPrompt,
      work: options.maxWork,
      videoPixels: options.maxVideoPixels,
      queued: options.maxQueue,
      perKey: options.maxPerKey,
      keepSeconds: options.keep,
    },
  });
  try {
    run.bars.begin('workers');
    const program = { file: process.argv[1]!, args: ['worker', '--of-server'], settings };
    const processes = startWorkers(workers, program, server, stderrLog);
    try {
      const stopped = new Promise<void>((done) => {
        if (signal.aborted) done();
        signal.addEventListener('abort', () => done());
      });
      await Promise.race([processes.ready, stopped]);
      run.bars.end();
      if (!signal.aborted) {
        const models = settings?.model.map(({ name }) => name) ?? [];
        if (options.json) run.print({ url: server.url, models });
        else run.say(`${server.url}/v1  ${models.join(', ')}`);
        await stopped;
      }
    } finally {
      await processes.close();
    }
  } finally {
    await server.close();
  }
}

/** What of the options is the workers'. */
const WORKERS: readonly (keyof WorkerSettings)[] = [
  ...(['model', 'transformer', 'transformer2', 'vae', 'textEncoder', 'tokenizer'] as const),
  ...([
    'adapter',
    'dtype',
    'variant',
    'revision',
    'header',
    'lora',
    'lora2',
    'loraPartial',
    'upsampler',
  ] as const),
  ...(['maxMemory', 'offload', 'data', 'store', 'batch', 'maxPixels', 'lease'] as const),
];

/** Settings as plain data: what a process can be sent. */
const plain = (options: WorkerSettings): WorkerSettings =>
  Object.fromEntries(WORKERS.map((name) => [name, options[name]])) as unknown as WorkerSettings;

function count(text: string): number {
  return text === '0' ? 0 : positive(text);
}

function port(text: string): number {
  const value = count(text);
  if (value <= 65_535) return value;
  throw new InputError('serve: --port must be at most 65535');
}

function append(text: string, before: readonly string[] = []): string[] {
  if (text !== '*' && !(URL.canParse(text) && new URL(text).origin === text))
    throw new InputError('serve: --allow-origin must be an origin, like https://example.com');
  return [...before, text];
}
