// A problem in readable words: what happened, what to do and, for those who want it, the error's own message.

import { ADVICE, type Problem } from '../problem.ts';

interface Properties {
  readonly problem: Problem;
  /** Tries the same again. */
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
