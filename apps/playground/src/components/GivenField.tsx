// Where a person gives a picture or a video, sees it, and says what is to be done with it. Files may also be dropped anywhere
// on the view (Create.tsx).

import { useLayoutEffect, useRef } from 'preact/hooks';
import { CHOICES, percent, SECONDS, type Source } from '../given.ts';
import { draw, frameAt } from '../pictures.ts';
import { Amount } from './Amount.tsx';
import { Chooser } from './Chooser.tsx';
import { ProblemCard } from './ProblemCard.tsx';
import { Scale } from './Scale.tsx';
import { useFrame } from './useFrame.ts';
import type { GivenState } from './useGiven.ts';

interface Properties {
  readonly state: GivenState;
  readonly onFile: (file: File) => void;
}

export function GivenField({ state, onFile }: Properties) {
  const { able, source, second, reading, problem, jobs, choice, choose, read, drop } = state;
  const chooser = useRef<HTMLInputElement>(null);
  if (able === undefined) return null;
  const beside = choice.job === 'image' && !able.jobs.includes('lastImage') ? undefined : SECONDS[choice.job];
  return (
    <section class="given" aria-label="Picture or video to begin with">
      {source !== undefined && (
        <div class="source">
          <Seen source={source} />
          <div class="what">
            <p class="words">{source.name}</p>
            {source.notes.map((note) => (
              <p class="small" key={note}>
                {note}
              </p>
            ))}
            {jobs.length > 0 ? (
              <fieldset class="jobs">
                <legend class="hidden">What to do with it</legend>
                {jobs.map((job) => (
                  <label class="check" key={job}>
                    <input
                      type="radio"
                      name="job"
                      value={job}
                      checked={choice.job === job}
                      onChange={() => choose({ job })}
                    />
                    {CHOICES[job]}
                  </label>
                ))}
              </fieldset>
            ) : (
              <p class="wrong">This model can do nothing with it: it can do {able.named}.</p>
            )}
            {jobs.length > 0 && choice.job === 'video' && (
              <div class="more">
                <label for="strength">Made anew</label>
                <input
                  id="strength"
                  type="range"
                  min={0.05}
                  max={1}
                  step={0.05}
                  value={choice.strength}
                  aria-valuetext={percent(choice.strength)}
                  onInput={({ currentTarget }) => choose({ strength: Number(currentTarget.value) })}
                />
                <span class="count" aria-hidden="true">
                  {percent(choice.strength)}
                </span>
              </div>
            )}
            {jobs.length > 0 && beside !== undefined && (
              <div class="more">
                {second && <Seen source={second} />}
                <Chooser onFile={(file) => void read(file, 'second')}>{beside.label}</Chooser>
                <span class="small">{second?.name ?? beside.hint}</span>
              </div>
            )}
            {jobs.length > 0 && choice.job === 'edit' && able.tasks.length > 0 && (
              <div class="more">
                <label for="task">Kind of edit</label>
                <select
                  id="task"
                  value={choice.task}
                  onChange={({ currentTarget }) => choose({ task: currentTarget.value })}
                >
                  <option value="">any</option>
                  {able.tasks.map((task) => (
                    <option key={task} value={task}>
                      {task}
                    </option>
                  ))}
                </select>
              </div>
            )}
            {jobs.length > 0 && choice.job === 'upscale' && (
              <Scale source={source} scale={choice.scale} onChange={(scale) => choose({ scale })} />
            )}
            {jobs.length > 0 && choice.job === 'reference' && (
              <>
                <p class="small">
                  The video shows what is in this picture; where, and what it does, the prompt says.
                </p>
                {able.generation && (
                  <Amount
                    label="Guidance by it"
                    value={choice.referenceScale}
                    placeholder="same"
                    min={0}
                    step={0.1}
                    onChange={(referenceScale) => choose({ referenceScale })}
                  >
                    How strictly the picture is followed. Empty: as strictly as the prompt, in less time.
                  </Amount>
                )}
              </>
            )}
            {jobs.length > 0 && choice.job === 'extend' && (
              <p class="small">“Frames” is the number of new ones.</p>
            )}
          </div>
        </div>
      )}
      <div class="actions">
        <Chooser input={chooser} onFile={onFile}>
          {source === undefined ? 'Choose a picture or a video' : 'Choose another'}
        </Chooser>
        {source === undefined ? (
          <span class="small">
            or drop one here, to begin with
            {able.jobs.includes('reference') && ', or as a reference picture, whose subject the video shows'}.
            This model can do {able.named}.
          </span>
        ) : (
          <button
            type="button"
            onClick={() => {
              drop();
              chooser.current?.focus();
            }}
          >
            Leave it out
          </button>
        )}
      </div>
      {reading !== undefined && (
        <p class="small" role="status">
          Reading {reading} …
        </p>
      )}
      {problem && <ProblemCard problem={problem} />}
    </section>
  );
}

/** What is given, small. */
function Seen({ source: { video, name } }: { readonly source: Source }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [frame] = useFrame(video);
  useLayoutEffect(() => {
    if (canvas.current) draw(canvas.current, frameAt(video, frame));
  }, [video, frame]);
  const [, height, width] = video.shape;
  return <canvas ref={canvas} width={width} height={height} role="img" aria-label={`Given: ${name}`} />;
}
