// The axes of human judgement, with what we ask in our own words: the axes are the paper's (section 3.5), its raters' exact
// questions are not known.

/** An axis. */
export interface Axis {
  readonly id: string;
  readonly title: string;
  /** What the rater is asked. */
  readonly question: string;
  /** How many raters' majority counts: 3, or 6 where the paper is reported to take 6. */
  readonly raters: number;
}

/** All axes, in the order in which they are judged. */
export const AXES: readonly Axis[] = [
  {
    id: 'subject',
    title: 'Text: subject match',
    question:
      'In which video are the subject, its looks, the background and the light more as the prompt says?',
    raters: 3,
  },
  {
    id: 'motion',
    title: 'Text: motion match',
    question: 'In which video is the motion more as the prompt says?',
    raters: 3,
  },
  {
    id: 'consistency',
    title: 'Quality: frame consistency',
    question: 'In which video do things better keep their shape and identity, without morphing or popping?',
    raters: 3,
  },
  {
    id: 'completeness',
    title: 'Quality: motion completeness',
    question: 'Which video has more nearly enough motion for the prompt?',
    raters: 3,
  },
  {
    id: 'naturalness',
    title: 'Quality: motion naturalness',
    question: 'In which video do things move more as they would: limbs, expressions, physics?',
    raters: 3,
  },
  { id: 'overall', title: 'Quality: overall', question: 'Which video looks better, all in all?', raters: 3 },
  { id: 'realness', title: 'Realness', question: 'Which video could rather be a real recording?', raters: 6 },
  {
    id: 'aesthetics',
    title: 'Aesthetics',
    question: 'Which video is the more appealing picture?',
    raters: 6,
  },
];

/** The axes of some ids, in their order. @throws RangeError naming an id that is unknown */
export function axesOf(ids: readonly string[]): Axis[] {
  const unknown = ids.find((id) => !AXES.some((axis) => axis.id === id));
  if (unknown !== undefined || ids.length === 0)
    throw new RangeError(
      `axes: ${JSON.stringify(unknown ?? '')} is not one of ${AXES.map(({ id }) => id).join(', ')}`,
    );
  return AXES.filter(({ id }) => ids.includes(id));
}
