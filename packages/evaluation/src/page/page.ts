// What the page of a comparison does, in a browser: asks the server for the next pair, plays both videos in step, sends votes. It keeps
// nothing but the rater's name, so that a reload goes on where it was.

import type { Answer, Shown } from './protocol.ts';

const NAME = 'moviegen-rater';

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const [left, right] = [element<HTMLVideoElement>('left'), element<HTMLVideoElement>('right')];
const [play, undo] = [element<HTMLButtonElement>('play'), element<HTMLButtonElement>('undo')];
let shown: Shown | undefined;
/** While the server is asked, votes are not taken: a key that is held would vote on a pair that nobody has seen. */
let busy = false;

/** Whether videos should play by themselves. */
const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
let playing = !calm;

async function ask(path: string, body: unknown): Promise<void> {
  if (busy) return;
  busy = true;
  element('problem').textContent = '';
  try {
    const answer = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(await answer.text());
    show(await answer.json());
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    element('problem').textContent = `The vote was not taken: ${text}. Is moviegen compare still running?`;
  } finally {
    busy = false;
  }
}

function show(next: Shown): void {
  shown = next;
  const { task, done, total } = next;
  element('who').hidden = true;
  element('judging').hidden = task === undefined;
  element('finished').hidden = task !== undefined;
  undo.disabled = !next.canUndo;
  if (task === undefined) {
    for (const video of [left, right]) video.removeAttribute('src');
    element('thanks').focus();
    return;
  }
  element('axis').textContent = task.title;
  element('progress').textContent = `(${done + 1} of ${total})`;
  element('question').textContent = task.question;
  element('prompt').textContent = task.prompt;
  element('said').textContent = `Pair ${done + 1} of ${total}. ${task.question} Prompt: ${task.prompt}`;
  left.src = task.left;
  right.src = task.right;
  element('question').focus();
  begin();
}

const ready = (video: HTMLVideoElement) => video.readyState >= HTMLMediaElement.HAVE_ENOUGH_DATA;

/** Starts both videos from their beginnings, once both can. */
function begin(): void {
  if (!ready(left) || !ready(right)) return;
  for (const video of [left, right]) {
    video.currentTime = 0;
    if (playing) void video.play().catch(() => {});
  }
}

/** Both begin anew when both have ended; a shorter one shows its last frame until then. */
function again(): void {
  if (left.ended && right.ended) begin();
}

/** Keeps the right video at the left one's time, while both play. */
function inStep(): void {
  if (left.ended || right.ended || left.paused || right.paused) return;
  if (Math.abs(left.currentTime - right.currentTime) > 0.08) right.currentTime = left.currentTime;
}

function togglePlay(): void {
  playing = !playing;
  play.firstChild!.textContent = playing ? 'Pause ' : 'Play ';
  for (const video of [left, right]) {
    if (!playing) video.pause();
    else if (!video.ended) void video.play().catch(() => {});
  }
  if (playing) again();
}

function vote(choice: Answer['choice']): void {
  const task = shown?.task;
  if (task === undefined) return;
  const { axis, pair, round } = task;
  void ask('/vote', { rater: shown!.rater, axis, pair, round, choice } satisfies Answer);
}

function takeBack(): void {
  if (shown?.canUndo) void ask('/undo', { rater: shown.rater });
}

for (const video of [left, right]) {
  video.addEventListener('canplaythrough', () => {
    if (video.currentTime === 0) begin();
  });
  video.addEventListener('ended', again);
  video.addEventListener('error', () => {
    if (video.hasAttribute('src'))
      element('problem').textContent =
        `This browser cannot play ${video === left ? 'the left' : 'the right'} video.`;
  });
}
left.addEventListener('timeupdate', inStep);
for (const choice of ['left', 'tie', 'right'] as const)
  element(`choose-${choice}`).addEventListener('click', () => vote(choice));
undo.addEventListener('click', takeBack);
element('undo-last').addEventListener('click', takeBack);
play.addEventListener('click', togglePlay);
if (calm) play.firstChild!.textContent = 'Play ';

const KEYS: Readonly<Record<string, () => void>> = {
  a: () => vote('left'),
  t: () => vote('tie'),
  b: () => vote('right'),
  u: takeBack,
  p: togglePlay,
};
document.addEventListener('keydown', (event) => {
  const inText = event.target instanceof HTMLInputElement && event.target.type !== 'checkbox';
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || inText) return;
  if (!element<HTMLInputElement>('keys').checked || shown === undefined) return;
  const action = KEYS[event.key.toLowerCase()];
  if (action === undefined) return;
  event.preventDefault();
  action();
});

element('who').addEventListener('submit', (event) => {
  event.preventDefault();
  const rater = element<HTMLInputElement>('name').value.trim();
  if (rater === '') return;
  sessionStorage.setItem(NAME, rater);
  void ask('/next', { rater });
});
const before = sessionStorage.getItem(NAME);
if (before !== null) void ask('/next', { rater: before });
