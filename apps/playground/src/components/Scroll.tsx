// A part of the page that is wider than a phone. It scrolls alone, also by keyboard.

import type { ComponentChildren } from 'preact';

interface Properties {
  readonly label: string;
  readonly children: ComponentChildren;
}

export function Scroll({ label, children }: Properties) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: without it nobody can scroll here by keyboard
    <section class="scroll" tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}
