// The view of kernels: the bench's case list, timed on this machine and drawn under the roof of its adapter.

import { useState } from 'preact/hooks';
import type { BenchAsk, BenchReport, BenchRow, Roof } from '../kernels/bench.ts';
import { ProblemCard } from './ProblemCard.tsx';
import { percent, Roofline } from './Roofline.tsx';
import { Filter, RunButton, submits } from './RunForm.tsx';
import { Scroll } from './Scroll.tsx';
import { useJob } from './useJob.ts';

export function Kernels() {
  const [filter, setFilter] = useState('');
  const [dtype, setDtype] = useState<BenchAsk['dtype']>('f32');
  const [all, setAll] = useState(false);
  const [roof, setRoof] = useState<Roof | undefined>();
  const [rows, setRows] = useState<readonly BenchRow[]>([]);
  const { news, report, problem, stop, run: begin } = useJob('bench');

  const run = async () => {
    if (stop !== undefined) return;
    setRoof(undefined);
    setRows([]);
    await begin({ filter, dtype, all }, ({ roof: found, row }) => {
      if (found !== undefined) setRoof(found);
      if (row !== undefined) setRows((before) => [...before, row]);
    });
  };

  return (
    <div class="sheet">
      <h2>Kernels</h2>
      <p class="small">
        Times every kernel of the case list on this machine, after its result was checked, and shows how near
        it comes to what the adapter can do at most.
      </p>
      <form class="actions" onSubmit={submits(run)}>
        <RunButton stop={stop}>Run the bench</RunButton>
        <Filter id="bench-filter" value={filter} onChange={setFilter} />
        <label class="check">
          Type
          <select
            value={dtype}
            disabled={stop !== undefined}
            onChange={({ currentTarget }) => setDtype(currentTarget.value === 'f16' ? 'f16' : 'f32')}
          >
            <option>f32</option>
            <option>f16</option>
          </select>
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={all}
            disabled={stop !== undefined}
            onChange={({ currentTarget }) => setAll(currentTarget.checked)}
          />
          Also the cases that take long here
        </label>
      </form>
      {stop && (
        <div class="run">
          <progress aria-label="Bench" max={news?.total ?? 1} {...(news ? { value: news.done } : {})} />
          <span class="said">
            {roof === undefined
              ? 'Measuring the ceilings'
              : `${news?.done ?? 0} of ${news?.total ?? 0} cases`}
          </span>
        </div>
      )}
      {problem && <ProblemCard problem={problem} onAgain={() => void run()} />}
      <p role="status" class={report ? 'small' : 'hidden'}>
        {report && summary(report, rows.length)}
      </p>
      {roof && rows.length > 0 && <Roofline rows={rows} roof={roof} />}
      {report?.wrong.map((message) => (
        <p class="own-words bad" key={message}>
          {message}
        </p>
      ))}
      {rows.length > 0 && <Table rows={rows} />}
    </div>
  );
}

function summary({ source, skipped, wrong }: BenchReport, timed: number): string {
  const clock = source === 'gpu' ? 'the GPU’s timestamps' : 'the host’s clock, submit and wait included';
  const left = skipped === 0 ? '' : ` ${skipped} that would take long were left out.`;
  const bad = wrong.length === 0 ? '' : ` ${wrong.length} gave wrong results.`;
  return `${timed} cases timed by ${clock}.${left}${bad}`;
}

function Table({ rows }: { readonly rows: readonly BenchRow[] }) {
  return (
    <Scroll label="Times of kernels">
      <table>
        <thead>
          <tr>
            <th scope="col">Case</th>
            <th scope="col">Variant</th>
            <th scope="col" class="figure">
              Median
            </th>
            <th scope="col" class="figure">
              GFLOP/s
            </th>
            <th scope="col" class="figure">
              GB/s
            </th>
            <th scope="col" class="figure">
              Of the roof
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ op, name, variant, ms, gflops, gbps, share }) => (
            <tr key={`${op} ${name}`}>
              <th scope="row">
                {op} <span class="small">{name}</span>
              </th>
              <td>{variant}</td>
              <td class="figure">{ms.toPrecision(3)} ms</td>
              <td class="figure">{gflops.toPrecision(3)}</td>
              <td class="figure">{gbps.toPrecision(3)}</td>
              <td class="figure">{percent(share)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
