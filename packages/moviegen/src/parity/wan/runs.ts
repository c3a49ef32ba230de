// A run of diffusers' pipeline part by part, each from the reference's own values: ids and states of the prompts, noise levels,
// every step's predictions by the expert whose turn it is, guidance, the latents after each step. The run as a whole is in
// wholeRun.ts.

import { parseScheduler, type Scheduler, sampleSigmas, sigmaSchedule } from '@moviegen/sampler';
import { type Device, guidance, scope, scopeAsync, Tensor } from '@moviegen/tensor';
import { parseT5Config, streamT5, Tokenizer, tokenizePrompt } from '@moviegen/text';
import { parseTransformerConfig, WanTransformer } from '@moviegen/wan';
import { upload } from '../dit.ts';
import type { ParityCase } from '../fixture.ts';
import type { ParityReport } from '../parity.ts';
import { neededJson, readCase, readJson, readWeights, sharedParts, type WanFixtureFiles } from './files.ts';
import { fittedStates, LOOSER, Rows } from './rows.ts';
import { schedulerOf } from './schedules.ts';

/** The json of a run. */
export interface WanCall {
  readonly prompt: string;
  readonly negative?: string;
  /** Height, width. */
  readonly size: readonly [number, number];
  readonly frames: number;
  readonly steps: number;
  readonly guidance: number;
  readonly guidance_2?: number;
  /** Whether there is an `input.image`. */
  readonly image?: boolean;
  /** diffusers' class, where it is not the folder's own. */
  readonly scheduler?: string;
  /** Folders of the expert at each step, and the times that it was given. */
  readonly transformers: readonly string[];
  readonly timesteps: readonly number[];
}

/** Compares every part of `expected/NAME`. */
export async function checkRun(
  device: Device,
  files: WanFixtureFiles,
  folder: string,
  name: string,
  bound: number,
): Promise<ParityReport> {
  const call = await neededJson<WanCall>(files, `${folder}/expected/${name}.json`);
  const given = await readCase(files, `${folder}/expected/${name}`);
  const rows = new Rows(bound);
  const prompts: [suffix: string, text: string][] = [['', call.prompt]];
  if (given.order.includes('text.negative')) prompts.unshift(['.negative', call.negative ?? '']);
  await addTexts(device, files, folder, given, prompts, rows);
  const scheduler = await schedulerIn(files, folder, call);
  const levels = sigmaSchedule(scheduler, call.steps);
  rows.exact('sigmas', levels.sigmas, given.values('sigmas').data);
  rows.exact('timesteps', levels.timesteps, given.values('timesteps').data);
  await addPredictions(device, files, folder, { call, given, rows, prompts });
  await addSteps(device, { call, given, rows }, scheduler, bound);
  return rows.report(folder, name);
}

async function addTexts(
  device: Device,
  files: WanFixtureFiles,
  folder: string,
  given: ParityCase,
  prompts: readonly (readonly [suffix: string, text: string])[],
  rows: Rows,
): Promise<void> {
  const place = await sharedParts(files, folder);
  const json = (name: string) => readJson(files, `${place('tokenizer')}/${name}`);
  const tokenizer = new Tokenizer(await json('tokenizer.json'), await json('tokenizer_config.json'));
  const config = parseT5Config(await neededJson(files, `${place('text_encoder')}/config.json`));
  const source = await readWeights(files, place('text_encoder'));
  try {
    for (const [suffix, text] of prompts) {
      const { ids } = tokenizePrompt(tokenizer, text);
      const expected = given.values(`ids${suffix}`).data;
      rows.exact(
        `ids${suffix}`,
        ids,
        Array.from(expected).slice(0, Math.max(ids.length, lengthOf(expected))),
      );
      const { states, lengths } = await streamT5(device, source, config, [ids]);
      const values = { shape: states.shape, data: await states.read() };
      states.dispose();
      const { got } = fittedStates(values, given.values(`text${suffix}`), lengths);
      rows.add(`text${suffix}`, got, given.values(`text${suffix}`)); // beyond the prompt both are zeros
    }
  } finally {
    await source.close();
  }
}

/** Ids before the padding. */
const lengthOf = (ids: ArrayLike<number>): number => Array.from(ids).filter((id) => id !== 0).length;

/** The scheduler of a run: the folder's own, or diffusers' Euler with the folder's shift. */
async function schedulerIn(files: WanFixtureFiles, folder: string, call: WanCall): Promise<Scheduler> {
  const own = parseScheduler(await neededJson(files, `${folder}/scheduler/scheduler_config.json`));
  const kind = call.scheduler?.includes('Euler') ? 'euler' : 'unipc';
  return call.scheduler === undefined || own.kind === kind ? own : schedulerOf(kind, own.shift);
}

interface Run {
  readonly call: WanCall;
  readonly given: ParityCase;
  readonly rows: Rows;
}

/** `step.I.uncond` and `step.I.cond`, from the reference's latents, as one batch of different lengths. */
async function addPredictions(
  device: Device,
  files: WanFixtureFiles,
  folder: string,
  { call, given, rows, prompts }: Run & { readonly prompts: readonly (readonly [string, string])[] },
): Promise<void> {
  const names = prompts.length > 1 ? ['uncond', 'cond'] : ['cond'];
  await scopeAsync(device, async () => {
    const texts = prompts.map(([suffix]) => given.values(`text${suffix}`));
    const [, L = 0, E = 0] = texts[0]!.shape;
    const all = texts.flatMap(({ data }) => Array.from(data));
    const states = Tensor.from(device, Float32Array.from(all), [texts.length, L, E]);
    const lengths = prompts.map(([suffix]) => lengthOf(given.values(`ids${suffix}`).data));
    for (const part of new Set(call.transformers)) {
      const config = parseTransformerConfig(await neededJson(files, `${folder}/${part}/config.json`));
      const source = await readWeights(files, `${folder}/${part}`);
      const model = await WanTransformer.load(device, source, config);
      const context = model.context({ states, lengths });
      for (const [i, expert] of call.transformers.entries()) {
        if (expert !== part) continue;
        const before = i === 0 ? 'input.latents' : `step.${i - 1}.latents`;
        const x = upload(device, given.values(call.image ? `step.${i}.input` : before));
        const t = Tensor.from(device, [call.timesteps[i]!]);
        const made = model.forward(x, t, context, { firstFrameClean: call.image });
        const [values, each] = [await made.read(), made.size / names.length];
        for (const [j, name] of names.entries()) {
          const expected = given.values(`step.${i}.${name}`);
          const data = values.slice(j * each, (j + 1) * each);
          rows.add(`step.${i}.${name}`, { shape: expected.shape, data }, expected);
        }
      }
      for (const used of [context, model]) used.dispose();
      await source.close();
    }
  });
}

/** `step.I.guided` from the reference's predictions, `step.I.latents` from its guided ones. */
async function addSteps(
  device: Device,
  { call, given, rows }: Run,
  scheduler: Scheduler,
  bound: number,
): Promise<void> {
  const at = (name: string) => upload(device, given.values(name));
  for (const [i, part] of call.transformers.entries()) {
    if (!given.order.includes(`step.${i}.uncond`)) continue;
    const scale = part === call.transformers[0] ? call.guidance : (call.guidance_2 ?? call.guidance);
    scope(device, () => {
      const made = guidance(at(`step.${i}.uncond`), at(`step.${i}.cond`), scale);
      rows.add(`step.${i}.guided`, made, given.values(`step.${i}.guided`));
    });
  }
  const noise = at('input.latents');
  const end = await sampleSigmas(async (_, __, { step }) => at(`step.${step}.guided`), noise, {
    scheduler,
    steps: call.steps,
    onStep: ({ step, latents }) => {
      const name = `step.${step - 1}.latents`;
      rows.add(name, latents, given.values(name), bound * LOOSER.step);
    },
  });
  for (const tensor of [noise, end]) tensor.dispose();
}
