// The view of the graphics adapter: what it is, what it can do, and whether its results are right.

import type { DeviceDescription, SelfTestReport } from 'moviegen';
import { useEffect, useRef, useState } from 'preact/hooks';
import { client } from '../client.ts';
import { type Problem, problemOf } from '../problem.ts';
import { ProblemCard } from './ProblemCard.tsx';
import { Filter, RunButton, submits } from './RunForm.tsx';
import { Scroll } from './Scroll.tsx';
import { useJob } from './useJob.ts';

export function DeviceView({ shown }: { readonly shown: boolean }) {
  const [description, setDescription] = useState<DeviceDescription | undefined>();
  const [problem, setProblem] = useState<Problem | undefined>();
  const asked = useRef(false);
  const ask = async () => {
    asked.current = true;
    setProblem(undefined);
    try {
      setDescription(await client.run('device', null));
    } catch (error) {
      asked.current = false;
      setProblem(problemOf(error));
    }
  };
  useEffect(() => {
    if (shown && !asked.current) void ask();
  }, [shown]);
  return (
    <div class="sheet">
      <h2>Device</h2>
      {problem && <ProblemCard problem={problem} onAgain={() => void ask()} />}
      {!problem && !description && <p class="small">Opening the device. It may be busy with a video.</p>}
      {description && (
        <>
          <Adapter description={description} />
          <SelfTest />
          <Limits limits={description.limits} />
        </>
      )}
    </div>
  );
}

function Adapter({
  description: { adapter, features, target },
}: {
  readonly description: DeviceDescription;
}) {
  const matrices = target.subgroupMatrix.map(
    ({ componentType, resultComponentType, M, N, K }) =>
      `${componentType} to ${resultComponentType} ${M}×${N}×${K}`,
  );
  const facts: [string, string][] = [
    ['Vendor', adapter.vendor],
    ['Architecture', adapter.architecture],
    ['Device', adapter.device],
    ['Description', adapter.description],
    ['Runs on', adapter.software ? 'the CPU (a software adapter: slow)' : 'a GPU'],
    ['16-bit floats', target.f16 ? 'yes' : 'no'],
    ['Subgroups', target.subgroups ? target.subgroupSize.join(' to ') : 'no'],
    ['Matrix units', matrices.join(', ') || 'no'],
    ['Features', features.join(', ') || 'none'],
  ];
  return (
    <dl class="facts-list">
      {facts
        .filter(([, value]) => value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

function SelfTest() {
  const [filter, setFilter] = useState('');
  const { news, report, problem, stop, run: begin } = useJob('selfTest');
  const run = () => begin({ filter });
  return (
    <section aria-labelledby="self-test">
      <h3 id="self-test">Self-test</h3>
      <p class="small">
        Runs every kernel and compares it with plain arithmetic on the CPU. A driver that computes wrong is
        found here.
      </p>
      <form class="actions" onSubmit={submits(run)}>
        <RunButton stop={stop}>Run the self-test</RunButton>
        <Filter id="self-test-filter" value={filter} onChange={setFilter} />
      </form>
      {stop && (
        <div class="run">
          <progress aria-label="Self-test" max={news?.totalCases ?? 1} value={news?.cases ?? 0} />
          <span class="said">{news ? `${news.op} · ${news.cases} of ${news.totalCases}` : 'begins'}</span>
        </div>
      )}
      {problem && <ProblemCard problem={problem} onAgain={() => void run()} />}
      <div role="status">{report && <Verdict report={report} />}</div>
      {report && <Worst report={report} />}
    </section>
  );
}

function Verdict({ report: { checks, failures } }: { readonly report: SelfTestReport }) {
  return failures.length === 0 ? (
    <p class="verdict right">All {checks} checks passed.</p>
  ) : (
    <p class="verdict bad">
      {failures.length} of {checks} checks failed: results on this device cannot be trusted.
    </p>
  );
}

function Worst({ report: { worst, failures } }: { readonly report: SelfTestReport }) {
  return (
    <Scroll label="Results of the self-test">
      <table>
        <caption>Largest error as a share of what is allowed</caption>
        <thead>
          <tr>
            <th scope="col">Op</th>
            <th scope="col" class="figure">
              Share
            </th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(worst).map(([op, share]) => (
            <tr key={op} class={share <= 1 ? '' : 'bad'}>
              <th scope="row">{op}</th>
              <td class="figure">{Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : 'failed'}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {failures.map(({ case: name, dtype, variant, message }) => (
        <p class="own-words" key={`${name} ${dtype} ${variant}`}>
          {name} {dtype} {variant}: {message}
        </p>
      ))}
    </Scroll>
  );
}

function Limits({ limits }: { readonly limits: Readonly<Record<string, number>> }) {
  return (
    <section aria-labelledby="limits">
      <h3 id="limits">Limits</h3>
      <Scroll label="Limits">
        <table>
          <thead>
            <tr>
              <th scope="col">Limit</th>
              <th scope="col" class="figure">
                Value
              </th>
            </tr>
          </thead>
          <tbody>
            {Object.entries(limits).map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="figure">{value.toLocaleString('en')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}
