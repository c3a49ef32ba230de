// What the three encoders see of a prompt (Movie Gen section 3.1.4): the frame rate before it, the words in quotes.

/** Text in straight or curly quotes; a quote that is never closed does not count. */
const QUOTED = /"([^"]*)"|“([^”]*)”/g;

/** The parts of a prompt in quotes, "..." or “...”, joined by a space; empty where there are none. */
export function quotedText(prompt: string): string {
  const parts = Array.from(prompt.matchAll(QUOTED), ([, straight, curly]) => straight ?? curly ?? '');
  return parts.filter((part) => part !== '').join(' ');
}

/** A prompt without its parts in quotes and the spaces that they leave. */
export function withoutQuoted(prompt: string): string {
  return prompt
    .replace(QUOTED, ' ')
    .replace(/\s+/g, ' ')
    .replace(/ (?=[.,;:!?])/g, '')
    .trim();
}

/** What each encoder is given of a prompt. */
export interface PromptTexts {
  /** For UL2 and MetaCLIP. */
  readonly prompt: string;
  /** For ByT5; empty where nothing is in quotes. */
  readonly quoted: string;
}

/**
 * Splits a prompt. The empty prompt is guidance's null prompt: it gets no frame rate.
 * @param options `fps`: frames per second, written before the prompt; `stripQuoted` removes the parts in quotes from what UL2 and MetaCLIP see
 */
export function promptTexts(
  prompt: string,
  { fps, stripQuoted = false }: { readonly fps: number; readonly stripQuoted?: boolean },
): PromptTexts {
  if (prompt === '') return { prompt: '', quoted: '' };
  const seen = stripQuoted ? withoutQuoted(prompt) : prompt;
  return { prompt: `FPS-${fps}. ${seen}`, quoted: quotedText(prompt) };
}
