// A number with its name before it and a line about it after it.

import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface Properties {
  /** Default: one of its own. */
  readonly id?: string;
  readonly label: string;
  /** Undefined where nothing is chosen; not a number where what is typed is not one. */
  readonly value: number | undefined;
  /** Stands in the empty field. */
  readonly placeholder?: string;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly step?: number;
  /** What is wrong with it. */
  readonly wrong?: string | undefined;
  /** What it does. */
  readonly children: ComponentChildren;
  readonly onChange: (value: number | undefined) => void;
}

export function Amount({
  label,
  value,
  placeholder,
  min,
  max,
  step,
  wrong,
  children,
  onChange,
  ...own
}: Properties) {
  const unique = useId();
  const id = own.id ?? unique;
  return (
    <div class="more">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="number"
        inputMode="decimal"
        min={min}
        max={max}
        step={step ?? 'any'}
        placeholder={placeholder}
        value={value === undefined || Number.isNaN(value) ? '' : value}
        aria-invalid={wrong !== undefined}
        aria-describedby={`${id}-about`}
        onInput={({ currentTarget }) =>
          onChange(currentTarget.value === '' ? undefined : currentTarget.valueAsNumber)
        }
      />
      <span class={`about ${wrong === undefined ? 'small' : 'wrong'}`} id={`${id}-about`}>
        {wrong ?? children}
      </span>
    </div>
  );
}
