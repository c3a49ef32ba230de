// Where a person says what to make: the prompt, examples of it, the numbers, and the button.

import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import {
  type NumberName,
  type NumberRule,
  numbersOf,
  type Rules,
  type Settings,
  wrongWith,
} from '../settings.ts';
import { Amount } from './Amount.tsx';

interface Properties {
  readonly form: RefObject<HTMLFormElement | null>;
  readonly settings: Settings;
  readonly rules: Rules;
  /** Stands in the empty box, and is made where nothing is typed. */
  readonly example: string;
  /** The prompt, where a file says it. */
  readonly fixed: string | undefined;
  /** Whether a video is made larger, for which the prompt and most numbers do not count. */
  readonly upscales: boolean;
  readonly running: boolean;
  /** Cancelled, but still running. */
  readonly cancelling: boolean;
  readonly onChange: (settings: Settings) => void;
  readonly onGenerate: (settings: Settings) => void;
  readonly onCancel: () => void;
  /** Fields below the prompt. */
  readonly children: ComponentChildren;
}

export function Composer({
  form,
  settings,
  rules,
  example,
  fixed,
  upscales,
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

  const numbers = Object.entries(numbersOf(rules, settings)).filter(
    ([name]) => !upscales || name === 'seed',
  ) as [NumberName, NumberRule][];
  const submit = () => {
    if (running) return;
    const [wrong] = numbers.find(([name, rule]) => wrongWith(rule, settings[name]) !== undefined) ?? [];
    if (wrong !== undefined) {
      const field = form.current?.querySelector<HTMLInputElement>(`#${wrong}`);
      field?.closest('details')?.setAttribute('open', '');
      field?.focus();
    } else onGenerate({ ...settings, prompt: fixed ?? (settings.prompt.trim() || example) });
  };
  const change = (name: NumberName, value: number) => onChange({ ...settings, [name]: value });
  const advanced = numbers.filter(([, rule]) => rule.advanced);

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
          placeholder={example || 'What the video shows; it may be left out.'}
          readOnly={fixed !== undefined}
          value={fixed ?? settings.prompt}
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
              {upscales ? 'Upscale' : 'Generate'}
            </button>
          )}
        </div>
      </div>
      {children}
      {fixed === undefined && !upscales && (
        <ul class="examples" aria-label="Examples">
          {rules.examples.map((one) => (
            <li key={one}>
              <button type="button" onClick={() => onChange({ ...settings, prompt: one })}>
                {one}
              </button>
            </li>
          ))}
        </ul>
      )}
      {rules.negative !== '' && fixed === undefined && !upscales && (
        <div class="negative">
          <label for="negative">Negative prompt</label>
          <input
            id="negative"
            type="text"
            maxLength={2000}
            placeholder="what the video should not show"
            value={settings.negative}
            onInput={({ currentTarget }) => onChange({ ...settings, negative: currentTarget.value })}
          />
          <button type="button" onClick={() => onChange({ ...settings, negative: rules.negative })}>
            The authors’
          </button>
        </div>
      )}
      <fieldset class="numbers">
        <legend class="hidden">Settings</legend>
        {numbers
          .filter((one) => !advanced.includes(one))
          .map(([name, rule]) => (
            <NumberField
              key={name}
              name={name}
              rule={rule}
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
      {advanced.length > 0 && (
        <details class="advanced">
          <summary>More settings</summary>
          {advanced.map(([name, rule]) => (
            <Amount
              key={name}
              id={name}
              label={rule.label}
              value={settings[name]}
              min={rule.min}
              max={rule.max}
              step={rule.step}
              wrong={wrongWith(rule, settings[name])}
              onChange={(value) => change(name, value ?? Number.NaN)}
            >
              {rule.hint}
            </Amount>
          ))}
        </details>
      )}
    </form>
  );
}

interface NumberProperties {
  readonly name: NumberName;
  readonly rule: NumberRule;
  readonly value: number;
  readonly onChange: (value: number) => void;
}

function NumberField({ name, rule, value, onChange }: NumberProperties) {
  const { label, min, max, step, hint } = rule;
  const wrong = wrongWith(rule, value);
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
