// The view where videos are made: the stage in the centre, the prompt below it, past videos at the end.

import { useEffect, useRef, useState } from 'preact/hooks';
import { client } from '../client.ts';
import { CHOICES, exampleFor, type Given, type GivenJob, type GivenWords, jobsFor } from '../given.ts';
import { LABELS } from '../phases.ts';
import { frameAt } from '../pictures.ts';
import { type Problem, problemOf } from '../problem.ts';
import type { GenerateNews, Made } from '../protocol.ts';
import type { MadeVideo, Result } from '../results/store.ts';
import { DEFAULTS, fromHash, type Settings, toHash } from '../settings.ts';
import { Caption } from './Caption.tsx';
import { Composer } from './Composer.tsx';
import { GivenField } from './GivenField.tsx';
import { Making } from './Making.tsx';
import { Player } from './Player.tsx';
import { ProblemCard } from './ProblemCard.tsx';
import { Strip } from './Strip.tsx';
import { useDrop } from './useDrop.ts';
import { SERVER, useGeneration } from './useGeneration.ts';
import { useGiven } from './useGiven.ts';
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

export function Create({ onSay }: Properties) {
  const [settings, setSettings] = useState<Settings>(() => fromHash(location.hash) ?? DEFAULTS);
  const [shown, setShown] = useState<Shown | undefined>();
  const [unable, setUnable] = useState<Problem | undefined>();
  const form = useRef<HTMLFormElement>(null);
  const generation = useGeneration();
  const store = useResults();
  const { running, problem, notice } = generation;
  const begins = useGiven(running === undefined);

  const probe = () => {
    setUnable(undefined);
    client.run('probe', { server: SERVER }).catch((error: unknown) => setUnable(problemOf(error)));
  };
  useEffect(probe, []);

  // Somebody follows a link while the page is open.
  useEffect(() => {
    const follow = () => setSettings((before) => fromHash(location.hash) ?? before);
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);

  // At first, the stage shows the link's video if it was made here, else the last one.
  const begun = useRef(false);
  useEffect(() => {
    if (begun.current || store.results === undefined) return;
    begun.current = true;
    const linked = fromHash(location.hash);
    const wanted = linked && toHash(linked);
    const first = linked ? store.results.find((one) => toHash(one.settings) === wanted) : store.results[0];
    if (first !== undefined) void show(first, linked === undefined);
  }, [store.results]);

  const show = async (result: Result, withSettings = true) => {
    const video = await store.video(result);
    if (video === undefined) return;
    generation.dismiss();
    setShown({ result, video });
    if (withSettings) setSettings(result.settings);
  };

  const generate = async (asked: Settings) => {
    setSettings(asked);
    history.replaceState(null, '', `#${toHash(asked)}`);
    const { given } = begins;
    const made = await generation.begin(asked, given, announcer(onSay));
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
    const name = result.settings.prompt;
    begins.take({ name, video: { fps, shape, data }, still: shape[0] === 1, notes: [] }, job);
    if (job === 'edit') setSettings({ ...settings, prompt: '' }); // what the video shows is not what to change
    form.current?.querySelector('textarea')?.focus();
    onSay(`The video is given to the next one: ${CHOICES[job]}.`);
  };
  const read = async (file: File) => {
    if (await begins.read(file)) onSay(`${file.name} is there: say what to do with it.`);
  };
  const dropping = useDrop(begins.abilities !== undefined, (file) => void read(file));

  return (
    <div class={dropping.over ? 'create over' : 'create'} {...dropping.handlers}>
      <section class="stage" aria-label="Video" aria-busy={running !== undefined}>
        {running ? (
          <Making
            phases={running.phases}
            previews={running.previews}
            steps={running.settings.steps}
            aspect={[running.settings.width, running.settings.height]}
          />
        ) : problem && problem.code !== 'cancelled' ? (
          <ProblemCard problem={problem} onAgain={() => form.current?.requestSubmit()} />
        ) : shown ? (
          <>
            <Player key={shown.result.id} video={shown.video} prompt={shown.result.settings.prompt} />
            <Caption
              key={`caption ${shown.result.id}`}
              result={shown.result}
              video={shown.video}
              jobs={jobsFor({ still: shown.video.shape[0] === 1 }, begins.abilities?.jobs ?? [])}
              onSend={(job) => send(shown, job)}
              onUse={setSettings}
              onSay={onSay}
            />
          </>
        ) : unable ? (
          <ProblemCard problem={unable} onAgain={probe} />
        ) : (
          <div class="empty">
            <p>Describe a shape that moves.</p>
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
      <Composer
        form={form}
        settings={settings}
        example={exampleFor(begins.given?.job)}
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

function wordsOf({ name, job, strength, task, second }: Given): GivenWords {
  return { name, job, strength, task, second: second?.name };
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
