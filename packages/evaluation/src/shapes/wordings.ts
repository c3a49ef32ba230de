// Reads a prompt of shapes world: the facts it states, in any wording that the training captions use.

import { BACKGROUNDS, COLOURS, type Facts, MOTIONS, type Motion, SHAPES, type Size } from './world.ts';

/** Other words for each motion, in the order in which the reference draws them. */
const MOTION_WORDINGS: Readonly<Record<Motion, readonly string[]>> = {
  'moves right': [
    'moving right',
    'moving to the right',
    'going right',
    'that moves to the right',
    'moves to the right',
  ],
  'moves left': [
    'moving left',
    'moving to the left',
    'going left',
    'that moves to the left',
    'moves to the left',
  ],
  'moves up': ['moving up', 'moving upwards', 'going up', 'that moves upwards', 'moves upwards'],
  'moves down': ['moving down', 'moving downwards', 'going down', 'that moves downwards', 'moves downwards'],
  'stays still': ['staying still', 'standing still', 'not moving', 'that does not move', 'stands still'],
  grows: ['growing', 'getting bigger', 'that grows', 'that gets bigger', 'becomes bigger'],
  shrinks: ['shrinking', 'getting smaller', 'that shrinks', 'that gets smaller', 'becomes smaller'],
  'circles clockwise': [
    'circling clockwise',
    'going round clockwise',
    'that circles clockwise',
    'moving round clockwise',
    'goes round clockwise',
  ],
  'circles counterclockwise': [
    'circling counterclockwise',
    'going round counterclockwise',
    'that circles counterclockwise',
    'moving round counterclockwise',
    'goes round counterclockwise',
  ],
};
/** Words for each size. */
const SIZE_WORDINGS: Readonly<Record<Size, readonly string[]>> = {
  small: ['small', 'little'],
  big: ['big', 'large'],
  '': [''],
};

/** The facts that a prompt of this world states. @throws RangeError where a kind of fact has no word, or two. */
export function parsePrompt(prompt: string): Facts {
  const words: readonly string[] = prompt.toLowerCase().match(/[a-z]+/g) ?? [];
  const text = ` ${words.join(' ')} `;
  const only = <T extends string>(kind: string, found: readonly T[]): T => {
    if (found.length === 1) return found[0]!;
    const said = found.length === 0 ? 'nothing' : found.join(' and ');
    throw new RangeError(`shapes world: ${JSON.stringify(prompt)} says ${said} as ${kind}; expected one`);
  };
  const keys = <T extends string>(table: Readonly<Record<T, unknown>>) => Object.keys(table) as T[];
  // Only whole words count: "becomes smaller" contains "smaller", but not the size "small".
  const motions = MOTIONS.filter((motion) =>
    [motion, ...MOTION_WORDINGS[motion]].some((wording) => text.includes(` ${wording} `)),
  );
  const sizes = keys(SIZE_WORDINGS).filter((size) =>
    SIZE_WORDINGS[size].some((word) => words.includes(word)),
  );
  return {
    colour: only(
      'colour',
      keys(COLOURS).filter((word) => words.includes(word)),
    ),
    shape: only(
      'shape',
      SHAPES.filter((word) => words.includes(word)),
    ),
    motion: only('motion', motions),
    background: only(
      'background',
      keys(BACKGROUNDS).filter((word) => text.includes(` ${word} background `)),
    ),
    size: sizes[0] ?? '',
  };
}
