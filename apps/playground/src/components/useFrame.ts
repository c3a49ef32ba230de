// Which frame of a looping video is shown, and whether it plays.

import type { Video } from 'moviegen';
import { useCallback, useLayoutEffect, useState } from 'preact/hooks';

const wantsStillness = (): boolean => matchMedia('(prefers-reduced-motion: reduce)').matches;

/** @returns the frame, whether the video plays, and ways to change both */
export function useFrame(video: Video): [
  frame: number,
  playing: boolean,
  setPlaying: (playing: boolean) => void,
  /** Stops at a frame. */
  show: (frame: number) => void,
] {
  const [frames] = video.shape;
  const [frame, setFrame] = useState(0);
  const [playing, setPlaying] = useState(() => !wantsStillness());
  // A layout effect ends before the next frame is due: it never replaces the frame that a person has just chosen.
  useLayoutEffect(() => {
    if (!playing || frames < 2) return;
    let last = performance.now();
    let due = 0;
    let request = requestAnimationFrame(function next(now) {
      due += ((now - last) * video.fps) / 1000;
      last = now;
      const whole = Math.floor(due);
      due -= whole;
      if (whole > 0) setFrame((before) => (before + whole) % frames);
      request = requestAnimationFrame(next);
    });
    return () => cancelAnimationFrame(request);
  }, [playing, video, frames]);
  const show = useCallback((chosen: number) => {
    setPlaying(false);
    setFrame(chosen);
  }, []);
  return [Math.min(frame, frames - 1), playing && frames > 1, setPlaying, show];
}
