// A problem, readable: what happened, what to do, and the error's own words for who wants them.

import { ADVICE, type Problem } from '../problem.ts';

interface Properties {
  readonly problem: Problem;
  /** Does the same once more. */
  readonly onAgain?: (() => void) | undefined;
}

export function ProblemCard({ problem, onAgain }: Properties) {
  const { title, advice, again } = ADVICE[problem.code];
  return (
    <div class="problem" role="alert" data-code={problem.code}>
      <h2>{title}</h2>
      <p>{advice}</p>
      <p class="own-words">{problem.message}</p>
      {again && onAgain && (
        <button type="button" onClick={onAgain}>
          Try again
        </button>
      )}
    </div>
  );
}
