"""Writes the fixed evaluation sets of the jobs for the library in TypeScript, and what the judges say of a few clips.

    python3 make_job_samples.py ../packages/evaluation
"""

import json
import random
import sys
from pathlib import Path

import numpy as np

from make_judge_cases import noise
from moviegen_reference import jobs
from moviegen_reference.judge_jobs import JUDGES

HEADER = """// The fixed samples on which the jobs of shapes world are judged, written down before there was a checkpoint: 48 of each.
// evaluation_set() in reference/moviegen_reference/jobs.py chose them, and reference/make_job_samples.py wrote this file.
// Sample i is made with seed i.

import { parsePrompt } from './wordings.ts';
import type { Facts } from './world.ts';

/** What a job is given, and what it should show. */
export interface JobSample {
  /** The prompt or the instruction. */
  readonly prompt: string;
  /** Shift of the whole path. */
  readonly offset: readonly [number, number];
  /** What should be seen; undefined where the object should be gone. */
  readonly after: Facts | undefined;
  /** What an edit is given; undefined where it is an empty background. */
  readonly before: Facts | undefined;
  /** The task of an edit. */
  readonly task: string | undefined;
}

type Row = readonly [prompt: string, dx: number, dy: number, after: string, before?: string, task?: string];

const sampleOf = ([prompt, dx, dy, after, before = '', task]: Row): JobSample => ({
  prompt,
  offset: [dx, dy],
  after: after === '' ? undefined : parsePrompt(after),
  before: before === '' ? undefined : parsePrompt(before),
  task,
});
"""


def ts(value) -> str:
    return json.dumps(value, ensure_ascii=False)


def row(sample: jobs.Sample) -> str:
    words = [f.caption if f else "" for f in (sample.after, sample.before)]
    values = [sample.prompt, *sample.offset, words[0]] + ([words[1], sample.task] if sample.task else [])
    return "  [" + ", ".join(ts(v) for v in values) + "],"


def clip_of(sample: jobs.Sample, job: str, done: bool) -> np.ndarray:
    """What a perfect model makes, or the given clip as if nothing had been done."""
    if job == "edit":
        facts = sample.after if done else sample.before
        return jobs.empty(sample.background) if facts is None else jobs.draw(facts, sample.offset)
    frames = jobs.EXTENDED if job == "extend" else 16
    video = jobs.draw(sample.after, sample.offset, frames)
    if not done:                                  # the picture stands still; or a part starts again
        video = np.concatenate([video[:16]] * (frames // 16)) if job == "extend" else np.repeat(video[:1], frames, axis=0)
    return video


def main():
    out = Path(sys.argv[1])
    lists = [f"const {job.upper()}: readonly Row[] = [\n" + "\n".join(row(s) for s in jobs.evaluation_set(job)) + "\n];\n" for job in JUDGES]
    exports = "\n/** The samples by job. */\nexport const JOB_SAMPLES = {\n" + "".join(
        f"  {job}: {job.upper()}.map(sampleOf),\n" for job in JUDGES) + "} as const;\n"
    (out / "src" / "shapes" / "jobSamples.ts").write_text(HEADER + "\n" + "\n".join(lists) + exports)
    rng, cases = random.Random(4), []
    for job, judge in JUDGES.items():
        for i, sample in enumerate(jobs.evaluation_set(job)):
            if i % 6:
                continue
            done, amplitude = i % 4 == 0, rng.choice([0, 0, 12, 40])
            video = clip_of(sample, job, done)
            if amplitude:
                added = noise(video.size, i).reshape(video.shape) * amplitude // 255 - amplitude // 2
                video = np.clip(video.astype(np.int64) + added, 0, 255).astype(np.uint8)
            verdict = judge(video, sample)
            keys = ("right", "first_frame", "end", "seam", "outside")
            said = {k: round(v, 4) if isinstance(v, float) else v for k, v in verdict.items() if k in keys}
            cases.append(ts({"job": job, "sample": i, "done": done, "noise": amplitude, "verdict": said}))
    (out / "test" / "jobs.json").write_text("[\n" + ",\n".join(cases) + "\n]\n")


if __name__ == "__main__":
    main()
