// The whole page: three views, of which one is shown. The hidden ones keep their state, so that a video is still being
// made while somebody looks at kernels.

import { useRef, useState } from 'preact/hooks';
import { Create } from './Create.tsx';
import { DeviceView } from './DeviceView.tsx';
import { Kernels } from './Kernels.tsx';
import { SERVER } from './useModel.ts';

const VIEWS = [
  { id: 'create', label: 'Create' },
  { id: 'kernels', label: 'Kernels' },
  { id: 'device', label: 'Device' },
] as const;
type ViewId = (typeof VIEWS)[number]['id'];

export function App() {
  const [view, setView] = useState<ViewId>('create');
  const [said, setSaid] = useState('');
  const tabs = useRef<HTMLDivElement>(null);
  const step = (by: number) => {
    const at = VIEWS.findIndex(({ id }) => id === view);
    const next = (at + by + VIEWS.length) % VIEWS.length;
    setView(VIEWS[next]!.id);
    tabs.current?.querySelectorAll('button')[next]?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowRight') step(1);
    else if (event.key === 'ArrowLeft') step(-1);
    else return;
    event.preventDefault();
  };
  return (
    <>
      <header class="top">
        <h1 class="brand">
          moviegen <span>playground</span>
        </h1>
        <div class="tabs" role="tablist" aria-label="Views" ref={tabs} onKeyDown={onKeyDown}>
          {VIEWS.map(({ id, label }) => (
            <button
              key={id}
              type="button"
              role="tab"
              id={`tab-${id}`}
              aria-selected={view === id}
              aria-controls={`view-${id}`}
              tabIndex={view === id ? 0 : -1}
              onClick={() => setView(id)}
            >
              {label}
            </button>
          ))}
        </div>
      </header>
      <main>
        <div id="view-create" role="tabpanel" aria-labelledby="tab-create" hidden={view !== 'create'}>
          <Create onSay={setSaid} />
        </div>
        <div id="view-kernels" role="tabpanel" aria-labelledby="tab-kernels" hidden={view !== 'kernels'}>
          <Kernels />
        </div>
        <div id="view-device" role="tabpanel" aria-labelledby="tab-device" hidden={view !== 'device'}>
          <DeviceView shown={view === 'device'} />
        </div>
      </main>
      <p class="hidden" role="status">
        {said}
      </p>
      <footer>
        {SERVER === undefined
          ? 'Prompts and videos stay on this machine: everything is computed here.'
          : `Prompts, and what is given besides, go to ${SERVER}, which computes.`}
      </footer>
    </>
  );
}
