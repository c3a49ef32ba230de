// How large a video becomes: by a scale, or by its width, which follow one another.

import type { Source } from '../given.ts';

interface Properties {
  readonly source: Source;
  readonly scale: number;
  readonly onChange: (scale: number) => void;
}

export function Scale({ source: { width, height }, scale, onChange }: Properties) {
  const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
  const shown = (value: number) => (Number.isFinite(value) ? value : '');
  const told = (value: number) => onChange(value > 0 ? value : Number.NaN);
  return (
    <div class="more">
      <label for="scale">Times as large</label>
      <input
        id="scale"
        type="number"
        min={1}
        step="any"
        value={shown(Math.round(scale * 1000) / 1000)}
        onInput={({ currentTarget }) => told(currentTarget.valueAsNumber)}
      />
      <label for="wide">Width</label>
      <input
        id="wide"
        type="number"
        min={width}
        value={shown(wide)}
        onChange={({ currentTarget }) => told(currentTarget.valueAsNumber / width)}
      />
      <span class="small">{scale >= 1 ? `${wide} × ${high} pixels` : 'It can only become larger.'}</span>
    </div>
  );
}
