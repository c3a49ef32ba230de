// Where a person says what to make: the prompt, examples of it, the numbers, and the button.

import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { EXAMPLES, type NumberName, RULES, type Settings, wrongWith } from '../settings.ts';

interface Properties {
  readonly form: RefObject<HTMLFormElement | null>;
  readonly settings: Settings;
  /** Stands in the empty box, and is made where nothing is typed. */
  readonly example: string;
  readonly running: boolean;
  /** Cancelled, but still running. */
  readonly cancelling: boolean;
  readonly onChange: (settings: Settings) => void;
  readonly onGenerate: (settings: Settings) => void;
  readonly onCancel: () => void;
  /** Fields below the prompt. */
  readonly children: ComponentChildren;
}

const NAMES: readonly NumberName[] = ['seed', 'steps', 'guidance', 'width', 'height', 'frames'];

export function Composer({
  form,
  settings,
  example,
  running,
  cancelling,
  onChange,
  onGenerate,
  onCancel,
  children,
}: Properties) {
  const generate = useRef<HTMLButtonElement>(null);
  const cancel = useRef<HTMLButtonElement>(null);

  // The button that was pressed is replaced by another, which takes over the focus.
  const before = useRef(running);
  useEffect(() => {
    if (before.current === running) return;
    before.current = running;
    const lost = document.activeElement === document.body || form.current?.contains(document.activeElement);
    if (running && lost) cancel.current?.focus();
    else if (!running && lost) generate.current?.focus();
  }, [running]);

  const submit = () => {
    if (running) return;
    const wrong = NAMES.find((name) => wrongWith(name, settings[name]) !== undefined);
    if (wrong !== undefined) form.current?.querySelector<HTMLInputElement>(`#${wrong}`)?.focus();
    else onGenerate({ ...settings, prompt: settings.prompt.trim() || example });
  };
  const change = (name: NumberName, value: number) => onChange({ ...settings, [name]: value });

  return (
    <form
      class="composer"
      ref={form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div class="prompt">
        <label for="prompt">Prompt</label>
        <textarea
          id="prompt"
          rows={2}
          maxLength={2000}
          placeholder={example}
          value={settings.prompt}
          onInput={({ currentTarget }) => onChange({ ...settings, prompt: currentTarget.value })}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            submit();
          }}
        />
        <div class="go">
          {running ? (
            <button type="button" class="cancel" ref={cancel} onClick={onCancel}>
              {cancelling ? 'Cancelling …' : 'Cancel'}
            </button>
          ) : (
            <button type="submit" class="primary" ref={generate}>
              Generate
            </button>
          )}
        </div>
      </div>
      {children}
      <ul class="examples" aria-label="Examples">
        {EXAMPLES.map((example) => (
          <li key={example}>
            <button type="button" onClick={() => onChange({ ...settings, prompt: example })}>
              {example}
            </button>
          </li>
        ))}
      </ul>
      <fieldset class="numbers">
        <legend class="hidden">Settings</legend>
        {NAMES.map((name) => (
          <NumberField
            key={name}
            name={name}
            value={settings[name]}
            onChange={(value) => change(name, value)}
          />
        ))}
        <button
          type="button"
          class="dice"
          onClick={() => change('seed', crypto.getRandomValues(new Uint32Array(1))[0]! % 100_000)}
        >
          New seed
        </button>
      </fieldset>
    </form>
  );
}

interface NumberProperties {
  readonly name: NumberName;
  readonly value: number;
  readonly onChange: (value: number) => void;
}

function NumberField({ name, value, onChange }: NumberProperties) {
  const { label, min, max, step, hint } = RULES[name];
  const wrong = wrongWith(name, value);
  return (
    <div class="number">
      <label for={name}>{label}</label>
      <input
        id={name}
        type="number"
        inputMode="decimal"
        min={min}
        max={max}
        step={step}
        value={Number.isNaN(value) ? '' : value}
        title={hint}
        aria-invalid={wrong !== undefined}
        aria-describedby={wrong === undefined ? undefined : `${name}-wrong`}
        onInput={({ currentTarget }) =>
          onChange(currentTarget.value === '' ? Number.NaN : Number(currentTarget.value))
        }
      />
      {wrong !== undefined && (
        <p class="wrong" id={`${name}-wrong`}>
          {wrong}
        </p>
      )}
    </div>
  );
}
