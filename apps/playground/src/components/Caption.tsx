// Below a video: what it is, how it was made, and what can be done with it.

import type { Video } from 'moviegen';
import { useState } from 'preact/hooks';
import { client } from '../client.ts';
import { described, type GivenJob, SENDS } from '../given.ts';
import { type Problem, problemOf } from '../problem.ts';
import { type Result, titleOf } from '../results/store.ts';
import { fileName, type Settings, toHash } from '../settings.ts';
import { ProblemCard } from './ProblemCard.tsx';

interface Properties {
  readonly result: Result;
  readonly video: Video;
  /** What can be done with the video. */
  readonly jobs: readonly GivenJob[];
  readonly onSend: (job: GivenJob) => void;
  readonly onUse: (settings: Settings) => void;
  readonly onSay: (text: string) => void;
}

type Format = 'mp4' | 'gif';

export function Caption({ result, video, jobs, onSend, onUse, onSay }: Properties) {
  const { settings, given, notes = [], seconds, adapter } = result;
  const [frames, high, wide] = video.shape;
  const [writing, setWriting] = useState<Format | undefined>();
  const [problem, setProblem] = useState<Problem | undefined>();
  const [note, setNote] = useState('');
  const [copied, setCopied] = useState(false);

  const download = async (format: Format) => {
    setWriting(format);
    setProblem(undefined);
    try {
      let codec = 'avc';
      const bytes = await client.run(
        'encode',
        { video, format },
        {
          onNews: (named) => {
            codec = named;
          },
        },
      );
      save(
        new Blob([bytes], { type: format === 'mp4' ? 'video/mp4' : 'image/gif' }),
        fileName(settings, format),
      );
      const other = `It holds ${codec.toUpperCase()}: this browser does not encode H.264, which more players know.`;
      const text = codec === 'avc' ? '' : ` ${other}`;
      onSay(`The ${format} is downloaded.${text}`);
      setNote(text);
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setWriting(undefined);
    }
  };
  const copy = async () => {
    const link = new URL(`#${toHash(settings)}`, location.href).href;
    history.replaceState(null, '', link);
    try {
      await navigator.clipboard.writeText(link);
      setCopied(true);
      onSay('The link is copied.');
    } catch {
      onSay('The link is in the address bar: copy it from there.');
    }
  };
  const total = Object.values(seconds).reduce((sum, value) => sum + value, 0);
  return (
    <div class="caption">
      <p class="title">{titleOf(result)}</p>
      <p class="facts">
        seed {settings.seed}
        {given?.job !== 'upscale' && ` · ${settings.steps} steps · guidance ${settings.guidance}`} · {wide} ×{' '}
        {high} · {frames} frames · {total.toFixed(total < 10 ? 1 : 0)} s on {adapter}
      </p>
      {given && <p class="facts">{described(given)}</p>}
      {notes.map((line) => (
        <p class="facts" key={line}>
          {line}
        </p>
      ))}
      <div class="actions">
        {(['mp4', 'gif'] as const).map((format) => (
          <button
            key={format}
            type="button"
            aria-disabled={writing !== undefined}
            onClick={() => writing === undefined && void download(format)}
          >
            {writing === format ? `Writing ${format} …` : `Download ${format}`}
          </button>
        ))}
        <button type="button" onClick={() => void copy()}>
          {copied ? 'Link copied' : 'Copy link'}
        </button>
        <button type="button" onClick={() => onUse(settings)}>
          Use these settings
        </button>
      </div>
      {jobs.length > 0 && (
        <div class="actions">
          {jobs.map((job) => (
            <button key={job} type="button" onClick={() => onSend(job)}>
              {SENDS[job]}
            </button>
          ))}
        </div>
      )}
      {note !== '' && <p class="facts">{note}</p>}
      {problem && <ProblemCard problem={problem} />}
    </div>
  );
}

/** Hands a file to the browser's downloads. */
function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
