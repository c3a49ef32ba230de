// A finished video. It loops on a canvas, it can be stopped, every frame can be looked at, and compared with what it was made of.

import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { percent } from '../given.ts';
import { beside, draw, frameAt } from '../pictures.ts';
import type { MadeVideo } from '../results/store.ts';
import { useFrame } from './useFrame.ts';

interface Properties {
  readonly video: MadeVideo;
  readonly prompt: string;
}

export function Player({ video, prompt }: Properties) {
  const [frames, height, width] = video.shape;
  const [frame, playing, setPlaying, show] = useFrame(video);
  /** Of the width, that shows what the video was made of. */
  const [share, setShare] = useState(0);
  const canvas = useRef<HTMLCanvasElement>(null);

  useLayoutEffect(() => {
    if (canvas.current === null) return;
    const now = frameAt(video, frame);
    draw(canvas.current, video.before ? beside(frameAt(video.before, frame), now, share) : now);
  }, [video, frame, share]);

  return (
    <>
      <div class="screen">
        <canvas
          ref={canvas}
          width={width}
          height={height}
          class="picture"
          role="img"
          aria-label={`Video: ${prompt}`}
          data-frame={frame}
        />
      </div>
      <div class="player">
        <button
          type="button"
          class="round"
          aria-label={playing ? 'Pause' : 'Play'}
          disabled={frames < 2}
          onClick={() => setPlaying(!playing)}
        >
          <svg viewBox="0 0 24 24" aria-hidden="true">
            {playing ? <path d="M7 5h4v14H7zM13 5h4v14h-4z" /> : <path d="M8 5l11 7-11 7z" />}
          </svg>
        </button>
        <input
          type="range"
          aria-label="Frame"
          aria-valuetext={`Frame ${frame + 1} of ${frames}`}
          min={0}
          max={frames - 1}
          step={1}
          value={frame}
          onInput={({ currentTarget }) => show(Number(currentTarget.value))}
        />
        <span class="count" aria-hidden="true">
          {frame + 1} / {frames}
        </span>
      </div>
      {video.before && (
        <div class="player">
          <label for="compare">Before</label>
          <input
            id="compare"
            type="range"
            aria-valuetext={`${percent(share)} before, the rest after`}
            min={0}
            max={1}
            step={0.01}
            value={share}
            onInput={({ currentTarget }) => setShare(Number(currentTarget.value))}
          />
          <span class="count" aria-hidden="true">
            {percent(share)}
          </span>
        </div>
      )}
    </>
  );
}
