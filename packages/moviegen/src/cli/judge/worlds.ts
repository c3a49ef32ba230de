// The worlds that checkpoints are judged on: the fixed prompts of each, how a video of one is judged, and the rows of the table.

import { InputError, shown } from '../../errors.ts';
import type { GenerateOptions } from '../../generate/options.ts';
import { judge as judgeScene, type SeenThing } from '../../sceneWorld/judge.ts';
import { evaluationScenes, SETS } from '../../sceneWorld/lots.ts';
import { EVALUATION_PROMPTS } from '../../shapesWorld/evaluationPrompts.ts';
import { judge as judgeShape } from '../../shapesWorld/judge.ts';
import { parsePrompt } from '../../shapesWorld/wordings.ts';
import type { Frames } from '../../video/frames.ts';

/** Names of worlds, as `model_index.json` has them. */
export const WORLDS = ['shapes', 'scenes'] as const;
/** Name of a world. */
export type WorldName = (typeof WORLDS)[number];

/** What is said of a video. */
export interface Answer {
  readonly right: boolean;
  /** Whether each part of the prompt is there; undefined where it says nothing of it. */
  readonly parts: Readonly<Record<string, boolean | undefined>>;
  /** The words for what was seen, for a person. */
  readonly words: string;
  /** The verdict, for JSON. */
  readonly record: Readonly<Record<string, unknown>>;
}

/** A prompt of a world's list. */
export interface Question {
  /** Of its file. */
  readonly name: string;
  readonly prompt: string;
  readonly seed: number;
  /** Titles of the rows that it counts in. */
  readonly rows: readonly string[];
  /** Its size, length and rate, where they are not the model's. */
  readonly sampling: Pick<GenerateOptions, 'width' | 'height' | 'numFrames' | 'fps'>;
  judge(frames: Frames): Answer;
}

/** A world. */
export interface JudgedWorld {
  readonly name: WorldName;
  /** The columns of the table. */
  readonly parts: readonly string[];
  /** Its rows' titles. */
  readonly rows: readonly string[];
  readonly questions: readonly Question[];
}

/** A world by its name. @param every takes only every nth prompt of each set @throws InputError where there is no such world. */
export function worldOf(name: string, every: number): JudgedWorld {
  if (!Number.isSafeInteger(every) || every < 1)
    throw new InputError(`judge: every must be an integer of at least 1, got ${every}`);
  if (name === 'shapes') return shapesWorld(every);
  if (name === 'scenes') return sceneWorld(every);
  throw new InputError(
    `judge: this checkpoint’s world is ${shown(name)}, expected one of ${WORLDS.join(', ')}; --world chooses`,
  );
}

function shapesWorld(every: number): JudgedWorld {
  const all = EVALUATION_PROMPTS.map(([prompt, heldOut], seed): Question => {
    const facts = parsePrompt(prompt);
    return {
      ...{ name: String(seed).padStart(2, '0'), prompt, seed, sampling: {} },
      rows: [heldOut ? 'held out' : 'trained'],
      judge(frames) {
        const verdict = judgeShape(frames, facts);
        const { right, colour, shape, motion, background, size, seen } = verdict;
        const words = [seen.size, seen.colour, seen.shape, seen.motion, seen.background];
        return {
          right,
          parts: { right, colour, shape, motion, background, size },
          words: words.map((word) => word ?? '?').join(' '),
          record: { heldOut, ...verdict },
        };
      },
    };
  });
  return {
    name: 'shapes',
    parts: ['right', 'colour', 'shape', 'motion', 'background', 'size'],
    rows: ['trained', 'held out'],
    questions: all.filter((_, i) => i % every === 0),
  };
}

/** Each prompt of scene world is sampled with two seeds. */
const SEEDS = 2;

function sceneWorld(every: number): JudgedWorld {
  const rows: string[] = [];
  const questions: Question[] = [];
  for (const { kind, heldOut } of SETS) {
    const named = (title: string) => (heldOut ? `${title}, held out` : title);
    rows.push(named(kind));
    if (kind === 'word') rows.push(named(SHORT), named(LONG));
    for (const [i, { prompt, scene }] of evaluationScenes(kind, heldOut).entries()) {
      if (i % every !== 0) continue;
      const [height, width] = scene.size;
      const letters = kind === 'word' ? [named(scene.things[0]!.text.length <= 2 ? SHORT : LONG)] : [];
      for (let k = 0; k < SEEDS; k++) {
        const seed = SEEDS * i + k;
        questions.push({
          name: `${kind}${heldOut ? '-held-out' : ''}-${String(seed).padStart(3, '0')}`,
          ...{ prompt, seed, rows: [named(kind), ...letters] },
          sampling: { width, height, numFrames: scene.frames, fps: scene.fps },
          judge(frames) {
            const verdict = judgeScene(frames, scene);
            const { right, colour, shape, text, motion, background, camera, fps, seen } = verdict;
            const around = [seen.background?.join(' ') ?? '?', seen.camera, seen.fps && `${seen.fps} fps`];
            return {
              right,
              parts: { right, colour, shape, text, motion, background, camera, fps },
              words: [seen.things.map(wordsOf).join(' and '), ...around].filter(Boolean).join(', '),
              record: { set: named(kind), rate: scene.fps, ...verdict },
            };
          },
        });
      }
    }
  }
  const parts = ['right', 'colour', 'shape', 'text', 'motion', 'background', 'camera', 'fps'];
  return { name: 'scenes', parts, rows, questions };
}

const SHORT = '1 to 2 letters';
const LONG = '3 to 4 letters';

const wordsOf = ({ colour, shape, text, motion }: SeenThing): string =>
  [colour ?? '?', text === undefined ? (shape ?? '?') : `"${text}"`, motion ?? '?'].join(' ').trim();
