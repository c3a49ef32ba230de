// Past videos side by side, the newest first.

import { useEffect, useRef } from 'preact/hooks';
import { draw } from '../pictures.ts';
import { type Result, titleOf } from '../results/store.ts';

interface Properties {
  readonly results: readonly Result[];
  readonly shownId: string | undefined;
  readonly onShow: (result: Result) => void;
  readonly onRemove: (result: Result) => void;
}

export function Strip({ results, shownId, onShow, onRemove }: Properties) {
  const list = useRef<HTMLUListElement>(null);
  /** When a video is removed by its button, the focus goes to the element that takes its place. */
  const place = useRef<number | undefined>(undefined);
  useEffect(() => {
    const at = place.current;
    place.current = undefined;
    if (at === undefined || document.activeElement !== document.body) return;
    const buttons = list.current?.querySelectorAll<HTMLButtonElement>('.remove');
    const next =
      buttons?.[Math.min(at, buttons.length - 1)] ?? document.querySelector<HTMLElement>('#prompt');
    next?.focus();
  }, [results]);
  if (results.length === 0) return null;
  return (
    <section class="strip" aria-labelledby="strip-title">
      <h2 id="strip-title">Past videos</h2>
      <ul ref={list}>
        {results.map((result, i) => (
          <li key={result.id}>
            <button
              type="button"
              class="past"
              aria-current={result.id === shownId}
              onClick={() => onShow(result)}
            >
              <Poster result={result} />
              <span class="words">{titleOf(result)}</span>
              <span class="small">
                {result.given?.job === 'upscale'
                  ? 'made larger'
                  : `seed ${result.settings.seed} · ${result.settings.steps} steps`}
              </span>
            </button>
            <button
              type="button"
              class="remove"
              aria-label={`Remove: ${titleOf(result)}, seed ${result.settings.seed}`}
              onClick={() => {
                place.current = i;
                onRemove(result);
              }}
            >
              <svg viewBox="0 0 24 24" aria-hidden="true">
                <path d="M6 6l12 12M18 6L6 18" />
              </svg>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Poster({ result: { poster } }: { readonly result: Result }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (canvas.current) draw(canvas.current, poster);
  }, [poster]);
  return (
    <span aria-hidden="true">
      <canvas ref={canvas} width={poster.width} height={poster.height} />
    </span>
  );
}
