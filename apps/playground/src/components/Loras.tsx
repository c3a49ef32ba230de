// The LoRAs of a model: which ones, how strongly each, and for which of two experts.

import { Amount } from './Amount.tsx';
import { Chooser } from './Chooser.tsx';
import { ProblemCard } from './ProblemCard.tsx';
import type { ModelState } from './useModel.ts';

/** @param model one that makes videos, and is there */
export function Loras({ model }: { readonly model: ModelState }) {
  const { abilities, place, unfit, change, give } = model;
  const loras = place?.loras ?? [];
  const isTwo = abilities?.parts?.some(({ part }) => part === 'transformer_2') === true;
  const changed = (at: number, part: object) =>
    change({ loras: loras.map((lora, i) => (i === at ? { ...lora, ...part } : lora)) });
  return (
    <section class="loras" aria-label="LoRAs">
      {loras.map(({ file, scale, low = false }, i) => (
        <div class="lora" key={`${file.name} ${i}`}>
          <p class="words">{file.name}</p>
          <button type="button" onClick={() => change({ loras: loras.filter((_, k) => k !== i) })}>
            Leave {file.name} out
          </button>
          <Amount
            label="Scale"
            value={scale}
            step={0.1}
            onChange={(value) => changed(i, { scale: value ?? Number.NaN })}
            wrong={Number.isFinite(scale) ? undefined : 'Scale must be a number.'}
          >
            How strongly it changes the model: 1 is as it was trained, 0 not at all.
          </Amount>
          {isTwo && (
            <label class="check">
              <input
                type="checkbox"
                checked={low}
                onChange={({ currentTarget }) => changed(i, { low: currentTarget.checked })}
              />
              For the expert for low noise
            </label>
          )}
        </div>
      ))}
      <div class="more">
        <Chooser accept=".safetensors" onFile={(file) => void give(file)}>
          Add a LoRA
        </Chooser>
        <span class="small">
          A small change of the model, a .safetensors file that was trained for it. It may be dropped on the
          page, too.
        </span>
      </div>
      {unfit && <ProblemCard problem={unfit} />}
    </section>
  );
}
