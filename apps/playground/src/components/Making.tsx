// A video that is being made: a preview of it, drawn at every step, and the progress of each phase.

import type { Frames } from 'moviegen';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { counted, LABELS, type PhaseState, secondsLeft, share, spoken } from '../phases.ts';
import { draw, frameAt, put } from '../pictures.ts';

interface Properties {
  readonly phases: readonly PhaseState[];
  /** One per step, so far. */
  readonly previews: readonly Frames[];
  /** Undefined if the job shows no previews. */
  readonly steps: number | undefined;
  readonly aspect: readonly [width: number, height: number];
}

/** Milliseconds for which a frame of the preview is shown: a latent frame stands for eight frames. */
const PREVIEW_MS = 400;

export function Making({ phases, previews, steps, aspect: [width, height] }: Properties) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const preview = previews.at(-1);
  const now = useClock(500);
  const frame = preview === undefined ? 0 : Math.floor(now / PREVIEW_MS) % preview.shape[0];
  useLayoutEffect(() => {
    if (canvas.current && preview) draw(canvas.current, frameAt(preview, frame));
  }, [preview, frame]);
  return (
    <>
      <div class="screen">
        {preview === undefined ? (
          <canvas
            class="picture noise"
            width={width}
            height={height}
            role="img"
            aria-label="Nothing to see yet"
          />
        ) : (
          <canvas
            ref={canvas}
            class="picture preview"
            width={width}
            height={height}
            role="img"
            aria-label={`Preview after step ${previews.length}`}
            data-step={previews.length}
          />
        )}
      </div>
      {steps !== undefined && <Ribbon previews={previews} steps={steps} />}
      <ol class="phases" aria-label="Progress">
        {phases.map((state) => (
          <PhaseRow key={state.phase} state={state} now={now} />
        ))}
      </ol>
    </>
  );
}

function PhaseRow({ state, now }: { readonly state: PhaseState; readonly now: number }) {
  const { phase, began, ended } = state;
  const left = secondsLeft(state, now);
  const label = LABELS[phase];
  const count = counted(state);
  const done = state.state === 'done';
  const took = done && began !== undefined && ended !== undefined ? (ended - began) / 1000 : undefined;
  const said = done
    ? took === undefined || took < 0.05
      ? 'ready'
      : `${took.toFixed(1)} s`
    : [count, left === undefined ? '' : `${spoken(left)} left`].filter((part) => part !== '').join(' · ');
  const value = share(state);
  return (
    <li class={state.state} data-phase={phase}>
      <span class="name">{label}</span>
      {state.state === 'running' ? (
        <progress aria-label={label} max={1} {...(value === undefined ? {} : { value })} />
      ) : (
        <span class="rule" />
      )}
      <span class="said">{said}</span>
    </li>
  );
}

/** How many previews on the way from noise to video are shown side by side. */
const MOMENTS = 16;

function Ribbon({ previews, steps }: { readonly previews: readonly Frames[]; readonly steps: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const drawn = useRef(0);
  const cells = Math.min(steps, MOMENTS);
  const [, height, width] = previews[0]?.shape ?? [1, 8, 8, 3];
  useEffect(() => {
    if (canvas.current === null) return;
    for (; drawn.current < previews.length; drawn.current++) {
      const preview = previews[drawn.current]!;
      const middle = frameAt(preview, Math.floor(preview.shape[0] / 2));
      put(canvas.current, middle, Math.floor((drawn.current * cells) / steps) * width);
    }
  }, [previews, steps, cells, width]);
  return (
    <div class="ribbon" aria-hidden="true">
      {previews.length > 0 && <canvas ref={canvas} width={cells * width} height={height} />}
    </div>
  );
}

/** The present time, updated at intervals. */
function useClock(every: number): number {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}
