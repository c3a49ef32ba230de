// The job behind the button: a prompt, settings and what is given become frames.

import {
  collectFrames,
  type GenerateOptions,
  type MovieGenUpsampler,
  type OnProgress,
  readPromptStates,
  type VideoPipeline,
} from 'moviegen';
import { type Given, percent } from '../given.ts';
import type { ModelPlace } from '../model.ts';
import { ProblemError } from '../problem.ts';
import type { GenerateNews, Made } from '../protocol.ts';
import type { Settings } from '../settings.ts';
import { adapterName } from './adapterName.ts';
import { enlarged, fittedTo, framesAt, opened } from './given.ts';
import type { Session } from './session.ts';

type Tell = (news: GenerateNews, transfer?: Transferable[]) => void;

/** Milliseconds between news of bytes: a page need not know of every chunk. */
const PATIENCE = 60;

export async function generate(
  session: Session,
  place: ModelPlace,
  settings: Settings,
  given: Given | undefined,
  tell: Tell,
  signal: AbortSignal,
): Promise<Made> {
  const loading = performance.now();
  const kind = given?.job === 'upscale' ? 'upsampler' : 'pipeline';
  const model = await session.model(kind, place, sparsely(tell), signal);
  const load = (performance.now() - loading) / 1000;
  const made =
    'upscale' in model
      ? await upscale(model, settings, given!, tell, signal)
      : await make(model, place, settings, given, { signal, onProgress: reporter(tell) });
  const loras = (place.loras ?? []).map(({ file, scale }) => `LoRA ${file.name}, scale ${scale}`);
  return {
    ...made,
    notes: [...made.notes, ...loras],
    seconds: { load, ...made.seconds },
    adapter: adapterName(model.device.info),
  };
}

type Run = Required<Pick<GenerateOptions, 'signal' | 'onProgress'>>;

/** Does the job. An edit, and what starts from a video, is as long as the video at most; what goes on from one has new frames. */
async function make(
  model: VideoPipeline,
  place: ModelPlace,
  settings: Settings,
  given: Given | undefined,
  run: Run,
): Promise<Omit<Made, 'adapter'>> {
  const { seed, steps, width, height, frames } = settings;
  const states = place.states && (await readPromptStates(place.states, run));
  const prompt = states?.prompt.text ?? settings.prompt;
  const { fps } = model.index.video;
  const options = { seed, steps, width, height, fps, ...chosen(model, settings, states), ...run };
  if (given === undefined) return madeOf(await model.generate(prompt, { ...options, numFrames: frames }));
  const { job, task, strength } = given;
  const source = await opened(given.from, given.name, run.signal);
  const second = given.second && (await opened(given.second, given.second.name, run.signal));
  if (job === 'image' || job === 'lastImage' || job === 'reference') {
    const name = job === 'reference' ? 'referenceImage' : job;
    const pictures = { [name]: source, ...(second && { lastImage: second }) };
    const referenceGuidanceScale = job === 'reference' ? given.referenceScale : undefined;
    return madeOf(
      await model.generate(prompt, {
        ...options,
        ...pictures,
        ...(referenceGuidanceScale !== undefined && { referenceGuidanceScale }),
        numFrames: frames,
      }),
    );
  }
  if (job === 'mask' && second === undefined)
    throw new ProblemError('wrong-input', 'there is no mask: choose one, below the video that is given');
  if (job === 'extend') {
    const numFrames = framesAt(source, fps) + frames;
    const began = performance.now();
    const { frames: video, notes } = await model.extend(source, prompt, { ...options, numFrames });
    return { video, notes, seconds: { sample: (performance.now() - began) / 1000 } };
  }
  const { video: before, notes } = await fittedTo(source, settings, fps);
  const whole = { ...options, numFrames: before.shape[0] };
  const made =
    job === 'edit'
      ? await model.edit(before, prompt, { ...whole, ...(task !== '' && { task }) })
      : await model.generate(prompt, {
          ...whole,
          video: before,
          ...(second ? { mask: second } : { strength }),
        });
  const result = madeOf(made, notes);
  return { ...result, video: { ...result.video, before } };
}

/** What a person has chosen; what is as the model has it is left to the model, which may have two experts. */
function chosen(
  { index }: VideoPipeline,
  { guidance, negative, shift, cache, guidanceFrom, guidanceTo }: Settings,
  promptStates: GenerateOptions['promptStates'],
): Pick<GenerateOptions, 'guidanceScale' | 'shift' | 'promptStates' | 'cache' | 'guidanceInterval'> & {
  negativePrompt?: string;
} {
  return {
    ...(guidance !== index.sampler.guidanceScale && { guidanceScale: guidance }),
    ...(shift > 0 && { shift }),
    ...(cache > 0 && { cache }),
    ...((guidanceFrom > 0 || guidanceTo < 100) && {
      guidanceInterval: [guidanceFrom / 100, guidanceTo / 100] as const,
    }),
    ...(promptStates ? { promptStates } : negative !== '' && { negativePrompt: negative }),
  };
}

/** Makes a video larger, window by window, and keeps it as it was beside it, enlarged plainly. */
async function upscale(
  model: MovieGenUpsampler,
  { prompt, negative, seed }: Settings,
  given: Given,
  tell: Tell,
  signal: AbortSignal,
): Promise<Omit<Made, 'adapter'>> {
  const { scale, name } = given;
  const began = performance.now();
  const stream = model.upscaleStream(await opened(given.from, name, signal), {
    ...{ prompt, negativePrompt: negative, seed, scale, signal },
    onProgress: ({ part, done, total }) =>
      tell({ phase: part === 'sample' ? 'windows' : part, done, ...(total !== undefined && { total }) }),
  });
  const made = await collectFrames(stream);
  const before = await enlarged(given, made, signal);
  const seconds = { windows: (performance.now() - began) / 1000 };
  return { video: { ...made, before }, notes: stream.notes ?? [], seconds };
}

function madeOf(
  { frames, timings, notes = [], computed }: Awaited<ReturnType<VideoPipeline['edit']>>,
  first: readonly string[] = [],
): Omit<Made, 'adapter'> {
  const share = computed === undefined ? [] : [`${percent(computed)} of the model’s blocks computed`];
  return { video: frames, notes: [...first, ...notes, ...share], seconds: timings };
}

/** Tells the page of a pipeline's progress. */
function reporter(tell: Tell): OnProgress {
  return async (progress) => {
    const { phase } = progress;
    if (phase === 'sample') {
      const { step, steps } = progress;
      const total = steps === undefined ? {} : { total: steps };
      const preview = step === 0 ? undefined : (await progress.preview())[0]!;
      if (preview === undefined) tell({ phase, done: step, ...total });
      else tell({ phase, done: step, ...total, preview }, [preview.data.buffer]);
    } else if (phase === 'decode') tell({ phase, done: progress.frames, total: progress.totalFrames });
    else if (phase === 'text' || phase === 'compile') tell({ phase });
  };
}

/** Passes the first and the last news of a phase on, and of those between only one per interval. */
function sparsely(tell: (news: GenerateNews) => void): (news: GenerateNews) => void {
  let [phase, at] = ['', 0];
  return (news) => {
    const now = performance.now();
    const ends = news.done === news.total || news.notice !== undefined;
    if (news.phase === phase && !ends && now - at < PATIENCE) return;
    [phase, at] = [news.phase, now];
    tell(news);
  };
}
