// A finished video. It loops on a canvas, it can be stopped, and every frame can be looked at.

import type { Video } from 'moviegen';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { draw, frameAt } from '../pictures.ts';
import { useFrame } from './useFrame.ts';

interface Properties {
  readonly video: Video;
  readonly prompt: string;
}

export function Player({ video, prompt }: Properties) {
  const [frames, height, width] = video.shape;
  const [frame, playing, setPlaying, show] = useFrame(video);
  const canvas = useRef<HTMLCanvasElement>(null);

  useLayoutEffect(() => {
    if (canvas.current) draw(canvas.current, frameAt(video, frame));
  }, [video, frame]);

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
    </>
  );
}
