// The form that starts a long run over the case list: a button, which also stops the run, and a filter.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

/** A handler of a form's submission that runs something. */
export const submits = (run: () => Promise<void>) => (event: SubmitEvent) => {
  event.preventDefault();
  void run();
};

interface RunButtonProperties {
  /** Set while it runs. */
  readonly stop: AbortController | undefined;
  readonly children: ComponentChildren;
}

/** Submits its form, which starts the run; during the run it stops it, after the case that has begun. */
export function RunButton({ stop, children }: RunButtonProperties) {
  const [stopping, setStopping] = useState(false);
  useEffect(() => setStopping(false), [stop]);
  // Each button takes the other's place, and its focus.
  const button = useRef<HTMLButtonElement>(null);
  const before = useRef(stop);
  useEffect(() => {
    if (before.current !== stop && document.activeElement === document.body) button.current?.focus();
    before.current = stop;
  }, [stop]);
  if (stop === undefined)
    return (
      <button key="run" type="submit" class="primary" ref={button}>
        {children}
      </button>
    );
  return (
    <button
      key="stop"
      type="button"
      class="cancel"
      ref={button}
      onClick={() => {
        stop.abort();
        setStopping(true);
      }}
    >
      {stopping ? 'Stopping …' : 'Stop'}
    </button>
  );
}

interface FilterProperties {
  readonly id: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** Chooses cases by a part of their name. */
export function Filter({ id, value, onChange }: FilterProperties) {
  return (
    <span class="filter">
      <label for={id}>Only names with</label>
      <input
        id={id}
        type="text"
        placeholder="softmax"
        autocomplete="off"
        spellcheck={false}
        value={value}
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
      />
    </span>
  );
}
