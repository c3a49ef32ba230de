// The view where videos are made: the stage in the centre, the prompt below it, past videos at the end.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { client } from '../client.ts';
import {
  CHOICES,
  exampleFor,
  type Given,
  type GivenJob,
  type GivenWords,
  jobsFor,
  type Source,
} from '../given.ts';
import { LABELS } from '../phases.ts';
import { frameAt } from '../pictures.ts';
import { type Problem, problemOf } from '../problem.ts';
import type { GenerateNews, Made, ServerPlace } from '../protocol.ts';
import { type MadeVideo, type Result, titleOf } from '../results/store.ts';
import { fromHash, moved, rulesOf, type Settings, SHIPPED, settled, toHash } from '../settings.ts';
import { Caption } from './Caption.tsx';
import { Composer } from './Composer.tsx';
import { GivenField } from './GivenField.tsx';
import { Making } from './Making.tsx';
import { KeyForm, ModelField } from './ModelField.tsx';
import { Player } from './Player.tsx';
import { ProblemCard } from './ProblemCard.tsx';
import { Strip } from './Strip.tsx';
import { useDrop } from './useDrop.ts';
import { type Running, useGeneration } from './useGeneration.ts';
import { type Able, useGiven } from './useGiven.ts';
import { type ModelState, SERVER, useModel } from './useModel.ts';
import { useResults } from './useResults.ts';

/** What the stage shows. */
interface Shown {
  readonly result: Result;
  readonly video: MadeVideo;
}

interface Properties {
  /** Tells a screen reader something, whichever view is shown. */
  readonly onSay: (text: string) => void;
}

/** Where a server computes; its key is added when a person has typed one. */
const WITHOUT_KEY: ServerPlace | undefined = SERVER === undefined ? undefined : { address: SERVER };

export function Create({ onSay }: Properties) {
  const [settings, setSettings] = useState<Settings>(
    () => fromHash(location.hash, SHIPPED) ?? SHIPPED.defaults,
  );
  const [shown, setShown] = useState<Shown | undefined>();
  const [unable, setUnable] = useState<Problem | undefined>();
  const [server, setServer] = useState(WITHOUT_KEY);
  const form = useRef<HTMLFormElement>(null);
  const generation = useGeneration();
  const store = useResults();
  const { running, problem, notice } = generation;
  const model = useModel('model', server, running === undefined);
  const upsampler = useModel('upsampler', undefined, running === undefined);
  const begins = useGiven(useMemo(() => ableBy(model, upsampler), [model.abilities, upsampler.abilities]));
  const fixed = useStates(model, setUnable);
  const generationRules = model.abilities?.generation;
  // Until the rules of a new model are known, the rules of the last model stay.
  const last = useRef(SHIPPED);
  const rules = useMemo(
    () => (generationRules ? rulesOf(generationRules) : last.current),
    [JSON.stringify(generationRules)],
  );
  last.current = rules;
  const job = begins.given?.job;
  const upscales = job === 'upscale' || (model.abilities?.upscaling !== undefined && job === undefined);

  const probe = () => {
    setUnable(undefined);
    client.run('probe', { server }).catch((error: unknown) => setUnable(problemOf(error)));
  };
  useEffect(probe, [server]);

  // Another model: its own defaults, unless a person or the link says otherwise.
  const before = useRef(rules);
  useEffect(() => {
    const from = before.current;
    before.current = rules;
    if (from !== rules) setSettings((now) => moved(now, from, rules, fromHash(location.hash, rules)));
  }, [rules]);

  // Somebody follows a link while the page is open.
  useEffect(() => {
    const follow = () => setSettings((now) => fromHash(location.hash, rules) ?? now);
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, [rules]);

  // At first, the stage shows the link's video if it was made here, else the last one.
  const begun = useRef(false);
  useEffect(() => {
    if (begun.current || store.results === undefined) return;
    begun.current = true;
    const linked = new URLSearchParams(location.hash.slice(1));
    const isLink = linked.has('prompt');
    const first = isLink
      ? store.results.find((one) => toHash(one.settings) === linked.toString())
      : store.results[0];
    if (first !== undefined) void show(first, !isLink);
  }, [store.results]);

  const show = async (result: Result, withSettings = true) => {
    const video = await store.video(result);
    if (video === undefined) return;
    generation.dismiss();
    setShown({ result, video });
    if (withSettings) setSettings(settled(result.settings, rules));
  };

  const generate = async (asked: Settings) => {
    setSettings(asked);
    history.replaceState(null, '', `#${toHash(asked)}`);
    const { given } = begins;
    const able = model.abilities;
    if (given === undefined && able && !able.jobs.includes('text')) {
      const message = `this model begins with a picture or a video: it can do ${able.named}`;
      generation.refuse({ code: 'wrong-input', message });
      return;
    }
    const isOther = given?.job === 'upscale' && upsampler.place !== undefined;
    const place = isOther ? upsampler.place : model.place;
    if (place === undefined) {
      if (model.problem) generation.refuse(model.problem);
      return;
    }
    const where = { model: place, server: isOther ? undefined : server };
    const made = await generation.begin(where, asked, given, announcer(onSay));
    if (made === undefined) {
      onSay('No video was made.');
      return;
    }
    const result = resultOf(asked, given, made);
    setShown({ result, video: made.video });
    onSay('The video is ready.');
    await store.add(result, made.video);
  };

  const send = ({ result, video }: Shown, job: GivenJob) => {
    const { fps, shape, data } = video;
    const [frames, height, width] = shape;
    const name = titleOf(result);
    begins.take({ name, video: { fps, shape, data }, still: frames === 1, width, height, notes: [] }, job);
    // What the video shows is not what to change, but what to make larger.
    if (job === 'edit') setSettings({ ...settings, prompt: '' });
    if (job === 'upscale') setSettings({ ...settings, prompt: result.settings.prompt });
    form.current?.querySelector('textarea')?.focus();
    onSay(`The video is given to the next one: ${CHOICES[job]}.`);
  };
  const read = async (file: File) => {
    if (/\.safetensors$/i.test(file.name) && model.abilities?.generation) {
      if (await model.give(file)) onSay(`${file.name} is there: the next video is made with it.`);
      return;
    }
    if (await begins.read(file)) onSay(`${file.name} is there: say what to do with it.`);
  };
  const dropping = useDrop(begins.able !== undefined, (file) => void read(file));

  return (
    <div class={dropping.over ? 'create over' : 'create'} {...dropping.handlers}>
      <section class="stage" aria-label="Video" aria-busy={running !== undefined}>
        {running ? (
          <Making
            phases={running.phases}
            previews={running.previews}
            steps={running.given?.job === 'upscale' ? undefined : running.settings.steps}
            aspect={aspectOf(running, begins.source)}
          />
        ) : problem && problem.code !== 'cancelled' ? (
          <ProblemCard problem={problem} onAgain={() => form.current?.requestSubmit()} />
        ) : shown ? (
          <>
            <Player key={shown.result.id} video={shown.video} prompt={titleOf(shown.result)} />
            <Caption
              key={`caption ${shown.result.id}`}
              result={shown.result}
              video={shown.video}
              jobs={jobsFor({ still: shown.video.shape[0] === 1 }, begins.able?.jobs ?? [])}
              onSend={(job) => send(shown, job)}
              onUse={(used) => setSettings(settled(used, rules))}
              onSay={onSay}
            />
          </>
        ) : unable ? (
          <ProblemCard problem={unable} onAgain={probe} />
        ) : (
          <div class="empty">
            <p>{model.typed === '' ? 'Describe a shape that moves.' : 'Describe a video.'}</p>
            <p class="small">
              {SERVER === undefined
                ? 'The model is fetched once, then videos are made on your own graphics card, also without a network.'
                : `Videos are made by the server at ${SERVER}.`}
            </p>
          </div>
        )}
      </section>
      {problem?.code === 'cancelled' && !running && <p class="notice">Cancelled. Nothing of it was kept.</p>}
      {notice !== undefined && <p class="notice">{notice}</p>}
      {store.problem && <ProblemCard problem={store.problem} />}
      {SERVER === undefined ? (
        <ModelField model={model} upsampler={upsampler} running={running !== undefined} />
      ) : (
        <KeyForm onKey={(key) => setServer({ address: SERVER!, key })} />
      )}
      <Composer
        form={form}
        settings={settings}
        rules={rules}
        example={upscales ? '' : exampleFor(job, rules.examples)}
        fixed={fixed}
        upscales={upscales}
        running={running !== undefined}
        cancelling={running?.cancelling === true}
        onChange={setSettings}
        onGenerate={(asked) => void generate(asked)}
        onCancel={generation.cancel}
      >
        <GivenField state={begins} onFile={(file) => void read(file)} />
      </Composer>
      <Strip
        results={store.results ?? []}
        shownId={running ? undefined : shown?.result.id}
        onShow={(result) => void show(result)}
        onRemove={(result) => {
          void store.remove(result);
          if (shown?.result.id === result.id) setShown(undefined);
          onSay('Removed.');
        }}
      />
    </div>
  );
}

/** The shape of what is being made. */
function aspectOf({ settings, given }: Running, source: Source | undefined): readonly [number, number] {
  const { width, height } = given?.job === 'upscale' && source ? source : settings;
  return [width, height];
}

/** What the model and the upsampler can do together. */
function ableBy({ abilities }: ModelState, upsampler: ModelState): Able | undefined {
  const larger = upsampler.abilities?.upscaling;
  if (abilities === undefined || larger === undefined || abilities.jobs.includes('upscale')) return abilities;
  const jobs = [...abilities.jobs, 'upscale' as const];
  return { ...abilities, jobs, named: `${abilities.named}, upscaling`, upscaling: larger };
}

/** The prompt of the file of prompt states, where there is one. */
function useStates({ place, change }: ModelState, onProblem: (problem: Problem) => void): string | undefined {
  const [prompt, setPrompt] = useState<string | undefined>();
  const file = place?.states;
  useEffect(() => {
    setPrompt(undefined);
    if (file === undefined) return;
    client.run('readStates', { file }).then(setPrompt, (error: unknown) => {
      onProblem(problemOf(error));
      change({ states: undefined });
    });
  }, [file]);
  return prompt;
}

/** Announces each phase once and each quarter of the steps, because a screen reader should not read every step. */
function announcer(say: (text: string) => void): (news: GenerateNews) => void {
  let last = '';
  return ({ phase, done, total }) => {
    const quarter = done === undefined || !total ? 0 : Math.floor((4 * done) / total);
    const text = quarter > 0 && quarter < 4 ? `${LABELS[phase]}: ${25 * quarter} percent` : LABELS[phase];
    if (text === last || (quarter === 4 && last !== '')) return;
    last = text;
    say(text);
  };
}

function wordsOf({ name, job, strength, task, scale, referenceScale, second }: Given): GivenWords {
  return { name, job, strength, task, scale, referenceScale, second: second?.name };
}

function resultOf(
  settings: Settings,
  given: Given | undefined,
  { video, notes, seconds, adapter }: Made,
): Result {
  const [frames] = video.shape;
  const { data, width, height } = frameAt(video, Math.floor(frames / 2));
  return {
    id: crypto.randomUUID(),
    made: Date.now(),
    settings,
    ...(given && { given: wordsOf(given) }),
    notes,
    seconds,
    adapter,
    fps: video.fps,
    poster: { data: new Uint8Array(data), width, height },
  };
}
